"""Scale all axes by one random factor, so that a body keeps its proportions."""

from typing import Any

from monai.config import KeysCollection
from monai.config.type_definitions import SequenceStr
from monai.transforms import RandAffined, RandAffineGrid


class RandOneScaleGrid(RandAffineGrid):  # type: ignore[misc]  # MONAI's class is untyped
    """MONAI's random affine grid, but with the scale of the first axis for all axes."""

    spatial_dims = 3

    def randomize(self, data: Any = None) -> None:
        """Draw, then copy the first scale to all axes."""
        super().randomize(data)
        self.scale_params: list[float] = [self.scale_params[0]] * self.spatial_dims


class RandOneScaled(RandAffined):  # type: ignore[misc]
    """Scale images and label maps together by the same factor along all axes; invertible like ``RandAffined``.

    MONAI's ``RandAffined`` draws one factor per axis, and the interpolation modes of ``RandZoomd`` have different names
    in 2-D and 3-D. Source: nnU-Net's ``p_synchronize_scaling_across_axes=1``.

    Args:
        keys: Images and label maps on one grid.
        scale_range: Smallest and largest change of the field of view, drawn uniformly: (-0.3, 0.4) shows 0.7 to 1.4
            times as much, so that structures look 1.43 to 0.71 times as large.
        mode: One for all keys, or one per key: ``bilinear`` for images, ``nearest`` for label maps.
        prob: Probability of applying the transform.
        padding_mode: How to fill voxels outside the image.
        spatial_dims: Spatial dimensions of the images, 2 or 3.
        allow_missing_keys: Skip missing keys.
    """

    def __init__(
        self,
        keys: KeysCollection,
        scale_range: tuple[float, float],
        mode: SequenceStr,
        prob: float = 0.2,
        padding_mode: str = "border",
        *,
        spatial_dims: int = 3,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(
            keys,
            prob=prob,
            scale_range=[tuple(scale_range)] * spatial_dims,
            mode=mode,
            padding_mode=padding_mode,
            allow_missing_keys=allow_missing_keys,
        )
        grid = RandOneScaleGrid(scale_range=[tuple(scale_range)] * spatial_dims)
        grid.spatial_dims = spatial_dims
        self.rand_affine.rand_affine_grid = grid
