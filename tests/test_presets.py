"""The metadata of augmentation presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from monai.bundle import ConfigParser

from conftest import BUNDLES, REPO
from scanfill.errors import UsageError
from scanfill.presets import find_preset, is_about_the_file, presets, read_preset

if TYPE_CHECKING:
    from pathlib import Path

FILES = sorted((REPO / "configs" / "augmentation").rglob("*.yaml"))
SINGLE = {"center_crop", "noise", "blur", "contrast", "brightness_contrast", "clahe", "rotate", "shift_scale_rotate"}
SINGLE |= {"flip", "sobel"}


def test_every_file_of_the_folder_is_a_preset_and_the_reference_stands_first() -> None:
    found = presets()
    assert sorted(found) == sorted(file.stem for file in FILES), "and no two have the same name"
    assert next(iter(found)) == "none"
    usual = [name for name in found if not found[name].is_single]
    assert usual[1:] == sorted(set(usual) - {"none"})
    assert list(found) == [*usual, *sorted(SINGLE)]


def test_a_preset_knows_its_path_from_the_folder_of_configs() -> None:
    for preset in presets().values():
        assert (REPO / preset.config).samefile(preset.path)


def test_a_single_augmentation_is_found_by_its_name() -> None:
    assert find_preset("rotate") == presets()["rotate"].path
    with pytest.raises(UsageError, match="did you mean rotate"):
        find_preset("rotat")


def test_presets_say_which_images_they_are_for() -> None:
    fitting = {
        images: {name for name, preset in presets().items() if images in preset.made_for} for images in ("MR", "DX")
    }
    any_images = {"none", "nnunet", "strong_elastic"}
    assert fitting["DX"] == any_images | {"xray"} | SINGLE
    assert fitting["MR"] == any_images | {"mri", "mri_multisite", "mri_artifacts", "lesion_mixing"}
    assert presets()["xray_classification"].made_for == ()


def test_a_preset_that_is_written_with_torchio_says_that_it_needs_it() -> None:
    for preset in presets().values():
        assert ("TorchIO" in preset.needs) == ("RandTorchIOd" in preset.path.read_text())


@pytest.mark.parametrize(
    "text", ["augmentation: []\n", "_made_for_: MR\n", "_made_for_: [MR]\n_needs_: [torchio]\n", ""]
)
def test_a_file_that_does_not_say_what_it_is_for_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "fog.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=r"fog.yaml: _made_for_ .* such as \[MR, CT\]"):
        read_preset(file)


def test_what_a_preset_says_of_itself_changes_nothing_of_a_bundle() -> None:
    train = BUNDLES[0] / "configs" / "train.yaml"
    parser = ConfigParser()
    parser.read_config([str(train), str(REPO / "configs" / "augmentation" / "mri_artifacts.yaml")])
    added = set(parser.get()) - set(ConfigParser.load_config_file(str(train))) - {"_meta_"}
    assert added == {"_made_for_", "_needs_"}
    assert all(map(is_about_the_file, added))
    assert parser.get_parsed_content("_made_for_") == ["MR"]
