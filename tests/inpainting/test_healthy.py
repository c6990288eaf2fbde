"""Holes in healthy tissue: away from lesions, with the shapes of lesions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy import ndimage

from scanfill.errors import CaseError
from scanfill.inpainting import HealthyTissued, LesionPool, RandHealthyHoled

SIDE = 24
SIZES = (2.0, 1.0, 1.0)


def scene(name: str = "c", *, body: bool = True, lesion: bool = True) -> dict[str, Any]:
    """A ball of tissue with a lesion in its middle."""
    affine = torch.diag(torch.tensor([*SIZES, 1.0]))
    grid = np.indices((SIDE,) * 3) - (SIDE - 1) / 2
    mask = torch.from_numpy((np.linalg.norm(grid, axis=0) < 11) & body)[None].to(torch.uint8)
    label = torch.zeros(1, SIDE, SIDE, SIDE, dtype=torch.uint8)
    if lesion:
        label[:, 10:14, 10:14, 10:14] = 2
    return {"case_id": name, "mask": MetaTensor(mask, affine=affine), "target": MetaTensor(label, affine=affine)}


def healthy_in(case: dict[str, Any], distance: float = 4.0) -> np.ndarray:
    return np.asarray(HealthyTissued("target", distance)(case)["healthy"])[0] != 0


def test_healthy_tissue_is_in_the_body_and_away_from_lesions() -> None:
    case = scene()
    healthy = healthy_in(case)
    apart = ndimage.distance_transform_edt(np.asarray(case["target"])[0] == 0, sampling=SIZES)
    assert np.array_equal(healthy, (np.asarray(case["mask"])[0] != 0) & (apart > 4))
    assert np.array_equal(healthy_in(scene(lesion=False)), np.asarray(case["mask"])[0] != 0)


@pytest.mark.parametrize("fault", [{"body": False}, {"distance": 1000.0}], ids=str)
def test_a_case_without_healthy_tissue_is_told(fault: dict[str, Any]) -> None:
    distance = fault.pop("distance", 4.0)
    with pytest.raises(
        CaseError, match=rf"Case 'c' has no tissue farther than {distance:g} mm from a lesion. Leave it"
    ):
        HealthyTissued("target", distance)(scene(**fault))


def pool(lesion: bool = True) -> LesionPool:
    def prepared(case: dict[str, Any]) -> dict[str, Any]:
        own = scene(case["case_id"], lesion=lesion)
        return {"image": torch.zeros(1, SIDE, SIDE, SIDE), "target": own["target"]}

    return LesionPool([{"case_id": name, "patient": name} for name in "ab"], prepared, (1, 2, 3))


def hole_in(case: dict[str, Any], **options: Any) -> np.ndarray:
    transform = RandHealthyHoled(pool(), "target", **options)
    transform.set_random_state(seed=0)
    return np.asarray(transform(HealthyTissued("target", 4.0)(case))["target"])[0]


@pytest.mark.parametrize("number", range(5))
def test_a_hole_lies_in_healthy_tissue_and_has_no_parts(number: int) -> None:
    case = scene()
    hole = hole_in(case, seed=number)
    assert set(np.unique(hole)) == {0, 1}
    assert not (hole.astype(bool) & ~healthy_in(case)).any()


def test_a_case_gets_the_same_hole_for_a_seed_whatever_came_before() -> None:
    transform = RandHealthyHoled(pool(), "target", seed=1)
    case, other = (HealthyTissued("target", 4.0)(scene(name)) for name in ("c", "d"))
    first = transform(case)["target"]
    different = transform(other)["target"]
    assert torch.equal(first, transform(case)["target"])
    assert not torch.equal(first, different)
    assert np.array_equal(hole_in(scene() | {"seed": 4}), hole_in(scene() | {"seed": 4}, seed=9))


def test_without_a_seed_each_hole_is_another_one() -> None:
    transform = RandHealthyHoled(pool(), "target")
    case = HealthyTissued("target", 4.0)(scene())
    transform.set_random_state(seed=0)
    first, second = (transform(case)["target"] for _ in range(2))
    assert not torch.equal(first, second)
    transform.set_random_state(seed=0)
    assert torch.equal(first, transform(case)["target"])


def test_without_a_lesion_there_is_no_shape() -> None:
    with pytest.raises(CaseError, match="None of the training cases has a lesion whose shape a hole could have"):
        RandHealthyHoled(pool(lesion=False), "target")(HealthyTissued("target", 4.0)(scene()))
