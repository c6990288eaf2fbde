"""What a judgement of drawn slices has found, and its files."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scanfill.files import writing
from scanfill.generation.gates import Gate
from scanfill.metrics.cohort import write_table

REAL, NETWORK, PAINTED, NEAREST = "real", "network", "painted", "nearest"
"""Names of the rows."""

PIXELS, TEXTURE = "pixels", "texture"
"""Spaces in which training slices are looked for: gray values, and features of the texture."""


@dataclass
class Judged:
    """What was found.

    Attributes:
        lines: One per slice and row: ``case_id``, ``patient``, ``slice``, ``row``, Dice and size of each region, and
            the nearest training slice in each space.
        scores: Row -> its figures.
        gates: Row -> its gates.
        closest: Space -> the network's slices nearest to a training slice: slice, training slice, distance.
        distances: Space -> row -> distance of each slice to the nearest training slice.
        about: Numbers of slices and patients, settings, and what could not be computed.
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    gates: dict[str, list[Gate]] = field(default_factory=dict)
    closest: dict[str, list[tuple[int, int, float]]] = field(default_factory=dict)
    distances: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    def passes(self, row: str) -> bool:
        """Whether a row passes all gates."""
        return all(gate.passed for gate in self.gates[row])


def write_judged(judged: Judged, folder: str | Path, note: str = "") -> list[Path]:
    """Write ``scores.csv``, one line per slice and row, and ``judgement.json``, the figures of each row.

    Args:
        judged: What was found.
        folder: Output folder.
        note: Caveat, written into both.

    Returns:
        The files.
    """
    table, figures = Path(folder) / "scores.csv", Path(folder) / "judgement.json"
    write_table(judged.lines, table, note)
    content = {
        "note": note,
        "about": judged.about,
        "rows": {row: _finite(scores) for row, scores in judged.scores.items()},
        "gates": {
            row: {gate.name: {"passed": gate.passed, "reason": gate.reason} for gate in found}
            for row, found in judged.gates.items()
        },
        "passed": {row: judged.passes(row) for row in judged.gates},
    }
    with writing(figures) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return [table, figures]


def _finite(scores: Mapping[str, float]) -> dict[str, float | None]:
    """Return null for what could not be computed, which JSON has no number for."""
    return {key: float(value) if math.isfinite(value) else None for key, value in scores.items()}
