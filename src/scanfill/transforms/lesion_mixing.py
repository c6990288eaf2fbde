"""Paste a lesion of one training case into another so that every voxel keeps one correct label.

Plain MixUp averages two images. The union of their masks then labels voxels as lesion that are half healthy tissue, and
a mixture of classes 1 and 2 belongs to neither. Here a region is cut out of the donor along its lesion and replaces the
voxels of the recipient, both image and label. Sources: CarveMix (Zhang 2021, arXiv 2108.06883; region
and its random size), TumorCP (Yang 2021, 10.1007/978-3-030-87193-2_55; random location).
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
"""Healthy tissue with less variation has no contrast to match."""

FEWEST = 100
"""Fewer healthy voxels, as in a patch that is nearly all lesion, are not representative of a scan's intensities."""


@dataclass(frozen=True)
class Mixed:
    """The result of pasting one lesion.

    Attributes:
        image: ``(C, ...)``.
        label: ``(1, ...)``, for each voxel the recipient's or the donor's.
        region: ``(...)``, the voxels that come from the donor.
        labels: Pasted labels, without background.
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
    """Paste one lesion of a donor at a random location in a recipient's body, with matched intensities.

    Only tissue is pasted, never the donor's background. A sequence that the recipient does not have stays empty. If the
    donor is missing a sequence that the recipient has, nothing is pasted: the lesion would be a hole in that sequence.

    Args:
        recipient: Image ``(C, ...)`` and label ``(1, ...)``; not modified.
        donor: Image and label with the same channels and voxel size; the shape may differ.
        rng: Random number generator.
        lesions: Labels that make up a lesion; by default all except 0.
        where: Start of an error message.

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
    """Return the mask of the body in ``(C, ...)``: voxels that differ from background in any channel."""
    distances = [np.abs(image - value) > (ROUNDING if value else 0) for value in BACKGROUND]
    return np.logical_and.reduce(distances).any(axis=0)


def acquired(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Return for each channel of ``(C, ...)`` whether it was acquired, that is, contains more than background."""
    return np.array([foreground(channel[None]).any() for channel in image], bool)


def carve(
    label: NDArray[Any],
    rng: np.random.RandomState,
    lesions: Sequence[int] | None = None,
    where: str = "The donor",
) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
    """Cut out one connected lesion, drawn at random, slightly smaller or larger than it is.

    With equal probability, up to half of its depth is removed or up to its full depth is added (CarveMix,
    equation 4). Added surroundings keep their own labels.

    Args:
        label: ``(1, ...)``.
        rng: Random number generator.
        lesions: Labels that make up a lesion; by default all except 0.
        where: Start of the error message.

    Returns:
        The bounding box of the region, and the region within it.

    Raises:
        CaseError: The donor has no lesion.
    """
    values = label[0]
    components, count = ndimage.label(_lesion_mask(values, lesions))
    if not count:
        wanted = "other than 0" if lesions is None else " or ".join(map(str, lesions))
        found = np.unique(values).tolist()
        msg = f"{where} has no lesion: its label contains {found}, nothing {wanted}. Leave it out of `donors`."
        raise CaseError(msg)
    lesion = components == 1 + rng.randint(count)
    distance = ndimage.distance_transform_edt(~lesion) - ndimage.distance_transform_edt(lesion)
    deepest = -distance.min()
    threshold = rng.uniform(-deepest / 2, 0) if rng.uniform() < 0.5 else rng.uniform(0, deepest)
    region = distance <= threshold
    box = ndimage.find_objects(region.astype(np.uint8))[0]
    return box, region[box]


def _lesion_mask(values: NDArray[Any], lesions: Sequence[int] | None) -> NDArray[np.bool_]:
    return np.asarray(values != 0 if lesions is None else np.isin(values, list(lesions)))


def has_lesion(label: NDArray[Any], lesions: Sequence[int] | None = None) -> bool:
    """Return whether a label map contains a label of a lesion; by default any except 0."""
    return bool(_lesion_mask(label, lesions).any())


def harmonise(
    carved: NDArray[Any],
    donor: NDArray[Any],
    recipient: NDArray[Any],
    healthy: tuple[NDArray[np.bool_], NDArray[np.bool_]],
) -> NDArray[np.float32]:
    """Match the mean and SD of a donor's healthy tissue to the recipient's, channel by channel.

    A channel with almost no healthy tissue, in either case, keeps the donor's intensities.

    Args:
        carved: ``(C, ...)``, the intensities to map.
        donor: ``(C, ...)``, the donor's image.
        recipient: ``(C, ...)``, the recipient's image.
        healthy: Masks of healthy tissue in donor and recipient, without channel axis.
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
    """Draw the position of a box, centered on any voxel of the body.

    Returns:
        Lowest corner of the box, which may extend beyond the image. Without a body it lies outside the image, so that
        nothing is pasted.
    """
    voxels = np.argwhere(body)
    if not len(voxels):
        return tuple(body.shape)
    middle = voxels[rng.randint(len(voxels))]
    return tuple(int(centre - length // 2) for centre, length in zip(middle, shape, strict=True))


def check_training_donors(donors: Sequence[Any], training: Sequence[Any], what: str = "Donor") -> None:
    """Check that all donors are in the training list.

    Args:
        donors: Names of cases, see ``case_id``.
        training: Names of the training cases.
        what: Start of the error message.

    Raises:
        UsageError: A donor is not a training case; names the first.
    """
    known = set(training)
    strangers = [name for name in donors if name not in known]
    if strangers:
        msg = (
            f"{what} {strangers[0]!r} is not one of the {len(training)} training cases ({len(strangers)} such). "
            f"Lesions of validation and test cases must not be used for training. Give cases of the training list only."
        )
        raise UsageError(msg)


def spacing_differs(first: Any, second: Any, tolerance: float = 0.01) -> str:
    """Describe how the voxel sizes of two images differ; empty if they agree, or one has none."""
    if not (hasattr(first, "pixdim") and hasattr(second, "pixdim")):
        return ""
    a, b = (convert_to_numpy(image.pixdim).astype(float)[: image.ndim - 1] for image in (first, second))
    if np.all(np.abs(a - b) <= tolerance * np.maximum(a, b)):
        return ""
    return f"{[round(float(size), 3) for size in a]} mm and {[round(float(size), 3) for size in b]} mm"
