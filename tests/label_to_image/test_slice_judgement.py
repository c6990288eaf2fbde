"""Real slices and those of a perfect generator pass every gate; each straw man fails at least one."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from drawn_slices import REGIONS, made_slices
from scanfill.errors import CaseError
from scanfill.generation.judgement_page import gate_table
from scanfill.label_to_image.judged import NEAREST, NETWORK, PAINTED, REAL, Judged, write_judged
from scanfill.label_to_image.judgement import judge_slices
from scanfill.label_to_image.judgement_page import write_page
from scanfill.label_to_image.slice_gates import NEARER, NO_COPY, SHOWS, gates_of

if TYPE_CHECKING:
    from pathlib import Path

    from scanfill.label_to_image.slices import Slice

STEPS = 60


@pytest.fixture(scope="module")
def training() -> list[Slice]:
    return made_slices(20, 0, prefix="t")


@pytest.fixture(scope="module")
def held_out() -> list[Slice]:
    return made_slices(8, 1)


@pytest.fixture(scope="module")
def found(held_out: list[Slice], training: list[Slice]) -> tuple[Judged, dict[str, torch.Tensor]]:
    return judge_slices(held_out, training, REGIONS, steps=STEPS, draws=100)


@pytest.fixture(scope="module")
def judged(found: tuple[Judged, dict[str, torch.Tensor]]) -> Judged:
    return found[0]


def failed(judged: Judged, row: str) -> set[str]:
    return {gate.name for gate in judged.gates[row] if not gate.passed}


def test_real_slices_and_a_perfect_generator_pass_every_gate(judged: Judged) -> None:
    assert failed(judged, REAL) == set()
    assert failed(judged, NETWORK) == set()
    assert judged.passes(NETWORK)


def test_painted_slices_do_not_look_real(judged: Judged) -> None:
    assert NEARER in failed(judged, PAINTED)
    assert judged.scores[PAINTED]["kid"] > 3 * abs(judged.scores[NETWORK]["kid"])


def test_copies_of_training_slices_look_real_and_are_found_nonetheless(judged: Judged) -> None:
    assert failed(judged, NEAREST) >= {NO_COPY}
    assert judged.scores[NEAREST]["copies_pixels"] == judged.scores[NEAREST]["copies_texture"] == 1
    assert judged.scores[NETWORK]["copies_pixels"] == 0
    assert judged.scores[NEAREST]["kid"] < judged.scores[PAINTED]["kid"]


def test_slices_of_other_masks_do_not_show_theirs(held_out: list[Slice], training: list[Slice]) -> None:
    others = [*held_out[1:], *held_out[:1]]
    turned = [replace(one, looks=other.looks) for one, other in zip(held_out, others, strict=True)]
    shuffled, _ = judge_slices(turned, training, REGIONS, steps=STEPS, draws=20)
    assert SHOWS in failed(shuffled, NETWORK)


def test_regions_are_scored_in_those_slices_that_have_them(judged: Judged) -> None:
    scores = judged.scores[REAL]
    assert (scores["slices_organ and lesion"], scores["patients_organ and lesion"]) == (16, 8)
    assert (scores["slices_lesion"], scores["patients_lesion"]) == (8, 8)
    assert scores["dice_low_lesion"] < scores["dice_lesion"] < scores["dice_high_lesion"]


def test_the_row_of_real_slices_is_the_distance_of_training_slices(judged: Judged) -> None:
    assert judged.scores[REAL]["kid_low"] < judged.scores[REAL]["kid"]
    assert judged.scores[REAL]["kid_above_painted"] < 0


def test_looks_that_differ_are_reported_and_a_single_one_has_no_diversity(
    judged: Judged, training: list[Slice]
) -> None:
    scores = judged.scores[NETWORK]
    assert judged.about["looks"] == 2
    assert scores["ms_ssim"] < scores["ms_ssim_looks"] < 1
    assert scores["sd_looks"] > 0.05
    single, _ = judge_slices(made_slices(2, 3, looks=1), training[:4], REGIONS, steps=1, draws=5)
    assert single.scores[NETWORK]["ms_ssim_looks"] != single.scores[NETWORK]["ms_ssim_looks"]


def test_few_patients_leave_what_needs_an_interval_undecided(training: list[Slice], tmp_path: Path) -> None:
    few = made_slices(3, 2)
    found, images = judge_slices(few, training, REGIONS, steps=1, draws=5)
    reasons = {gate.name: gate.reason for gate in found.gates[REAL]}
    assert "3 held-out patients are too few" in reasons[NEARER]
    write_page(found, tmp_path, images=images, held_out=few, training=training)
    page = (tmp_path / "judgement.html").read_text()
    assert "With fewer than 6 patients there are no intervals" in page
    assert gate_table(found.gates, "").rows[0][2].text == "undecided"


def test_one_slice_without_a_lesion_is_judged_as_far_as_it_can_be(training: list[Slice], tmp_path: Path) -> None:
    one = made_slices(1, 4)[1:]
    found, images = judge_slices(one, training, REGIONS, steps=1, draws=5)
    assert found.scores[NETWORK]["patients_lesion"] == 0
    assert not any(found.passes(row) for row in found.gates)
    figures = json.loads(write_judged(found, tmp_path)[1].read_text())
    assert figures["rows"][NETWORK]["kid"] is None
    assert figures["rows"][NETWORK]["dice_lesion"] is None
    write_page(found, tmp_path, images=images, held_out=one, training=training)


def test_a_patient_on_both_sides_is_refused(training: list[Slice]) -> None:
    with pytest.raises(CaseError, match="Patient t0 is among the training patients"):
        judge_slices(training[:4], training, REGIONS, steps=1)


def test_without_slices_there_is_nothing_to_judge(training: list[Slice]) -> None:
    with pytest.raises(CaseError, match="got 0 and 40"):
        judge_slices([], training, REGIONS, steps=1)


def test_files_have_the_figures_of_each_row(judged: Judged, tmp_path: Path) -> None:
    table, figures = write_judged(judged, tmp_path, note="made up")
    with table.open() as file:
        lines = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert len(lines) == 4 * 16
    assert {line["row"] for line in lines} == {REAL, NETWORK, PAINTED, NEAREST}
    content = json.loads(figures.read_text())
    assert content["note"] == "made up"
    assert content["passed"] == {REAL: True, NETWORK: True, PAINTED: False, NEAREST: False}
    assert content["rows"][PAINTED]["dice_lesion"] == pytest.approx(judged.scores[PAINTED]["dice_lesion"])


def test_the_page_answers_first_and_says_why_there_is_no_frechet_distance(
    found: tuple[Judged, dict[str, torch.Tensor]], held_out: list[Slice], training: list[Slice], tmp_path: Path
) -> None:
    judged, images = found
    page, sheet = write_page(judged, tmp_path, images=images, held_out=held_out, training=training)
    text = page.read_text()
    assert text.index("The drawn slices pass all gates.") < text.index("What it looks like")
    assert "Of the other rows, real would pass" in text
    assert (
        "The Fréchet distance is refused: it needs more slices than the 224 features, but one set has only 16." in text
    )
    assert text.count("anonymous") == text.count("not anonymous")
    assert sheet.stat().st_size > 10_000


def figures_of(**changed: float) -> dict[str, Any]:
    base = {"dice_a": 0.9, "dice_b": 0.1, "kid_above_painted": -1.0, "copies_pixels": 0.0, "copies_texture": 0.0}
    return base | changed


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({}, set()),
        ({"dice_a": 0.73}, set()),
        ({"dice_a": 0.71}, {SHOWS}),
        ({"dice_b": 0.0}, set()),  # not found on real slices either
        ({"kid_above_painted": 0.1}, {NEARER}),
        ({"copies_texture": 0.1}, {NO_COPY}),
    ],
)
def test_gates_of_a_hand_made_case(changed: dict[str, float], wrong: set[str]) -> None:
    scores = {REAL: figures_of(), NETWORK: figures_of(**changed)}
    gates = gates_of(NETWORK, scores, {"a": (1,), "b": (2,)}, {"patients": 10})
    assert {gate.name for gate in gates if not gate.passed} == wrong


def test_a_segmenter_that_finds_nothing_on_real_slices_decides_nothing() -> None:
    scores = {REAL: figures_of(dice_a=0.2)}
    shows, *_ = gates_of(REAL, scores, {"a": (1,)}, {"patients": 10})
    assert not shows.passed
    assert shows.undecided
    assert "undecided" in shows.reason
