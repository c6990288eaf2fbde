"""Summarize the image quality of a cohort, separately for each protocol, and write it as CSV files."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scanfill.metrics.cohort import Row, column, describe, write_table
from scanfill.metrics.image_quality import QUALITY_METRICS, SYNTHETIC
from scanfill.metrics.intensity_protocols import PROTOCOLS

GROUP = ("target", "sources", "image", "protocol")
"""Rows that differ in any of these are never averaged together."""

PUBLISHED = "published MSE (normalisation unknown, not comparable)"
"""The column of published scores for the same target and source."""

Published = Mapping[tuple[str, str], float]
"""(target, source) -> published MSE."""


def summarise_quality(rows: Sequence[Row], published: Published | None = None) -> list[dict[str, float | str]]:
    """Summarize rows of :py:func:`~scanfill.metrics.image_quality.compare_case` per group, region and metric.

    A group has the same target, sources, image (the model's or a reference) and protocol: scores of two protocols are
    on different scales and are never averaged.

    ===========================  ======================================================================================
    columns                      meaning
    ===========================  ======================================================================================
    ``target`` to ``protocol``   the group
    ``region``, ``metric``       region and metric
    ``cases``                    number of cases with a score (cases without a tumor have no tumor score)
    ``mean``, ``sd``, ``median`` over these cases (sample SD); NaN if there are none
    published MSE                only with ``published``: next to the model's z-score ``mse`` of the whole; the two are
                                 not comparable, because the published normalization is unknown
    ===========================  ======================================================================================

    Args:
        rows: One mapping per case, image and protocol; other keys are ignored.
        published: Published scores to show next to the model's; none by default.

    Raises:
        ValueError: There are no rows; a row is missing a group column or has an unknown protocol; a case occurs twice
            in a group; two images of one target and protocol were scored on different cases.
    """
    groups = _group(rows)
    _check_same_cases(groups)
    summary: list[dict[str, float | str]] = []
    for group, members in groups.items():
        about: dict[str, str] = dict(zip(GROUP, group, strict=True))
        regions = regions_of(members[0])
        for region in regions:
            for metric in QUALITY_METRICS:
                figures: dict[str, float | str] = {"region": region, "metric": metric}
                values = column(members, f"{metric}_{region}")
                figures |= describe(values[~np.isnan(values)])
                if published is not None:
                    theirs = published.get((about["target"], about["sources"]), math.nan)
                    beside = metric == "mse" and region == regions[0] and about["image"] == SYNTHETIC
                    figures[PUBLISHED] = theirs if beside and about["protocol"].startswith("zscore") else math.nan
                summary.append({**about, **figures})
    return summary


def regions_of(row: Row) -> list[str]:
    """List the regions that a row has scores for, the whole first."""
    return [key.removeprefix("mse_") for key in row if key.startswith("mse_")]


def write_quality(
    rows: Sequence[Row], folder: str | Path, note: str = "", published: Published | None = None
) -> tuple[Path, Path]:
    """Write ``image_quality.csv`` (one row per case, image and protocol) and ``image_quality_summary.csv``.

    Args:
        rows: From :py:func:`~scanfill.metrics.image_quality.compare_case`, with any other columns.
        folder: Output folder; created if missing.
        note: A caveat for every row, in the last column, ``note``.
        published: See :py:func:`summarise_quality`.

    Returns:
        The paths of the two files.

    Raises:
        ValueError: See :py:func:`summarise_quality`.
    """
    summary = summarise_quality(rows, published)
    paths = Path(folder) / "image_quality.csv", Path(folder) / "image_quality_summary.csv"
    for table, path in zip((rows, summary), paths, strict=True):
        write_table(table, path, note)
    return paths


def _group(rows: Sequence[Row]) -> dict[tuple[str, ...], list[Row]]:
    """Collect the rows of each group, in order of appearance."""
    if not rows:
        msg = "There are no image quality scores to summarize: the list of cases is empty."
        raise ValueError(msg)
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        absent = [key for key in ("case_id", *GROUP) if not row.get(key)]
        if absent or row["protocol"] not in PROTOCOLS:
            msg = (
                f"The row of case {row.get('case_id', '?')!r} has no {' and no '.join(absent) or 'known protocol'}: "
                f"{row.get('protocol')!r}. Scores of unknown origin cannot be averaged; create rows with compare_case "
                f"(protocols {', '.join(PROTOCOLS)})."
            )
            raise ValueError(msg)
        groups.setdefault(tuple(str(row[key]) for key in GROUP), []).append(row)
    return groups


def _check_same_cases(groups: Mapping[tuple[str, ...], Sequence[Row]]) -> None:
    """Check that no case counts twice and that all images were scored on the same cases."""
    cases_of: dict[tuple[str, ...], tuple[str, set[str]]] = {}
    for (target, sources, image, protocol), members in groups.items():
        counts = Counter(str(row["case_id"]) for row in members)
        where = f"{image} of {target} from {sources}, {protocol}"
        if repeated := [case for case, count in counts.items() if count > 1]:
            msg = f"Cases {repeated} occur more than once as {where}. Give each case a unique name and score it once."
            raise ValueError(msg)
        other, cases = cases_of.setdefault((target, sources, protocol), (where, set(counts)))
        if cases != set(counts):
            msg = (
                f"{where} and {other} were scored on different cases, {sorted(cases ^ set(counts))}, so their means "
                f"are not comparable. Score every image on the same cases."
            )
            raise ValueError(msg)
