"""Cohorts of phantoms made from conditions: what is drawn and held out, the table, and keeping what is there."""

import csv
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from scanfill.data.image import header_text
from scanfill.errors import UsageError
from scanfill.files import writing

TABLE = "conditions.csv"

COMBINATIONS = ("all", "training", "held_out")
"""Which combinations of a pathology and a place a cohort has: any, all but those that are held out, or only these."""

Condition = TypeVar("Condition")


def draw_combination(
    random: np.random.Generator,
    draw: Callable[[np.random.Generator], Condition],
    is_held_out: Callable[[Condition], bool],
    combinations: str,
) -> Condition:
    """Draw conditions until one is in the cohort."""
    while True:
        condition = draw(random)
        if combinations == "all" or is_held_out(condition) == (combinations == "held_out"):
            return condition


def check_cohort(
    cases: int, seed: int, chosen: Sequence[str] | str | None, combinations: str, *, known: Collection[str], what: str
) -> tuple[str, ...]:
    """Check the arguments of a cohort.

    Args:
        cases: Number of cases.
        seed: Seed of the cohort.
        chosen: The kinds to draw from; None or none for all.
        combinations: One of :py:data:`COMBINATIONS`.
        known: The kinds that there are.
        what: What a case is, ``image`` or ``volume``, for messages.

    Returns:
        The kinds to draw from.

    Raises:
        UsageError: No cases, a negative seed, an unknown kind or unknown combinations.
    """
    if cases < 1 or seed < 0:
        msg = f"A cohort needs at least one {what} and a seed of at least 0, got cases={cases}, seed={seed}."
        raise UsageError(msg)
    kinds = tuple([chosen] if isinstance(chosen, str) else chosen or known)
    if strangers := [each for each in kinds if each not in known]:
        msg = f"There are no {what} phantoms of {strangers[0]!r}; there are {', '.join(known)}."
        raise UsageError(msg)
    if combinations not in COMBINATIONS:
        msg = f"combinations (={combinations!r}) must be one of {', '.join(COMBINATIONS)}."
        raise UsageError(msg)
    return kinds


def write_conditions(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the table of a cohort; the first row has all columns."""
    with writing(folder / TABLE) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def is_there(folder: Path, pattern: str, wanted: Iterable[str], ours: str) -> bool:
    """Return whether a folder holds exactly the phantoms of a cohort; if not, remove those of another one.

    Args:
        folder: Folder of the cohort.
        pattern: Its files with a header text, such as ``images/*.png``.
        wanted: Their header texts.
        ours: How the header text of such a phantom begins; other files are left alone.
    """
    there = {path: header_text(path) for path in folder.glob(pattern)}
    if (folder / TABLE).is_file() and set(there.values()) == set(wanted):
        return True
    for path, text in there.items():
        if text.startswith(ours):
            path.unlink()
    return False
