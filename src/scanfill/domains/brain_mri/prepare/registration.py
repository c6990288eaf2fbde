"""Rigid registration of one image of a head to another by mutual information, with ITK.

The metric is that of Mattes (Mattes et al. 2003, 10.1109/TMI.2003.809072), the optimizer a gradient descent with
regular steps, from three starting poses and from coarse to fine. The result depends neither on random numbers nor on
the number of cores: a single ITK thread is used, because several would sum in the order in which they finish, which
changes the last digits. Cores are used by working on several cases at once.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import from_matvec
from scipy import ndimage

from scanfill.domains.brain_mri.prepare.geometry import LPS, Grid, Pose, Volume

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]

BINS = 32
"""Bins of the joint histogram, along each image's intensities."""

HEAD_RADIUS = 70.0
"""Distance in mm that the brain's surface moves in a rotation by one radian. It weighs rotations against shifts."""

MOST_STEPS = 150


@contextmanager
def quiet_itk() -> Iterator[Any]:
    """Provide ITK with warnings off: if warnings are errors, those of its wrapper SWIG crash the interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import itk  # noqa: PLC0415 - takes seconds; reading and writing NIfTI does without

        yield itk


class MutualInformation:
    """Mutual information in nats, by Mattes' metric, at one resolution.

    Use it inside :py:func:`quiet_itk`.

    Args:
        itk: The ITK module.
        reference: The fixed volume.
        moving: The volume that is moved onto it.
        points: World coordinates in the reference to compare, ``(N, 3)``.
        centre: World coordinates of the center of rotation, ``(3,)``.
    """

    def __init__(self, itk: Any, reference: Volume, moving: Volume, points: Array, centre: Array) -> None:
        self._itk = itk
        self._images = _to_itk(itk, reference), _to_itk(itk, moving)
        compared = itk.PointSet[itk.F, 3].New()
        for number, point in enumerate((points * LPS.diagonal()[:3]).tolist()):
            compared.SetPoint(number, point)
        self._transform = itk.Euler3DTransform[itk.D].New()
        self._transform.SetCenter((centre * LPS.diagonal()[:3]).tolist())
        image = itk.Image[itk.F, 3]
        metric = itk.MattesMutualInformationImageToImageMetricv4[image, image].New()
        metric.SetFixedImage(self._images[0])
        metric.SetMovingImage(self._images[1])
        metric.SetVirtualDomainFromImage(self._images[0])
        metric.SetMovingTransform(self._transform)
        metric.SetFixedSampledPointSet(compared)
        metric.UseSampledPointSetOn()
        metric.SetNumberOfHistogramBins(BINS)
        metric.SetMaximumNumberOfWorkUnits(1)
        metric.UseFixedImageGradientFilterOff()
        metric.UseMovingImageGradientFilterOff()
        self._metric = metric
        self._compared = compared

    def __call__(self, pose: Pose) -> float:
        """Return the mutual information at a pose; 0 if hardly any point is inside the moving volume."""
        self._place(pose)
        try:
            self._metric.Initialize()
            return max(0.0, -float(self._metric.GetValue()))
        except RuntimeError:
            return 0.0

    def climb(self, start: Pose, step: float, smallest: float) -> Pose:
        """Improve a pose until the steps are smaller than ``smallest`` mm.

        Args:
            start: Initial pose; returned if nothing better is found.
            step: Length of the first steps in mm.
            smallest: Length of the last steps in mm.
        """
        least = self(start)
        while step > smallest:
            end = self._descend(start, step, smallest)
            if self(end) > least:
                return end
            step /= 4  # long steps from a steep maximum can end far away and shrink to nothing there
        return start

    def _descend(self, start: Pose, step: float, smallest: float) -> Pose:
        itk = self._itk
        self._place(start)
        optimizer = itk.RegularStepGradientDescentOptimizerv4[itk.D].New()
        optimizer.SetMetric(self._metric)
        optimizer.SetScales(itk.OptimizerParameters[itk.D]([HEAD_RADIUS**2] * 3 + [1.0] * 3))
        optimizer.SetLearningRate(step)
        optimizer.SetMinimumStepLength(smallest)
        optimizer.SetRelaxationFactor(0.6)
        optimizer.SetGradientMagnitudeTolerance(1e-9)
        optimizer.SetNumberOfIterations(MOST_STEPS)
        optimizer.ReturnBestParametersAndValueOn()
        optimizer.SetNumberOfWorkUnits(1)
        try:
            self._metric.Initialize()
            optimizer.StartOptimization()
        except RuntimeError:
            return start
        return self._pose()

    def _place(self, pose: Pose) -> None:
        matrix = LPS @ pose.matrix @ LPS
        centre = np.array(self._transform.GetCenter())
        self._transform.SetMatrix(self._itk.matrix_from_array(np.ascontiguousarray(matrix[:3, :3])), 1e-5)
        self._transform.SetTranslation((matrix[:3, :3] @ centre + matrix[:3, 3] - centre).tolist())

    def _pose(self) -> Pose:
        matrix = np.eye(4)
        matrix[:3, :3] = self._itk.array_from_matrix(self._transform.GetMatrix())
        matrix[:3, 3] = np.array(self._transform.GetOffset())
        return Pose(LPS @ matrix @ LPS)


def _to_itk(itk: Any, volume: Volume) -> Any:
    affine = LPS @ volume.grid.affine
    image = itk.image_from_array(np.ascontiguousarray(volume.voxels.T, dtype=np.float32))
    image.SetSpacing(volume.grid.spacing.tolist())
    image.SetOrigin(affine[:3, 3].tolist())
    image.SetDirection(itk.matrix_from_array(np.ascontiguousarray(affine[:3, :3] / volume.grid.spacing)))
    return image


LEVELS = (8.0, 4.0, 2.0)
"""Spacings in mm to which both images are resampled in turn; the last determines the precision."""

POINTS = 30_000
"""Maximum number of reference points compared per level."""

MARGIN = 12.0
"""Margin in mm around the head that is compared too: its outline is the most informative part from afar."""


def register(reference: Volume, moving: Volume, brain: Volume | None = None, levels: Sequence[float] = LEVELS) -> Pose:
    """Find the pose of one image of a head relative to another of the same head.

    Starts from the scanner's coordinates, from the centers of the heads and from the centers of the fields of view, and
    continues with the best. The same images give the same pose, bit for bit, on any number of cores.

    Args:
        reference: The fixed image.
        moving: The moved image, with any contrast, grid, spacing and field of view.
        brain: Mask on the reference's grid, to which finer levels are restricted: jaw and neck move relative to the
        brain.
        levels: Spacings in mm, coarse to fine.

    Returns:
        World coordinates of the reference to those of ``moving``.
    """
    reference, moving = clip_outliers(reference), clip_outliers(moving)
    centre = reference.grid.middle
    poses = [
        Pose(),
        shift_from_to(middle_of_head(reference), middle_of_head(moving)),
        shift_from_to(centre, moving.grid.middle),
    ]
    with quiet_itk() as itk:
        for level in levels:
            fixed = coarsen(reference, level)
            within = None if level == levels[0] else brain  # on the coarsest level the outline of the head matters most
            inside = head(fixed.voxels) if within is None else coarsen(within, level).voxels > 0.5
            points = draw_points(fixed, surroundings(inside, fixed.grid))
            information = MutualInformation(itk, fixed, coarsen(moving, level), points, centre)
            step = level if level == levels[0] else level / 4  # later levels only refine
            poses = [information.climb(pose, step=step, smallest=level / 500) for pose in poses]
            poses = [max(poses, key=information)]
    return poses[0]


def head(voxels: Array) -> NDArray[np.bool_]:
    """Separate the head, or the stripped brain, from the background.

    Uses the threshold of BET (Smith 2002, 10.1002/hbm.10062): a tenth of the way from the 2nd to the 98th percentile.
    If there are negative values (z-scored, with a mask), the background is everything that is exactly 0.
    """
    if voxels.min() < 0:
        return np.asarray(voxels != 0)
    low, high = np.percentile(voxels, [2, 98])
    return np.asarray(voxels > low + 0.1 * (high - low))


def clip_outliers(volume: Volume) -> Volume:
    """Clip the brightest and darkest voxels of the head, which would squeeze all others into a few histogram bins."""
    inside = volume.voxels[head(volume.voxels)]
    if not inside.size:
        return volume
    low, high = np.percentile(inside, [0.2, 99.8])
    return Volume(np.clip(volume.voxels, min(low, 0.0), high), volume.grid)


def coarsen(volume: Volume, spacing: float) -> Volume:
    """Smooth and subsample along each axis with voxels finer than ``spacing`` mm; never refine."""
    factors = np.maximum(1, np.floor(spacing / volume.grid.spacing + 1e-3)).astype(int)
    sigmas = 0.4247 * np.sqrt(factors**2 - 1.0)  # the point spread of the coarser voxel, as in resample.py
    voxels = ndimage.gaussian_filter(volume.voxels.astype(np.float32), sigmas, mode="nearest")
    first = (np.array(voxels.shape) - 1) % factors // 2
    voxels = voxels[tuple(slice(start, None, factor) for start, factor in zip(first, factors, strict=True))]
    affine = volume.grid.affine.copy()
    affine[:3, 3] = volume.grid.world(first[None].astype(float))[0]
    affine[:3, :3] = affine[:3, :3] * factors
    return Volume(np.ascontiguousarray(voxels), Grid(voxels.shape, affine))


def surroundings(inside: NDArray[np.bool_], grid: Grid, margin: float = MARGIN) -> NDArray[np.bool_]:
    """Return the voxels of the head and within ``margin`` mm of it."""
    if not inside.any():
        return np.ones_like(inside)
    return np.asarray(ndimage.distance_transform_edt(~inside, sampling=grid.spacing) <= margin)


def draw_points(volume: Volume, where: NDArray[np.bool_], limit: int = POINTS, seed: int = 0) -> Array:
    """Return world coordinates ``(N, 3)`` of at most ``limit`` voxels in ``where``, each with a random offset.

    Points on voxel centers would favor poses in which two grids coincide (Tsao 2003, 10.1109/TMI.2003.815077).
    """
    rng = np.random.default_rng(seed)
    indices = np.argwhere(where)
    if len(indices) > limit:
        indices = indices[np.sort(rng.choice(len(indices), limit, replace=False))]
    jittered = indices + rng.uniform(-0.5, 0.5, indices.shape)
    return volume.grid.world(np.clip(jittered, 0, np.array(where.shape) - 1))


def middle_of_head(volume: Volume) -> Array:
    """Return world coordinates of the center of the head, ``(3,)``: of its voxels, regardless of their brightness."""
    inside = head(volume.voxels)
    return volume.grid.world(np.array([ndimage.center_of_mass(inside)]))[0] if inside.any() else volume.grid.middle


def shift_from_to(start: Array, end: Array) -> Pose:
    """Return the pose that moves one point to another without rotation."""
    return Pose(from_matvec(np.eye(3), end - start))
