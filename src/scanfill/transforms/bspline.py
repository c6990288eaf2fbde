"""Elastic deformation by cubic B-splines, in millimeters, that never folds tissue over itself."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from monai.config import KeysCollection
from monai.config.type_definitions import SequenceStr
from monai.data import MetaTensor
from monai.networks.utils import meshgrid_ij
from monai.transforms import RandomizableTransform, Resample
from monai.utils import ensure_tuple_rep
from numpy.typing import NDArray
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import RandOverKeys

FOLDING = 0.4
"""Largest displacement, as a fraction of the control point spacing, at which a cubic B-spline cannot fold.

1 / 2.48 in 3-D, 1 / 2.05 in 2-D: Choi and Lee, Injectivity conditions of 2D and 3D uniform cubic B-spline functions,
Graphical Models 62, 2000.
"""


def bspline_weights(voxels: int, distance: float) -> NDArray[np.float64]:
    """Compute the weights of the control points along one axis.

    Args:
        voxels: Length of the axis.
        distance: Spacing of the control points, in voxels.

    Returns:
        ``(voxels, points)``; each row sums to 1.
    """
    position = np.arange(voxels) / distance
    cell = np.floor(position).astype(int)
    u = position - cell
    basis = np.stack([(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3], axis=1) / 6
    weights = np.zeros((voxels, int(cell.max()) + 4))
    for offset in range(4):
        weights[np.arange(voxels), cell + offset] = basis[:, offset]
    return weights


def bspline_field(control: NDArray[np.float64], weights: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Interpolate displacements of control points to all voxels.

    Args:
        control: ``(rank, *points)``, one component per axis.
        weights: Weights along each axis, see :py:func:`bspline_weights`.

    Returns:
        ``(rank, *voxels)``, in the unit of ``control``.
    """
    field = control
    for axis, matrix in enumerate(weights, start=1):
        field = np.moveaxis(np.tensordot(matrix, field, axes=(1, axis)), 0, axis)
    return field


class RandBSplineDeformation(RandomizableTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Displace control points at random and interpolate smoothly between them, in 2-D and 3-D.

    MONAI's ``Rand2DElastic`` and ``Rand3DElastic`` are two classes with arguments in voxels; the second smooths noise,
    which neither bounds the displacement of a voxel nor prevents folding. Here displacements are bounded.
    Source of the idea: Ronneberger 2015, arXiv 1505.04597 (random displacements of a coarse grid, cubic interpolation).

    Args:
        distance: Spacing of the control points, in mm (in voxels for an image without affine).
        max_displacement: Largest displacement of a control point along each axis, in the same unit. Displacements are
            drawn uniformly in both directions.
        prob: Probability of applying the transform.
        mode: ``bilinear`` for images, ``nearest`` for label maps.
        padding_mode: How to fill voxels outside the image, see MONAI's ``Resample``.

    Raises:
        UsageError: ``max_displacement`` is negative or so large that tissue could fold over itself.
    """

    def __init__(
        self,
        distance: float = 32.0,
        max_displacement: float = 8.0,
        prob: float = 0.5,
        mode: str = "bilinear",
        padding_mode: str = "border",
    ) -> None:
        super().__init__(prob)
        if distance <= 0 or not 0 <= max_displacement <= FOLDING * distance:
            msg = (
                f"`max_displacement` (={max_displacement:g}) must lie between 0 and {FOLDING} times `distance` "
                f"(={distance:g}), which is {FOLDING * distance:g}: larger displacements can fold tissue over itself."
            )
            raise UsageError(msg)
        self.distance = distance
        self.max_displacement = max_displacement
        self.mode = mode
        self.resample = Resample(padding_mode=padding_mode)
        self.grid: Tensor | None = None

    def randomize(self, data: Tensor) -> None:
        """Draw a deformation for the grid of ``data``, ``(C, H, W)`` or ``(C, D, H, W)``."""
        super().randomize(None)
        self.grid = None
        if not self._do_transform:
            return
        shape = data.shape[1:]
        sizes = voxel_sizes(data)
        weights = [bspline_weights(n, self.distance / size) for n, size in zip(shape, sizes, strict=True)]
        points = [matrix.shape[1] for matrix in weights]
        control = self.R.uniform(-self.max_displacement, self.max_displacement, size=(len(shape), *points))
        control /= sizes.reshape(-1, *(1 for _ in shape))
        centred = meshgrid_ij(*(torch.arange(n, dtype=torch.float64) - (n - 1) / 2 for n in shape))
        moved = torch.stack(centred) + torch.from_numpy(bspline_field(control, weights))
        self.grid = torch.cat([moved, torch.ones_like(moved[:1])])  # homogeneous, as MONAI's Resample expects

    def __call__(self, img: Tensor, mode: str | None = None, randomize: bool = True) -> Tensor:
        """Deform a copy of ``(C, H, W)`` or ``(C, D, H, W)``, keeping its type.

        Args:
            img: The image.
            mode: Overrides the transform's ``mode``.
            randomize: Whether to draw a new deformation.
        """
        if randomize:
            self.randomize(img)
        if self.grid is None:
            return img
        deformed: Tensor = self.resample(img, self.grid, mode=mode or self.mode, dtype=torch.float32)
        return deformed.to(img.dtype)


def voxel_sizes(img: Tensor) -> NDArray[np.float64]:
    """Return the voxel sizes of ``(C, ...)`` in mm; 1 if it has no affine."""
    rank = img.ndim - 1
    return np.asarray(img.pixdim[:rank], float) if isinstance(img, MetaTensor) else np.ones(rank)


class RandBSplineDeformationd(RandOverKeys):
    """Dictionary version of :py:class:`RandBSplineDeformation`: images and label maps share one deformation.

    Args:
        keys: Images and label maps on one grid.
        mode: One for all keys, or one per key: ``bilinear`` for images, ``nearest`` for label maps.
        *args: ``distance``, ``max_displacement`` and ``prob`` of :py:class:`RandBSplineDeformation`.
        **kwargs: The same or ``padding_mode``, by name; ``allow_missing_keys``.

    Raises:
        UsageError: The keys have different shapes, so they cannot share a deformation.
    """

    array_transform = RandBSplineDeformation

    def __init__(self, keys: KeysCollection, mode: SequenceStr, *args: Any, **kwargs: Any) -> None:
        super().__init__(keys, *args, **kwargs)
        self.modes = ensure_tuple_rep(mode, len(self.keys))

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw one deformation and apply it to every key."""
        d = dict(data)
        first = self.first_key(d)
        if first == ():
            return d
        self.transform.randomize(d[first])
        shape = tuple(d[first].shape[1:])
        for key, mode in self.key_iterator(d, self.modes):
            if tuple(d[key].shape[1:]) != shape:
                msg = (
                    f"{key!r} has {tuple(d[key].shape[1:])} voxels and {first!r} {shape}: a shared deformation needs a "
                    f"shared grid. Resample or crop them to one grid first."
                )
                raise UsageError(msg)
            d[key] = self.transform(d[key], mode, randomize=False)
        return d
