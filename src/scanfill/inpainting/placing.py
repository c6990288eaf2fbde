"""Give a case the shape of a lesion, on the grid of its files: moved, deformed, drawn, given, or its own."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Orientation, Spacing, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from nibabel.orientations import aff2axcodes
from numpy.typing import NDArray
from scipy import ndimage

from scanfill.data.image import GRID_TOLERANCE, grid_distance, read_image
from scanfill.data.new_cases import SEED
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.single_slice import placed_like
from scanfill.errors import CaseError, UsageError
from scanfill.inpainting.masks import deform_lesion, draw_lesion
from scanfill.inpainting.place import Lesion, check_placed, place_lesion
from scanfill.inpainting.pool import Donor, LesionPool
from scanfill.inpainting.recipients import DRAWN_MASK, FROM_DONORS
from scanfill.transforms.renumber import renumber

SIZES = (1.0, 0.8, 0.6, 0.45)
"""Scales that are tried, the largest first, until a lesion fits into the tissue in which it may be placed."""

RADII = (6.0, 18.0)
"""Smallest and largest mean radius of a drawn lesion, in mm."""

TRIED = 12
"""Lesions of other patients that are tried before a case is given up."""


@dataclass(eq=False, repr=False)
class PlaceLesiond(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add ``lesion`` to a case, a label map ``(1, ...)`` on the grid of its files, and what its parts are to look like.

    Adds ``tones`` and ``deviations``, ``(parts, C)`` each in units of the network, NaN if they are unknown: those of
    the donor, or for a given or drawn mask those of a donor that has all its parts. A case's own lesions keep their
    own.

    Args:
        keys: The images as in the files, ``(1, ...)`` each.
        schema: Name of a kind of data, or its schema: where a lesion may be, and its parts.
        masks: See :py:data:`~scanfill.inpainting.recipients.MASKS`; any other is a folder, and the case names the file.
        pool: The lesions of donors.
        label_key: Key of the label map of lesions that there are, which is optional.
        mask_key: Key of the mask of the body, which is optional.
        anywhere: Whether a given mask may lie outside the tissue in which lesions are placed.
        grow: Distance in mm by which a case's own lesions are extended; their parts are then all 1.
        distance: Least distance of a placed lesion from those that there are, in mm.
        shells: Parts of a drawn lesion, see :py:func:`~scanfill.inpainting.draw_lesion`; by default the first part.

    Raises:
        UsageError: The schema has no rule for it, or lesions are to be moved and there is no pool.
        CaseError: The case has no lesion of its own; a mask is empty, on another grid, of
            unknown parts, or outside the allowed tissue; or no lesion of a donor fits.
    """

    keys: Sequence[str]
    schema: CaseSchema | str | Mapping[str, Any]
    masks: str
    pool: LesionPool | None = None
    _: KW_ONLY
    label_key: str = "label"
    mask_key: str = "mask"
    anywhere: bool = False
    grow: float | None = None
    distance: float = 0.0
    shells: Sequence[tuple[int, float]] | None = None

    def __post_init__(self) -> None:
        self.kind = load_schema(self.schema)
        if self.kind.label is None or self.kind.allowed is None:
            msg = f"The schema {self.kind.name!r} needs 'label' and 'allowed' to say where a lesion may be placed."
            raise UsageError(msg)
        self.spec, self.rule = self.kind.label, self.kind.allowed
        self.donors = self.pool if self.pool is not None else LesionPool([], dict, list(self.spec.names))
        if self.masks in FROM_DONORS and self.pool is None:
            msg = f"masks (={self.masks!r}) needs a pool of lesions: give one, or choose drawn, own, or a folder."
            raise UsageError(msg)
        self.parts = sorted(self.spec.names)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Place a lesion in one case."""
        case = dict(data)
        where = f"Case {case.get('source_case', case.get('case_id', '?'))!r}"
        rng = np.random.default_rng(int(case.get(SEED, 0)))
        if self.masks == "own":
            return case | {"lesion": self._own(case, where)}
        lesion, donor = self._given(case, where, rng) if DRAWN_MASK in case else self._placed(case, where, rng)
        like = case[self.keys[0]]
        return case | {
            "lesion": convert_to_dst_type(lesion[None], like, dtype=np.uint8)[0],
            "donor": "" if donor is None else donor.case_id,
            "tones": self._unknown() if donor is None else donor.tones,
            "deviations": self._unknown() if donor is None else donor.deviations,
        }

    def _own(self, case: Mapping[Hashable, Any], where: str) -> MetaTensor:
        """Return the case's own lesions, extended if asked for."""
        label = case.get(self.label_key)
        if label is None or not convert_to_numpy(label).any():
            msg = f"{where} has no lesion of its own: add its label map, or choose other --masks."
            raise CaseError(msg)
        if self.grow is None:
            own: MetaTensor = label.clone()
            return own
        inside = convert_to_numpy(label)[0] != 0
        near = ndimage.distance_transform_edt(~inside, sampling=_spacing(label)) <= self.grow
        body = np.logical_or.reduce([convert_to_numpy(case[key])[0] != 0 for key in self.keys])
        grown: MetaTensor = convert_to_dst_type((near & (body | inside))[None], label, dtype=np.uint8)[0]
        return grown

    def _allowed(self, case: Mapping[Hashable, Any]) -> NDArray[np.bool_]:
        label = case.get(self.label_key)
        allowed = self.rule({key: case[key] for key in self.keys}, label=label, mask=case.get(self.mask_key))
        if label is not None and self.distance and convert_to_numpy(label).any():
            apart = ndimage.distance_transform_edt(convert_to_numpy(label)[0] == 0, sampling=_spacing(label))
            allowed &= apart >= self.distance
        return allowed

    def _given(
        self, case: Mapping[Hashable, Any], where: str, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Donor | None]:
        """Read a mask that was drawn for the case."""
        path = str(case[DRAWN_MASK])
        text = f"{where}: the mask {path}"
        like = case[self.keys[0]]
        kind = self.kind
        mask = read_image(path, text, kind.spatial_dims, kind.advice, single_slices=kind.single_slices)
        mask = placed_like(mask, like)
        if tuple(mask.shape) != tuple(like.shape) or grid_distance(mask, like) > GRID_TOLERANCE:
            msg = (
                f"{text} has shape {tuple(mask.shape[1:])} and is not on the grid of the images "
                f"{tuple(like.shape[1:])}. Draw it on one of them."
            )
            raise CaseError(msg)
        convention = str(case.get("label_convention", next(iter(self.spec.conventions))))
        meaning = self.spec.conventions[convention]
        values = renumber(mask, meaning, f"convention {convention!r}", text, self.spec.remedy)
        lesion = convert_to_numpy(values)[0].astype(np.uint8)
        body = np.logical_or.reduce([convert_to_numpy(case[key])[0] != 0 for key in self.keys])
        if self.anywhere:
            check_placed(lesion, body, text, self.parts, "It must lie in the body, where the images are not 0.")
        else:
            advice = "Move the mask, or pass --anywhere true to allow it anywhere in the body."
            check_placed(lesion, self._allowed(case), text, self.parts, advice)
        return lesion, self._look_for(lesion, case, rng)

    def _placed(
        self, case: Mapping[Hashable, Any], where: str, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Donor | None]:
        """Place a lesion of a donor, or a drawn one, at random."""
        allowed, spacing, affine = self._allowed(case), _spacing(case[self.keys[0]]), case[self.keys[0]].affine
        problem: CaseError | None = None
        for donor in self._candidates(case, rng):
            for size in SIZES:
                lesion = self._shaped(donor, spacing, np.asarray(affine, float), size, rng)
                try:
                    placed = place_lesion(lesion, allowed, rng, where)
                except CaseError as error:
                    problem = error
                    continue
                return placed, donor if donor is not None else self._look_for(placed, case, rng)
        raise problem or CaseError(f"{where}: there is no lesion to place.")

    def _candidates(self, case: Mapping[Hashable, Any], rng: np.random.Generator) -> Sequence[Donor | None]:
        if self.masks == "drawn":
            return [None] * TRIED
        return [donor for donor, _ in zip(self.donors.draw(rng, str(case["patient"])), range(TRIED), strict=False)]

    def _shaped(
        self,
        donor: Donor | None,
        spacing: Sequence[float],
        affine: NDArray[np.float64],
        size: float,
        rng: np.random.Generator,
    ) -> Lesion:
        """Return a lesion with the voxels of the case."""
        if donor is None:
            return draw_lesion(size * rng.uniform(*RADII), spacing, rng, self.shells or [(self.parts[0], 1.0)])
        lesion = on_grid(donor.lesion, donor.spacing, affine)
        if self.masks == "deformed":
            return deform_lesion(lesion, spacing, rng, scales=(0.8 * size, 1.2 * size))
        return lesion if size == 1 else ndimage.zoom(lesion, size, order=0)

    def _look_for(
        self, lesion: NDArray[np.uint8], case: Mapping[Hashable, Any], rng: np.random.Generator
    ) -> Donor | None:
        """Return a donor who has all the parts of a lesion; None if there is none."""
        there = np.flatnonzero([bool((lesion == part).any()) for part in self.parts])
        try:
            return next((donor for donor in self.donors.draw(rng, str(case["patient"])) if donor.has(there)), None)
        except CaseError:
            return None

    def _unknown(self) -> torch.Tensor:
        return torch.full((len(self.parts), len(self.keys)), torch.nan)


def on_grid(lesion: Lesion, spacing: Sequence[float], affine: NDArray[np.float64]) -> Lesion:
    """Turn a lesion to the axes of another image and resample it to its voxels; parts stay labels.

    Args:
        lesion: ``(X, Y[, Z])``, its axes point to the right, to the front and up.
        spacing: Its voxel sizes in mm.
        affine: Affine of the image.
    """
    dims = lesion.ndim
    own = MetaTensor(torch.as_tensor(lesion[None].astype(np.float32)), affine=torch.diag(torch.tensor([*spacing, 1.0])))
    if dims == 3:
        own = Orientation(axcodes="".join(aff2axcodes(affine)), labels=None)(own)
    wanted = np.linalg.norm(affine[:dims, :dims], axis=0)
    resampled = Spacing(pixdim=wanted, mode="nearest", padding_mode="zeros")(own)
    return convert_to_numpy(resampled)[0].round().astype(np.uint8)


def _spacing(image: MetaTensor) -> tuple[float, ...]:
    dims = image.ndim - 1
    return tuple(float(size) for size in np.linalg.norm(np.asarray(image.affine, float)[:dims, :dims], axis=0))
