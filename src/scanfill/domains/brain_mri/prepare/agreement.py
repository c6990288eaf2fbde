"""Position of each modality relative to the reference after registration, and whether it is right.

A registration always returns a result; whether it is right must be determined from the images. Measured on 19 real
cases at 2 mm, each modality against T1CE, and against other patients' images registered in the same way: see
:py:data:`DISTINCT`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import from_matvec
from scipy import ndimage

from scanfill.domains.brain_mri.prepare.geometry import Pose
from scanfill.domains.brain_mri.prepare.registration import (
    LEVELS,
    MutualInformation,
    clip_outliers,
    coarsen,
    draw_points,
    head,
    quiet_itk,
    register,
    surroundings,
)
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.prepare.geometry import Volume
    from scanfill.domains.brain_mri.prepare.originals import OriginalCase

    Array = NDArray[Any]

ELSEWHERE = 8.0
"""Displacement in mm of the found pose, to obtain the figures of a wrong one."""

INNER = 6.0
"""Depth in mm below the head's surface from which edges are compared: outlines agree even between patients."""

EDGE = 2.0
"""Smoothing of the edges, in mm."""

DISTINCT = 1.87
"""Below this, the found pose is hardly better than others and may be arbitrary.

On 114 real pairs of one patient (stripped, half of them with part of the head out of view) the lowest figure was 1.90;
on 114 pairs of two patients the highest was 1.82. Unstripped phantoms of two subjects reach 1.95: whole heads are more
alike, so that a wrong patient may pass there.
"""

DISTINCT_ALIKE = 2.2
"""The same for T1 with T1CE, which look so much alike that right pairs had at least 2.48, wrong ones at most 1.82."""

EDGES = 1.03
"""Factor by which the edges must agree better than at displaced poses: the outline alone is not enough.

The lowest figure of a real right pair was 1.06 (a blurred FLAIR, half in view), of the next case 1.22.
"""

OVERLAP = 0.6
"""Minimum Dice of the two heads in the common field of view.

Real right pairs had at least 0.75 (half the brain missing).
"""

COVERAGE = 0.25
"""Minimum fraction of the reference's head in the moved image's field of view."""


@dataclass(frozen=True)
class Agreement:
    """How well two images are aligned.

    Attributes:
        mutual_information_before: In nats, with the scanner's coordinates alone.
        mutual_information: After registration.
        mutual_information_elsewhere: Mean over poses displaced by 8 mm.
        edges: Squared cosine between the two images' gradients inside the head, weighted by their lengths: 1 if all
            edges are parallel, a third by chance (Haber and Modersitzki 2006, 10.1007/11866763_89).
        edges_elsewhere: Mean over poses displaced by 8 mm.
        overlap_before: Dice of the two heads within the common field of view, with the scanner's coordinates.
        overlap: After registration.
        coverage: Fraction of the reference's head in the moved image's field of view.
    """

    mutual_information_before: float
    mutual_information: float
    mutual_information_elsewhere: float
    edges: float
    edges_elsewhere: float
    overlap_before: float
    overlap: float
    coverage: float

    @property
    def distinctness(self) -> float:
        """How much better the pose is than displaced ones: gain in mutual information, times gain in edges."""
        information = self.mutual_information / max(self.mutual_information_elsewhere, 1e-6)
        return information * self.edges / max(self.edges_elsewhere, 1e-6)

    def doubt(self, *, alike: bool = False) -> str | None:
        """Return why this registration is unreliable, with the figures; None if it is reliable.

        Args:
            alike: Whether the two are T1 and T1CE, for which the threshold is higher.
        """
        least = DISTINCT_ALIKE if alike else DISTINCT
        if self.coverage < COVERAGE:
            return f"only {self.coverage:.0%} of the reference's head is in its field of view (at least {COVERAGE:.0%})"
        if self.overlap < OVERLAP:
            return f"the heads overlap too little: Dice {self.overlap:.2f} (at least {OVERLAP})"
        if self.distinctness < least or self.edges < EDGES * self.edges_elsewhere:
            return (
                f"the pose found is hardly better than others: mutual information {self.mutual_information:.3f}, 8 mm "
                f"away {self.mutual_information_elsewhere:.3f}; agreement of edges {self.edges:.2f}, 8 mm away "
                f"{self.edges_elsewhere:.2f}; distinctness {self.distinctness:.2f} (at least {least}, and edges at "
                f"least {EDGES} times those 8 mm away)"
            )
        return None


