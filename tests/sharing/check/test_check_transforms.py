"""What the linter knows of transforms is what the installed MONAI says."""

from __future__ import annotations

import inspect

import monai.apps.detection.transforms.dictionary
import monai.transforms
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scanfill.transforms
from scanfill.sharing.check import transforms


@pytest.mark.parametrize("name", sorted(set(transforms.INTERPOLATING) - set(transforms.OWN_INTERPOLATING)))
def test_the_default_mode_is_monais(name: str) -> None:
    parameters = inspect.signature(getattr(monai.transforms, f"{name}d").__init__).parameters
    default = parameters[transforms.MODE.get(name, "mode")].default
    assert getattr(default, "value", default) == transforms.INTERPOLATING[name]


@pytest.mark.parametrize("name", sorted(transforms.COARSENING))
def test_the_default_of_what_coarsens_is_monais(name: str) -> None:
    parameters = inspect.signature(getattr(monai.transforms, f"{name}d").__init__).parameters
    assert parameters[transforms.MODE[name]].default.value == transforms.COARSENING[name]


@pytest.mark.parametrize("name", sorted(transforms.FIXED_SIZE))
def test_the_argument_of_a_crops_size_is_the_classs(name: str) -> None:
    own = name in transforms.OWN_CROPS  # the dictionary version takes the arguments of the array version
    made = getattr(scanfill.transforms, name) if own else getattr(monai.transforms, f"{name}d")
    assert transforms.FIXED_SIZE[name] in inspect.signature(made.__init__).parameters


def test_every_random_transform_of_monai_and_of_ours_is_known_as_random() -> None:
    for home in (monai.transforms, scanfill.transforms):
        for name in set(dir(home)) - {"RandomizableTransform"}:
            made = getattr(home, name)
            if inspect.isclass(made) and issubclass(made, monai.transforms.RandomizableTransform):
                base = transforms.base_name(name)
                assert transforms.RANDOM_NAME.match(base) or base in transforms.RANDOM_OTHERS, name


def test_every_transform_of_the_table_exists() -> None:
    homes = (monai.transforms, monai.apps.detection.transforms.dictionary, scanfill.transforms)
    for name in transforms.KNOWN:
        assert any(hasattr(home, name) or hasattr(home, f"{name}d") for home in homes), name


@pytest.mark.parametrize("name", sorted(transforms.OWN_INTERPOLATING))
def test_the_default_mode_of_our_own_is_ours(name: str) -> None:
    default = inspect.signature(getattr(scanfill.transforms, f"{name}d").__init__).parameters["mode"].default
    assert default in (inspect.Parameter.empty, transforms.OWN_INTERPOLATING[name])


def test_every_transform_of_monai_with_an_interpolation_mode_is_in_the_table() -> None:
    modes = {"bilinear", "area", "trilinear"}
    for name in dir(monai.transforms):
        made = getattr(monai.transforms, name)
        if not (inspect.isclass(made) and name.endswith("d") and issubclass(made, monai.transforms.MapTransform)):
            continue
        mode = inspect.signature(made.__init__).parameters.get("mode")
        default = getattr(getattr(mode, "default", None), "value", getattr(mode, "default", None))
        smooth_fields = name.startswith("RandSmoothField")  # the mode of a field of greys, not of the image
        if default in modes and not smooth_fields:
            assert transforms.base_name(name) in transforms.INTERPOLATING, name


@given(st.sampled_from(sorted(transforms.KNOWN)), st.sampled_from(["", "d", "D", "Dict"]))
def test_a_dictionary_version_has_the_array_versions_name(name: str, suffix: str) -> None:
    assert transforms.base_name(name + suffix) == name


def test_somebodys_own_name_stays_as_it_is() -> None:
    assert transforms.base_name("RandHalod") == "RandHalod"
    assert transforms.base_name("Spaced") == "Spaced"
