"""The picture of what presets do to a case."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from matplotlib.image import imread

from conftest import REPO
from scanfill.errors import UsageError
from scanfill.report.augmentation import draw_row, draw_sheet, make_sheet

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


def test_a_config_that_is_absent_or_follows_no_contract_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="There is no config"):
        draw_row(CT, preset("fog"))
    other = tmp_path / "other.yaml"
    other.write_text("cases: []\n")
    with pytest.raises(UsageError, match="has no reading, normalization"):
        draw_row(other, preset("none"))
