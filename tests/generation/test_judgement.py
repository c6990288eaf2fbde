"""Every gate meets the straw men: each of them fails at least one, and real images pass all."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import Tensor

from scanfill.data.finders import TableFinder
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec
from scanfill.errors import CaseError
from scanfill.generation import Vocabulary, learn_vocabulary
from scanfill.generation.fidelity import condition_fidelity, specificity
from scanfill.generation.gates import gates
from scanfill.generation.judge import JudgeNetwork, train_judge
from scanfill.generation.judgement import JUDGE, REAL, SAMPLES, Images, Judged, judge_samples, write_judged
from scanfill.generation.judgement_page import write_page
from scanfill.generation.straw_men import CLASS_MEAN, COPIES, MEAN, NOISE, most_alike, straw_men

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = CaseSchema(
    name="blobs",
    spatial_dims=2,
    images=[ImageSpec("image")],
    conditions=[
        ConditionSpec("kind", values=("dot", "bar"), required=False),
        ConditionSpec("x", range=(0, 1), required=False),
    ],
    finder=TableFinder("conditions.csv"),
)
SIDE = 32


def blobs(number: int, seed: int) -> Images:
    """Dots and bars at a place, each with its own width, height and background."""
    random = np.random.default_rng(seed)
    ticks = (np.arange(SIDE) + 0.5) / SIDE
    across, down = np.meshgrid(ticks, ticks, indexing="ij")
    cases: list[dict[str, Any]] = []
    pixels = []
    for index in range(number):
        kind, x = ("dot", "bar")[index % 2], random.uniform(0.25, 0.75)
        y, wide, tilt = random.uniform(0.3, 0.7), random.uniform(0.08, 0.14), random.uniform(-0.5, 0.5)
        distance = np.abs(across - x) if kind == "bar" else np.hypot(across - x, down - y)
        image = (
            -0.6 + tilt * (down - 0.5) + 1.4 * np.exp(-((distance / wide) ** 2)) + random.normal(0, 0.02, across.shape)
        )
        pixels.append(torch.tensor(np.clip(image, -1, 1), dtype=torch.float32)[None])
        cases.append({"case_id": str(index), "kind": kind, "x": float(x)})
    return Images(torch.stack(pixels), cases)


@pytest.fixture(scope="module")
def parts() -> dict[str, Images]:
    return {
        name: blobs(number, seed)
        for seed, (name, number) in enumerate(
            (("training", 300), ("held_out", 200), ("judged_on", 200), ("samples", 200))
        )
    }


@pytest.fixture(scope="module")
def vocabulary(parts: dict[str, Images]) -> Vocabulary:
    return learn_vocabulary({"training": parts["training"].cases}, SCHEMA)


@pytest.fixture(scope="module")
def judged(parts: dict[str, Images], vocabulary: Vocabulary) -> Judged:
    """Samples of a perfect generator: fresh images of the same distribution."""
    return judge_samples(**parts, vocabulary=vocabulary, steps=150, draws=100)


def failed(judged: Judged, row: str) -> set[str]:
    return {gate.name for gate in judged.gates[row] if not gate.passed}


def test_a_perfect_generator_passes_every_gate(judged: Judged) -> None:
    assert failed(judged, SAMPLES) == set()
    assert judged.passes(SAMPLES)


@pytest.mark.parametrize(
    ("row", "gate"),
    [
        (MEAN, "shows what is asked for"),
        (MEAN, "covers the real images"),
        (CLASS_MEAN, "is nearer to real images than class means plus noise"),
        (COPIES, "does not copy"),
        (NOISE, "shows what is asked for"),
        (NOISE, "covers the real images"),
    ],
)
def test_each_straw_man_fails_at_the_gate_that_is_made_for_it(judged: Judged, row: str, gate: str) -> None:
    assert gate in failed(judged, row)
    assert not judged.passes(row)


def test_copies_have_a_better_kernel_distance_than_anything_else_and_are_found_nonetheless(judged: Judged) -> None:
    assert judged.scores[COPIES]["coverage"] > 0.5
    assert judged.scores[COPIES]["copies"] > 0.9
    assert judged.scores[SAMPLES]["copies"] < 0.05
    assert judged.scores[NOISE]["copies"] == 0  # which alone says nothing


def test_a_planted_copy_in_one_of_twenty_samples_is_flagged(parts: dict[str, Images], vocabulary: Vocabulary) -> None:
    planted = parts["samples"].pixels.clone()
    planted[:10] = parts["training"].pixels[:10] + 0.002
    found = judge_samples(
        **{**parts, "samples": Images(planted, parts["samples"].cases)}, vocabulary=vocabulary, steps=60, draws=50
    )
    assert "does not copy" in failed(found, SAMPLES)
    for pairs in found.closest.values():
        assert len(pairs) == 5
        assert all(sample == index < 10 for sample, index, _ in pairs)
    assert found.scores[SAMPLES]["copies_features"] >= 0.05


def test_samples_of_shuffled_conditions_do_not_obey(
    parts: dict[str, Images], vocabulary: Vocabulary, judged: Judged
) -> None:
    order = torch.randperm(200, generator=torch.Generator().manual_seed(0))
    judge = train_judge(parts["judged_on"].pixels, parts["judged_on"].cases, vocabulary, steps=150)
    rows = condition_fidelity(parts["samples"].cases, judge(parts["samples"].pixels[order]), vocabulary)
    kind, x = rows
    assert kind["right"] < 0.7
    assert abs(x["correlation"]) < 0.3
    assert "shows what is asked for" in {
        gate.name
        for gate in gates(rows, judged.fidelity[REAL][JUDGE], judged.scores[SAMPLES], judged.scores[CLASS_MEAN])
        if not gate.passed
    }


def test_a_judge_trained_on_samples_tells_real_images(judged: Judged) -> None:
    kind, x = judged.useful[SAMPLES]
    assert kind["right"] > 0.9
    assert x["correlation"] > 0.8


def test_the_judge_of_real_images_is_reported_beside(judged: Judged) -> None:
    assert judged.fidelity[REAL][JUDGE][0]["right"] > 0.95
    assert judged.scores[REAL]["kid_low"] < 0 < judged.scores[REAL]["kid_high"]


def test_real_images_are_compared_with_others_of_their_kind_if_there_are_enough(
    parts: dict[str, Images], vocabulary: Vocabulary
) -> None:
    black = Images(torch.full_like(parts["judged_on"].pixels, -1), parts["judged_on"].cases)
    black.pixels[::2] = parts["judged_on"].pixels[::2]  # the judge needs something to learn from
    few = {**parts, "samples": parts["samples"].first(60), "judged_on": black}
    scores = judge_samples(**few, vocabulary=vocabulary, steps=60, draws=20).scores
    assert scores[REAL]["coverage"] > 0.8  # of held-out images that no sample was asked to be like
    assert scores[REAL]["images"] == 60  # and no more, for the next ones would be compared with themselves
    assert abs(scores[REAL]["membership_auc"] - 0.5) < 0.15  # nobody learned from them


def test_likeness_to_the_images_whose_conditions_were_asked_for_hides_no_members(
    parts: dict[str, Images], vocabulary: Vocabulary
) -> None:
    asked = parts["held_out"].first(60)
    alike = Images(asked.pixels + 0.02, asked.cases)
    scores = judge_samples(**{**parts, "samples": alike}, vocabulary=vocabulary, steps=60, draws=20).scores
    assert abs(scores[SAMPLES]["membership_auc"] - 0.5) < 0.1  # .3 if these were among the strangers


def test_tables_have_a_line_per_row(judged: Judged, tmp_path: Path) -> None:
    scores, fidelity = write_judged(judged, tmp_path, note="made up")
    with scores.open() as file:
        lines = list(csv.DictReader(file))
    assert [line["row"] for line in lines] == [REAL, SAMPLES, MEAN, CLASS_MEAN, COPIES, NOISE]
    assert {line["note"] for line in lines} == {"made up"}
    assert "does not copy" in lines[4]["failed"]
    with fidelity.open() as file:
        told = list(csv.DictReader(file))
    assert {line["row"] for line in told} >= {REAL, SAMPLES, f"judge trained on {SAMPLES}"}


def test_the_page_answers_first_and_never_says_anonymous_without_not(
    judged: Judged, parts: dict[str, Images], tmp_path: Path
) -> None:
    sheets = {name: images.pixels for name, images in parts.items()}
    page = write_page(
        judged, tmp_path / "page.html", samples=parts["samples"], training=parts["training"], sheets=sheets
    )
    text = page.read_text()
    assert text.index("The samples pass all gates.") < text.index("What it looks like")
    assert "Of 4 straw men, which generate nothing, none passes all of them." in text
    assert text.count("anonymous") == text.count("not anonymous")


# --- parts ------------------------------------------------------------------------------------------------------------


def test_the_nearest_training_image_has_the_same_categories_and_the_nearest_numbers(vocabulary: Vocabulary) -> None:
    known = [{"kind": "dot", "x": 0.3}, {"kind": "dot", "x": 0.6}, {"kind": "bar", "x": 0.5}, {"kind": "bar"}]
    asked = [{"kind": "dot", "x": 0.5}, {"kind": "bar", "x": 0.3}, {"kind": "bar"}]
    assert most_alike(known, asked, vocabulary).tolist() == [1, 2, 3]


def test_of_training_images_that_are_equally_alike_each_is_drawn(vocabulary: Vocabulary) -> None:
    known = [{"kind": "dot"}] * 4 + [{"kind": "bar"}] * 2
    found = most_alike(known, [{"kind": "dot"}] * 40 + [{"kind": "bar"}] * 40, vocabulary)
    assert set(found[:40].tolist()) == {0, 1, 2, 3}
    assert set(found[40:].tolist()) == {4, 5}


def test_straw_men_answer_every_request_within_the_range(parts: dict[str, Images], vocabulary: Vocabulary) -> None:
    training = parts["training"]
    found = straw_men(training.pixels, training.cases, parts["samples"].cases, vocabulary)
    assert set(found) == {MEAN, CLASS_MEAN, COPIES, NOISE}
    for images in found.values():
        assert images.shape == parts["samples"].pixels.shape
        assert -1 <= float(images.min()) <= float(images.max()) <= 1
    assert torch.equal(found[MEAN][0], training.pixels.mean(dim=0))


def fidelity(asked: list[Any], measured: list[Any], vocabulary: Vocabulary) -> dict[str, Any]:
    (row,) = condition_fidelity([{"x": each} for each in asked], [{"x": each} for each in measured], vocabulary)
    return row


def test_fidelity_of_a_hand_made_case(vocabulary: Vocabulary) -> None:
    row = fidelity([0, 1, 2, 3], [1, 1.5, 2, 2.5], vocabulary)
    assert (row["n"], row["correlation"], row["slope"], row["error"]) == pytest.approx((4, 1, 0.5, 0.5))
    assert fidelity([1, 2, 3], [None, 2, 4], vocabulary)["n"] == 2
    assert fidelity([1, 1, 1], [1, 2, 3], vocabulary)["correlation"] is None
    assert fidelity([1, 2, 3], [2, 2, 2], vocabulary)["correlation"] == 0


def test_specificity_in_both_senses_of_a_hand_made_case(vocabulary: Vocabulary) -> None:
    asked = [{"kind": "dot"}, {"kind": "dot"}, {"kind": "bar"}, {"x": 0.5}]
    told = [{"kind": "dot"}, {"kind": "bar"}, {"kind": "bar"}, {"kind": "bar"}]
    found = specificity(asked, told, vocabulary, {"kind": "dot"})
    assert found == {"specificity": pytest.approx(2 / 3), "specificity_negative": 0.5}
    assert np.isnan(specificity(asked, told, vocabulary, {})["specificity_negative"])


def test_a_category_that_was_not_measured_is_not_right(vocabulary: Vocabulary) -> None:
    (row,) = condition_fidelity([{"kind": "dot"}, {"kind": "bar"}], [{"kind": "dot"}, {}], vocabulary)
    assert row["right"] == 0.5


@pytest.mark.parametrize(
    ("own", "passed"),
    [
        ({"correlation": 0.9, "slope": 1.0}, True),
        ({"correlation": 0.7, "slope": 1.0}, False),
        ({"correlation": 0.9, "slope": 0.7}, False),
        ({"correlation": 0.9, "slope": 1.3}, False),
        ({"correlation": None, "slope": None}, False),
    ],
)
def test_numbers_need_correlation_and_slope_where_they_can_be_measured(own: dict[str, Any], passed: bool) -> None:
    base = {"condition": "x", "right": None}
    scores = {"coverage": 1.0, "kid_low": 0.0, "kid_high": 0.0, "copies": 0.0}
    for best, expected in ((0.97, passed), (0.5, True)):
        first, *_ = gates([{**base, **own}], [{**base, "correlation": best}], scores, {**scores, "kid_low": 1.0})
        assert first.passed == expected


def test_no_image_makes_a_feature_large_and_so_decides_a_mean_distance(parts: dict[str, Images]) -> None:
    network = JudgeNetwork([2, 0], SIDE).eval()
    features = network.features(100 * parts["samples"].pixels)
    assert features.abs().max() <= 1
    assert features.std(dim=0).max() > 0.1


def test_a_judge_needs_images(vocabulary: Vocabulary) -> None:
    few: Tensor = torch.zeros(3, 1, SIDE, SIDE)
    with pytest.raises(CaseError, match="needs at least 5 images"):
        train_judge(few, [{}] * 3, vocabulary)
