"""Summarize the scores of a cohort and write them as CSV files."""

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.files import writing
from scanfill.metrics.case_scores import METRICS, SIZES
from scanfill.metrics.overlap_scores import OVERALL_METRICS, STRUCTURE_METRICS

Row = Mapping[str, float | str]

SMALL_ML = 0.5
"""Regions with a smaller true volume, in ml, are listed separately: a single voxel can determine their Dice."""

SCORES = tuple(dict.fromkeys((*METRICS, *SIZES[2], *STRUCTURE_METRICS)))
"""Possible prefixes of score columns, in 2-D or 3-D."""

OVERALL = "all"
"""Region of the metrics of a case as a whole, in the summary."""


def summarise(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """Summarize the rows of a cohort, with one row per region and metric.

    =================================  ================================================================================
    columns                            meaning
    =================================  ================================================================================
    ``region``, ``metric``             region, and metric of :py:data:`METRICS` or one of the detection metrics
    ``cases``                          number of cases
    ``mean``, ``sd``, ``median``       over all cases, including empty regions (sample SD)
    ``present_cases``                  cases with the region in the truth
    ``present_mean``, ``present_sd``   mean and sample SD over them
    ``small_cases``, ``small_mean``    of these, cases with less than 0.5 ml (:py:data:`SMALL_ML`)
    ``large_cases``, ``large_mean``    of these, cases with 0.5 ml or more
    =================================  ================================================================================

    In 2-D, where sizes are areas, there are no separate columns: no single area is small for every kind of structure.

    Detection: ``detection_sensitivity`` is the fraction of cases with the region in which the prediction overlaps it,
        ``detection_specificity`` the fraction of cases without it in which none is predicted; ``cases`` is the
        denominator. The mean over no cases is NaN.

    Metrics of a case as a whole (:py:class:`~scanfill.metrics.OverlapScores`) come first, with region ``all``;
    ``cases`` are those that have something to measure.

    Args:
        rows: One mapping per case, as from :py:func:`score_case`; other keys (``case_id``, ...) are ignored.

    Raises:
        ValueError: There are no rows, or a score of one row is missing from another.
    """
    keys = score_keys(rows)
    regions = list(dict.fromkeys(region for _, region in keys))
    summary: list[dict[str, float | str]] = []
    for metric in overall_keys(rows):
        values = column(rows, metric)
        summary.append({"region": OVERALL, "metric": metric, **describe(values[~np.isnan(values)])})
    for region in regions:
        true_size, predicted_size = next((names for names in SIZES.values() if (names[0], region) in keys), SIZES[3])
        size = column(rows, f"{true_size}_{region}")
        for metric in [metric for metric, name in keys if name == region]:
            values = column(rows, f"{metric}_{region}")
            summary.append(
                {"region": region, "metric": metric, **_statistics(values, size, split=true_size == SIZES[3][0])}
            )
        overlap = column(rows, f"dice_{region}") > 0
        silent = column(rows, f"{predicted_size}_{region}") == 0
        detected = {"sensitivity": overlap[size > 0], "specificity": silent[size == 0]}
        for name, hits in detected.items():
            summary.append({"region": region, "metric": f"detection_{name}", "cases": len(hits), "mean": mean(hits)})
    return summary


def write_scores(rows: Sequence[Row], folder: str | Path, note: str = "") -> tuple[Path, Path]:
    """Write ``scores.csv`` (one row per case, ``case_id`` first) and ``summary.csv`` (see :py:func:`summarise`).

    Args:
        rows: One mapping per case with ``case_id``, scores, and any other columns.
        folder: Output folder; created if missing.
        note: A caveat for every row, in the last column, ``note``.

    Returns:
        The paths of the two files.

    Raises:
        ValueError: A row has no ``case_id``, two have the same, or the rows cannot be summarized.
    """
    counts = Counter(str(row.get("case_id", "")) for row in rows)
    wrong = [case for case, count in counts.items() if count > 1 or not case]
    if wrong:
        msg = (
            f"Each row for {folder} needs a unique case_id; repeated or empty: {wrong}. "
            "Give every case a unique name, or write the conditions of a study to separate folders."
        )
        raise ValueError(msg)
    summary = summarise(rows)
    scores_path, summary_path = Path(folder) / "scores.csv", Path(folder) / "summary.csv"
    write_table([{"case_id": row["case_id"]} | dict(row) for row in rows], scores_path, note)
    write_table(summary, summary_path, note)
    return scores_path, summary_path


def read_scores(path: str | Path) -> list[dict[str, float | str]]:
    """Read the rows of a ``scores.csv``: scores as numbers, all other columns as text."""
    with Path(path).open(newline="", encoding="utf-8") as file:
        return [
            {key: as_number(value) if is_score(key) else value for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


def split_key(key: str) -> tuple[str, str] | None:
    """Split ``hd95_WT`` into metric and region; None for a key that is not a score."""
    for metric in SCORES:
        if key.startswith(f"{metric}_"):
            return metric, key.removeprefix(f"{metric}_")
    return None


def is_score(key: str) -> bool:
    """Return whether a key is a score, of a region or of a case as a whole."""
    return key in OVERALL_METRICS or split_key(key) is not None


def overall_keys(rows: Sequence[Row]) -> list[str]:
    """List the metrics of a case as a whole that a cohort has."""
    return [key for key in rows[0] if key in OVERALL_METRICS]


def score_keys(rows: Sequence[Row]) -> list[tuple[str, str]]:
    """List the metric and region of every score of a cohort, and check that all rows have the same scores."""
    if not rows:
        msg = "There are no scores to summarize: the list of cases is empty."
        raise ValueError(msg)
    keys = [{key for key in row if is_score(key)} for row in rows]
    every = set.union(*keys)
    for row, own in zip(rows, keys, strict=True):
        if own != every:
            msg = (
                f"Case {row.get('case_id', '?')!r} has no scores {sorted(every - own)}, which other cases have. "
                "Score all cases with the same regions and the same value of hausdorff."
            )
            raise ValueError(msg)
    return [parts for key in rows[0] if (parts := split_key(key))]


def column(rows: Sequence[Row], key: str) -> npt.NDArray[np.float64]:
    """Collect one score of every case, ``(cases,)``."""
    return np.array([float(row[key]) for row in rows])


def mean(values: npt.NDArray[Any]) -> float:
    """Return the mean; NaN for an empty array."""
    return float(values.mean()) if values.size else math.nan


def describe(values: npt.NDArray[np.float64]) -> dict[str, float | str]:
    """Return count, mean, sample SD and median of one score ``(cases,)``; NaN for an empty array."""
    with np.errstate(invalid="ignore"):  # the PSNR of identical images is infinite
        deviation = float(values.std(ddof=1)) if len(values) > 1 else math.nan
    middle = float(np.median(values)) if len(values) else math.nan
    return {"cases": len(values), "mean": mean(values), "sd": deviation, "median": middle}


def _statistics(
    values: npt.NDArray[np.float64], size: npt.NDArray[np.float64], *, split: bool
) -> dict[str, float | str]:
    """Summarize one score ``(cases,)``, given the true region size in each case; optionally separate small ones."""
    groups = {"present": size > 0}
    if split:
        groups |= {"small": (size > 0) & (size < SMALL_ML), "large": size >= SMALL_ML}
    columns = describe(values)
    for name, group in groups.items():
        columns |= {f"{name}_cases": int(group.sum()), f"{name}_mean": mean(values[group])}
        if name == "present":
            columns["present_sd"] = describe(values[group])["sd"]
    return columns


def write_table(rows: Sequence[Row], path: Path, note: str) -> None:
    """Write rows as CSV, columns in order of appearance, NaN as an empty cell."""
    columns = list(dict.fromkeys(column for row in rows for column in row)) + ["note"] * bool(note)
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, columns)
        table.writeheader()
        for row in rows:
            table.writerow({key: _text(value) for key, value in row.items()} | ({"note": note} if note else {}))


def _text(value: float | str) -> str:
    """Format a number with six digits, NaN as an empty string."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return str(value)


def as_number(text: str) -> float:
    """Parse a number written by :py:func:`_text`."""
    return float(text) if text else math.nan
