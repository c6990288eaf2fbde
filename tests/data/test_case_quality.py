"""Checks that any kind of data can have, and their page."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill.data import find_cases, load_schema
from scanfill.data.case_quality import check_any, checks_of
from scanfill.report.quality import write_quality_report

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA: dict[str, Any] = {
    "name": "pictures",
    "spatial_dims": 2,
    "images": [{"key": "image"}],
    "finder": {"by": "folder", "files": {"image": "image.png"}},
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good case, a blank one, and two that are one image."""
    rng = np.random.default_rng(0)
    good, same = (rng.integers(0, 255, (8, 6), np.uint8) for _ in range(2))
    for name, values in {"good": good, "blank": np.full((8, 6), 9, np.uint8), "one": same, "other": same}.items():
        (tmp_path / "cases" / name).mkdir(parents=True)
        Image.fromarray(values).save(tmp_path / "cases" / name / "image.png")
    return tmp_path / "cases"


def test_what_training_would_refuse_and_what_is_there_twice_is_found(folder: Path) -> None:
    kind = load_schema(SCHEMA)
    quality = check_any(find_cases(folder, schema=kind), kind)
    found = {case.case_id: [finding.code for finding in case.findings] for case in quality}
    assert found == {"blank": ["refused"], "good": [], "one": ["duplicate"], "other": ["duplicate"]}
    (view,) = quality[1].views["image"]
    assert view.shape == (6, 8)


def test_the_page_shows_pictures_and_findings_of_any_kind(folder: Path) -> None:
    page = write_quality_report(folder, folder.parent / "quality.html", schema=SCHEMA)
    text = page.read_text()
    assert "3 of 4 cases have findings to look at" in text
    assert len(re.findall("data:image/png;base64", text)) == 3
    seen = json.loads(page.with_suffix(".json").read_text())
    assert set(seen["codes"]) == {"incomplete", "refused", "duplicate"}


def test_a_kind_with_checks_of_its_own_uses_them() -> None:
    assert "skull" in checks_of(load_schema("brain_mri")).codes
