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
        return {key: as_number(text) if split_key(key) or key in IMAGE_FIGURES else text for key, text in row.items()}
    except (TypeError, ValueError) as error:  # a cut line has None where a number should be
        msg = f"{path}, line {line}: a score is no number ({error}). The file is damaged; score the fold again."
        raise UsageError(msg) from error
