"""Sum up the image quality of a cohort, each protocol by itself, and write it for people and programs."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scanfill.metrics.cohort import Row, column, describe, write_table
from scanfill.metrics.image_quality import QUALITY_METRICS, SYNTHETIC
from scanfill.metrics.intensity_protocols import PROTOCOLS

if TYPE_CHECKING:
    from collections.abc import Sequence

GROUP = ("target", "sources", "image", "protocol")
"""Rows that differ in one of these are never averaged together."""

PUBLISHED = "published MSE (normalisation unknown, not comparable)"
"""The column of figures that were published for the same target and source."""

Published = Mapping[tuple[str, str], float]
"""(target, source) -> published MSE."""


def summarise_quality(rows: Sequence[Row], published: Published | None = None) -> list[dict[str, float | str]]:
    """Sum up rows of :py:func:`~scanfill.metrics.image_quality.compare_case`: one row a group, region and metric.

    A group is one target, made from the same sources, one image (the model's or a reference) and one protocol: figures
    of two protocols are on different scales and are never averaged.

    ===========================  ======================================================================================
    columns                      meaning
    ===========================  ======================================================================================
    ``target`` to ``protocol``   the group
    ``region``, ``metric``       where and what
    ``cases``                    cases that have the figure (a case without a tumour has none in it)
    ``mean``, ``sd``, ``median`` over them (sample SD); NaN over none
    published MSE                only with ``published``: beside the model's ``mse`` of the whole by z-scores; it must
                                 not be compared, because its normalisation is not published
    ===========================  ======================================================================================

    Args:
        rows: One mapping a case, image and protocol; other keys are left out.
        published: Figures to set beside ours; none by default.

    Raises:
        ValueError: There are none; a row lacks what its group needs or names no known protocol; a case occurs twice in
            a group; two images of one target and protocol were scored on different cases.
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
    """List the regions that a row has figures of, the whole first."""
    return [key.removeprefix("mse_") for key in row if key.startswith("mse_")]


def write_quality(
    rows: Sequence[Row], folder: str | Path, note: str = "", published: Published | None = None
) -> tuple[Path, Path]:
    """Write ``image_quality.csv`` (a row a case, image and protocol) and ``image_quality_summary.csv``.

    Args:
        rows: From :py:func:`~scanfill.metrics.image_quality.compare_case`, with whatever else belongs to a case.
        folder: Where to write; made when absent.
        note: A caveat for every row, in a last column ``note``.
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
    """Gather the rows of each group, in order of appearance."""
    if not rows:
        msg = "There is no image quality to sum up: the list of cases is empty."
        raise ValueError(msg)
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        absent = [key for key in ("case_id", *GROUP) if not row.get(key)]
        if absent or row["protocol"] not in PROTOCOLS:
            msg = (
                f"The row of case {row.get('case_id', '?')!r} has no {' and no '.join(absent) or 'known protocol'}: "
                f"{row.get('protocol')!r}. Figures of unknown origin cannot be averaged; make rows with compare_case "
                f"(protocols {', '.join(PROTOCOLS)})."
            )
            raise ValueError(msg)
        groups.setdefault(tuple(str(row[key]) for key in GROUP), []).append(row)
    return groups


def _check_same_cases(groups: Mapping[tuple[str, ...], Sequence[Row]]) -> None:
    """Refuse a case that counts twice, and a comparison of images on different cases."""
    cases_of: dict[tuple[str, ...], tuple[str, set[str]]] = {}
    for (target, sources, image, protocol), members in groups.items():
        counts = Counter(str(row["case_id"]) for row in members)
        where = f"{image} of {target} from {sources}, {protocol}"
        if repeated := [case for case, count in counts.items() if count > 1]:
            msg = f"Cases {repeated} occur more than once as {where}. Give each case its own name, score it once."
            raise ValueError(msg)
        other, cases = cases_of.setdefault((target, sources, protocol), (where, set(counts)))
        if cases != set(counts):
            msg = (
                f"{where} and {other} were scored on different cases, {sorted(cases ^ set(counts))}: their means could "
                f"not be compared. Score every image on the same cases."
            )
            raise ValueError(msg)
