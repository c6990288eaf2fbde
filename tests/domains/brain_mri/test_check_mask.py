"""A mask is believed if it can be that of the brain, whether the skull is there or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from scipy.ndimage import binary_dilation, binary_erosion

from planted_faults import as_tensors, subject
from scanfill.domains.brain_mri.check_mask import check_mask
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Callable

    Mask = np.ndarray

SUBJECT = (3, 3, 64)


def check(mask: Mask, skull: bool, *keys: str) -> None:
    phantom = subject(*SUBJECT, skull=skull)
    images = as_tensors({key: phantom.images[key] for key in keys or phantom.images}, phantom)
    tensor = MetaTensor(torch.from_numpy(mask.astype(np.uint8)[None]), affine=torch.tensor(phantom.affine))
    check_mask(tensor, images, "Case 'c': mask")


def brain() -> Mask:
    return np.asarray(subject(*SUBJECT).tissue > 0)


def half(axis: int, upper: bool) -> Callable[[Mask], Mask]:
    def cut(mask: Mask) -> Mask:
        middle = int(np.median(np.nonzero(mask)[axis]))
        inside = np.moveaxis(np.broadcast_to((np.arange(64) < middle) == upper, mask.shape), -1, axis)
        return np.asarray(mask & inside)

    return cut


@pytest.mark.parametrize("skull", [True, False])
@pytest.mark.parametrize(
    "change",
    [np.asarray, binary_erosion, binary_dilation],
    ids=["right", "tight", "wide"],
)
def test_a_mask_of_the_brain_is_believed(change: Callable[[Mask], Mask], skull: bool) -> None:
    check(change(brain()), skull)
    check(change(brain()), skull, "flair")


@pytest.mark.parametrize("skull", [True, False])
@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_mask_of_half_a_brain_is_not(axis: int, upper: bool, skull: bool) -> None:
    with pytest.raises(CaseError, match=r"^Case 'c': mask is not a mask of the whole brain: it (covers|is) \d\d%"):
        check(half(axis, upper)(brain()), skull)


@pytest.mark.parametrize("skull", [True, False])
def test_a_mask_of_the_tumor_is_not(skull: bool) -> None:
    with pytest.raises(CaseError, match=r"it (covers|is) \d?\d%"):
        check(subject(*SUBJECT).label > 0, skull)


def test_a_mask_of_the_whole_head_is_not() -> None:
    head = subject(*SUBJECT, skull=True).images["t1"]
    with pytest.raises(CaseError, match=r"liters, more than any brain \(2.2 at most\)"):
        check(head > 0.15 * np.percentile(head, 99), skull=True)


def test_a_mask_of_everything_is_not() -> None:
    with pytest.raises(CaseError, match=r"it is 1 everywhere, 7\.\d\d liters"):
        check(np.ones((64, 64, 64)), skull=False)


def test_without_an_acquired_image_nothing_is_compared() -> None:
    mask = MetaTensor(torch.ones(1, 4, 4, 4), affine=torch.eye(4))
    check_mask(mask, {}, "x")
