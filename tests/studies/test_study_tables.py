"""The tables of a study, from scores with known effects."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from made_up_study import write_study
from scanfill.studies.kinds.missing_modality.error_tables import image_error_tables, smallest_correlation
from scanfill.studies.kinds.missing_modality.paper_tables import (
    pair_cells,
    published,
    replaced_tables,
    three_input_tables,
)
from scanfill.studies.kinds.missing_modality.subset_tables import (
    MISSING_SETS,
    judge_subsets,
    secondary_tables,
    subset_tables,
)
from scanfill.studies.statistics import Bootstrap, Family
from scanfill.studies.study_scores import Cell, StudyScores, read_study_scores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.costs import read_costs
from scanfill.studies.tables.study_table import Compared, MeanSD, StudyTable
from scanfill.studies.tables.writer import as_markdown

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("segmenter=unet", "folds=3", "seeds=[0, 1]", "most_missing=1", "held_out=0", "subset.targets=[t1ce]")
OPTIONS += ("subset.strategies=[dedicated, zero, dropout, pairwise_from]",)
QUICK = Methods(Bootstrap(draws=100))


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> StudyScores:
    return read_study_scores(write_study(tmp_path_factory.mktemp("study"), *OPTIONS, patients=15))


@pytest.fixture(scope="module")
def subsets(scores: StudyScores) -> list[StudyTable]:
    return subset_tables(judge_subsets(scores, "cross_validation", QUICK))


@pytest.fixture(scope="module")
def three_inputs(scores: StudyScores) -> list[StudyTable]:
    return three_input_tables(scores, "cross_validation", QUICK)


def dice_of(scores: StudyScores, cell: Cell, key: str = "dice_WT") -> dict[str, float]:
    """Mean over seeds of each patient, straight from the rows of the files."""
    found: dict[str, list[float]] = {}
    for row in scores.rows:
        if (row["strategy"], row["task"]) == cell:
            found.setdefault(str(row["patient"]), []).append(float(row[key]))
    return {patient: float(np.mean(values)) for patient, values in found.items()}


def test_the_published_figures_stand_beside_ours(scores: StudyScores, three_inputs: list[StudyTable]) -> None:
    table = three_inputs[0]
    rows = {row[0]: dict(zip(table.columns, row, strict=True)) for row in table.rows}
    ours = list(dice_of(scores, Cell("dedicated", "without t1ce")).values())
    found = rows["t1ce"]["WT ours"]
    assert isinstance(found, MeanSD)
    assert (found.mean, found.sd) == pytest.approx((np.mean(ours), np.std(ours, ddof=1)))
    assert rows["t1ce"]["CET published"] == MeanSD(0.62, 0.23)
    assert rows["none (four inputs)"]["NC published"] == MeanSD(0.76, 0.29)
    assert "BraTS 2021" in " ".join(table.notes)


def test_a_table_has_the_rows_that_were_planned_and_names_the_rest_in_one_note(
    scores: StudyScores, three_inputs: list[StudyTable], subsets: list[StudyTable]
) -> None:
    assert [row[0] for row in three_inputs[0].rows] == ["t1ce", "none (four inputs)"]
    absent = "Not part of this study: a model without t2, a model without flair, a model without t1."
    assert three_inputs[0].notes[0] == absent
    rows = [tuple(row[:2]) for row in subsets[1].rows]
    without = [("t1ce", name) for name in ("dedicated", "zero", "dropout")]
    assert rows == [("nothing", "complete_set"), ("nothing", "dropout"), *without]
    assert [row[0] for row in subsets[0].rows] == ["nothing", "t1ce"]
    for table in subsets[:2]:
        assert table.notes[0].startswith(
            "Not part of this study: pairwise, completion, synthetic_trained, without t1, "
        )
        assert table.notes[0].count("without ") == 13
    replaced = replaced_tables(scores, "cross_validation", QUICK)[0]
    assert [row[1] for row in replaced.rows] == ["flair", "t1", "t2", "originals"]
    assert replaced.notes[0].count(" from ") == 9


def test_each_subset_is_one_of_fifteen() -> None:
    assert len(MISSING_SETS) == len(set(MISSING_SETS)) == 15


def test_the_difference_is_that_of_paired_patients(scores: StudyScores, subsets: list[StudyTable]) -> None:
    (cell,) = [row[5] for row in subsets[1].rows if row[:2] == ["t1ce", "zero"]]
    whole, without = dice_of(scores, Cell("complete_set")), dice_of(scores, Cell("zero", "without t1ce"))
    assert isinstance(cell, Compared)
    assert cell.difference.value == pytest.approx(np.mean([without[one] - whole[one] for one in whole]))
    assert cell.difference.low < cell.difference.value < cell.difference.high < 0


def test_a_loss_that_was_put_in_is_found_and_a_strategy_without_loss_is_as_good(subsets: list[StudyTable]) -> None:
    (row,) = [row for row in subsets[0].rows if row[0] == "t1ce"]
    told = dict(zip(subsets[0].columns, map(str, row), strict=True))
    assert "zero (all)" in told["lower than complete (t-test)"]
    assert "dropout (all)" in told["as good as the reference"]
    assert "dropout (all)" in told["higher than zero-filling (t-test)"]
    assert told["verdict"].startswith("As good as the reference in every region: ")
    verdicts = {(row[0], row[1], row[2]): row[-2] for row in subsets[2].rows}
    assert verdicts["t1ce", "zero", "WT"] == "worse"
    assert {(row[0], row[1], row[2]): row[-2] for row in subsets[3].rows}["t1ce", "dropout", "WT"] == "better"


def test_every_table_says_family_margins_seeds_and_what_it_could_have_shown(
    scores: StudyScores, subsets: list[StudyTable], three_inputs: list[StudyTable]
) -> None:
    tables = [*three_inputs, *subsets[:3], *replaced_tables(scores, "cross_validation", QUICK)]
    for table in tables:
        notes = " ".join(table.notes)
        assert "a family of " in notes
        assert "dice_WT 0.02" in notes
        assert "seeds 0, 1" in notes
        assert "Smallest detectable difference of dice: NC 0." in notes
        assert all(note.split()[0] in as_markdown(table) for note in table.notes)
    sizes = {table.name: " ".join(table.notes) for table in tables}
    assert "a family of 4 tests" in sizes["three_input_models_cross_validation"]  # one of four models was trained
    assert "a family of 12 tests" in sizes["synthetic_for_original_cross_validation"]  # three sources
    assert "a family of 16 tests" in sizes["subsets_cross_validation"]  # dedicated, zero, and dropout twice


def test_nothing_is_invented_for_tables_whose_figures_were_not_available(scores: StudyScores) -> None:
    table = replaced_tables(scores, "cross_validation", QUICK)[0]
    assert list(table.columns) == ["target", "made from", "NC", "ED", "CET", "WT"]
    assert "not available to us" in table.notes[1]
    rows = {(row[0], row[1]): row[5] for row in table.rows}
    assert isinstance(rows["t1ce", "t2"], MeanSD)
    assert rows["none", "originals"].mark == ""  # type: ignore[union-attr]


def test_correlations_are_those_of_scipy_beside_the_published_ones(scores: StudyScores) -> None:
    published, with_dice, with_loss = image_error_tables(scores, "cross_validation")
    row = next(row for row in published.rows if row[:2] == ["t1ce", "t2"])
    told = dict(zip(published.columns, row, strict=True))
    cell = Cell("pairwise_from_t2", "without t1ce")
    error, dice = dice_of(scores, cell, "mse_brain"), dice_of(scores, cell)
    whole = dice_of(scores, Cell("complete_set"))
    patients = sorted(dice)
    x, y = [error[one] for one in patients], [dice[one] for one in patients]
    assert told["Pearson WT, ours"].value == pytest.approx(stats.pearsonr(x, y).statistic)  # type: ignore[union-attr]
    assert told["Pearson WT, published"] == "0.117*"
    assert told["MSE, published"] == 0.972855
    loss = [whole[one] - dice[one] for one in patients]
    row = next(row for row in with_loss.rows if row[:3] == ["t1ce", "t2", "mse_brain"])
    assert row[4].value == pytest.approx(stats.pearsonr(x, loss).statistic)  # type: ignore[union-attr]
    assert len(with_dice.rows) == len(with_loss.rows) == 3 * 3
    assert "a family of 36 tests" in " ".join(with_loss.notes)


def test_other_scores_are_families_of_their_own_without_margins(scores: StudyScores) -> None:
    (distance, *_) = secondary_tables(scores, "cross_validation", QUICK)
    assert distance.name == "subsets_cross_validation_hd95"
    verdicts = {(row[0], row[1], row[2]): row[-2] for row in distance.rows}
    assert verdicts["t1ce", "zero", "WT"] == "worse"  # a greater distance
    assert "as good as the reference" not in verdicts.values()


def test_costs_add_up_what_a_strategy_needs(scores: StudyScores) -> None:
    costs = read_costs(scores)
    assert costs.training_hours(Cell("dropout", "without t1ce")) == pytest.approx(1)
    assert costs.training_hours(Cell("pairwise_from_t2", "without t1ce")) == pytest.approx(2)
    assert costs.training_hours(Cell("dropout_ensemble", "without t1ce")) == pytest.approx(3)  # three folds
    assert costs.seconds_a_case(Cell("pairwise_from_t2", "without t1ce")) == 2.5
    assert costs.seconds_a_case(Cell("zero_ensemble", "without t1ce")) == 7.5
    unknown = replace(costs, training={}, inference={})
    assert math.isnan(unknown.training_hours(Cell("dropout", "without t1ce")))
    assert math.isnan(unknown.seconds_a_case(Cell("zero", "without t1ce")))


def test_held_out_and_cross_validation_are_never_in_one_table(tmp_path: Path) -> None:
    options = (*OPTIONS[:3], "most_missing=1", "held_out=0.2", "subset.targets=[t1ce]", "subset.strategies=[zero]")
    scores = read_study_scores(write_study(tmp_path, *options, patients=9))
    names: list[str] = []
    for evaluation, patients in (("cross_validation", "9 patients"), ("held_out", "4 patients")):
        tables = subset_tables(judge_subsets(scores, evaluation, QUICK))
        names += [table.name for table in tables]
        assert patients in " ".join(tables[1].notes)
        ensembles = {(row[0], row[1]) for row in tables[1].rows if str(row[1]).endswith("_ensemble")}
        expected = {("nothing", "complete_set_ensemble"), ("t1ce", "zero_ensemble")}
        assert ensembles == (set() if evaluation == "cross_validation" else expected)
    assert len(set(names)) == len(names)
    tests = {(row[1], row[2]): row[4] for row in tables[2].rows}
    whole = dice_of(scores, Cell("complete_set_ensemble"))
    assert tests["zero_ensemble", "WT"] == pytest.approx(np.mean(list(whole.values())))  # with its like


def test_a_family_of_the_paper_judges_each_test_at_its_level(scores: StudyScores) -> None:
    table = three_input_tables(scores, "cross_validation", Methods(Bootstrap(draws=100), variant="paper"))[0]
    assert "Each test uses the level 0.0025" in " ".join(table.notes)
    assert Family(4, "paper").alpha_of_one == 0.0025


def test_published_tables_are_whole() -> None:
    dice, correlations = published("dice"), published("correlations")
    assert len(pair_cells()) == 12
    assert set(correlations.groupby(["target", "source"]).size()) == {4}
    (one,) = correlations.query(
        "target == 't2' and source == 't1' and method == 'spearman' and dice != 'WT'"
    ).itertuples()
    assert (one.r, one.marked) == (-0.15581, "*")
    assert dice[dice["label"] == "CET"]["mean"].tolist() == [0.70, 0.85, 0.85, 0.62, 0.86]
    assert dice[(dice["left_out"] == "flair")]["marked"].tolist() == ["*"] * 4


def test_the_smallest_correlation_is_found_with_the_stated_power() -> None:
    patients, alpha = 60, 0.05
    r = smallest_correlation(patients, alpha)
    draws = np.random.default_rng(0).multivariate_normal([0, 0], [[1, r], [r, 1]], (1000, patients))
    found = [stats.pearsonr(*pair.T).pvalue < alpha for pair in draws]
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)
    assert math.isnan(smallest_correlation(3, alpha))
