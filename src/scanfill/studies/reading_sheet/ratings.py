"""Score completed reading sheets: ratings of real and synthetic images, and whether readers could tell them apart."""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from scanfill.data.text import read_table
from scanfill.errors import UsageError
from scanfill.studies.reading_sheet.sheet import KEY_COLUMNS, QUALITIES, RATING_COLUMNS, REAL, SYNTHETIC
from scanfill.studies.tables.study_table import Estimate, StudyTable
from scanfill.studies.tables.writer import write_table

LEVEL = 0.95
"""Confidence level of every interval."""


def score_reading(ratings: Sequence[str | Path], key: str | Path) -> StudyTable:
    """Score the sheets of one or more readers.

    One row per reader: the mean ratings of real and of synthetic images with a t-interval over patients (the items of a
    patient are averaged first, because they are not independent), likewise the difference synthetic - real, the
    fraction of items classified correctly with the exact binomial interval of Clopper and Pearson (Biometrika
    1934;26:404), and the exact two-sided p against guessing. The binomial figures treat the items of a patient as
    independent.

    Args:
        ratings: The completed ``ratings.csv`` of each reader, named after the reader.
        key: ``key.csv`` of the same sheet.

    Raises:
        UsageError: A file is missing or has other columns; an item has no rating, an invalid one, or occurs twice; an
            item is not in the key; or two readers have the same name.
    """
    answers = _read_key(Path(key))
    paths = [Path(path) for path in ratings]
    names = [path.stem for path in paths]
    if not paths or len(set(names)) < len(names):
        msg = f"Scoring needs one file per reader, each with a different name; found {names or 'none'}. Rename them."
        raise UsageError(msg)
    rows = [_row(path.stem, _read(path, answers)) for path in paths]
    return StudyTable(
        "reading",
        "Visual assessment: image quality from 1 (not usable) to 5 (excellent), and real or synthetic",
        ["reader", "items", "rating, real", "rating, synthetic", "synthetic - real", "told right", "p of guessing"],
        rows,
        notes=[
            "Ratings: mean over patients with the 95 % t-interval; items of a patient are averaged first.",
            (
                "Told right: fraction of items classified correctly, with the exact 95 % binomial interval (Clopper "
                "and Pearson); p: two-sided exact test against .5. An interval that contains .5 does not show that "
                "readers cannot tell the images apart, only that these items do not show that they can."
            ),
        ],
    )


def write_reading_scores(ratings: Sequence[str | Path], key: str | Path, folder: str | Path) -> list[Path]:
    """Score the sheets (see :py:func:`score_reading`) and write the table as CSV, Markdown and LaTeX."""
    return write_table(score_reading(ratings, key), Path(folder))


def mean_interval(values: npt.ArrayLike) -> Estimate:
    """Return the mean with its t-interval; no interval for one value, zero width for equal values."""
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) < 2:
        return Estimate(mean, math.nan, math.nan, signed=False)
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(sample) - 1) * stats.sem(sample))
    return Estimate(mean, mean - reach, mean + reach, signed=False)


def _row(reader: str, reading: pd.DataFrame) -> tuple[str | int | float | Estimate, ...]:
    """Score one reader."""
    means = reading.groupby(["kind", "patient"])["quality"].mean()
    told = stats.binomtest(int((reading["kind"] == reading["guess"]).sum()), len(reading))
    interval = told.proportion_ci(LEVEL, method="exact")
    return (
        reader,
        len(reading),
        mean_interval(means[REAL]),
        mean_interval(means[SYNTHETIC]),
        replace(mean_interval(means[SYNTHETIC] - means[REAL]), signed=True),
        Estimate(float(told.statistic), float(interval.low), float(interval.high), signed=False),
        float(told.pvalue),
    )


def _read_key(path: Path) -> pd.DataFrame:
    """Read the key, which states what each item is."""
    key = _read_csv(path, KEY_COLUMNS)
    patients = key.groupby("kind")["patient"].agg(set)
    if set(patients.index) != {REAL, SYNTHETIC} or patients[REAL] != patients[SYNTHETIC]:
        msg = f"The key {path} must list real and synthetic images of the same patients: it was changed or truncated."
        raise UsageError(msg)
    return key[["item", "kind", "patient"]]


def _read(path: Path, key: pd.DataFrame) -> pd.DataFrame:
    """Read one reader's ratings, check every item, and join the key."""
    table = _read_csv(path, RATING_COLUMNS)
    table["item"] = table["item"].str.strip().str.zfill(3)  # spreadsheets read 001 as a number
    items, known = table["item"], key["item"]
    faults = {
        "more than once": items[items.duplicated()],
        "not in the key": items[~items.isin(known)],
        "without a row": known[~known.isin(items)],
    }
    if told := [f"{what}: {', '.join(sorted(set(which)))}" for what, which in faults.items() if len(which)]:
        msg = (
            f"The items of {path} do not fit the key: {'; '.join(told)}. Score each sheet with its own key, with "
            f"one row per item."
        )
        raise UsageError(msg)
    allowed = {"quality": set(map(str, QUALITIES)), "real_or_synthetic": {REAL, SYNTHETIC}}
    wrong = [
        f"item {row['item']}: {column} {row[column].strip()!r}"
        for _, row in table.iterrows()
        for column, values in allowed.items()
        if row[column].strip().lower() not in values
    ]
    if wrong:
        msg = (
            f"{path} has missing or invalid ratings: {'; '.join(wrong)}. Quality must be an integer from 1 to "
            f"{max(QUALITIES)}, and the other column {REAL} or {SYNTHETIC}; correct them and score again."
        )
        raise UsageError(msg)
    table["quality"] = table["quality"].astype(float)
    table["guess"] = table["real_or_synthetic"].str.strip().str.lower()
    return table.merge(key, on="item", validate="one_to_one")


def _read_csv(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    """Read a table with these columns, as a spreadsheet program saved it."""
    if not path.is_file():
        msg = f"There is no file {path}. Pass the completed ratings.csv, and the key.csv of the same sheet."
        raise UsageError(msg)
    rows = read_table(path)
    lacking = [column for column in columns if rows and column not in rows[0]]
    if not rows or lacking:
        found = ",".join(rows[0]) if rows else "nothing"
        msg = f"{path} has no {', '.join(lacking) or 'rows'}: found {found!r}, expected {','.join(columns)}."
        raise UsageError(msg)
    return pd.DataFrame(rows, columns=list(columns))
