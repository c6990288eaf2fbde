"""Predict whole volumes with DeepMedic, in tiles that do not affect the result."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import torch
from monai.inferers import Inferer
from torch import Tensor
from tqdm import tqdm

from scanfill.networks.subsampling import corner_mean
from scanfill.transforms.crop import overlap

Region = tuple[tuple[int, int], ...]
"""Start and stop along each axis."""

BACKGROUND_LOGIT = 20.0  # for skipped tiles: probability 1 up to rounding


class DenseInferer(Inferer):  # type: ignore[misc]
    """Compute DeepMedic's logits tile by tile, identical to those of the whole volume.

    The result does not depend on the tile size: tiles start at multiples of the least common multiple of the network's
    factors (15), so that all read the same subsampled grid; padding outside the volume is computed from the whole
    volume, not from the tile; and the classifier sees one real feature voxel beyond a tile, repeating the edge only at
    the border of the volume.

    Memory is bounded by ``tile_size``: the default network takes about 6 kB per voxel of a tile, in addition to the
    volume and its logits. Measured on a CPU: 0.6 GB for 45 voxels per side, 1.3 GB for 60. Larger tiles are hardly
    faster.

    Args:
        tile_size: Largest number of predicted voxels along each axis of a tile, rounded down to a multiple of the
            factors' least common multiple, but at least that. Tiles of one volume are about equally large.
        device: Device for the logits of the volume. Default: the device of the inputs. Tiles are moved to the
            network's device, so that a GPU can predict a volume in main memory.
        skip_background: Skip tiles in which every channel is 0: class 0 gets the logit 20 there and the
            others 0. This saves time if volumes have wide empty borders, but ignores features that reach into such
            tiles, and the skipped region depends on the tile size.
        progress: Show a progress bar.

    Raises:
        ValueError: If ``tile_size`` is not positive.
    """

    def __init__(
        self,
        tile_size: int | Sequence[int] = 60,
        device: torch.device | str | None = None,
        skip_background: bool = False,
        progress: bool = False,
    ) -> None:
        super().__init__()
        self.tile_size = (tile_size,) * 3 if isinstance(tile_size, int) else tuple(tile_size)
        if len(self.tile_size) != 3 or min(self.tile_size) < 1:
            msg = f"`tile_size` (={tile_size}) must be one or three positive numbers of voxels."
            raise ValueError(msg)
        self.device = device
        self.skip_background = skip_background
        self.progress = progress

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Predict ``inputs`` of shape ``(B, C, D, H, W)``.

        Args:
            inputs: Images, normalized as in training.
            network: A :class:`~scanfill.networks.DeepMedic`; it may be scripted or wrapped for distributed training.
            *args: Not accepted.
            **kwargs: Not accepted.

        Returns:
            Logits ``(B, classes, D, H, W)``, a plain tensor.

        Raises:
            TypeError: If the network cannot predict tiles, or extra arguments are given.
        """
        if args or kwargs:
            msg = f"DeepMedic takes only an image, got {len(args)} extra arguments and {sorted(kwargs)}."
            raise TypeError(msg)
        deepmedic: Any = getattr(network, "module", network)
        if not hasattr(deepmedic, "forward_tile"):
            msg = (
                f"DenseInferer needs a scanfill.networks.DeepMedic, got {type(deepmedic).__name__}. "
                "Use monai.inferers.SlidingWindowInferer for other networks."
            )
            raise TypeError(msg)
        image = inputs.as_tensor() if hasattr(inputs, "as_tensor") else inputs  # MetaTensor slows each slice down
        batch, size = image.shape[0], image.shape[2:]
        device = self.device or image.device
        result = torch.empty((batch, deepmedic.out_channels, *size), dtype=torch.float32, device=device)
        jobs = list(product(range(batch), tiles(size, self.tile_size, math.lcm(*deepmedic.factors))))
        for number, tile in tqdm(jobs, desc="Predicting tiles", leave=False, disable=not self.progress):
            logits = self._predict(image[number : number + 1], tile, deepmedic)
            (z0, z1), (y0, y1), (x0, x1) = tile
            result[number, :, z0:z1, y0:y1, x0:x1] = logits[0].to(result)
        return result

    def _predict(self, image: Tensor, region: Region, network: Any) -> Tensor:
        """Compute logits ``(1, classes, d, h, w)`` of one region of one image ``(1, C, D, H, W)``."""
        (z0, z1), (y0, y1), (x0, x1) = region
        inside = image[..., z0:z1, y0:y1, x0:x1]
        if self.skip_background and not inside.any():
            logits = inside.new_zeros((1, network.out_channels, *inside.shape[2:]))
            logits[:, 0] = BACKGROUND_LOGIT
            return logits
        low = [network.halo if start > 0 else 0 for start, _ in region]
        high = [network.halo if stop < size else 0 for (_, stop), size in zip(region, image.shape[2:], strict=True)]
        tile = cut_with_context(image, region, network.margin)
        return network.forward_tile(tile.to(next(network.parameters()).device), low, high)


def tiles(size: Sequence[int], tile_size: Sequence[int], multiple: int) -> Iterator[Region]:
    """Cover a volume with tiles that start at multiples of ``multiple``.

    Args:
        size: Size of the volume along each axis.
        tile_size: Largest size of a tile along each axis.
        multiple: Tiles start at multiples of this number, which is also the smallest tile size.

    Yields:
        Start and stop along each axis; tiles do not overlap.
    """
    spans = []
    for length, most in zip(size, tile_size, strict=True):
        units = math.ceil(length / multiple)
        count = math.ceil(units / max(most // multiple, 1))
        step = math.ceil(units / count) * multiple
        spans.append([(start, min(start + step, length)) for start in range(0, length, step)])
    yield from product(*spans)


def cut_with_context(image: Tensor, region: Region, margin: int) -> Tensor:
    """Crop ``region`` and ``margin`` voxels around it, padding with the mean of the volume's eight corners."""
    shape = [stop - start + 2 * margin for start, stop in region]
    tile = corner_mean(image).expand(*image.shape[:2], *shape).clone()
    corner = [start - margin for start, _ in region]
    source, target = overlap(corner, shape, image.shape[2:])
    whole = slice(None)
    tile[(whole, whole, *target)] = image[(whole, whole, *source)]
    return tile
