"""The lesions of donors: whose they are, what they look like, and donors that cannot be used."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor

from inpainting_phantoms import MODALITIES, read
from scanfill.errors import CaseError
from scanfill.inpainting import LesionPool, PlaceLesiond, donors_of
from scanfill.inpainting.pool import SMALLEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def case(name: str, patient: str = "", *, lesions: int = 1, size: float = 2.0) -> dict[str, Any]:
    return {"case_id": name, "patient": patient or name, "lesions": lesions, "size": size}


class Prepared:
    """Stands for the transforms: boxes of 4 voxels per side; counts how often a case is read."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.read.append(asked["case_id"])
        if asked["lesions"] < 0:
            msg = f"Case {asked['case_id']!r}: t1 cannot be read."
            raise CaseError(msg)
        label = torch.zeros(1, 30, 12, 8)
        for number in range(asked["lesions"]):
            label[0, 6 * number : 6 * number + 4, 2:6, 2:6] = 1 + number % 2
        affine = torch.diag(torch.tensor([asked["size"]] * 3 + [1.0]))
        image = torch.where(label > 0, label * 10, 1.0).repeat(2, 1, 1, 1)
        return {"image": image, "target": MetaTensor(label, affine=affine)}


def names(pool: LesionPool, without: str, seed: int = 0) -> list[str]:
    return [donor.case_id for donor in pool.draw(np.random.default_rng(seed), without)]


def test_every_lesion_of_other_patients_is_drawn_once_in_random_order() -> None:
    pool = LesionPool([case("a", "p"), case("b", "p"), case("c", lesions=2), case("d")], Prepared(), (1, 2))
    assert sorted(names(pool, "p")) == ["c", "c", "d"]
    assert sorted(names(pool, "nobody")) == ["a", "b", "c", "c", "d"]
    assert len({tuple(names(pool, "nobody", seed)) for seed in range(9)}) > 1
    assert names(pool, "p", 3) == names(pool, "p", 3)


def test_a_donor_is_read_when_it_is_needed_and_once() -> None:
    reading = Prepared()
    pool = LesionPool([case("a"), case("b")], reading, (1, 2))
    assert reading.read == []
    for _ in range(3):
        names(pool, "a")
    assert reading.read == ["b"]


def test_a_lesion_knows_what_its_parts_look_like() -> None:
    pool = LesionPool([case("a", lesions=2)], Prepared(), (1, 2, 3))
    donor, _ = pool.draw(np.random.default_rng(0), "b")
    assert donor.spacing == (2.0, 2.0, 2.0)
    assert donor.lesion.shape == (4, 4, 4)
    assert donor.tones[:2].tolist() == [[10, 10], [20, 20]]
    assert donor.deviations[:2].tolist() == [[0, 0], [0, 0]]
    assert donor.tones[2].isnan().all()
    assert donor.has(np.array([0, 1]))
    assert not donor.has(np.array([1, 2]))


def test_lesions_without_a_shape_are_left_out() -> None:
    """64 voxels of 1 mm are less than a tenth of a milliliter."""
    pool = LesionPool([case("small", size=1.0), case("large", size=2.0)], Prepared(), (1, 2))
    assert 0.064 < SMALLEST < 0.064 * 8
    assert names(pool, "x") == ["large"]


def test_a_pool_without_lesions_says_how_to_get_some() -> None:
    pool = LesionPool([case("a"), case("b", lesions=0)], Prepared(), (1, 2))
    said = r"None of the 2 cases with labels, other than those of patient 'a', has a lesion .*--donors_dir.*--masks"
    with pytest.raises(CaseError, match=said):
        names(pool, "a")


def test_a_donor_that_cannot_be_read_is_left_out_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    pool = LesionPool([case("broken", lesions=-1), case("good")], Prepared(), (1, 2))
    assert names(pool, "x") == ["good"]
    assert "Case 'broken' is left out as a donor: Case 'broken': t1 cannot be read." in caplog.text


def test_the_patients_are_known() -> None:
    assert LesionPool([case("a", "p"), case("b", "p"), case("c", "q")], Prepared(), (1,)).patients == ["p", "q"]


def test_a_folder_of_donors_without_lesions_is_told(
    brains: Path, requests_for: Callable[..., Any], tmp_path: Path
) -> None:
    for folder in sorted(brains.iterdir())[:2]:
        copy = shutil.copytree(folder, tmp_path / folder.name)
        next(copy.glob("*_seg.nii.gz")).unlink()
    found = donors_of(requests_for(), tmp_path, schema="brain_mri", modalities=MODALITIES)
    assert found == []
    placing = PlaceLesiond(MODALITIES, "brain_mri", "moved", LesionPool(found, dict, (1, 2, 3)))
    with pytest.raises(CaseError, match=r"None of the 0 cases with labels.*--donors_dir"):
        placing(read(requests_for()[0]))
