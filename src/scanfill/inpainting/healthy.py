"""Holes in healthy tissue, where it is known what was there."""

from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from monai.transforms import Randomizable, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.data.new_cases import SEED
from scanfill.errors import CaseError
from scanfill.inpainting.pool import LesionPool

LEAST = 0.3
"""Least share of a hole that must be healthy tissue; the rest of its shape is cut off."""


@dataclass(eq=False, repr=False)
class HealthyTissued(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add where tissue is healthy, ``(1, ...)``: in the body, and away from lesions, which change what is around them.

    Args:
        label_key: Key of the label map ``(1, ...)``.
        distance: From any lesion, in mm.
        mask_key: Key of the mask of the body ``(1, ...)``.
        name: Key of the result.

    Raises:
        CaseError: No tissue is healthy.
    """

    label_key: str
    distance: float
    _: KW_ONLY
    mask_key: str = "mask"
    name: str = "healthy"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Find the healthy tissue of one case."""
        label = data[self.label_key]
        healthy = convert_to_numpy(data[self.mask_key])[0] != 0
        lesions = convert_to_numpy(label)[0] != 0
        if lesions.any():
            sizes = np.linalg.norm(np.asarray(label.affine, float)[:3, :3], axis=0)[: healthy.ndim]
            healthy &= ndimage.distance_transform_edt(~lesions, sampling=sizes) > self.distance
        if not healthy.any():
            msg = (
                f"Case {data.get('case_id', '?')!r} has no tissue farther than {self.distance:g} mm from a lesion. "
                f"Leave it out, or reduce the distance."
            )
            raise CaseError(msg)
        return {**data, self.name: convert_to_dst_type(healthy[None], label, dtype=np.uint8)[0]}


@dataclass(eq=False, repr=False)
class RandHealthyHoled(Randomizable, Transform):  # type: ignore[misc]
    """Replace the label map by a hole in healthy tissue, 1 inside, with the shape of a lesion of some patient.

    The shape is scaled and mirrored at random along each axis; what of it would lie outside healthy tissue is cut off.
    A case with a seed of its own always gets the same hole.

    Args:
        pool: The shapes.
        label_key: Key of the label map to replace, ``(1, ...)``.
        healthy_key: Key of the healthy tissue, see :py:class:`HealthyTissued`.
        seed: Makes the hole of a case without a seed depend on this number and its name alone; None for a random one.
        scales: Smallest and largest scale of each axis.
    """

    pool: LesionPool
    label_key: str
    _: KW_ONLY
    healthy_key: str = "healthy"
    seed: int | None = None
    scales: tuple[float, float] = (0.4, 1.0)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Cut the hole of one case."""
        label = data[self.label_key]
        healthy = convert_to_numpy(data[self.healthy_key])[0] != 0
        rng = self._generator(data)
        donors = [donor for case in self.pool.cases for donor in self.pool.lesions_of(case)]
        if not donors:
            msg = "None of the training cases has a lesion whose shape a hole could have."
            raise CaseError(msg)
        places = np.argwhere(healthy)
        best = np.zeros(healthy.shape, bool)
        for _ in range(10):
            donor = donors[rng.integers(len(donors))]
            shape = _varied(donor.lesion != 0, rng, self.scales)
            hole = _centered(shape, healthy.shape, places[rng.integers(len(places))]) & healthy
            if hole.sum() > best.sum():
                best = hole
            if hole.any() and hole.sum() >= LEAST * shape.sum():
                break
        if not best.any():  # shapes that vanished when they were scaled, or that fit nowhere
            best[tuple(places[rng.integers(len(places))])] = True
        return {**data, self.label_key: convert_to_dst_type(best[None], label, dtype=np.uint8)[0]}

    def _generator(self, data: Mapping[Hashable, Any]) -> np.random.Generator:
        if SEED in data:
            return np.random.default_rng(int(data[SEED]))
        if self.seed is None:
            return np.random.default_rng(self.R.randint(2**31))
        return np.random.default_rng([self.seed, *str(data.get("case_id", "")).encode()])


def _varied(shape: NDArray[np.bool_], rng: np.random.Generator, scales: tuple[float, float]) -> NDArray[np.bool_]:
    """Mirror and scale a shape along each axis, at random."""
    turned = shape[tuple(slice(None, None, step) for step in rng.choice([1, -1], shape.ndim))]
    sides = np.maximum(1, np.round(np.array(shape.shape) * rng.uniform(*scales, shape.ndim))).astype(int)
    places = [((np.arange(side) + 0.5) * old / side).astype(int) for side, old in zip(sides, shape.shape, strict=True)]
    return turned[np.ix_(*places)]


def _centered(shape: NDArray[np.bool_], size: tuple[int, ...], place: NDArray[Any]) -> NDArray[np.bool_]:
    """Put the middle of a shape at a place of a larger image; what reaches beyond it is cut off."""
    image = np.zeros(size, bool)
    first = place - np.array(shape.shape) // 2
    into = tuple(
        slice(max(0, f), max(0, min(f + s, side))) for f, s, side in zip(first, shape.shape, size, strict=True)
    )
    out = tuple(slice(i.start - f, i.stop - f) for i, f in zip(into, first, strict=True))
    image[into] = shape[out]
    return image
