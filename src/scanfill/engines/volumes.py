"""A table of region volumes, one row a case, that grows while cases are predicted."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events

from scanfill.files import writing
from scanfill.metrics import REGIONS, region_volumes


class WriteVolumes:
    """Handler of an evaluator: write ``volumes.csv`` (ml, one column a region) anew after every case.

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
            case, label = str(item[self.case_key]), output[self.key]
            volumes = region_volumes(label, label.pixdim.tolist())
            self.rows[case] = {"case_id": case, **{f"{name}_ml": round(ml, 3) for name, ml in volumes.items()}}
        with writing(self.path) as temporary, temporary.open("w", newline="") as file:
            table = csv.DictWriter(file, fieldnames=["case_id", *(f"{name}_ml" for name in REGIONS)])
            table.writeheader()
            table.writerows(self.rows.values())
