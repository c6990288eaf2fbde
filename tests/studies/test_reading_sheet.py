"""The blinded reading sheet: nothing on it tells real from synthetic, and what readers write is scored."""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from scipy import stats

from browser import needs_browser, visit
from scanfill.__main__ import main
from scanfill.data import write_split
from scanfill.data.image import nifti_bytes
from scanfill.data.provenance import Origin, synthetic_path, write_synthetic
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.studies.reading_sheet import find_pairs, make_reading_sheet, score_reading, write_reading_scores
from scanfill.studies.reading_sheet.ratings import mean_interval
from scanfill.studies.tables.study_table import Estimate

if TYPE_CHECKING:
    from pathlib import Path

PATIENTS = 4


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Small images, and synthetic ones of the same patients under ``made``."""
    root = tmp_path_factory.mktemp("images")
    found = []
    (root / "model.pt").write_bytes(b"weights")
    for number in range(PATIENTS):
        name, draw = f"c{number}", np.random.default_rng(number)
        volume = np.zeros((10, 10, 6), np.float32)
        volume[2:8, 2:8, 1:5] = draw.uniform(1, 2, (6, 6, 4))
        path = root / "data" / name / "flair.nii.gz"
        path.parent.mkdir(parents=True)
        path.write_bytes(nifti_bytes(volume, np.eye(4), "test"))
        made = synthetic_path(root / "made", name, "flair")
        write_synthetic(volume * 0.9, np.eye(4), made, Origin("test", "1", root / "model.pt", {"t1": path}))
        found.append({"case_id": name, "patient": f"p{number // 2}", "flair": str(path), "made": str(root / "made")})
    return found


@pytest.fixture(scope="module")
def made_once(cases: list[dict[str, str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sheet")
    make_reading_sheet(find_pairs(cases, cases[0]["made"], ["flair"]), folder, seed=3)
    return folder


@pytest.fixture
def sheet(made_once: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made_once, tmp_path / "sheet")


def key_of(sheet: Path) -> dict[str, dict[str, str]]:
    with (sheet / "key.csv").open(newline="") as file:
        return {row["item"]: row for row in csv.DictReader(file)}


def fill_in(sheet: Path, name: str, quality: dict[str, int], *, right: bool = True) -> Path:
    """Rate real and synthetic images so, and guess all right, or all as real."""
    lines = ["item,quality,real_or_synthetic,remark"]
    for item, row in key_of(sheet).items():
        lines.append(f"{item},{quality[row['kind']]},{row['kind'] if right else 'real'},")
    path = sheet / f"{name}.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_every_pair_stands_on_the_sheet_once_as_real_and_once_as_synthetic(sheet: Path) -> None:
    key = key_of(sheet)
    assert list(key) == [f"{number:03d}" for number in range(1, 2 * PATIENTS + 1)]
    assert sorted((row["case_id"], row["kind"]) for row in key.values()) == [
        (f"c{number}", kind) for number in range(PATIENTS) for kind in ("real", "synthetic")
    ]


def test_what_the_reader_gets_does_not_hold_the_answer(sheet: Path) -> None:
    handed_out = sorted(path.name for path in (sheet / "for_the_readers").iterdir())
    assert handed_out == ["ratings.csv", "reading_sheet.html"]
    page = (sheet / "for_the_readers" / "reading_sheet.html").read_text()
    captions = re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert captions == [f"item {number:03d}, flair" for number in range(1, 2 * PATIENTS + 1)]
    assert not re.search(r"\bc\d\b|_synthetic_|nii", re.sub(r'src="[^"]*"', "", page))
    ratings = (sheet / "for_the_readers" / "ratings.csv").read_text().splitlines()
    assert ratings[1:] == [f"{number:03d},,," for number in range(1, 2 * PATIENTS + 1)]


def test_pictures_differ_in_nothing_but_the_slice(sheet: Path) -> None:
    page = (sheet / "for_the_readers" / "reading_sheet.html").read_text()
    files = [base64.b64decode(text) for text in re.findall(r"base64,([^\"]+)", page)]
    pictures = [Image.open(io.BytesIO(file)) for file in files]
    assert len({picture.size for picture in pictures}) == 1
    assert len({tuple(sorted(picture.info)) for picture in pictures}) == 1
    kinds = {row["case_id"]: [] for row in key_of(sheet).values()}  # type: dict[str, list[np.ndarray]]
    for row, picture in zip(key_of(sheet).values(), pictures, strict=True):
        kinds[row["case_id"]].append(np.asarray(picture.convert("L"), float))
    # A synthetic image that is 0.9 times the real one is the same picture: the window of grey is its own.
    assert all(np.abs(first - second).mean() < 1 for first, second in kinds.values())


def test_the_order_follows_from_the_seed(cases: list[dict[str, str]], tmp_path: Path) -> None:
    pairs = find_pairs(cases, cases[0]["made"], ["flair"])
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        make_reading_sheet(pairs, tmp_path / name, seed=seed)
    orders = [[(row["case_id"], row["kind"]) for row in key_of(tmp_path / name).values()] for name in "abc"]
    assert orders[0] == orders[1] != orders[2]


def test_readers_who_tell_all_right_are_found_out(sheet: Path) -> None:
    (row,) = score_reading([fill_in(sheet, "ann", {"real": 5, "synthetic": 3})], sheet / "key.csv").rows
    name, items, real, synthetic, difference, right, p = row
    assert (name, items) == ("ann", 8)
    assert isinstance(real, Estimate)
    assert isinstance(synthetic, Estimate)
    assert isinstance(difference, Estimate)
    assert isinstance(right, Estimate)
    assert (real.value, synthetic.value, difference.value, right.value) == (5, 3, -2, 1)
    assert (right.low, right.high) == pytest.approx((0.025 ** (1 / 8), 1))  # Clopper and Pearson, k = n
    assert p == pytest.approx(2 * 0.5**8)


def test_readers_who_call_all_real_have_told_nothing(sheet: Path) -> None:
    (row,) = score_reading([fill_in(sheet, "bob", {"real": 4, "synthetic": 4}, right=False)], sheet / "key.csv").rows
    right = row[5]
    assert isinstance(right, Estimate)
    assert right.value == 0.5
    assert right.low < 0.5 < right.high
    assert row[6] == pytest.approx(1)


def test_the_interval_is_over_patients_not_items() -> None:
    found = mean_interval([1.0, 2.0, 4.0])
    low, high = stats.t.interval(0.95, 2, loc=7 / 3, scale=stats.sem([1.0, 2.0, 4.0]))
    assert (found.value, found.low, found.high) == pytest.approx((7 / 3, low, high))
    assert np.isnan(mean_interval([3.0]).low)


def test_several_readers_are_written_side_by_side(sheet: Path) -> None:
    files = [fill_in(sheet, name, {"real": 4, "synthetic": 4}) for name in ("ann", "bob")]
    paths = write_reading_scores(files, sheet / "key.csv", sheet / "scores")
    assert [path.name for path in paths] == ["reading.csv", "reading.md", "reading.tex"]
    with pytest.raises(UsageError, match=r"a different name; found \['ann', 'ann'\]"):
        score_reading([files[0], files[0]], sheet / "key.csv")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("001,4", "001,"), r"item 001: quality ''"),
        (("001,4", "001,6"), r"item 001: quality '6'.*integer from 1 to 5"),
        (("001,4", "001,3.5"), r"item 001: quality '3.5'"),
        ((",real,", ",maybe,"), r"real_or_synthetic 'maybe'"),
        (("001,4,", "002,4,"), r"more than once: 002; without a row: 001"),
        (("001,4,", "099,4,"), r"not in the key: 099; without a row: 001"),
        (("quality", "note"), r"has no quality: found 'item,note,"),
    ],
)
def test_a_missing_or_impossible_rating_is_an_error(sheet: Path, change: tuple[str, str], message: str) -> None:
    path = fill_in(sheet, "ann", {"real": 4, "synthetic": 4})
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(UsageError, match=message):
        score_reading([path], sheet / "key.csv")


def test_what_a_spreadsheet_makes_of_the_file_is_read(sheet: Path) -> None:
    path = fill_in(sheet, "ann", {"real": 4, "synthetic": 4})
    text = re.sub(r"(?m)^00", "", path.read_text()).replace(",", ";").replace("real;", "Real;")
    path.write_text(text, encoding="utf-8-sig")
    assert score_reading([path], sheet / "key.csv").rows[0][1] == 8


def test_a_sheet_needs_a_real_and_a_marked_synthetic_image(cases: list[dict[str, str]], tmp_path: Path) -> None:
    pairs = find_pairs(cases, cases[0]["made"], ["flair"])
    swapped = type(pairs[0])("c0", "p0", "flair", pairs[0].synthetic, pairs[0].real)
    with pytest.raises(UsageError, match="the first image must be acquired and the second one marked as synthetic"):
        make_reading_sheet([swapped], tmp_path)
    with pytest.raises(UsageError, match="at least one pair"):
        make_reading_sheet(find_pairs(cases, tmp_path, ["flair"]), tmp_path)
    with pytest.raises(UsageError, match="'c0' has more than one pair of flair"):
        make_reading_sheet([pairs[0], pairs[0]], tmp_path)


def test_images_on_two_grids_are_refused(cases: list[dict[str, str]], tmp_path: Path) -> None:
    (pair, *_) = find_pairs(cases, cases[0]["made"], ["flair"])
    other = tmp_path / "flair.nii.gz"
    nib.save(nib.Nifti1Image(np.ones((5, 5, 5), np.float32), np.eye(4)), other)
    with pytest.raises(UsageError, match=r"\(10, 10, 6\) is not on the grid of .*flair\.nii\.gz \(5, 5, 5\)"):
        make_reading_sheet([type(pair)("c0", "p0", "flair", other, pair.synthetic)], tmp_path / "sheet")


def test_a_readers_work_is_not_overwritten(sheet: Path, cases: list[dict[str, str]]) -> None:
    with pytest.raises(UsageError, match=r"ratings\.csv already exists"):
        make_reading_sheet(find_pairs(cases, cases[0]["made"], ["flair"]), sheet)


def test_sheet_and_scores_are_two_verbs(
    cases: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    datalist = write_split(
        {"test": [{**case, "synthetic": []} for case in cases]}, tmp_path / "list.json", schema=SCHEMA
    )
    words = ["reading_sheet", str(datalist), cases[0]["made"], str(tmp_path / "sheet"), "--seed", "5"]
    monkeypatch.setattr("sys.argv", ["scanfill", *words])
    main()
    assert "Key (not for the readers)" in capsys.readouterr().out
    ratings = [str(fill_in(tmp_path / "sheet", name, {"real": 5, "synthetic": 2})) for name in ("ann", "bob")]
    words = ["score_reading", str(tmp_path / "sheet" / "key.csv"), *ratings, "--output", str(tmp_path / "scores")]
    monkeypatch.setattr("sys.argv", ["scanfill", *words])
    main()
    told = capsys.readouterr().out
    assert "| ann | 8 | 5.000 [5.000, 5.000] | 2.000 [2.000, 2.000] | -3.000 [-3.000, -3.000] | 1.000 [" in told
    assert (tmp_path / "scores" / "reading.tex").is_file()


@needs_browser
def test_the_sheet_opens_without_an_error(sheet: Path) -> None:
    seen = visit(sheet / "for_the_readers" / "reading_sheet.html")
    assert (seen.title, seen.errors, seen.requests) == ("Reading sheet", [], [])


def test_an_inpainted_case_is_paired_with_its_original_in_the_slice_of_the_hole(
    cases: list[dict[str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in the list of the bundle: the originals, and new cases that are wholly synthetic."""
    weights = tmp_path / "model.pt"
    weights.write_bytes(b"weights")
    listed: list[dict[str, object]] = []
    for case in cases:
        volume = np.asarray(nib.load(case["flair"]).dataobj).copy()
        volume[3:5, 3:5, 2] = 5
        name = f"{case['case_id']}-lesion1"
        path = synthetic_path(tmp_path / "made", name, "flair")
        more = {"hole": {"masks": "moved"}}
        write_synthetic(volume, np.eye(4), path, Origin("test", "1", weights, {"flair": case["flair"]}, more=more))
        original = {key: case[key] for key in ("case_id", "patient", "flair")}
        listed += [original, original | {"case_id": name, "flair": str(path), "synthetic": ["flair"]}]
    datalist = write_split({"training": listed}, tmp_path / "made" / "list.json", schema=SCHEMA)
    words = ["reading_sheet", str(datalist), str(tmp_path / "made"), str(tmp_path / "sheet")]
    monkeypatch.setattr("sys.argv", ["scanfill", *words])
    main()
    key = key_of(tmp_path / "sheet")
    assert len(key) == 2 * PATIENTS
    assert {row["case_id"] for row in key.values()} == {case["case_id"] for case in cases}
    page = (tmp_path / "sheet" / "for_the_readers" / "reading_sheet.html").read_text()
    files = [base64.b64decode(text) for text in re.findall(r"base64,([^\"]+)", page)]
    pictures: dict[str, list[np.ndarray]] = {}
    for row, file in zip(key.values(), files, strict=True):
        pictures.setdefault(row["case_id"], []).append(np.asarray(Image.open(io.BytesIO(file)).convert("L"), float))
    assert all(np.abs(first - second).max() > 50 for first, second in pictures.values()), "the hole is in the slice"
