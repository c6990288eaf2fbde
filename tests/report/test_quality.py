"""write_quality_report: the page and the file for programs."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.image import imread

import scanfill
from browser import needs_browser, visit
from planted_faults import half_covered, subject
from scanfill.data.case_quality import CaseQuality
from scanfill.data.phantoms import PHANTOM_NOTE
from scanfill.domains.brain_mri.phantoms.brain import BrainPhantom, write_case
from scanfill.domains.brain_mri.quality import CODES, cross_checks
from scanfill.domains.brain_mri.quality.case_checks import check_case
from scanfill.errors import CaseError, UsageError
from scanfill.report.page import RESEARCH_ONLY, Figure, Mark, Table
from scanfill.report.quality import _picture, write_quality_report
from tiny_cases import save_case

if TYPE_CHECKING:
    from pathlib import Path

CLEAN, HALF, TORN = "a_clean", "b_half", "c_torn <&>"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a clean case, one with half a FLAIR, and one with a torn file."""
    folder = tmp_path_factory.mktemp("cases") / "hospital"
    folder.mkdir()
    clean, other = subject(1, 1, 48), subject(3, 3, 48)
    write_case(folder / CLEAN, clean, "scanfill brain phantom")
    halved = BrainPhantom(**{**vars(other), "images": half_covered(dict(other.images), other)})
    write_case(folder / HALF, halved, "scanfill brain phantom")
    write_case(folder / TORN, subject(2, 2, 40), "scanfill brain phantom")
    (folder / TORN / f"{TORN}_t2.nii.gz").write_bytes(b"torn")
    return write_quality_report(folder, folder.parent / "new" / "quality.html", schema="brain_mri")


def content(report: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(report.with_suffix(".json").read_text())
    return loaded


def test_programs_read_every_finding_measure_and_threshold(report: Path) -> None:
    seen = content(report)
    assert seen["scanfill"] == scanfill.__version__
    assert seen["use"] == RESEARCH_ONLY
    assert set(seen["thresholds"]) <= set(seen["codes"]) == set(CODES)
    codes = {case["case_id"]: {finding["code"] for finding in case["findings"]} for case in seen["cases"]}
    assert codes == {CLEAN: set(), HALF: {"coverage"}, TORN: {"unreadable"}}
    (finding,) = seen["cases"][1]["findings"]
    assert finding["modality"] == "flair"
    assert finding["value"] == pytest.approx(0.5, abs=0.1)
    assert finding["value"] < finding["threshold"] == seen["thresholds"]["coverage"]["least_covered"]
    assert set(seen["cases"][0]["measures"]["pairs"]) >= {"t1 t1ce", "t2 flair"}


def test_the_page_says_what_was_found_worst_first(report: Path) -> None:
    html = report.read_text()
    assert "2 of 3 cases have findings to look at, 0 more have notes only." in html
    titles = re.findall("<h2>(.*?)</h2>", html)
    assert titles == ["Summary", "All cases", "c_torn &lt;&amp;&gt;", HALF, CLEAN]
    assert "Covers 4" in html or "Covers 5" in html
    assert "cannot be read" in html


def test_the_page_says_what_it_is_not_for_and_that_these_are_phantoms(report: Path) -> None:
    html = report.read_text()
    assert html.count(RESEARCH_ONLY) == 2
    assert PHANTOM_NOTE in html


def test_findings_stand_out_by_a_sign_and_not_by_colour_alone(report: Path) -> None:
    html = report.read_text()
    assert '<span class="mark bad">\N{MULTIPLICATION X} unreadable t2</span>' in html
    assert '<span class="mark warn">! flair</span>' in html


def test_each_modality_has_a_small_picture(report: Path) -> None:
    pictures = re.findall(r'<figure><img alt="(\w+)".*?base64,([^"]+)"', report.read_text())
    assert [name for name, _ in pictures] == ["t1", "t1ce", "flair", *["t1", "t1ce", "t2", "flair"] * 2]
    per_case = sum(len(picture) for _, picture in pictures) / 3
    assert per_case < 40_000  # a cohort of a thousand cases must open


@needs_browser
def test_a_browser_opens_it_without_error_or_outside_request(report: Path) -> None:
    seen = visit(report)
    assert seen.title == "Quality of hospital"
    assert seen.errors == []
    assert seen.requests == []


def test_the_patients_left_is_on_the_right_and_the_nose_on_the_left(tmp_path: Path) -> None:
    left_front_top = np.zeros((20, 24, 16), np.uint8)  # axes to the left, front and head
    left_front_top[16:, 20:, 13:] = 248
    left_front_top[10, 12, 8] = 248
    views = [left_front_top.max(axis=axis) for axis in range(3)]
    path = tmp_path / "picture.png"
    path.write_bytes(_picture(views, (2.0, 2.0, 2.0)))
    picture = imread(path) > 0.5
    axial, coronal, sagittal = picture[:26], picture[26:44], picture[44:]
    for part, bright_column in ((axial, "right"), (coronal, "right"), (sagittal, "left")):
        rows, columns = np.nonzero(part)
        corner = rows < part.shape[0] / 2 - 2  # top of the picture: front in the axial one, head in the others
        assert corner.any()
        middle = part.shape[1] / 2
        assert (columns[corner] > middle).all() if bright_column == "right" else (columns[corner] < middle).all()


def test_voxels_that_are_not_square_make_a_head_that_is() -> None:
    volume = np.full((40, 40, 8), 200, np.uint8)
    views = [volume.take(0, axis) for axis in range(3)]
    picture = imread(io.BytesIO(_picture(views, (2.0, 2.0, 10.0))))
    assert picture.shape[0] == (40 + 2) + 2 * (40 + 2)


def test_a_report_is_named_as_a_page(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name it report\.html, not 'report\.json'"):
        write_quality_report(tmp_path, tmp_path / "report.json", schema="brain_mri")


def test_an_empty_folder_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match="No cases found"):
        write_quality_report(tmp_path / "empty", tmp_path / "quality.html", schema="brain_mri")
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_it_needs_a_worker(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"workers \(=0\)"):
        write_quality_report(tmp_path, tmp_path / "quality.html", workers=0, schema="brain_mri")


def test_marks_stand_in_a_table_and_are_escaped() -> None:
    html = Table(["a"], [[Mark("<b>", "bad")], [[Mark("x", "warn"), Mark("y", "known")]]]).html()
    assert "\N{MULTIPLICATION X} &lt;b&gt;</span>" in html
    assert '<span class="mark warn">! x</span> <span class="mark known">i y</span>' in html


def test_bytes_that_are_no_png_are_refused() -> None:
    with pytest.raises(ValueError, match="The picture is neither a PNG nor an SVG file: it starts with b'GIF'"):
        Figure(b"GIF").html()


def test_a_case_on_which_the_checks_fail_is_a_finding_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("anna", "ben"):
        save_case(tmp_path / "data" / name)

    def check(case: dict[str, Any]) -> CaseQuality:
        if case["case_id"] == "anna":
            np.empty(1 << 50, np.uint8)  # more memory than there is
        return check_case(case)

    monkeypatch.setattr(cross_checks, "check_case", check)
    page = write_quality_report(tmp_path / "data", tmp_path / "quality.html", schema="brain_mri")
    anna, ben = content(page)["cases"]
    assert [finding["text"][:40] for finding in anna["findings"]] == ["The checks failed with MemoryError: Unab"]
    assert ben["findings"] == []
    assert capsys.readouterr().out.startswith("2 cases checked, 1 with findings: 1 error, 0 warnings, 0 notes.")
