"""SaveSegmentationd."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, to_internal
from scanfill.domains.brain_mri.reliability import SaveSegmentationd

if TYPE_CHECKING:
    from pathlib import Path

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
