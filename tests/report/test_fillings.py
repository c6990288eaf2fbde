"""The picture of a filled hole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt
from monai.data import MetaTensor

from scanfill.report import fillings
from scanfill.report.fillings import draw_filling

if TYPE_CHECKING:
    from pathlib import Path


def scene(dims: int = 3) -> tuple[dict[str, MetaTensor], dict[str, Any], Any]:
    shape = (1, *(20, 18, 12)[:dims])
    torch.manual_seed(0)
    before = {name: MetaTensor(torch.rand(shape) + 1, affine=torch.eye(4)) for name in ("t1", "flair")}
    lesion = MetaTensor(torch.zeros(shape, dtype=torch.uint8), affine=torch.eye(4))
    lesion[(0, slice(5, 9), slice(5, 9), *([slice(3, 6)] if dims == 3 else []))] = 2
    lesion[(0, 6, 6, *([4] if dims == 3 else []))] = 1
    after = {name: torch.where(lesion > 0, 3.0, image).numpy() for name, image in before.items()}
    return before, after, lesion


@pytest.mark.parametrize("dims", [2, 3])
def test_a_picture_has_a_row_for_each_modality(tmp_path: Path, dims: int) -> None:
    before, after, lesion = scene(dims)
    path = draw_filling(before, {"after": after}, lesion, tmp_path / "p.png", title="case", spatial_dims=dims)
    picture = plt.imread(path)
    assert picture.shape[0] > 100
    assert len(np.unique(picture.reshape(-1, picture.shape[-1]), axis=0)) > 50


def test_several_fillers_stand_side_by_side(tmp_path: Path) -> None:
    before, after, lesion = scene()
    one = plt.imread(draw_filling(before, {"a": after}, lesion, tmp_path / "1.png"))
    two = plt.imread(draw_filling(before, {"a": after, "b": after}, lesion, tmp_path / "2.png"))
    assert two.shape[1] > 1.3 * one.shape[1]


def test_what_was_made_is_stamped_and_the_difference_is_that_of_the_images(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[Any] = []

    def note(*given: Any, **_: Any) -> None:
        drawn.append((given[0], given[2]))

    monkeypatch.setattr(fillings, "_save", note)
    before, after, lesion = scene()
    draw_filling(before, {"after": after}, lesion, tmp_path / "p.png")
    (lines, index) = drawn[0]
    assert index in (3, 4, 5), "the slice with the hole"
    for line in lines:
        assert [bool(row.stamp) for row in line] == [False, False, True, False]
        difference = line[3].image
        assert np.count_nonzero(difference) == 48
