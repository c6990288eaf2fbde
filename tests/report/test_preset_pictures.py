"""The picture of what presets do to a case."""

from __future__ import annotations

import importlib.util
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from conftest import REPO
from scanfill.domains.brain_mri.augmentation_sheet import make_sheet, usual_presets
from scanfill.errors import UsageError
from scanfill.report.preset_pictures import _busiest, draw_row, draw_sheet

if TYPE_CHECKING:
    from pathlib import Path

CT = REPO / "tests" / "contracts" / "ct.yaml"
XRAY = REPO / "tests" / "contracts" / "xray.yaml"


def preset(name: str) -> Path:
    return REPO / "configs" / "augmentation" / f"{name}.yaml"


def test_without_augmentation_every_draw_is_the_case_itself() -> None:
    row = draw_row(CT, preset("none"), draws=2)
    assert row.name == "none"
    assert len(row.images) == len(row.labels) == 3
    for image in row.images[1:]:
        np.testing.assert_array_equal(image, row.images[0])


def test_draws_differ_and_a_seed_fixes_them() -> None:
    first, second = (draw_row(CT, preset("strong_elastic"), draws=2, seed=1) for _ in range(2))
    for one, other in zip(first.images, second.images, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first.images[1], first.images[2])
    assert set(np.unique(first.labels[1])) <= {0, 1, 2}


def test_a_sheet_has_a_row_for_each_preset_in_2d_and_3d(tmp_path: Path) -> None:
    for config, names in ((CT, ("none", "ct_multiprotocol")), ([CT, XRAY], ("none", "xray"))):
        path = make_sheet(tmp_path / "sheet.png", names, config, draws=2)
        picture = imread(path)[..., :3]
        assert picture.shape[0] > 200
        assert picture.std() > 0.1
    one_row = draw_sheet([draw_row(CT, preset("none"), draws=2)], tmp_path / "one.png")
    assert imread(one_row).shape[0] < 0.7 * picture.shape[0]


@pytest.mark.parametrize("installed", [True, False])
def test_every_preset_for_mri_has_a_row_where_its_packages_are(
    installed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: installed or None)
    expected = ["none", "lesion_mixing", "mri", "mri_multisite", "nnunet", "strong_elastic"]
    assert [preset.name for preset in usual_presets()] == expected + ["mri_artifacts"] * installed


def test_a_lesion_is_shown_wherever_a_draw_has_moved_it(tmp_path: Path) -> None:
    overlay = tmp_path / "upside_down.json"
    flip = {"_target_": "RandFlipd", "keys": "@spatial_keys", "prob": 1.0, "spatial_axis": 2}
    overlay.write_text(json.dumps({"raw_augmentation": [], "augmentation": [flip]}))
    row = draw_row(CT, overlay, draws=1)
    np.testing.assert_array_equal(row.labels[1], row.labels[0])


def test_the_slice_of_a_pasted_lesion_is_not_that_of_specks() -> None:
    label = np.zeros((12, 12, 3), np.uint8)
    label[::3, ::3, 0] = 1
    label[:4, :4, 1] = label[7:, 7:, 1] = 1
    label[:6, :, 2] = 1
    assert _busiest(label) == 1


def test_the_pictures_of_the_guide_have_large_cases() -> None:
    for overlay in ([], [XRAY], [REPO / "tests" / "contracts" / "xray_classification.yaml"]):
        row = draw_row([CT, *overlay, REPO / "tests" / "contracts" / "large.yaml"], preset("none"), draws=1)
        assert row.images[0].shape == (160, 160)


def test_a_draw_that_changes_only_what_is_not_shown_is_passed_over(tmp_path: Path) -> None:
    two = {"_target_": "Lambdad", "keys": "image", "func": "$lambda image: torch.cat([image, image])"}
    overlay = tmp_path / "first_channel.json"
    noise = {"_target_": "Lambdad", "keys": "image", "func": "$lambda image: torch.cat([image[:1] + 1, image[1:]])"}
    dark = {"_target_": "RandScaleIntensityd", "keys": "image", "factors": -1, "prob": 0.3}
    overlay.write_text(json.dumps({"raw_augmentation": [], "augmentation": [two, noise, dark]}))
    row = draw_row(CT, overlay, draws=3)
    assert all(not np.array_equal(image, row.images[0]) for image in row.images[1:])


def test_a_config_that_is_absent_or_follows_no_contract_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"The config .* does not exist"):
        draw_row(CT, preset("fog"))
    other = tmp_path / "other.yaml"
    other.write_text("cases: []\n")
    with pytest.raises(UsageError, match="has no reading, normalization"):
        draw_row(other, preset("none"))
