"""Difference of edges, as the Sobel operator finds them."""

import torch
from monai.networks.layers import separable_filtering
from torch import Tensor, nn

from .masked import check_mask, check_pair, in_float, weighted_mean

DIFFERENCE, SMOOTHING = (-0.5, 0.0, 0.5), (0.25, 0.5, 0.25)
"""Sobel's filter along an edge's normal and across it, normalized: the gradient is per pixel or voxel."""

SMALLEST = 1e-4
"""Gradients below this, per pixel, are rounded off, because the length of a gradient has no derivative at 0."""


def sobel_magnitude(image: Tensor) -> Tensor:
    """Return the length of the Sobel gradient at each pixel, ``(B, C, ...)`` like the image, in intensities per pixel.

    The image is continued by its outermost pixels, so that its border is not an edge. Size and spacing of voxels do not
    count: a voxel counts as a cube.

    Args:
        image: ``(B, C, ...)`` in two or three dimensions.
    """
    kernels = image.new_tensor(DIFFERENCE), image.new_tensor(SMOOTHING)
    dimensions = range(image.ndim - 2)
    along = [[kernels[0 if other == axis else 1] for other in dimensions] for axis in dimensions]
    with torch.autocast(image.device.type, enabled=False):  # differences of neighbors lose too much in half precision
        squares = [separable_filtering(image, each, mode="replicate").square() for each in along]
        return (torch.stack(squares).sum(0) + SMALLEST**2).sqrt() - SMALLEST


class EdgeLoss(nn.Module):
    """Mean absolute difference of the Sobel magnitudes of a prediction and its target.

    It is for paired images only: an image of another patient has its edges elsewhere. It says nothing about
    intensities, since an image plus a constant has the same edges, so add it to a loss that does.

    Source: Ea-GAN (Yu et al., IEEE TMI 2019, doi 10.1109/TMI.2019.2895894).

    Args:
        spatial_dims: 2 or 3.
        background: Intensity of the target's background, where the prediction does not count, as in
            :class:`MaskedL1`; None if every pixel counts.

    Raises:
        ValueError: There are other than 2 or 3 dimensions.
    """

    def __init__(self, spatial_dims: int = 2, background: float | None = None) -> None:
        super().__init__()
        if spatial_dims not in (2, 3):
            msg = f"spatial_dims (={spatial_dims}) must be 2 or 3."
            raise ValueError(msg)
        self.spatial_dims = spatial_dims
        self.background = background

    def forward(
        self, prediction: Tensor, target: Tensor, label: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss, a scalar; 0 if everything is background.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            label: Not used; losses of images are all called alike.
            mask: ``(B, 1, ...)`` or of the same shape, above 0 where edges count; replaces ``background``.

        Raises:
            ValueError: The shapes do not match, or have other dimensions.
        """
        del label
        check_pair(prediction, target)
        if prediction.ndim != self.spatial_dims + 2:
            msg = (
                f"EdgeLoss(spatial_dims={self.spatial_dims}) got images of shape {tuple(prediction.shape)}, expected "
                f"(B, C) and {self.spatial_dims} dimensions. Set its spatial_dims to those of the network."
            )
            raise ValueError(msg)
        prediction, target = in_float(prediction), in_float(target)
        if mask is None:
            if self.background is None:
                return (sobel_magnitude(prediction) - sobel_magnitude(target)).abs().mean()
            mask = target != self.background
        check_mask(target, mask)
        prediction = torch.where(mask > 0, prediction, target)  # the body's outline is then that of the target
        return weighted_mean((sobel_magnitude(prediction) - sobel_magnitude(target)).abs(), mask > 0)