def judge(reference: Volume, moving: Volume, pose: Pose, brain: Volume | None = None) -> Agreement:
    """Compare two images at a pose, at displaced poses, and at their original position.

    Args:
        reference: The fixed image.
        moving: The image that is moved onto it.
        pose: World coordinates of the reference to those of ``moving``.
        brain: Mask on the reference's grid, within which edges are compared; otherwise within the whole head. Required
            if the skull is present: the layers around the brain are similar in all heads.
    """
    within = None if brain is None else coarsen(brain, LEVELS[-1]).voxels > 0.5
    reference, moving = (coarsen(clip_outliers(volume), LEVELS[-1]) for volume in (reference, moving))
    whole = ndimage.binary_fill_holes(head(reference.voxels))
    within = whole if within is None else within
    beside = displaced(pose, ELSEWHERE)
    with quiet_itk() as itk:
        points = draw_points(reference, surroundings(whole, reference.grid))
        information = MutualInformation(itk, reference, moving, points, reference.grid.middle)
        found, before = information(pose), information(Pose())
        elsewhere = float(np.mean([information(other) for other in beside]))
    depth = ndimage.distance_transform_edt(within, sampling=reference.grid.spacing)
    edges = EdgeAgreement(reference, moving, draw_points(reference, depth > min(INNER, depth.max() / 2)))
    overlap, coverage = overlap_of_heads(reference, moving, pose)
    return Agreement(
        mutual_information_before=before,
        mutual_information=found,
        mutual_information_elsewhere=elsewhere,
        edges=edges(pose),
        edges_elsewhere=float(np.mean([edges(other) for other in beside])),
        overlap_before=overlap_of_heads(reference, moving, Pose())[0],
        overlap=overlap,
        coverage=coverage,
    )


def displaced(pose: Pose, distance: float) -> list[Pose]:
    """Return the pose shifted by the given distance in mm along each axis, in both directions."""
    offsets = [step * axis for axis in np.eye(3) for step in (-distance, distance)]
    return [Pose(from_matvec(np.eye(3), offset) @ pose.matrix) for offset in offsets]


def overlap_of_heads(reference: Volume, moving: Volume, pose: Pose) -> tuple[float, float]:
    """Return the Dice of the two heads, filled, in the common field of view, and the reference's fraction in view."""
    head_1, head_2 = (ndimage.binary_fill_holes(head(volume.voxels)) for volume in (reference, moving))
    places = moving.grid.indices(pose(reference.grid.world(np.indices(head_1.shape).reshape(3, -1).T)))
    common = moving.grid.holds(places)
    inside_1 = head_1.ravel()
    nearest = np.clip(np.rint(places[common]), 0, np.array(head_2.shape) - 1).astype(np.intp).T
    inside_2 = head_2[tuple(nearest)]
    both = np.count_nonzero(inside_1[common] & inside_2)
    either = np.count_nonzero(inside_1[common]) + np.count_nonzero(inside_2)
    coverage = float(np.mean(common[inside_1])) if inside_1.any() else 0.0
    return float(2 * both / either) if either else 0.0, coverage


class EdgeAgreement:
    """Agreement of the edge directions of two images as a function of the pose.

    Args:
        reference: The fixed image.
        moving: The image that is moved onto it.
        points: World coordinates in the reference to compare, ``(N, 3)``.
    """

    def __init__(self, reference: Volume, moving: Volume, points: Array) -> None:
        self.points = points
        self.moving = moving
        self.moving_gradient = gradient(moving)
        self.here = _sample(gradient(reference), reference, points)

    def __call__(self, pose: Pose) -> float:
        """Return the agreement at a pose: 0 to 1."""
        there = _sample(self.moving_gradient, self.moving, pose(self.points)) @ pose.matrix[:3, :3]
        lengths = np.linalg.norm(self.here, axis=1) * np.linalg.norm(there, axis=1)
        cosines = np.einsum("ni,ni->n", self.here, there) / np.maximum(lengths, 1e-9)
        return float((cosines**2 * lengths).sum() / max(lengths.sum(), 1e-9))


def gradient(volume: Volume) -> Array:
    """Return the gradient of the smoothed voxels in world coordinates, ``(3, X, Y, Z)``, per mm."""
    sigmas = EDGE / volume.grid.spacing
    along_axes = [ndimage.gaussian_filter(volume.voxels, sigmas, order=order) for order in np.eye(3, dtype=int)]
    per_mm = np.linalg.inv(volume.grid.affine[:3, :3])
    return np.asarray(np.einsum("aw,axyz->wxyz", per_mm, np.stack(along_axes)))


def _sample(vectors: Array, volume: Volume, points: Array) -> Array:
    places = volume.grid.indices(points).T
    return np.stack([ndimage.map_coordinates(part, places, order=1) for part in vectors], axis=1)


@dataclass(frozen=True, eq=False)
class Placed:
    """Position of a modality relative to the reference.

    Attributes:
        pose: World coordinates of the reference to those of the modality.
        agreement: How well they are aligned; None for the reference itself.
    """

    pose: Pose
    agreement: Agreement | None = None


def place(original: OriginalCase) -> dict[str, Placed]:
    """Register every other modality to the reference.

    Raises:
        CaseError: At least one registration is unreliable; lists all of them with the figures.
    """
    reference = original.images[original.reference]
    placed = {original.reference: Placed(Pose())}
    doubts = []
    for key, image in original.images.items():
        if key == original.reference:
            continue
        pose = register(reference, image, original.mask)
        agreement = judge(reference, image, pose, original.mask)
        placed[key] = Placed(pose, agreement)
        if doubt := agreement.doubt(alike={key, original.reference} == {"t1", "t1ce"}):
            doubts.append(f"{key}: {doubt}")
    if doubts:
        msg = (
            f"Case {original.case_id!r}: registration to {original.reference} failed, so nothing was written. "
            f"{'. '.join(doubts)}. Look at these images: are they of the same patient, the whole head, the right "
            f"modality? Replace the image, remove it from the case, or choose another --reference."
        )
        raise CaseError(msg)
    return placed
