"""How the page of one kind of study is put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from scanfill.report.page import Part
    from scanfill.studies.study_scores import StudyScores
    from scanfill.studies.tables.comparisons import Methods


@dataclass(frozen=True)
class Layout:
    """What a kind of study shows of its results.

    Attributes:
        title: Of the page.
        evaluation: Makes and writes tables and figures of one evaluation, and lays them out.
        opening: Lays out what stands above all evaluations.
    """

    title: str
    evaluation: Callable[[StudyScores, str, Methods], list[Part]]
    opening: Callable[[StudyScores], list[Part]] = lambda _: []
