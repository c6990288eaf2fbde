"""Paste a lesion of one training case into another, so that every voxel keeps one true label.

Plain MixUp averages two images; the union of their masks then calls a voxel lesion that is half healthy tissue, and a
voxel of class 1 + class 2 is neither. Here a region is carved out of the donor along its lesion and replaces what lies
there: image and label change hands together. Sources: CarveMix (Zhang 2021, arXiv 2108.06883; region
and its random size), TumorCP (Yang 2021, 10.1007/978-3-030-87193-2_55; a random place).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.errors import CaseError, UsageError
from scanfill.transforms.channelwise import BACKGROUND, ROUNDING
from scanfill.transforms.crop import overlap

SMALLEST_SD = 1e-6
"""Healthy tissue that varies less has no contrast to be matched."""

FEWEST = 100
"""Fewer healthy voxels, as in a patch that is nearly all lesion, say nothing of a scan's intensities."""


@dataclass(frozen=True)
class Mixed:
    """What comes of pasting one lesion.

    Attributes:
        image: ``(C, ...)``.
        label: ``(1, ...)``, in each voxel the recipient's or the donor's.
        region: ``(...)``, which voxels are the donor's.
        labels: Those that were pasted, without background.
    """

    image: NDArray[Any]
    label: NDArray[Any]
    region: NDArray[np.bool_]
    labels: list[int]


def mix_lesion(
    recipient: tuple[NDArray[Any], NDArray[Any]],
    donor: tuple[NDArray[Any], NDArray[Any]],
    rng: np.random.RandomState,
    lesions: Sequence[int] | None = None,
    where: str = "The donor",
) -> Mixed:
    """Paste one lesion of a donor at a random place of a recipient's body, with matched intensities.

    Only tissue is pasted, never what lies around the donor's body. A sequence that the recipient lacks stays empty; of
    a donor that lacks one which the recipient has, nothing is pasted, as the lesion would be a hole there.

    Args:
        recipient: Image ``(C, ...)`` and label ``(1, ...)``; stay as they are.
        donor: Likewise, of the same channels and voxel size; may have another shape.
        rng: What draws.
        lesions: Labels that make up a lesion; all but 0 by default.
        where: Begins an error message.

    Raises:
        CaseError: The donor has no lesion.
    """
    (image, label), (theirs, their_label) = recipient, donor
    box, region = carve(their_label, rng, lesions, where)
    body, their_body = foreground(image), foreground(theirs)
    healthy = (their_body & (their_label[0] == 0), body & (label[0] == 0))
    carved = harmonise(theirs[(slice(None), *box)], theirs, image, healthy)
    here, there = overlap(place(region.shape, body, rng), region.shape, body.shape)
    pasted = np.zeros(body.shape, bool)
    shown, theirs_shown = acquired(image), acquired(theirs)
    if theirs_shown[shown].all():
        pasted[here] = (region & their_body[box])[there] & body[here]
    image, label = image.copy(), label.copy()
    for channel in np.flatnonzero(shown):
        np.copyto(image[channel][here], carved[channel][there], where=pasted[here], casting="unsafe")
    np.copyto(label[(slice(None), *here)], their_label[(slice(None), *box)][(slice(None), *there)], where=pasted[here])
    labels = [int(value) for value in np.unique(label[0][pasted]) if value != 0]
    return Mixed(image, label, pasted, labels)


