"""Reading a study's scores, whole or in part."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from made_up_study import write_study
from scanfill.errors import UsageError
from scanfill.studies.kinds.missing_modality.strategies import acquired_of, missing_of
from scanfill.studies.study_scores import Cell, _usable, read_score_file, read_study_scores

if TYPE_CHECKING:
    from pathlib import Path

OPTIONS = ("segmenter=unet", "folds=3", "seeds=[0, 1]", "most_missing=1", "subset.targets=[t1ce]")
OPTIONS += ("subset.strategies=[zero, dropout]",)
WITHOUT = Cell("zero", "without t1ce")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_study(tmp_path_factory.mktemp("study"), *OPTIONS, "held_out=0.2", patients=6)


def test_a_finished_study_is_read_whole(finished: Path) -> None:
    scores = read_study_scores(finished)
    assert (scores.seeds, scores.folds, scores.absent) == ((0, 1), (0, 1, 2), ())
    assert scores.evaluations == ["cross_validation", "held_out"]
    expected = {Cell("complete_set"), WITHOUT, Cell("dropout"), Cell("dropout", "without t1ce")}
    assert set(scores.cells("cross_validation")) == expected


def test_cross_validation_pools_folds_and_the_held_out_test_averages_their_models(finished: Path) -> None:
    scores = read_study_scores(finished)
    pooled, averaged = scores.of("cross_validation", WITHOUT), scores.of("held_out", WITHOUT)
    assert {row["evaluation"] for row in pooled} == {"cross_validation"}
    assert len(pooled) == 6 * 2
    assert len(averaged) == 3 * 2
    single = [row for row in scores.rows if (row["strategy"], row["task"]) == WITHOUT]
    single = [row for row in single if (row["case_id"], row["seed"]) == (averaged[0]["case_id"], averaged[0]["seed"])]
    assert len(single) == 3
    assert averaged[0]["dice_WT"] == pytest.approx(np.mean([float(row["dice_WT"]) for row in single]))


def test_what_is_absent_is_named_and_partial_allows_it(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy")
    (folder / "scores" / "seed_1" / "fold_2.csv").unlink()
    (folder / "scores" / "seed_1" / "ensemble.csv").unlink()
    with pytest.raises(UsageError, match=r"2 results are missing:\n  scores/seed_1/fold_2.csv\n.*ensemble") as told:
        read_study_scores(folder)
    assert "--partial" in str(told.value)
    scores = read_study_scores(folder, partial=True)
    assert (scores.seeds, scores.folds) == ((0, 1), (0, 1))
    assert scores.absent[0] == "scores/seed_1/fold_2.csv"
    assert {row["fold"] for row in scores.of("cross_validation", WITHOUT)} == {"0", "1"}


def test_a_strategy_that_is_not_in_every_file_is_named(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy")
    path = folder / "scores" / "seed_0" / "fold_1.csv"
    kept = [line for line in path.read_text().splitlines() if not line.startswith("cross_validation,zero,")]
    path.write_text("\n".join(kept) + "\n")
    with pytest.raises(UsageError, match="zero, without t1ce, cross-validation: not in every file of scores"):
        read_study_scores(folder)
    scores = read_study_scores(folder, partial=True)
    assert WITHOUT not in scores.cells("cross_validation")
    assert WITHOUT in scores.cells("held_out")


def test_nothing_scored_is_an_error_even_in_part(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "copy", ignore=shutil.ignore_patterns("scores"))
    with pytest.raises(UsageError, match=r"8 results are missing(.|\n)*Run the study again to finish it\.$"):
        read_study_scores(folder, partial=True)


def test_a_folder_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"There is no study in .*: study\.json is missing"):
        read_study_scores(tmp_path)


def test_scores_of_something_else_are_refused(tmp_path: Path) -> None:
    (tmp_path / "fold_0.csv").write_text("case_id,dice_WT\na,0.5\n")
    with pytest.raises(UsageError, match=r"fold_0\.csv has no column evaluation, strategy, task, seed, fold"):
        read_score_file(tmp_path / "fold_0.csv")


def test_a_file_that_was_cut_off_is_refused(finished: Path, tmp_path: Path) -> None:
    text = (finished / "scores" / "seed_0" / "fold_0.csv").read_text()
    (tmp_path / "cut.csv").write_text(text[: len(text.rstrip()) - 40])
    with pytest.raises(UsageError, match=r"cut\.csv is truncated in row \d+"):
        read_score_file(tmp_path / "cut.csv")


def test_a_cell_that_was_not_scored_is_named_with_those_that_were(finished: Path) -> None:
    with pytest.raises(UsageError, match=r"no scores of completion, without t1 in cross-validation; scored: .*zero"):
        read_study_scores(finished).of("cross_validation", Cell("completion", "without t1"))


def test_the_largest_set_with_every_fold_of_every_seed_is_used() -> None:
    assert _usable({0: [0, 1, 2], 1: [0], 2: []}) == ((0,), (0, 1, 2))
    assert _usable({0: [0, 1], 1: [0, 1], 2: [0, 1, 2]}) == ((0, 1, 2), (0, 1))
    assert _usable({0: [], 1: []}) == ((), ())


def test_acquired_is_what_is_not_missing() -> None:
    assert acquired_of("t1+t2") == ("t1ce", "flair")
    assert acquired_of("") == ("t1", "t1ce", "t2", "flair")
    assert (missing_of("without t1+t2"), missing_of("")) == ("t1+t2", "")
