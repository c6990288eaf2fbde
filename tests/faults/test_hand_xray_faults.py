"""Hand radiographs as people leave them: whatever does not fit is refused, with case, file and what to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from hand_drawings import SIZE, draw_bones, draw_hand, write_hands, write_image, write_table
from scanfill.data import ReadCased, find_cases, load_cases
from scanfill.data.cases import find_cohort
from scanfill.data.outline_files import write_outlines
from scanfill.data.pages import write_pages
from scanfill.errors import CaseError
from scanfill.report.quality import write_quality_report

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = [[5, 5], [20, 5], [20, 20], [5, 20]]


def read(folder: Path, **options: Any) -> Any:
    (case,) = find_cases(folder, schema="hand_xray", **options)
    return ReadCased("xray", "label", schema="hand_xray")(case)


def annotate(folder: Path, *annotations: tuple[str, Any], **about: Any) -> None:
    """Write a radiograph and outlines by hand."""
    write_image(folder / "c1.png")
    content = {"annotations": [{"label": name, "points": points} for name, points in annotations], **about}
    (folder / "c1.json").write_text(json.dumps(content))


# --- outlines -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("annotations", "message"),
    [
        ([("Trapezuim", SQUARE)], r"'Trapezuim', which is not one of .*The nearest is 'Trapezium'"),
        ([("finger-20", SQUARE)], r"'finger-20', which is not one of .*The nearest is 'finger-2'"),
        ([("Radius", SQUARE[:2])], r"the outline of 'Radius' has 2 points"),
        ([("Ulna", [*SQUARE, [48.5, 3]])], r"the outline of 'Ulna' has point 5 of 5 at \[48.5, 3\], outside the image"),
        (
            [("Ulna", [SQUARE[0], *SQUARE[2:0:-1], SQUARE[3]])],
            r"the outline of 'Ulna' crosses itself at \[12.5, 12.5\]",
        ),
        ([("Ulna", SQUARE), ("Ulna", SQUARE)], r"annotation 2 is a second outline of 'Ulna'"),
    ],
)
def test_outlines_that_cannot_be_right(tmp_path: Path, annotations: Any, message: str) -> None:
    annotate(tmp_path, *annotations)
    with pytest.raises(CaseError, match=rf"Case 'c1': label \(.*c1.json\).*{message}"):
        read(tmp_path)


def test_outlines_of_another_image(tmp_path: Path) -> None:
    annotate(tmp_path, ("Ulna", SQUARE), metadata={"width": 2048, "height": 2048})
    with pytest.raises(CaseError, match=r"c1.json\) states the size 2048 x 2048, but the image has 48 x 60 pixels"):
        read(tmp_path)


# --- files that belong together -------------------------------------------------------------------------------------


def test_images_without_outlines_and_the_reverse_are_told_at_once(tmp_path: Path) -> None:
    write_hands(tmp_path)
    (tmp_path / "outputs_json" / "ID000" / "image0000_L.json").unlink()
    (tmp_path / "DCM" / "ID001" / "image0003_R.png").unlink()
    with pytest.raises(CaseError) as caught:
        find_cases(tmp_path, schema="hand_xray")
    first, second = str(caught.value).splitlines()
    assert "Case 'image0000_L' has no label, only " in first
    assert first.endswith("or pass --labels none if labels are not needed.")
    assert "Case 'image0003_R' has no xray; it has label." in second
    kept = find_cohort(tmp_path, schema="hand_xray", strict=False).cases
    assert sum("problem" in case for case in kept) == 2


def test_images_alone_are_fine_for_a_prediction(tmp_path: Path) -> None:
    write_image(tmp_path / "c1.png")
    (case,) = find_cases(tmp_path, labels="none", schema="hand_xray")
    assert "label" not in case
    with pytest.raises(CaseError, match=r"has no label, only .*c1.png: add its outlines"):
        find_cases(tmp_path, schema="hand_xray")


def test_two_truths_of_one_image(tmp_path: Path) -> None:
    annotate(tmp_path, ("Ulna", SQUARE))
    write_pages(tmp_path / "c1_seg.tif", np.zeros((29, *SIZE)))
    with pytest.raises(CaseError, match=r"has two files for label: .*Keep one of them"):
        read(tmp_path)


def test_two_radiographs_of_one_name(tmp_path: Path) -> None:
    for person in ("anna", "ben"):
        write_image(tmp_path / person / "hand_L.png")
    with pytest.raises(CaseError, match=r"Two cases have the same name: 'hand_L' in .*anna and 'hand_L' in .*ben"):
        find_cases(tmp_path, labels="none", schema="hand_xray")


@pytest.mark.parametrize(("shape", "message"), [((29, 48, 61), "label has shape"), ((28, 48, 60), "has 28 pages")])
def test_pages_of_another_image(tmp_path: Path, shape: tuple[int, ...], message: str) -> None:
    write_image(tmp_path / "c1.png")
    write_pages(tmp_path / "c1_seg.tif", np.zeros(shape))
    with pytest.raises(CaseError, match=f"Case 'c1': .*{message}"):
        read(tmp_path)


@pytest.mark.parametrize("kind", ["json", "pages"])
def test_one_truth_for_two_persons(tmp_path: Path, kind: str) -> None:
    for number, name in enumerate(("anna_L", "ben_L", "cleo_L")):
        write_image(tmp_path / f"{name}.png", seed=number)
        masks = draw_bones() if name != "cleo_L" else {}
        if kind == "json":
            write_outlines(tmp_path / f"{name}.json", masks, SIZE)
        else:
            write_pages(tmp_path / f"{name}_seg.tif", np.stack([*masks.values(), *np.zeros((29 - len(masks), *SIZE))]))
    with pytest.raises(CaseError, match="Cases 'anna_L' and 'ben_L' have the same label"):
        load_cases(tmp_path, schema="hand_xray", modalities=["xray"], validation=0.3)


def test_truths_of_two_persons_may_both_be_empty(tmp_path: Path) -> None:
    for number, name in enumerate(("anna_L", "ben_L", "cleo_L", "dora_L")):
        write_image(tmp_path / f"{name}.png", seed=number)
        if number % 2:
            write_outlines(tmp_path / f"{name}.json", {}, SIZE)
        else:
            write_pages(tmp_path / f"{name}_seg.tif", np.zeros((29, *SIZE)))
    split = load_cases(tmp_path, schema="hand_xray", modalities=["xray"], validation=0.5)
    assert sum(map(len, split.values())) == 4


# --- what is no radiograph ------------------------------------------------------------------------------------------


def test_a_color_photograph(tmp_path: Path) -> None:
    image = np.stack([draw_hand()] * 3, axis=-1)
    image[..., 0] //= 2
    Image.fromarray(image).save(tmp_path / "c1.png")
    write_outlines(tmp_path / "c1.json", draw_bones(), SIZE)
    with pytest.raises(CaseError, match=r"Case 'c1': xray \(.*c1.png\) is in color"):
        read(tmp_path)


def test_a_file_of_several_pages(tmp_path: Path) -> None:
    write_pages(tmp_path / "c1.tif", np.zeros((3, *SIZE)))
    write_outlines(tmp_path / "c1.json", draw_bones(), SIZE)
    with pytest.raises(CaseError, match=r"Case 'c1': xray \(.*c1.tif\) has 3 pages"):
        read(tmp_path)


def test_the_quality_page_lists_what_is_wrong(tmp_path: Path) -> None:
    write_hands(tmp_path / "data", 2)
    (tmp_path / "data" / "DCM" / "ID001" / "image0003_R.png").write_bytes(b"not a picture")
    write_quality_report(tmp_path / "data", tmp_path / "quality.html", schema="hand_xray")
    found = json.loads((tmp_path / "quality.json").read_text())["cases"]
    assert [finding["code"] for case in found for finding in case["findings"]] == ["refused"]


# --- the table ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"age": "132"}, r"line 2: age=132 is not between 0 and 120 years"),
        ({"age": "five"}, r"line 2: age='five' is not a number"),
        ({"sex": "x"}, r"line 2: sex='x' is not one of F, M \(or female, male\)"),
        ({"side": "right"}, r"case 'c1_L' has side='right', but its file's name says 'left'"),
    ],
)
def test_conditions_that_cannot_be_right(tmp_path: Path, row: dict[str, str], message: str) -> None:
    write_image(tmp_path / "c1_L.png")
    write_table(tmp_path, [{"case_id": "c1_L", **row}])
    with pytest.raises(CaseError, match=rf"meta_data.csv.*{message}"):
        find_cases(tmp_path, labels="none", schema="hand_xray")


def test_tables_whose_rows_are_ambiguous(tmp_path: Path) -> None:
    for name in ("c1_L", "c1_R"):
        write_image(tmp_path / f"{name}.png")
    write_table(tmp_path, [{"case_id": "c1_L", "age": 4}, {"case_id": "c1_L.png", "age": 5}])
    with pytest.raises(CaseError, match=r"line 3: case 'c1_L' has another row, .*line 2"):
        find_cases(tmp_path, labels="none", schema="hand_xray")
    write_table(tmp_path, [{"name": "c1_L", "age": 4}])
    with pytest.raises(CaseError, match=r"has no column 'case_id', .*it has name, age"):
        find_cases(tmp_path, labels="none", schema="hand_xray")
    write_table(tmp_path, [{"case_id": "c1_L", "patient": "anna"}])
    with pytest.raises(CaseError, match=r"states the patient of 1 of 2 cases, but not of c1_R"):
        find_cases(tmp_path, labels="none", schema="hand_xray")
