"""ITK's mutual information of two volumes, as a function of how they lie against each other.

Nothing depends on chance or on the number of cores: ITK's threads would sum up in whatever order they finish, which
changes the last digits, so one thread does it. Cores are used by working on several cases at once.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.domains.brain_mri.prepare.pose import LPS, Pose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.prepare.grid import Volume

    Array = NDArray[Any]

BINS = 32
"""Of the joint histogram, along each image's intensities."""

HEAD_RADIUS = 70.0
"""mm; a rotation by one radian moves the surface of the brain so far. It weighs rotations against shifts."""

MOST_STEPS = 150


@contextmanager
def quiet_itk() -> Iterator[Any]:
    """Give ITK with warnings off: where they are errors, those of SWIG, which wraps it, crash the interpreter."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import itk  # noqa: PLC0415 - takes seconds; reading and writing NIfTI does without

        yield itk


class MutualInformation:
    """Mutual information in nats, by Mattes' metric, at one resolution.

    Use it inside :py:func:`quiet_itk`.

    Args:
        itk: The module.
        reference: The volume that stays where it is.
        moving: The one that is moved onto it.
        points: World coordinates in the reference that are compared, ``(N, 3)``.
        centre: World coordinates around which a rotation turns, ``(3,)``.
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
        """Compute it at a pose; 0 where hardly any point falls into the moving volume."""
        self._place(pose)
        try:
            self._metric.Initialize()
            return max(0.0, -float(self._metric.GetValue()))
        except RuntimeError:
            return 0.0

    def climb(self, start: Pose, step: float, smallest: float) -> Pose:
        """Improve a pose until the steps are smaller than ``smallest`` mm.

        Args:
            start: Where to begin; given back where nothing better is found.
            step: Length of the first steps in mm.
            smallest: Length of the last steps in mm.
        """
        least = self(start)
        while step > smallest:
            end = self._descend(start, step, smallest)
            if self(end) > least:
                return end
            step /= 4  # from the top of a steep hill long steps lead into a valley, where they may shrink to nothing
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
