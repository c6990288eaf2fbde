"""Generated pictures on reading and teaching sheets."""

from __future__ import annotations

import base64
import csv
import json
import re
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scanfill.__main__ import main
from scanfill.data import write_split
from scanfill.data.cases import find_cases
from scanfill.data.provenance import Origin, synthetic_path, write_synthetic
from scanfill.domains.images_2d.phantoms import write_image_cohort
from scanfill.domains.images_2d.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.studies.reading_sheet import find_pairs, find_teaching_cases, make_reading_sheet, make_teaching_sheet

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Real pictures under ``real``, and generated ones of the same conditions under ``made``."""
    root = tmp_path_factory.mktemp("pictures")
    write_image_cohort(root / "real", cases=6, size=32, seed=4)
    (root / "model.pt").write_bytes(b"weights")
    for case in find_cases(root / "real", schema=SCHEMA):
        condition = {key: case[key] for key in SCHEMA.condition_keys if key in case}
        origin = Origin("image_synthesis_2d", "1", root / "model.pt", {}, seed=1, more={"condition": condition})
        with Image.open(case["image"]) as picture:
            pixels = 255 - np.asarray(picture).T
        write_synthetic(pixels, np.eye(4), synthetic_path(root / "made", case["case_id"], "image", ".png"), origin)
    return root


def test_real_and_generated_pictures_are_rated_on_one_sheet(folder: Path, tmp_path: Path) -> None:
    write_split({"training": find_cases(folder / "real", schema=SCHEMA)}, tmp_path / "list.json", schema=SCHEMA)
    pairs = find_pairs(find_cases(folder / "real", schema=SCHEMA), folder / "made", ["image"])
    assert len(pairs) == 6
    page = make_reading_sheet(pairs, tmp_path / "sheet").read_text()
    assert "Some of these images were acquired" in page
    assert "right is on the left" not in page
    with (tmp_path / "sheet" / "key.csv").open() as file:
        kinds = [row["kind"] for row in csv.DictReader(file)]
    assert sorted(kinds) == ["real"] * 6 + ["synthetic"] * 6
    sizes = {len(picture) for picture in re.findall(r"base64,([^\"]+)", page)}
    assert len(sizes) > 1


def test_pictures_on_the_sheet_have_no_text_that_gives_them_away(folder: Path, tmp_path: Path) -> None:
    pairs = find_pairs(find_cases(folder / "real", schema=SCHEMA), folder / "made", ["image"])
    page = make_reading_sheet(pairs, tmp_path / "sheet").read_text()
    for coded in re.findall(r"base64,([^\"]+)", page):
        assert b"synthetic" not in base64.b64decode(coded)


def test_the_command_makes_a_sheet_of_pictures(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_split({"training": find_cases(folder / "real", schema=SCHEMA)}, tmp_path / "list.json", schema=SCHEMA)
    words = ["reading_sheet", str(tmp_path / "list.json"), str(folder / "made"), str(tmp_path / "out")]
    monkeypatch.setattr("sys.argv", ["scanfill", *words, "--schema", "images_2d"])
    main()
    assert "reading_sheet.html" in capsys.readouterr().out


def test_questions_do_not_give_the_answers_and_the_answers_are_what_was_asked_for(folder: Path, tmp_path: Path) -> None:
    cases = find_teaching_cases(folder / "made")
    assert len(cases) == 6
    questions, answers = make_teaching_sheet(cases, SCHEMA, tmp_path, hide=["x", "y", "size"])
    asked = questions.read_text()
    assert asked.count("data:image/png") == 6
    assert "Which pathology? One of: normal, pneumonia" in asked
    assert "Estimate: age (years), if there is any." in asked
    assert not any(case.image.parent.name in asked for case in cases)
    assert "Estimate: x" not in asked
    told = answers.read_text()
    for case in cases:
        assert case.image.parent.name in told
    assert {"They show no patient" in page for page in (asked, told)} == {True}


def test_the_order_depends_on_the_seed_alone(folder: Path, tmp_path: Path) -> None:
    cases = find_teaching_cases(folder / "made")
    pages = [
        make_teaching_sheet(cases, SCHEMA, tmp_path / name, seed=seed)[1].read_text()
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    ]
    assert pages[0] == pages[1] != pages[2]


def test_the_command_makes_both_pages(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["teaching_sheet", str(folder / "made"), str(tmp_path), "--hide", "x,y,size,severity"]
    monkeypatch.setattr("sys.argv", ["scanfill", *words])
    main()
    assert capsys.readouterr().out.split() == [str(tmp_path / "questions.html"), str(tmp_path / "answers.html")]


def test_pictures_without_a_sidecar_are_no_teaching_cases(folder: Path, tmp_path: Path) -> None:
    made = shutil.copytree(folder / "made", tmp_path / "made")
    for path in made.rglob("*.json"):
        facts = json.loads(path.read_text())
        path.write_text(json.dumps({key: value for key, value in facts.items() if key != "condition"}))
    assert find_teaching_cases(made) == []
    with pytest.raises(UsageError, match="at least one generated picture"):
        make_teaching_sheet([], SCHEMA, tmp_path)
    with pytest.raises(UsageError, match="all conditions are hidden"):
        make_teaching_sheet(find_teaching_cases(folder / "made"), SCHEMA, tmp_path, hide=SCHEMA.condition_keys)
