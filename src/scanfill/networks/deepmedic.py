"""DeepMedic (Kamnitsas et al., Medical Image Analysis 36, 2017), numerically equal to its code v0.8.4."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor, nn

from scanfill.networks.deepmedic_reference import load_weights, read_architecture, read_arrays
from scanfill.networks.preactivation import Classifier, Pathway
from scanfill.networks.rolling_batch_norm import FLOAT32_TINY
from scanfill.networks.subsampling import context_needed, cut_segment, pad_with_corners, segment_size, spread

PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "wide1": {"pathway_channels": (30, 40, 50, 60, 70, 80, 90, 100), "classifier_channels": (300, 300)},
    "original2017": {
        "factors": (3,),
        "residual_layers": (),
        "classifier_channels": (150, 150),
        "classifier_kernel": 1,
        "classifier_residual_layers": (),
    },
    "small": {"pathway_channels": (8, 8, 16, 16, 16, 16, 16, 16), "classifier_channels": (56, 56)},
}
"""Arguments of each preset: the original's two model files, the paper's network, and a tenth of the default."""


class DeepMedic(nn.Module):
    """Segment a 3-D image with parallel pathways at full and subsampled resolution.

    The network has three entry points: :meth:`forward` takes a whole image and returns logits of its size, like any
    network; :meth:`forward_valid` takes an image with context; :meth:`forward_segments` is the original's interface and
    is used in training. ``forward`` passes a list on to ``forward_segments``, because wrappers for distributed training
    only call ``forward``.

    The defaults are the original's: 2,013,516 parameters with 4 inputs and 4 outputs. Dropout is not inverted (see
    :class:`~scanfill.networks.preactivation.RawDropout`), batch norm averages the last 60 batches, and the original's
    offset at low borders is not reproduced (see :mod:`scanfill.networks.subsampling`).

    Args:
        in_channels: Number of images, such as MRI modalities.
        out_channels: Number of classes, including background.
        pathway_channels: Feature maps of each 3x3x3 layer of the full-resolution pathway.
        factors: Subsampling factor of each additional pathway; empty for none.
        subsampled_channels: Feature maps of the subsampled pathways, one list for all or one per pathway. Default: as
            in the full-resolution pathway.
        residual_layers: Layers, counted from 1, with a residual connection from the raw input of the previous layer.
        classifier_channels: Feature maps of each hidden layer of the classifier.
        classifier_kernel: Edge length of the classifier's first kernel.
        classifier_residual_layers: The same for the classifier.
        dropout: Dropout rate before each layer of the classifier, including the last.
        batch_norm_window: Number of training batches whose statistics are averaged at inference.
        epsilon: Constant added to the variance by batch norm.

    Attributes:
        margin: Context that :meth:`forward_valid` expects, in voxels on each side.
        segment_margin: Context needed to cut the segments of :meth:`forward_segments`; smaller than ``margin``,
            because the classifier then repeats the edge instead of using features beyond it.

    Raises:
        ValueError: If the layers, factors or rates are inconsistent.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        pathway_channels: Sequence[int] = (30, 30, 40, 40, 40, 40, 50, 50),
        factors: Sequence[int] = (3, 5),
        subsampled_channels: Sequence[int] | Sequence[Sequence[int]] | None = None,
        *,
        residual_layers: Sequence[int] = (4, 6, 8),
        classifier_channels: Sequence[int] = (250, 250),
        classifier_kernel: int = 3,
        classifier_residual_layers: Sequence[int] = (2,),
        dropout: Sequence[float] = (0.0, 0.5, 0.5),
        batch_norm_window: int = 60,
        epsilon: float = FLOAT32_TINY,
    ) -> None:
        super().__init__()
        widths = _widths(pathway_channels, factors, subsampled_channels)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.factors = [1, *factors]
        self.pathways = nn.ModuleList(
            Pathway(in_channels, channels, residual_layers, window=batch_norm_window, epsilon=epsilon)
            for channels in widths
        )
        self.classifier = Classifier(
            sum(channels[-1] for channels in widths),
            classifier_channels,
            out_channels,
            kernel_size=classifier_kernel,
            residual_layers=classifier_residual_layers,
            dropout=dropout,
            window=batch_norm_window,
            epsilon=epsilon,
        )
        self.reaches = [len(channels) for channels in widths]
        self.halo = classifier_kernel // 2
        needs = list(zip(self.factors, self.reaches, strict=True))
        self.margin = max(context_needed(factor, reach, self.halo) for factor, reach in needs)
        self.segment_margin = max(context_needed(factor, reach, 0) for factor, reach in needs)

    @classmethod
    def from_preset(cls, name: str, in_channels: int, out_channels: int, **changes: Any) -> Self:
        """Build ``default``, ``wide1``, ``original2017`` or ``small`` (about a tenth of the default's parameters).

        Args:
            name: Name of the preset.
            in_channels: Number of images.
            out_channels: Number of classes.
            **changes: Arguments of the class that override the preset.

        Raises:
            ValueError: If the preset is unknown.
        """
        if name not in PRESETS:
            msg = f"Unknown DeepMedic preset {name!r}. Choose one of {', '.join(PRESETS)}."
            raise ValueError(msg)
        return cls(in_channels, out_channels, **{**PRESETS[name], **changes})

    @classmethod
    def from_reference(cls, path: str | Path, prefix: str = "", **changes: Any) -> Self:
        """Build the network that matches weights exported from the original, and load them.

        Args:
            path: An ``.npz`` file, see :mod:`scanfill.networks.deepmedic_reference` for its layout.
            prefix: Prefix of the weight names, such as ``init.``.
            **changes: Arguments that cannot be derived from weights: ``factors``, ``residual_layers``,
                ``classifier_residual_layers``, ``dropout``, ``epsilon``.

        Raises:
            ValueError: If an array is missing or has an unexpected shape.
        """
        arrays = read_arrays(path, prefix)
        network = cls(**{**read_architecture(arrays, path), **changes})
        load_weights(list(network.pathways), network.classifier, arrays, path)
        return network

    def forward(self, image: Tensor | list[Tensor]) -> Tensor:
        """Return logits of the same size as the image.

        Each channel is padded with the mean of its eight corner voxels; the classifier's 3x3x3 kernel repeats the edge
        instead. Whole volumes need much memory: :class:`scanfill.inferers.DenseInferer` computes the same result in
        tiles.

        Args:
            image: ``(B, C, D, H, W)``, normalized as in training; or a list, see :meth:`forward_segments`.

        Returns:
            Logits ``(B, classes, D, H, W)``.

        Raises:
            ValueError: If the number of channels is wrong, or segments do not match.
        """
        if isinstance(image, list):
            return self.forward_segments(image)
        self._check_channels(image)
        size = [int(image.shape[2]), int(image.shape[3]), int(image.shape[4])]
        padded = pad_with_corners(image, self.segment_margin)
        return self._predict(padded, self.segment_margin, size, [0, 0, 0], [0, 0, 0])

    @torch.jit.export
    def forward_valid(self, image: Tensor) -> Tensor:
        """Return logits for the part of an image with ``margin`` voxels of context on each side.

        Blocks of the subsampled pathways start at the first predicted voxel.

        Args:
            image: ``(B, C, D, H, W)``.

        Returns:
            Logits ``(B, classes, D - 2 * margin, H - 2 * margin, W - 2 * margin)``.

        Raises:
            ValueError: If the number of channels is wrong or the image is too small.
        """
        halo = [self.halo, self.halo, self.halo]
        return self.forward_tile(image, halo, halo)

    @torch.jit.export
    def forward_tile(self, image: Tensor, low: list[int], high: list[int]) -> Tensor:
        """Run :meth:`forward_valid` on a tile that may touch the borders of its volume.

        Args:
            image: ``(B, C, D, H, W)`` with ``margin`` voxels of context on each side.
            low: Along each axis, ``halo`` if the volume continues before the tile, or 0 at its start, where the
                classifier repeats the edge.
            high: The same after the tile.

        Returns:
            Logits ``(B, classes, D - 2 * margin, H - 2 * margin, W - 2 * margin)``.
        """
        self._check_channels(image)
        size = [int(image.shape[axis]) - 2 * self.margin for axis in range(2, 5)]
        if min(size) < 1:
            msg = (
                f"An image of size {list(image.shape[2:])} has no voxel with {self.margin} voxels of context on each "
                f"side. Give at least {2 * self.margin + 1} along each axis, or call the network itself, which pads."
            )
            raise ValueError(msg)
        return self._predict(image, self.margin, size, low, high)

    @torch.jit.export
    def forward_segments(self, segments: list[Tensor]) -> Tensor:
        """Return logits from one precut segment per pathway, the original's interface.

        Args:
            segments: Full-resolution segment ``(B, C, d, h, w)`` and one of every ``f``-th voxel for each factor ``f``,
                as :class:`scanfill.transforms.SplitResolutionsd` cuts them: 37, 23 and 21 voxels per side by default.

        Returns:
            Logits ``(B, classes, d - 2 * r, ...)`` with ``r = 8`` layers: 21 voxels per side by default.

        Raises:
            ValueError: If the number of segments, their channels or their sizes do not match.
        """
        if len(segments) != len(self.factors):
            expected_number = len(self.factors)
            msg = (
                f"Expected {expected_number} segments, one for each of the factors {self.factors}, got {len(segments)}."
            )
            raise ValueError(msg)
        size = [int(segments[0].shape[axis]) - 2 * self.reaches[0] for axis in range(2, 5)]
        for number, segment in enumerate(segments):
            self._check_channels(segment)
            factor, reach = self.factors[number], self.reaches[number]
            expected = [segment_size(length, factor, reach) for length in size]
            if min(size) < 1 or list(segment.shape[2:]) != expected:
                msg = (
                    f"The segment of factor {factor} has size {list(segment.shape[2:])}, but the full-resolution "
                    f"segment of size {list(segments[0].shape[2:])} leaves {size} voxels to predict: it must have size "
                    f"{expected}."
                )
                raise ValueError(msg)
        return self._merge(segments, size, [0, 0, 0], [0, 0, 0])

    def _predict(self, image: Tensor, origin: int, size: list[int], low: list[int], high: list[int]) -> Tensor:
        segments: list[Tensor] = []
        for number, factor in enumerate(self.factors):
            segments.append(cut_segment(image, origin, size, low, high, factor=factor, reach=self.reaches[number]))
        return self._merge(segments, size, low, high)

    def _merge(self, segments: list[Tensor], size: list[int], low: list[int], high: list[int]) -> Tensor:
        wanted = [size[axis] + low[axis] + high[axis] for axis in range(3)]
        features: list[Tensor] = []
        for number, pathway in enumerate(self.pathways):
            features.append(spread(pathway(segments[number]), self.factors[number], wanted, low))
        return self.classifier(torch.cat(features, 1), low, high)

    def _check_channels(self, image: Tensor) -> None:
        if image.dim() != 5 or image.shape[1] != self.in_channels:
            msg = (
                f"Expected an image (B, {self.in_channels}, D, H, W), got shape {list(image.shape)}. "
                f"The network was built with in_channels={self.in_channels}."
            )
            raise ValueError(msg)


def _widths(
    full: Sequence[int], factors: Sequence[int], subsampled: Sequence[int] | Sequence[Sequence[int]] | None
) -> list[list[int]]:
    """Return the feature maps of every pathway, the full-resolution one first."""
    if any(factor < 2 for factor in factors):
        msg = f"`factors` (={list(factors)}) must be 2 or more; the full-resolution pathway is always included."
        raise ValueError(msg)
    if subsampled is None:
        return [list(full) for _ in range(1 + len(factors))]
    each = [[item] if isinstance(item, int) else list(item) for item in subsampled]
    if all(isinstance(item, int) for item in subsampled):
        each = [[item for width in each for item in width] for _ in factors]
    if len(each) != len(factors):
        msg = f"`subsampled_channels` lists {len(each)} pathways, `factors` (={list(factors)}) {len(factors)}."
        raise ValueError(msg)
    return [list(full), *each]
