"""A table of region volumes, one row a case, that grows while cases are predicted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ignite.engine import Engine, Events

from scanfill.data.provenance import INPUTS
from scanfill.domains.brain_mri.regions import REGIONS
from scanfill.domains.brain_mri.reliability import REDUCED, UNRELIABLE, WITHHELD
from scanfill.files import writing
from scanfill.metrics import region_sizes

if TYPE_CHECKING:
    from collections.abc import Mapping

WITHHELD_VOLUME = "null"
"""What stands in the table where a volume is not told."""

COLUMNS = ("case_id", *(f"{name}_ml" for name in REGIONS), "TC_confidence", "reason", "absent", "synthetic")


class WriteVolumes:
    """Handler of an evaluator: write ``volumes.csv`` anew after every case.

    One column a region in ml; ``null`` where it is withheld, with the ``reason`` (the whole tumour core, TC, is told,
    with ``reduced confidence``); and the modalities that were ``absent`` or unusable, or ``synthetic``. See
    :py:class:`scanfill.domains.brain_mri.reliability.JudgeReliabilityd`.

    Rows of cases that an earlier run left in the table stay.

    Args:
        folder: Where the table goes.
        key: Key of the predicted label map (internal values, on the grid that is saved) in the engine's output.
        case_key: Key of the case's name in the engine's batch.
    """

    def __init__(self, folder: str | Path, key: str = "pred", case_key: str = "case_id") -> None:
        self.path = Path(folder) / "volumes.csv"
        self.key = key
        self.case_key = case_key
        self.rows: dict[str, dict[str, Any]] = {}

    def attach(self, engine: Engine) -> None:
        """Write after each iteration."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def start(self, _: Engine) -> None:
        """Take over what an earlier run has written."""
        if self.path.is_file():
            with self.path.open(newline="") as file:
                self.rows = {row["case_id"]: row for row in csv.DictReader(file)}

    def __call__(self, engine: Engine) -> None:
        """Add the rows of one decollated batch."""
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            case = str(item[self.case_key])
            self.rows[case] = {"case_id": case, **volume_row(output, self.key)}
        with writing(self.path) as temporary, temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, fieldnames=COLUMNS, extrasaction="ignore")
            table.writeheader()
            table.writerows(self.rows.values())


def volume_row(output: Mapping[str, Any], key: str = "pred") -> dict[str, Any]:
    """Measure one predicted case and say what is withheld, why, and what the inputs were.

    Args:
        output: Holds the label map ``(1, X, Y, Z)`` under ``key``, and what is unreliable where it has been judged.
        key: Of the label map.
    """
    label = output[key]
    withheld = output.get(WITHHELD) or ()
    inputs: Mapping[str, str] = output.get(INPUTS) or {}
    row: dict[str, Any] = {
        f"{name}_ml": WITHHELD_VOLUME if name in withheld else round(ml, 3)
        for name, ml in region_sizes(label, label.pixdim.tolist(), REGIONS).items()
    }
    return row | {
        "TC_confidence": REDUCED if output.get(UNRELIABLE) else "",
        "reason": output.get(UNRELIABLE) or "",
        "absent": " ".join(name for name, state in inputs.items() if state not in ("acquired", "synthetic")),
        "synthetic": " ".join(name for name, state in inputs.items() if state == "synthetic"),
    }