def foreground(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Where an image ``(C, ...)`` shows the body: in any channel another value than the background's."""
    distances = [np.abs(image - value) > (ROUNDING if value else 0) for value in BACKGROUND]
    return np.logical_and.reduce(distances).any(axis=0)


def acquired(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Say of each channel of ``(C, ...)`` whether it shows anything but background; a missing sequence does not."""
    return np.array([foreground(channel[None]).any() for channel in image], bool)


def carve(
    label: NDArray[Any],
    rng: np.random.RandomState,
    lesions: Sequence[int] | None = None,
    where: str = "The donor",
) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
    """Cut out one lesion, drawn among those that are not connected, a little smaller or larger than it is.

    Half of the time up to half of its depth is taken off, half of the time as much as its depth is added (CarveMix,
    equation 4), so that its surroundings may come along; they bring their own labels.

    Args:
        label: ``(1, ...)``.
        rng: What draws.
        lesions: Labels that make up a lesion; all but 0 by default.
        where: Begins the error message.

    Returns:
        The box around the region, and the region in it.

    Raises:
        CaseError: The donor has no lesion.
    """
    values = label[0]
    mask = values != 0 if lesions is None else np.isin(values, list(lesions))
    components, count = ndimage.label(mask)
    if not count:
        wanted = "other than 0" if lesions is None else " or ".join(map(str, lesions))
        found = np.unique(values).tolist()
        msg = f"{where} has no lesion: its label holds {found}, nothing {wanted}. Leave it out of `donors`."
        raise CaseError(msg)
    lesion = components == 1 + rng.randint(count)
    distance = ndimage.distance_transform_edt(~lesion) - ndimage.distance_transform_edt(lesion)
    deepest = -distance.min()
    threshold = rng.uniform(-deepest / 2, 0) if rng.uniform() < 0.5 else rng.uniform(0, deepest)
    region = distance <= threshold
    box = ndimage.find_objects(region.astype(np.uint8))[0]
    return box, region[box]


def harmonise(
    carved: NDArray[Any],
    donor: NDArray[Any],
    recipient: NDArray[Any],
    healthy: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> NDArray[np.float32]:
    """Map a donor's intensities so that its healthy tissue has the recipient's mean and SD, channel by channel.

    A channel with next to no healthy tissue, in either, keeps the donor's intensities.

    Args:
        carved: ``(C, ...)``, what is to be mapped.
        donor: ``(C, ...)``, the donor's image.
        recipient: ``(C, ...)``.
        healthy: Healthy tissue of donor and of recipient, masks without channel.
    """
    result = np.empty(carved.shape, np.float32)
    for channel in range(carved.shape[0]):
        theirs, ours = donor[channel][healthy[0]], recipient[channel][healthy[1]]
        if min(theirs.size, ours.size) < FEWEST or min(float(theirs.std()), float(ours.std())) < SMALLEST_SD:
            result[channel] = carved[channel]
        else:
            result[channel] = (carved[channel] - theirs.mean()) / theirs.std() * ours.std() + ours.mean()
    return result


def place(shape: Sequence[int], body: NDArray[np.bool_], rng: np.random.RandomState) -> tuple[int, ...]:
    """Draw where a box goes: its middle on any voxel of the body.

    Returns:
        Its lowest corner; the box may stick out. Beyond the image, so that nothing is pasted, where there is no body.
    """
    voxels = np.argwhere(body)
    if not len(voxels):
        return tuple(body.shape)
    middle = voxels[rng.randint(len(voxels))]
    return tuple(int(centre - length // 2) for centre, length in zip(middle, shape, strict=True))


def check_training_donors(donors: Sequence[Any], training: Sequence[Any], what: str = "Donor") -> None:
    """Refuse donors that are not in the training list.

    Args:
        donors: Names of cases, see ``case_id``.
        training: Names of the training cases.
        what: Begins the message.

    Raises:
        UsageError: Names the first that is none.
    """
    known = set(training)
    strangers = [name for name in donors if name not in known]
    if strangers:
        msg = (
            f"{what} {strangers[0]!r} is not one of the {len(training)} training cases ({len(strangers)} such): a "
            f"lesion of a case that judges the network must not be learned from. Give cases of the training list only."
        )
        raise UsageError(msg)


def spacing_differs(first: Any, second: Any, tolerance: float = 0.01) -> str:
    """Say how the voxel sizes of two images differ; empty if they agree, or one has none."""
    if not (hasattr(first, "pixdim") and hasattr(second, "pixdim")):
        return ""
    a, b = (convert_to_numpy(image.pixdim).astype(float)[: image.ndim - 1] for image in (first, second))
    if np.all(np.abs(a - b) <= tolerance * np.maximum(a, b)):
        return ""
    return f"{[round(float(size), 3) for size in a]} mm and {[round(float(size), 3) for size in b]} mm"
