"""Predict whole images with a network without padding, in tiles that do not affect the result."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from typing import Any

import torch
from monai.inferers import Inferer
from monai.utils import ensure_tuple
from torch import Tensor
from tqdm import tqdm

from scanfill.errors import UsageError
from scanfill.inferers.tiling import PADDINGS, Region, cut_with_context, tiles, tiles_with_remainder
from scanfill.transforms.crop import overlap

BACKGROUND_LOGIT = 20.0  # for skipped tiles: probability 1 up to rounding


class DenseInferer(Inferer):  # type: ignore[misc]
    """Compute an unpadded network's logits tile by tile, identical to those of the whole image.

    The network is a :class:`~scanfill.networks.DeepMedic` or a :class:`~scanfill.networks.UnpaddedUNet`, in as many
    dimensions as the image. The result does not depend on the tile size: each tile is cut with the margin that the
    network loses; tiles start at multiples of the network's grid (15 voxels for DeepMedic, 16 for five U-Net levels),
    so that all read the same subsampled voxels; and padding outside the image is computed from the whole image, not
    from the tile. DeepMedic's classifier sees one real feature voxel beyond a tile, repeating the edge only at the
    border of the volume.

    With ``padding="reflect"`` this is the overlap-tile strategy of Ronneberger et al. (MICCAI 2015, section 1 and
    figure 2): a slice of 512 pixels is mirrored to 700, and the output of 516 cropped to 512, in one pass if
    ``tile_size`` is 516 or more. A network can also be trained with this inferer.

    Memory is bounded by ``tile_size``: DeepMedic's default takes about 6 kB per voxel of a tile, in addition to the
    volume and its logits. Measured on a CPU: 0.6 GB for 45 voxels per side, 1.3 GB for 60. Larger tiles are hardly
    faster for it. They are for a U-Net, which computes its margin of 92 pixels for every tile.

    Args:
        tile_size: Largest number of predicted voxels along each axis of a tile, rounded down to a size that fits the
            network's grid, but at least the smallest one. Tiles of one volume are about equally large.
        device: Device for the logits of the volume. Default: the device of the inputs. Tiles are moved to the
            network's device, so that a GPU can predict a volume in main memory.
        skip_background: Skip tiles in which every channel is 0: class 0 gets the logit 20 there and the
            others 0. This saves time if volumes have wide empty borders, but ignores features that reach into such
            tiles, and the skipped region depends on the tile size. Not for sigmoid outputs, without a background class.
        progress: Show a progress bar.
        padding: What the network sees outside the image: ``corners``, the mean of the image's corner voxels, as in
            DeepMedic; ``reflect``, its mirror image, repeatedly if it is smaller than the margin; or ``zeros``.
        at_once: Images of a batch in one pass.

    Raises:
        UsageError: ``tile_size`` or ``at_once`` is not positive, or ``padding`` is unknown.
    """

    def __init__(
        self,
        tile_size: int | Sequence[int] = 60,
        device: torch.device | str | None = None,
        skip_background: bool = False,
        progress: bool = False,
        *,
        padding: str = "corners",
        at_once: int = 1,
    ) -> None:
        super().__init__()
        self.tile_size = ensure_tuple(tile_size)
        if min(self.tile_size, default=0) < 1:
            msg = f"`tile_size` (={tile_size}) must be a positive number of voxels, or one for each axis."
            raise UsageError(msg)
        if padding not in PADDINGS:
            msg = f"`padding` (={padding!r}) must be one of {', '.join(PADDINGS)}."
            raise UsageError(msg)
        if at_once < 1:
            msg = f"`at_once` (={at_once}) must be 1 image or more."
            raise UsageError(msg)
        self.device = device
        self.skip_background = skip_background
        self.progress = progress
        self.padding = padding
        self.at_once = at_once

    def __call__(self, inputs: Tensor, network: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        """Predict ``inputs`` of shape ``(B, C, D, H, W)`` or, with a 2-D network, ``(B, C, H, W)``.

        Args:
            inputs: Images, normalized as in training.
            network: One of the two; it may be scripted or wrapped for distributed training.
            *args: Not accepted.
            **kwargs: Not accepted.

        Returns:
            Logits ``(B, classes, D, H, W)``, or ``(B, classes, H, W)``, a plain tensor.

        Raises:
            TypeError: The network cannot predict tiles, or extra arguments are given.
            UsageError: ``tile_size`` has another number of axes than the image.
        """
        if args or kwargs:
            msg = f"DenseInferer's networks take only an image, got {len(args)} extra arguments and {sorted(kwargs)}."
            raise TypeError(msg)
        bare: Any = getattr(network, "module", network)
        if not hasattr(bare, "margin"):
            msg = (
                "DenseInferer needs a network without padding, a scanfill.networks.DeepMedic or UnpaddedUNet, got "
                f"{type(bare).__name__}. Use monai.inferers.SlidingWindowInferer for other networks."
            )
            raise TypeError(msg)
        image = inputs.as_tensor() if hasattr(inputs, "as_tensor") else inputs  # MetaTensor slows each slice down
        batch, size = image.shape[0], image.shape[2:]
        device = self.device or image.device
        result = torch.empty((batch, bare.out_channels, *size), dtype=torch.float32, device=device)
        jobs = list(product(range(0, batch, self.at_once), self._tiles(size, bare)))
        for first, tile in tqdm(jobs, desc="Predicting tiles", leave=False, disable=not self.progress):
            some, whole = slice(first, first + self.at_once), slice(None)
            logits = self._predict(image[some], tile, network)
            inside, within = overlap([start for start, _ in tile], logits.shape[2:], size)
            result[(some, whole, *inside)] = logits[(whole, whole, *within)].to(result)
        return result

    def _tiles(self, size: Sequence[int], network: Any) -> Iterator[Region]:
        """Cover an image of ``size`` with tiles that fit the network's grid."""
        if len(self.tile_size) not in (1, len(size)):
            msg = (
                f"`tile_size` (={list(self.tile_size)}) must be 1 or {len(size)} numbers for an image of {list(size)}."
            )
            raise UsageError(msg)
        tile_size = self.tile_size if len(self.tile_size) == len(size) else self.tile_size * len(size)
        if hasattr(network, "forward_tile"):
            return tiles(size, tile_size, math.lcm(*network.factors))
        return tiles_with_remainder(size, tile_size, network.grid, network.remainder)

    def _predict(self, image: Tensor, region: Region, network: Any) -> Tensor:
        """Compute logits ``(B, classes, d, h, w)`` of one region of images ``(B, C, D, H, W)``."""
        bare = getattr(network, "module", network)
        if self.skip_background and not (inside := cut_with_context(image, region, 0, "zeros")).any():
            logits = inside.new_zeros((len(image), bare.out_channels, *inside.shape[2:]))
            logits[:, 0] = BACKGROUND_LOGIT
            return logits
        tile = cut_with_context(image, region, bare.margin, self.padding).to(next(bare.parameters()).device)
        if not hasattr(bare, "forward_tile"):
            return network(tile)
        low = [bare.halo if start > 0 else 0 for start, _ in region]
        high = [bare.halo if stop < size else 0 for (_, stop), size in zip(region, image.shape[2:], strict=True)]
        return bare.forward_tile(tile, low, high)
