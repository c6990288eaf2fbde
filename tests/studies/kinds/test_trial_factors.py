"""Main effects, interaction, capacity, curve and gap of a trial, of hand-made scores."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from made_up_study import study_of
from made_up_trial import write_trial
from scanfill.errors import UsageError
from scanfill.studies.kinds.synthetic_augmentation.arms import Combination, combinations
from scanfill.studies.kinds.synthetic_augmentation.factors import (
    among_new_cases,
    by_network,
    by_patients,
    curve_table,
    factor_tables,
    main_effects,
)
from scanfill.studies.kinds.synthetic_augmentation.page import trial_parts
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.study_scores import StudyScores, read_study_scores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.contrasts import Contrast, add, contrast_values
from scanfill.studies.tables.fit_gap import by_patient, fit_table
from scanfill.studies.tables.study_table import Estimate, MeanSD

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

QUICK = Methods(Bootstrap(draws=100))
CROSSED = ("segmenter=[small, light]", "subset.arms=[synthetic, painted]", "patients=[0.5, 1.0]", "folds=2")
CROSSED += ("seeds=[0, 1]", "held_out=0")
EFFECTS = {"synthetic": 0.04, "painted": -0.02}


def dice_of(one: Combination) -> float:
    """Geometric augmentation adds .1 and halves what synthetic cases add, which is twice as much in light networks."""
    gain = EFFECTS.get(one.arm, 0.0) * (0.5 if one.augmentation == "geometric" else 1)
    base = 0.5 + 0.1 * (one.augmentation == "geometric") - 0.1 * (one.patients < 1)
    return base + gain * (2 if one.network == "light" else 1)


def made_up(folder: Path, *settings: str, dice: Callable[[Combination], float] = dice_of) -> StudyScores:
    """Scores of 8 patients in 2 folds, each with its own level, which no contrast depends on."""
    study = study_of(*CROSSED, *settings, file="synthetic_augmentation_kidney.yaml")
    rows: list[dict[str, Any]] = [
        {"evaluation": "cross_validation", "strategy": name, "task": "", "seed": str(seed), "fold": str(number % 2)}
        | {"case_id": f"p{number}", "patient": f"p{number}"}
        | {f"dice_{region}": dice(one) + 0.01 * number for region in study["regions"]}
        for name, one in combinations(study).items()
        for seed in study["seeds"]
        for number in range(8)
    ]
    return StudyScores(folder, study, {}, rows, tuple(study["seeds"]), (0, 1))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> StudyScores:
    return made_up(tmp_path_factory.mktemp("study"))


def effect(scores: StudyScores, contrasts: Sequence[Contrast], *head: str) -> float:
    (found,) = [one for one in contrasts if one.head == head]
    rows = contrast_values(scores, "cross_validation", found, "dice_tumor")
    values = [float(row["dice_tumor"]) for row in rows]
    assert values == pytest.approx([values[0]] * 16)  # 8 patients, 2 seeds: the level of a patient cancels out
    return values[0]


def test_main_effects_and_interaction_are_those_of_the_two_by_two_table(scores: StudyScores) -> None:
    found = main_effects(dict(scores.study))
    # Averaged over networks, synthetic cases add .04 x 1.5 without and .02 x 1.5 with geometric augmentation.
    assert effect(scores, found, "synthetic", "geometric", "arm") == pytest.approx((0.06 + 0.03) / 2)
    assert effect(scores, found, "synthetic", "geometric", "augmentation") == pytest.approx((0.1 + 0.07) / 2)
    assert effect(scores, found, "synthetic", "geometric", "interaction") == pytest.approx(0.03 - 0.06)
    assert effect(scores, found, "painted", "geometric", "arm") == pytest.approx(-(0.03 + 0.015) / 2)


def test_what_an_arm_adds_in_each_network_and_how_much_more_than_in_the_first(scores: StudyScores) -> None:
    found = by_network(dict(scores.study))
    assert effect(scores, found, "synthetic", "small", "synthetic minus real") == pytest.approx(0.03)
    assert effect(scores, found, "synthetic", "light", "synthetic minus real") == pytest.approx(0.06)
    assert effect(scores, found, "synthetic", "light", "more than in small") == pytest.approx(0.03)


def test_what_an_arm_adds_with_each_share_of_the_patients(scores: StudyScores) -> None:
    found = by_patients(dict(scores.study))
    assert effect(scores, found, "synthetic", "0.5", "synthetic minus real") == pytest.approx(0.045)
    assert effect(scores, found, "synthetic", "0.5", "more than with 1") == pytest.approx(0)


def test_arms_with_new_cases_are_compared_and_told_apart(scores: StudyScores) -> None:
    found = among_new_cases(dict(scores.study))
    assert [one.head for one in found] == [("painted", "synthetic", "filled by: painted")]
    assert effect(scores, found, *found[0].head) == pytest.approx(-0.0225 - 0.045)


def test_weights_of_every_contrast_sum_to_0(scores: StudyScores) -> None:
    study = dict(scores.study)
    for make in (main_effects, by_network, by_patients, among_new_cases):
        for contrast in make(study):
            assert sum(contrast.weights.values()) == pytest.approx(0)
            assert set(contrast.weights) <= set(combinations(study))


def test_differences_that_cancel_out_leave_no_weight() -> None:
    assert add((1, "a", "b"), (1, "b", "c")) == {"a": 1, "c": -1}


def test_the_tables_are_families_of_their_own_with_an_interval_and_a_corrected_p(scores: StudyScores) -> None:
    tables = {
        table.name.removesuffix("_cross_validation"): table
        for table in factor_tables(scores, "cross_validation", QUICK)
    }
    assert list(tables) == ["main_effects", "by_network", "by_patients", "among_new_cases"]
    main = tables["main_effects"]
    assert len(main.rows) == 2 * 3 * 2  # arms, effects, regions
    assert any("family of 12 tests" in note for note in main.notes)
    estimate = main.rows[0][main.columns.index("effect [interval]")]
    assert isinstance(estimate, Estimate)
    assert estimate.value == pytest.approx(0.045)
    # Equal differences in 8 patients are tested by their signs, 2 ** -7, times a family of 12.
    assert main.data[0]["p_t_holm"] == pytest.approx(12 * 2**-7)


def test_a_factor_with_one_level_has_no_table(tmp_path: Path) -> None:
    alone = made_up(tmp_path, "augmentation=geometric", "segmenter=small", "patients=1.0")
    assert main_effects(dict(alone.study)) == by_network(dict(alone.study)) == by_patients(dict(alone.study)) == []
    assert curve_table(alone, "cross_validation", QUICK) == []


def test_a_contrast_whose_strategies_are_not_all_scored_counts_in_the_family_alone(scores: StudyScores) -> None:
    lacking = [row for row in scores.rows if not str(row["strategy"]).startswith("painted")]
    partial = replace(scores, rows=lacking)
    (main, *_) = factor_tables(partial, "cross_validation", QUICK)
    assert {row[0] for row in main.rows} == {"synthetic"}
    assert any("family of 12 tests" in note for note in main.notes)


def test_a_contrast_needs_every_strategy_in_the_same_cases(scores: StudyScores) -> None:
    name = "synthetic-none-small-p100"
    rows = [row for row in scores.rows if row["strategy"] != name or row["case_id"] != "p3"]
    contrast = Contrast(("x",), add((1.0, name, "real-none-small-p100")))
    with pytest.raises(UsageError, match="case 'p3' with seed 0 was not scored with every strategy"):
        contrast_values(replace(scores, rows=rows), "cross_validation", contrast, "dice_tumor")


def test_the_curve_has_a_column_for_each_share(scores: StudyScores) -> None:
    (table,) = curve_table(scores, "cross_validation", QUICK)
    assert table.columns[-2:] == ["50% of the patients", "100% of the patients"]
    assert table.rows[0][:4] == ["real", "none", "small", "kidney and tumor"]
    half, every = table.rows[0][-2:]
    assert isinstance(half, MeanSD)
    assert isinstance(every, MeanSD)
    assert (half.mean, every.mean) == pytest.approx((0.435, 0.535))


def write_fit(scores: StudyScores, fit: Mapping[str, float]) -> None:
    """Dice of all but the validated patients by the model of each fold, for one strategy."""
    columns = {"evaluation": "fit", "task": ""}
    for seed in scores.seeds:
        for fold in scores.folds:
            rows = [
                {**columns, "strategy": name, "seed": seed, "fold": fold, "case_id": f"p{number}"}
                | {"patient": f"p{number}"}
                | {f"dice_{region}": dice + 0.01 * number for region in scores.regions}
                for name, dice in fit.items()
                for number in range(8)
                if number % 2 != fold
            ]
            path = scores.folder / "fit" / f"seed_{seed}" / f"fold_{fold}.csv"
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("w", newline="") as file:
                writer = csv.DictWriter(file, list(rows[0]))
                writer.writeheader()
                writer.writerows(rows)


def test_the_gap_between_training_and_test_is_that_of_each_patient(tmp_path: Path) -> None:
    scores = made_up(tmp_path)
    assert fit_table(scores, "cross_validation", QUICK) == []
    write_fit(scores, {"real-none-small-p100": 0.9})
    (table,) = fit_table(scores, "cross_validation", QUICK)
    assert [row[:3] for row in table.rows] == [["real-none-small-p100", region, 8] for region in scores.regions]
    trained, tested, gap = table.rows[0][3:]
    assert (trained, tested) == pytest.approx((0.935, 0.535))
    assert isinstance(gap, Estimate)
    assert (gap.value, gap.low, gap.high) == pytest.approx((0.4, 0.4, 0.4))
    assert fit_table(scores, "held_out", QUICK) == []


def test_visits_are_averaged_before_the_models_that_saw_a_patient() -> None:
    rows = [
        {"patient": "p", "seed": "0", "fold": "0", "dice_a": 0.0},
        {"patient": "p", "seed": "0", "fold": "0", "dice_a": 1.0},
        {"patient": "p", "seed": "0", "fold": "1", "dice_a": 1.0},
    ]
    assert by_patient(rows, "dice_a") == {"p": 0.75}


def test_the_page_of_a_trial_has_its_tables(tmp_path: Path) -> None:
    study = study_of(*CROSSED, file="synthetic_augmentation_kidney.yaml")
    scores = read_study_scores(write_trial(tmp_path, study, patients=12))
    text = "".join(part.html() for part in trial_parts(scores, "cross_validation", QUICK))
    assert "Arm and augmentation apart, and their interaction" in text
    assert "Dice over shares of the training patients" in text
    assert (tmp_path / "tables" / "main_effects_cross_validation.csv").is_file()
