"""write_exploration: the page for each kind of data."""

from __future__ import annotations

import html
import pickle
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from browser import needs_browser, visit
from hand_drawings import BONES, SIZE, draw_bones, write_hands
from one_slice_files import save_picture
from scanfill.data import load_schema, write_pages
from scanfill.data.outline_files import write_outlines
from scanfill.data.side_by_side import Died
from scanfill.errors import CaseError, UsageError
from scanfill.report.exploration import read_set as read_set_module
from scanfill.report.exploration.explore_page import write_exploration
from scanfill.report.exploration.read_set import lenient_schema, read_set
from scanfill.report.page import RESEARCH_ONLY
from tiny_cases import regions, save_case

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECTIONS = ["Summary", "Classes", "Overlaps", "Intensities", "Sizes and spacings", "What is known of the cases"]
SECTIONS += ["Left and right", "Duplicates", "Outliers"]
rng = np.random.default_rng(0)


def titles(page: Path) -> list[str]:
    return re.findall("<h2>(.*?)</h2>", page.read_text())


def text_of(page: Path) -> str:
    """What a reader sees."""
    content = re.sub(r"<style.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content)))


def predict_hands(folder: Path, cases: list[str], *, shift: int = 3) -> Path:
    """Write predictions of drawn hands: one bone is moved, another is missed."""
    names = load_schema("hand_xray").label
    assert names is not None
    masks = np.zeros((len(names.names), *SIZE), np.uint8)
    drawn = draw_bones()
    channel = {name: number - 1 for number, name in names.names.items()}
    masks[channel[BONES[0]]] = np.roll(drawn[BONES[0]], shift, axis=0)
    masks[channel[BONES[1]]] = drawn[BONES[1]]
    for case in cases:
        write_pages(folder / case / f"{case}_seg.tif", masks)
    return folder


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_hands(tmp_path_factory.mktemp("data") / "hands", people=2)


@pytest.fixture(scope="module")
def page(hands: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two persons' hands, of which three of four images have a prediction, and a fifth prediction."""
    folder = tmp_path_factory.mktemp("page")
    cases = ["image0000_L", "image0001_R", "image0002_L", "stranger"]
    predictions = predict_hands(folder / "predictions", cases)
    return write_exploration(hands, folder / "new" / "hands.html", schema="hand_xray", predictions=predictions)


def test_hands_have_every_section(page: Path) -> None:
    assert titles(page) == [*SECTIONS[:2], "Predictions", "Worst predictions, and the best", *SECTIONS[2:]]
    seen = text_of(page)
    assert "What is in hands" in seen
    assert RESEARCH_ONLY in seen
    assert "(finger-1, Hamate, Radius)" in seen
    assert "age (years)" in seen
    assert "2 images are of a left side, 2 of a right one" in seen


def test_predictions_are_counted_and_strangers_named(page: Path) -> None:
    seen = text_of(page)
    assert "3 of 4 cases have a prediction that could be read. Without: image0003_R." in seen
    assert "of no case here: stranger" in seen
    assert "boundary, overlapping" in seen
    assert "Radius 0.000" in seen
    assert seen.count("prediction errors") == 3  # captions of the pictures of three cases


@needs_browser
def test_a_browser_opens_it_without_error_or_outside_request(page: Path) -> None:
    seen = visit(page)
    assert (seen.title, seen.errors, seen.requests) == ("What is in hands", [], [])


def test_brains_are_measured_in_ml(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        save_case(tmp_path / "brains" / name, label=regions((1, 2, 4)))
    page = write_exploration(tmp_path / "brains", tmp_path / "p.html", schema="brain_mri", labels="brats")
    assert titles(page) == [
        "Summary",
        "Classes",
        "Intensities",
        *(name for name in SECTIONS[4:] if "known" not in name),
    ]
    seen = text_of(page)
    assert "median (ml)" in seen
    assert f"NC necrotic core 3 0 {2 * 4 * 4 * 8 / 1000:.2f}" in seen
    assert "with t1ce 3" in seen


def test_pictures_of_kidneys_are_measured_in_pixels(tmp_path: Path) -> None:
    folder = tmp_path / "slices"
    for number in range(3):
        label = np.zeros((30, 40))
        label[5:15, 5:10], label[12:15, 5:10] = 1, 2
        save_picture(folder / "images" / f"case_0000{number}_slice_010.png", rng.integers(0, 255, (30, 40)))
        save_picture(folder / "labels" / f"case_0000{number}_slice_010.png", label)
    page = write_exploration(folder, tmp_path / "p.html", schema="kidney_ct")
    seen = text_of(page)
    assert "kidney 3 0 35" in seen
    assert "30 x 40 3" in seen
    assert "(HU)" not in seen  # the values of an exported picture are gray levels


def test_images_without_labels_have_their_classes_counted(tmp_path: Path) -> None:
    for number in range(5):
        name = tmp_path / "images" / ("cxr" if number < 3 else "mri") / f"{number}.png"
        save_picture(name, rng.integers(0, 255, (16, 16)))
    page = write_exploration(tmp_path / "images", tmp_path / "p.html", schema="images_2d")
    assert "Classes" not in titles(page)
    assert "cxr 3 60.0% mri 2 40.0%" in text_of(page)


def test_results_of_processes_are_put_in_order_and_one_that_died_is_a_problem(
    hands: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backwards(cases: list[Any], job: Callable[[Any], Any], workers: int) -> Iterator[tuple[int, Any]]:
        assert workers == 2
        assert pickle.dumps(job)
        for index in reversed(range(len(cases))):
            outcome = job(cases[index])
            assert pickle.dumps(outcome)
            yield index, Died("out of memory") if index == 1 else outcome

    monkeypatch.setattr(read_set_module, "side_by_side", backwards)
    alone, together = (read_set(hands, "hand_xray", workers=workers).records for workers in (1, 2))
    assert [record.case_id for record in together] == [record.case_id for record in alone]
    assert together[1].problems == ["Case 'image0001_R': out of memory"]
    assert [record.areas for record in together[2:]] == [record.areas for record in alone[2:]]


@pytest.mark.parametrize("schema", ["brain_mri", "hand_xray", "images_2d", "kidney_ct"])
def test_every_schema_can_go_to_another_process(schema: str) -> None:
    assert pickle.dumps(lenient_schema(load_schema(schema)))


# --- bad input --------------------------------------------------------------------------------------------------------


def test_an_empty_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        CaseError, match=r"No cases found in .*empty: looked for radiographs .* the folder holds nothing"
    ):
        write_exploration(tmp_path / "empty", tmp_path / "p.html", schema="hand_xray")
    assert not (tmp_path / "p.html").exists()


def test_one_image_is_a_data_set(tmp_path: Path) -> None:
    save_picture(tmp_path / "one" / "mri" / "1.png", rng.integers(0, 255, (16, 16)))
    page = write_exploration(tmp_path / "one", tmp_path / "p.html", schema="images_2d")
    assert "Outliers are looked for among 8 or more cases" in text_of(page)


def test_labels_without_images_are_told_what_is_missing(tmp_path: Path) -> None:
    write_outlines(tmp_path / "hands" / "outputs_json" / "ID1" / "a_L.json", draw_bones(), SIZE)
    seen = text_of(write_exploration(tmp_path / "hands", tmp_path / "p.html", schema="hand_xray"))
    assert "Case 'a_L' has no image (xray), only label (" in seen
    assert "Add its image" in seen
    assert "with labels 0" in seen


def test_label_maps_without_images_are_still_counted(tmp_path: Path) -> None:
    for number in range(2):
        label = np.zeros((9, 9))
        label[2:4, 2:4] = 1
        save_picture(tmp_path / "kits" / "labels" / f"case_0000{number}_slice_010.png", label)
    explored = read_set(tmp_path / "kits", "kidney_ct")
    assert [record.areas["kidney"] for record in explored.records] == [4, 4]
    assert all("has no image (ct)" in record.problems[0] for record in explored.records)


def test_an_unreadable_image_does_not_stop_the_others(tmp_path: Path) -> None:
    folder = write_hands(tmp_path / "hands", people=1)
    next(folder.glob("DCM/*/*_L.png")).write_bytes(b"torn")
    explored = read_set(folder, "hand_xray")
    torn, sound = explored.records
    assert torn.problems
    assert not torn.images
    assert not torn.labelled
    assert not sound.problems
    assert sound.labelled


def test_predictions_of_other_cases_are_refused(hands: Path, tmp_path: Path) -> None:
    predictions = predict_hands(tmp_path / "predictions", ["stranger"])
    with pytest.raises(CaseError, match=r"has predictions of stranger, but the data set has the cases image0000_L"):
        write_exploration(hands, tmp_path / "p.html", schema="hand_xray", predictions=predictions)


def test_a_folder_without_predictions_is_told(hands: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match=r"has no prediction, .* looked for <case>/<case>_seg"):
        write_exploration(hands, tmp_path / "p.html", schema="hand_xray", predictions=tmp_path)


def test_a_prediction_on_another_grid_is_a_problem_of_its_case(hands: Path, tmp_path: Path) -> None:
    write_pages(tmp_path / "image0000_L" / "image0000_L_seg.tif", np.zeros((29, 20, 20), np.uint8))
    explored = read_set(hands, "hand_xray", predictions=tmp_path)
    (problem,) = explored.records[0].problems
    assert "has shape (20, 20), the case (48, 60)" in problem
    assert "predict the case again" in problem
    assert explored.records[0].labelled


def test_a_kind_without_labels_has_no_predictions(tmp_path: Path) -> None:
    save_picture(tmp_path / "one" / "mri" / "1.png", rng.integers(0, 255, (16, 16)))
    with pytest.raises(UsageError, match="images_2d has no labels"):
        write_exploration(tmp_path / "one", tmp_path / "p.html", schema="images_2d", predictions=tmp_path)


def test_the_page_must_be_html(hands: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"name it p\.html, not 'p\.txt'"):
        write_exploration(hands, tmp_path / "p.txt", schema="hand_xray")


def test_there_must_be_a_worker(hands: Path) -> None:
    with pytest.raises(UsageError, match=r"workers \(=0\)"):
        read_set(hands, "hand_xray", workers=0)
