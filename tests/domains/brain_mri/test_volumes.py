"""WriteVolumes."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine
from monai.data import MetaTensor

from scanfill.domains.brain_mri.reliability import WriteVolumes

if TYPE_CHECKING:
    from pathlib import Path


def write(folder: Path, case: str, voxels: int, value: int = 2, **judged: Any) -> list[dict[str, str]]:
    label = torch.zeros(1, 10, 10, 10)
    label.view(-1)[:voxels] = value
    affine = torch.diag(torch.tensor([1.0, 2.0, 5.0, 1.0]))

    def predict(engine: Engine, _: object) -> list[dict[str, object]]:
        engine.state.batch = [{"case_id": case}]
        return [{"pred": MetaTensor(label, affine=affine), **judged}]

    engine = Engine(predict)
    WriteVolumes(folder).attach(engine)
    engine.run([0])
    with (folder / "volumes.csv").open() as file:
        return list(csv.DictReader(file))


def test_volumes_are_in_ml(tmp_path: Path) -> None:
    (row,) = write(tmp_path, "c1", voxels=300)
    volumes = {"NC_ml": "0.0", "ED_ml": "3.0", "CET_ml": "0.0", "TC_ml": "0.0", "WT_ml": "3.0"}
    assert row == {"case_id": "c1", **volumes, "TC_confidence": "", "reason": "", "absent": "", "synthetic": ""}


def test_withheld_volumes_are_null_with_the_reason(tmp_path: Path) -> None:
    inputs = {"t1": "acquired", "t1ce": "synthetic", "t2": "unusable (blank: no image)", "flair": "absent"}
    judged = {"inputs": inputs, "unreliable": "T1CE is synthetic: because", "withheld": ["NC", "CET"]}
    (row,) = write(tmp_path, "c1", voxels=300, value=1, **judged)
    assert (row["NC_ml"], row["CET_ml"]) == ("null", "null")
    assert (row["TC_ml"], row["WT_ml"], row["TC_confidence"]) == ("3.0", "3.0", "reduced confidence")
    assert (row["reason"], row["absent"], row["synthetic"]) == ("T1CE is synthetic: because", "t2 flair", "t1ce")


def test_volumes_reported_on_request_keep_the_reason(tmp_path: Path) -> None:
    (row,) = write(tmp_path, "c1", voxels=300, value=3, unreliable="T1CE is absent: because", withheld=[])
    assert (row["CET_ml"], row["NC_ml"]) == ("3.0", "0.0")
    assert (row["TC_confidence"], row["reason"]) == ("reduced confidence", "T1CE is absent: because")


def test_rows_of_a_table_without_these_columns_stay(tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").write_text("case_id,NC_ml,ED_ml,CET_ml,TC_ml,WT_ml\nold,1,2,3,4,6\n")
    old, new = write(tmp_path, "c1", voxels=300)
    assert (old["case_id"], old["WT_ml"], old["reason"]) == ("old", "6", "")
    assert new["ED_ml"] == "3.0"


def test_a_second_run_keeps_other_cases_and_replaces_its_own(tmp_path: Path) -> None:
    write(tmp_path, "c1", voxels=300)
    write(tmp_path, "c2", voxels=100)
    rows = write(tmp_path, "c1", voxels=200)
    assert [(row["case_id"], row["ED_ml"]) for row in rows] == [("c1", "2.0"), ("c2", "1.0")]
