"""What a judgement of filled holes has found, with patients as the unit."""

from dataclasses import dataclass
from typing import Any

from scanfill.metrics.patient_means import patient_means

Row = dict[str, Any]


@dataclass
class Judged:
    """What was found.

    Attributes:
        rows: One line per hole and row of the comparison: ``case_id``, ``patient``, ``row``, and its scores.
        looks: One line per hole, row, part and channel, with the distances from real.
        gates: Gate -> whether it is passed, and why.
        row: Name of the evaluated network's row.
    """

    rows: list[Row]
    looks: list[Row]
    gates: dict[str, tuple[bool, str]]
    row: str

    def names(self) -> list[str]:
        """List the rows in order."""
        return list(dict.fromkeys(line["row"] for line in self.rows))

    def values(self, row: str, score: str) -> dict[str, float]:
        """Return patient -> mean of a score over their holes."""
        return patient_means(self.rows, row, score)
