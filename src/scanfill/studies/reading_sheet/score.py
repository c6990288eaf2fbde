"""Score filled-in reading sheets: how real and synthetic images were rated, and whether readers could tell."""

from __future__ import annotations

import csv
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from scanfill.errors import UsageError
from scanfill.studies.reading_sheet.make import KEY_COLUMNS, QUALITIES, RATING_COLUMNS, REAL, SYNTHETIC
from scanfill.studies.tables.study_table import Estimate, StudyTable
from scanfill.studies.tables.writer import write_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LEVEL = 0.95
"""Of every interval."""


@dataclass(frozen=True)
class Reading:
    """What one reader wrote, with the answers beside it.

    Attributes:
        reader: Name of the reader: that of the file.
        kinds: Of each item, real or synthetic.
        patients: Whose it is.
        quality: Rating of each item, 1 to 5, ``(items,)``.
        guesses: What the reader took it for.
    """

    reader: str
    kinds: Sequence[str]
    patients: Sequence[str]
    quality: np.ndarray[tuple[int], np.dtype[np.float64]]
    guesses: Sequence[str]


def score_reading(ratings: Sequence[str | Path], key: str | Path) -> StudyTable:
    """Score the sheets of one or more readers.

    One row a reader: mean rating of the real and of the synthetic images with a t-interval over patients (the items of
    a patient are averaged first, because they are no independent ones), the difference synthetic - real likewise, the
    share of items told right with the exact binomial interval of Clopper and Pearson (Biometrika 1934;26:404), and the
    exact two-sided p against guessing. The binomial figures take the items of a patient for independent.

    Args:
        ratings: The filled-in ``ratings.csv`` of each reader, named after the reader.
        key: ``key.csv`` of the same sheet.

    Raises:
        UsageError: A file is not there or has other columns; an item has no rating, an impossible one, or occurs twice;
            an item is not in the key; two readers have the same name.
    """
    answers = _read_key(Path(key))
    paths = [Path(path) for path in ratings]
    names = [path.stem for path in paths]
    if not paths or len(set(names)) < len(names):
        msg = f"Scoring needs one file a reader, each with a name of its own; found {names or 'none'}. Rename them."
        raise UsageError(msg)
    rows = [_row(_read(path, answers)) for path in paths]
    columns = (
        "reader",
        "items",
        "rating, real",
        "rating, synthetic",
        "synthetic - real",
        "told right",
        "p of guessing",
    )
    return StudyTable(
        "reading",
        "Visual assessment: image quality from 1 (not usable) to 5 (excellent), and whether readers could tell",
        columns,
        rows,
        notes=[
            "Ratings: mean over patients with the 95 % t-interval; items of a patient are averaged first.",
            (
                "Told right: share of items called what they are, with the exact 95 % binomial interval (Clopper and "
                "Pearson); p: two-sided exact test against .5. An interval that holds .5 does not show that readers "
                "cannot tell: only that this many items have not shown that they can."
            ),
        ],
    )


def write_reading_scores(ratings: Sequence[str | Path], key: str | Path, folder: str | Path) -> list[Path]:
    """Score the sheets (see :py:func:`score_reading`) and write the table as CSV, Markdown and LaTeX."""
    return write_table(score_reading(ratings, key), Path(folder))


def mean_interval(values: Sequence[float]) -> Estimate:
    """Average with the t-interval; one value has none, equal values one of no width."""
    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2:
        return Estimate(float(sample.mean()), math.nan, math.nan, signed=False)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(sample) - 1) * sample.std(ddof=1) / math.sqrt(len(sample)))
    return Estimate(float(sample.mean()), float(sample.mean()) - reach, float(sample.mean()) + reach, signed=False)


