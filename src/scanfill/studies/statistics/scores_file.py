"""Read the scores of a study: a row a strategy, missing set, evaluation, seed, fold and case."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING

from scanfill.errors import UsageError
from scanfill.metrics.cohort import as_number, split_key
from scanfill.metrics.image_quality import QUALITY_METRICS, QUALITY_REGIONS

if TYPE_CHECKING:
    from collections.abc import Iterable

IMAGE_FIGURES = {f"{metric}_{region}" for metric in QUALITY_METRICS for region in QUALITY_REGIONS}

NEEDED = ("evaluation", "strategy", "missing", "seed", "fold", "case_id", "patient")


def read_study_scores(paths: Iterable[str | Path]) -> list[dict[str, float | str]]:
    """Read scores and image scores as numbers (an empty cell as NaN), every other column as text.

    Args:
        paths: CSV files of one study, such as one a fold and seed.

    Returns:
        The rows of all files.

    Raises:
        UsageError: A file lacks a column that says what its rows are about, or a number cannot be read.
    """
    rows: list[dict[str, float | str]] = []
    for path in paths:
        with Path(path).open(newline="", encoding="utf-8") as file:
            table = csv.DictReader(file)
            if absent := [column for column in NEEDED if column not in (table.fieldnames or ())]:
                msg = f"{path} has no column {', '.join(absent)}. Score the fold again, or name a file of study scores."
                raise UsageError(msg)
            rows.extend(_typed(row, path, table.line_num) for row in table)
    return rows


def _typed(row: dict[str, str], path: str | Path, line: int) -> dict[str, float | str]:
    try:
        if None in row or None in row.values():  # what csv makes of too many cells, and of too few
            msg = "the line has more or fewer cells than the head"
            raise ValueError(msg)  # noqa: TRY301
        return {key: as_number(text) if split_key(key) or key in IMAGE_FIGURES else text for key, text in row.items()}
    except ValueError as error:
        msg = f"{path}, line {line}: not a row of scores ({error}). The file is damaged: score the fold again."
        raise UsageError(msg) from error
