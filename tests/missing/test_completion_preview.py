"""A picture for each image that a completion made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from matplotlib.image import imread
from monai.data import MetaTensor

from scanfill.missing.completed import SaveCompletionPreviewd
from tiny_cases import AFFINE, MODALITIES, image

if TYPE_CHECKING:
    from pathlib import Path


def completed(*missing: str, truth: bool = False) -> dict[str, Any]:
    case: dict[str, Any] = {
        "case_id": "c1",
        "availability": torch.tensor([float(name not in missing) for name in MODALITIES]),
    }
    for name in MODALITIES:
        volume = MetaTensor(torch.from_numpy(image(name, 0))[None], torch.from_numpy(AFFINE))
        if name in missing:
            case |= {f"synthetic_{name}": volume, f"uncertainty_{name}": volume * 0.1}
        if name not in missing or truth:
            case[f"acquired_{name}"] = volume
    return case


def test_each_image_that_was_made_has_a_picture(tmp_path: Path) -> None:
    case = completed("t1ce", "flair")
    assert SaveCompletionPreviewd(MODALITIES, tmp_path)(case) is case
    assert sorted(path.name for path in (tmp_path / "c1").iterdir()) == ["c1_flair_preview.png", "c1_t1ce_preview.png"]


def test_the_truth_and_the_difference_are_rows_where_the_truth_is_known(tmp_path: Path) -> None:
    heights = []
    for truth in (False, True):
        SaveCompletionPreviewd(MODALITIES, tmp_path)(completed("flair", truth=truth))
        heights.append(imread(tmp_path / "c1" / "c1_flair_preview.png").shape[0])
    rows = [(height - round(1.1 * 110)) / count for height, count in zip(heights, (5, 7), strict=True)]
    assert rows[0] > 0
    np.testing.assert_allclose(rows[0], rows[1], rtol=0.02)


def test_pictures_of_many_missing_at_once_are_left_out_where_asked_for(tmp_path: Path) -> None:
    SaveCompletionPreviewd(MODALITIES, tmp_path, most=1)(completed("t1", "flair"))
    assert not (tmp_path / "c1").exists()
