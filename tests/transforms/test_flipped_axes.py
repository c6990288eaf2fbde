"""flipped_axes: along which axes a training flips."""

from __future__ import annotations

from typing import Any

import pytest
from monai.bundle import ConfigParser
from monai.transforms import Compose, OneOf, RandAxisFlip, RandFlip, RandFlipd, RandGaussianNoised

from conftest import REPO
from scanfill.transforms import RandLateralFlipd, flipped_axes

PRESETS = {"mri": [0], "strong_elastic": [0], "nnunet": [0, 1, 2], "none": []}


@pytest.mark.parametrize(
    ("transforms", "axes"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([RandGaussianNoised("image")], [], id="noise"),
        pytest.param([RandFlipd("image", prob=0.5, spatial_axis=2), RandFlip(0.5, 0)], [0, 2], id="two axes"),
        pytest.param([RandFlip(0.5, 1), RandFlip(0.2, [1])], [1], id="one axis twice"),
        pytest.param([RandFlip(0.5, -1)], [2], id="from the end"),
        pytest.param([RandFlip(0, 1)], [], id="never"),
        pytest.param([RandAxisFlip(0.5)], [0, 1, 2], id="any axis"),
        pytest.param([RandLateralFlipd("image", spatial_axis=0)], [0], id="derived"),
        pytest.param([Compose([OneOf([RandFlip(0.5, 1), RandFlip(0.5, 2)])])], [1, 2], id="nested"),
    ],
)
def test_flips_count_wherever_they_stand(transforms: list[Any], axes: list[int]) -> None:
    assert flipped_axes(transforms) == axes


@pytest.mark.parametrize("together", [None, [0, 1]], ids=str)
def test_axes_that_are_only_turned_together_are_not_flipped_alone(together: list[int] | None) -> None:
    assert flipped_axes([RandFlip(0.5, together)]) == []


def test_a_slice_has_two_axes() -> None:
    assert flipped_axes([RandAxisFlip(0.5)], spatial_dims=2) == [0, 1]
    assert flipped_axes([RandFlip(0.5, -1)], spatial_dims=2) == [1]


@pytest.mark.parametrize(("preset", "axes"), PRESETS.items(), ids=PRESETS)
def test_a_bundle_knows_what_its_preset_flips(preset: str, axes: list[int]) -> None:
    parser = ConfigParser()
    bundle, presets = REPO / "bundles" / "brain_tumor_segmentation" / "configs", REPO / "configs" / "augmentation"
    parser.read_config([str(bundle / "train.yaml"), str(presets / f"{preset}.yaml")])
    assert parser.get_parsed_content("flipped_axes") == axes