def _row(reading: Reading) -> tuple[str | int | float | Estimate, ...]:
    """Score one reader."""
    means = {kind: _patient_means(reading, kind) for kind in (REAL, SYNTHETIC)}
    difference = mean_interval([means[SYNTHETIC][patient] - means[REAL][patient] for patient in means[REAL]])
    right = sum(kind == guess for kind, guess in zip(reading.kinds, reading.guesses, strict=True))
    told = stats.binomtest(right, len(reading.kinds))
    interval = told.proportion_ci(LEVEL, method="exact")
    return (
        reading.reader,
        len(reading.kinds),
        mean_interval(list(means[REAL].values())),
        mean_interval(list(means[SYNTHETIC].values())),
        Estimate(difference.value, difference.low, difference.high),
        Estimate(float(told.statistic), float(interval.low), float(interval.high), signed=False),
        float(told.pvalue),
    )


def _patient_means(reading: Reading, kind: str) -> dict[str, float]:
    """Average the ratings of each patient's items of one kind, in the order of the key."""
    chosen: dict[str, list[float]] = {}
    for own, patient, quality in zip(reading.kinds, reading.patients, reading.quality, strict=True):
        if own == kind:
            chosen.setdefault(patient, []).append(float(quality))
    return {patient: float(np.mean(values)) for patient, values in sorted(chosen.items())}


def _read_key(path: Path) -> dict[str, dict[str, str]]:
    """Read the answers: item -> what it is."""
    rows = _read_csv(path, KEY_COLUMNS)
    patients = {kind: {row["patient"] for row in rows if row["kind"] == kind} for kind in (REAL, SYNTHETIC)}
    if not rows or patients[REAL] != patients[SYNTHETIC]:
        msg = f"The key {path} must hold real and synthetic images of the same patients: it was changed, or is cut off."
        raise UsageError(msg)
    return {row["item"]: row for row in rows}


def _read(path: Path, answers: Mapping[str, Mapping[str, str]]) -> Reading:
    """Read what one reader wrote, and check every item of it."""
    rows = _read_csv(path, RATING_COLUMNS)
    items = [row["item"].strip().zfill(3) for row in rows]  # a spreadsheet takes 001 for a number
    twice = sorted({item for item in items if items.count(item) > 1})
    unknown, absent = sorted(set(items) - set(answers)), sorted(set(answers) - set(items))
    if twice or unknown or absent:
        faults = {"more than once": twice, "not in the key": unknown, "without a row": absent}
        told = "; ".join(f"{what}: {', '.join(which)}" for what, which in faults.items() if which)
        msg = f"The items of {path} do not fit the key: {told}. Score each sheet with its own key, one row an item."
        raise UsageError(msg)
    wrong = [
        f"item {item}: {column} {row[column].strip()!r}"
        for item, row in zip(items, rows, strict=True)
        for column, allowed in (("quality", set(map(str, QUALITIES))), ("real_or_synthetic", {REAL, SYNTHETIC}))
        if row[column].strip().lower() not in allowed
    ]
    if wrong:
        msg = (
            f"{path} has missing or impossible ratings: {'; '.join(wrong)}. Quality is a whole number from 1 to "
            f"{max(QUALITIES)}, and the other column says {REAL} or {SYNTHETIC}; fill them in and score again."
        )
        raise UsageError(msg)
    return Reading(
        reader=path.stem,
        kinds=[answers[item]["kind"] for item in items],
        patients=[answers[item]["patient"] for item in items],
        quality=np.array([float(row["quality"]) for row in rows]),
        guesses=[row["real_or_synthetic"].strip().lower() for row in rows],
    )


def _read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """Read a table that must have these columns; a spreadsheet may have added a mark at its start, or semicolons."""
    if not path.is_file():
        msg = f"There is no file {path}. Give the filled-in ratings.csv, and the key.csv of the same sheet."
        raise UsageError(msg)
    text = path.read_text(encoding="utf-8-sig")
    lines = text.splitlines()
    separator = ";" if lines and lines[0].count(";") > lines[0].count(",") else ","
    rows = list(csv.DictReader(lines, delimiter=separator))
    lacking = [column for column in columns if any(row.get(column) is None for row in rows)]
    if not rows or lacking:
        found = lines[0] if lines else "nothing"
        msg = f"{path} lacks {', '.join(lacking) or 'rows'}: its first line is {found!r}, wanted {','.join(columns)}."
        raise UsageError(msg)
    return rows
