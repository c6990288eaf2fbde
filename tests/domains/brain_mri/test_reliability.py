"""What a prediction is worth without T1CE, in the label map, its JSON and the table of volumes."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from ignite.engine import Engine
from monai.data import MetaTensor, decollate_batch, list_data_collate

from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, to_internal
from scanfill.domains.brain_mri.reliability import (
    JudgeReliabilityd,
    SaveSegmentationd,
    WriteVolumes,
    describe_inputs,
    merge_core,
    why_unreliable,
)
from scanfill.errors import UsageError
from tiny_cases import MODALITIES, regions

if TYPE_CHECKING:
    from pathlib import Path


ALL = dict.fromkeys(MODALITIES, "acquired")


def predicted(**more: Any) -> dict[str, Any]:
    return {"case_id": "c1", "pred": torch.from_numpy(regions())[None], "availability": torch.ones(4), **more}


def judge(data: dict[str, Any], **options: Any) -> dict[str, Any]:
    judged: dict[str, Any] = JudgeReliabilityd("pred", MODALITIES, **options)(data)
    return judged


def test_with_t1ce_nothing_is_withheld() -> None:
    data = predicted(availability=torch.tensor([0.0, 1, 1, 0]))
    judged = judge(data)
    assert judged["pred"] is data["pred"]
    assert (judged["unreliable"], judged["withheld"]) == ("", [])
    assert judged["inputs"] == {"t1": "absent", "t1ce": "acquired", "t2": "acquired", "flair": "absent"}


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"availability": torch.tensor([1.0, 0, 1, 1])}, "T1CE is absent: without contrast"),
        ({"synthetic": ["t1ce"]}, "T1CE is synthetic: without contrast"),
        (
            {"availability": torch.tensor([1.0, 0, 1, 1]), "unusable": {"t1ce": "blank: no image"}},
            "T1CE is unusable (blank: no image): without contrast",
        ),
    ],
)
def test_without_acquired_t1ce_the_core_is_one_class(more: dict[str, Any], reason: str) -> None:
    data = predicted(**more)
    before = data["pred"].clone()
    judged = judge(data)
    assert judged["unreliable"].startswith(reason)
    assert judged["withheld"] == ["NC", "CET"]
    assert judged["legend"] == {1: "TC core, not subdivided (reduced confidence)", 2: "ED edema"}
    assert torch.equal(judged["pred"] == 1, (before == 1) | (before == 3))
    assert torch.equal(judged["pred"] == 2, before == 2)
    assert torch.equal(data["pred"], before)


def test_on_request_everything_is_reported_and_still_called_unreliable() -> None:
    data = predicted(availability=torch.tensor([1.0, 0, 1, 1]))
    judged = judge(data, report_unreliable=True)
    assert judged["pred"] is data["pred"]
    assert judged["withheld"] == []
    assert "legend" not in judged
    assert "T1CE is absent" in judged["unreliable"]


def test_a_network_that_never_takes_t1ce_is_unreliable_too() -> None:
    data = predicted(availability=torch.ones(2))
    judged = JudgeReliabilityd("pred", ["t1", "flair"])(data)
    assert judged["unreliable"].startswith("T1CE is not an input of this network")
    assert not (judged["pred"] == 3).any()


def test_a_case_that_says_nothing_of_its_inputs_has_them_all() -> None:
    assert describe_inputs(MODALITIES, None) == ALL
    assert why_unreliable(ALL) == ""


def test_an_unusable_t1ce_counts_as_absent_though_it_was_used() -> None:
    judged = judge(predicted(unusable={"t1ce": "coverage: shows half of the brain"}))
    assert judged["inputs"] == ALL | {"t1ce": "unusable (coverage: shows half of the brain), but used"}
    assert judged["withheld"] == ["NC", "CET"]
    made = judge(predicted(unusable={"t1ce": "blank: no image"}, synthetic=["t1ce"]))
    assert made["inputs"]["t1ce"] == "synthetic"


def test_merging_the_core_twice_is_merging_it_once() -> None:
    label = torch.from_numpy(regions())
    assert torch.equal(merge_core(merge_core(label)), merge_core(label))
    assert set(merge_core(label).unique().tolist()) == {0, 1, 2}


@pytest.mark.parametrize("unusable", [{}, {"flair": "coverage: shows half of the brain"}])
@pytest.mark.parametrize("synthetic", [[], ["t1ce"], ["t1", "t1ce"]])
def test_what_a_case_says_of_its_inputs_survives_a_batch(unusable: dict[str, str], synthetic: list[str]) -> None:
    there = torch.tensor([1.0, 1, 1, 0 if unusable else 1])
    data = predicted(availability=there, synthetic=synthetic, **({"unusable": unusable} if unusable else {}))
    (batched,) = decollate_batch(list_data_collate([data]))
    assert judge(batched)["inputs"] == judge(data)["inputs"]
    assert judge(data)["inputs"]["flair"] == (
        "unusable (coverage: shows half of the brain)" if unusable else "acquired"
    )


AFFINE = np.array([[-2.0, 0, 0, 10], [0, 0, 1.5, -4], [0, 3, 0, 7], [0, 0, 0, 1]])


@pytest.mark.parametrize("convention", sorted(LABEL_CONVENTIONS))
def test_what_is_written_reads_back_as_it_was(tmp_path: Path, convention: str) -> None:
    label = torch.randint(0, 4, (1, 3, 4, 5), generator=torch.Generator().manual_seed(0))
    case = {
        "case_id": "c1",
        "output_labels": convention,
        "pred": MetaTensor(label.float(), affine=torch.tensor(AFFINE)),
    }
    SaveSegmentationd(keys="pred", output_dir=tmp_path)(case)
    image = nib.load(tmp_path / "c1" / "c1_seg.nii.gz")
    np.testing.assert_allclose(image.affine, AFFINE)
    assert image.get_data_dtype() == np.uint8
    values = np.asarray(image.dataobj)
    np.testing.assert_array_equal(to_internal(values, convention), label[0].numpy())
    table = json.loads((tmp_path / "c1" / "c1_seg.json").read_text())["labels"]
    assert set(np.unique(values).astype(str)) <= set(table)


def test_the_case_passes_untouched(tmp_path: Path) -> None:
    label = MetaTensor(torch.ones(1, 2, 2, 2))
    case = {"case_id": "c1", "output_labels": "brats", "pred": label}
    assert SaveSegmentationd(keys="pred", output_dir=tmp_path)(case) == case


@pytest.mark.parametrize("convention", sorted(LABEL_CONVENTIONS))
def test_a_core_that_is_not_subdivided_is_named_so(tmp_path: Path, convention: str) -> None:
    label = MetaTensor(torch.tensor([0, 1, 2]).reshape(1, 3, 1, 1))
    case = {"case_id": "c1", "output_labels": convention, "pred": label}
    judged = {"inputs": {"t1ce": "absent"}, "unreliable": "T1CE is absent: because", "withheld": ["NC", "CET"]}
    SaveSegmentationd(keys="pred", output_dir=tmp_path)(case | judged)
    about = json.loads((tmp_path / "c1" / "c1_seg.json").read_text())
    written = np.unique(nib.load(tmp_path / "c1" / "c1_seg.nii.gz").dataobj)
    assert set(about["labels"]) == set(written.astype(str))
    (core,) = [value for value, name in about["labels"].items() if "core, not subdivided" in name]
    assert to_internal(np.array([int(core)]), convention).tolist() == [1]
    assert about["inputs"] == {"t1ce": "absent"}
    assert about["unreliable"] == {
        "reason": "T1CE is absent: because",
        "withheld": ["NC", "CET"],
        "confidence": {"TC": "reduced confidence"},
    }


def test_a_reliable_case_says_nothing_of_reliability(tmp_path: Path) -> None:
    case = {"case_id": "c1", "output_labels": "brats", "pred": MetaTensor(torch.ones(1, 2, 2, 2))}
    SaveSegmentationd(keys="pred", output_dir=tmp_path)(case | {"unreliable": "", "withheld": []})
    about = json.loads((tmp_path / "c1" / "c1_seg.json").read_text())
    assert "unreliable" not in about
    assert set(about["labels"]) == {"0", "1", "2", "4"}


@pytest.mark.parametrize("written", [[], ["[skull] t1: on", "[coverage] t2: half"]])
def test_warnings_stand_in_the_sidecar_as_a_list(tmp_path: Path, written: list[str]) -> None:
    label = MetaTensor(torch.ones(1, 2, 2, 2))
    case = {"case_id": "c1", "output_labels": "brats", "pred": label, "warnings": "\n".join(written)}
    SaveSegmentationd(keys="pred", output_dir=tmp_path)(case)
    assert json.loads((tmp_path / "c1" / "c1_seg.json").read_text())["warnings"] == written


def test_without_checks_the_sidecar_says_nothing_of_warnings(tmp_path: Path) -> None:
    case = {"case_id": "c1", "output_labels": "brats", "pred": MetaTensor(torch.ones(1, 2, 2, 2))}
    SaveSegmentationd(keys="pred", output_dir=tmp_path)(case)
    assert "warnings" not in json.loads((tmp_path / "c1" / "c1_seg.json").read_text())


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


def test_another_table_is_kept(tmp_path: Path) -> None:
    (tmp_path / "volumes.csv").write_text("patient,age\nanna,71\n")
    with pytest.raises(UsageError, match=r"volumes\.csv is not a table of volumes written by scanfill"):
        write(tmp_path, "c1", voxels=300)
    assert (tmp_path / "volumes.csv").read_text() == "patient,age\nanna,71\n"


def test_a_second_run_keeps_other_cases_and_replaces_its_own(tmp_path: Path) -> None:
    write(tmp_path, "c1", voxels=300)
    write(tmp_path, "c2", voxels=100)
    rows = write(tmp_path, "c1", voxels=200)
    assert [(row["case_id"], row["ED_ml"]) for row in rows] == [("c1", "2.0"), ("c2", "1.0")]
