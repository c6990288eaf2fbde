"""WriteVolumes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import torch
from ignite.engine import Engine
from monai.data import MetaTensor

from scanfill.engines import WriteVolumes

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, case: str, voxels: int) -> list[dict[str, str]]:
    label = torch.zeros(1, 10, 10, 10)
    label.view(-1)[:voxels] = 2
    affine = torch.diag(torch.tensor([1.0, 2.0, 5.0, 1.0]))

    def predict(engine: Engine, _: object) -> list[dict[str, object]]:
        engine.state.batch = [{"case_id": case}]
        return [{"pred": MetaTensor(label, affine=affine)}]

    engine = Engine(predict)
    WriteVolumes(folder).attach(engine)
    engine.run([0])
    with (folder / "volumes.csv").open() as file:
        return list(csv.DictReader(file))


def test_volumes_are_in_ml(tmp_path: Path) -> None:
    (row,) = write(tmp_path, "c1", voxels=300)
    assert row == {"case_id": "c1", "NC_ml": "0.0", "ED_ml": "3.0", "CET_ml": "0.0", "TC_ml": "0.0", "WT_ml": "3.0"}


def test_a_second_run_keeps_other_cases_and_replaces_its_own(tmp_path: Path) -> None:
    write(tmp_path, "c1", voxels=300)
    write(tmp_path, "c2", voxels=100)
    rows = write(tmp_path, "c1", voxels=200)
    assert [(row["case_id"], row["ED_ml"]) for row in rows] == [("c1", "2.0"), ("c2", "1.0")]
