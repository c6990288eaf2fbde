"""A table of region volumes, one row a case, that grows while cases are predicted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from scanfill.files import writing
from scanfill.metrics import region_volumes


class WriteVolumes:
    """Handler of an evaluator: write ``volumes.csv`` (ml, one column a region) anew after every case.

    Args:
        folder: Where the table goes.
        key: Key of the predicted label map (internal values, on the grid that is saved) in the engine's output.
        case_key: Key of the case's name in the engine's batch.
    """

    def __init__(self, folder: str | Path, key: str = "pred", case_key: str = "case_id") -> None:
        self.path = Path(folder) / "volumes.csv"
        self.key = key
        self.case_key = case_key
        self.rows: list[dict[str, Any]] = []

    def attach(self, engine: Engine) -> None:
        """Write after each iteration."""
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def __call__(self, engine: Engine) -> None:
        """Add the rows of one decollated batch."""
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            label = output[self.key]
            volumes = region_volumes(label, label.pixdim.tolist())
            self.rows.append(
                {"case_id": item[self.case_key], **{f"{name}_ml": round(ml, 3) for name, ml in volumes.items()}}
            )
        with writing(self.path) as temporary, temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, fieldnames=list(self.rows[0]))
            table.writeheader()
            table.writerows(self.rows)
