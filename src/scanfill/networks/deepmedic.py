"""DeepMedic (Kamnitsas et al., Medical Image Analysis 36, 2017), number for number as its code v0.8.4 computes it."""

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
"""What each preset changes: the original's two model files, the paper's network, a tenth of the default."""


class DeepMedic(nn.Module):
    """Segment a 3-D image with parallel pathways of full and subsampled resolution.

    Three ways in, one network: :meth:`forward` takes a whole image and gives logits of its size, as any network does;
    :meth:`forward_valid` takes an image with context; :meth:`forward_segments` is the original's interface and what
    training uses. ``forward`` hands a list on to ``forward_segments``, since wrappers (distributed training) know only
    it.

    The defaults are the original's: 4 in, 4 out have 2,013,516 parameters. Dropout is not inverted (see
    :class:`~scanfill.networks.preactivation.RawDropout`), batch norm averages the last 60 batches, and the original's
    offset at low borders is not copied (see :mod:`scanfill.networks.subsampling`).

    Args:
        in_channels: Number of images, for instance MRI modalities.
        out_channels: Number of classes, background included.
        pathway_channels: Feature maps of each 3x3x3 layer of the full-resolution pathway.
        factors: Subsampling factor of each further pathway; empty for none.
        subsampled_channels: Feature maps of the subsampled pathways, once for all or once for each. Default: as the
            full-resolution pathway.
        residual_layers: Layers, from 1, to whose output the raw input of the layer before is added.
        classifier_channels: Feature maps of each hidden layer of the classifier.
        classifier_kernel: Edge length of the classifier's first kernel.
        classifier_residual_layers: As ``residual_layers``, in the classifier.
        dropout: Rate before each layer of the classifier, the last one included.
        batch_norm_window: Number of training batches whose statistics inference averages.
        epsilon: Added to the variance by batch norm.

    Attributes:
        margin: Context, in voxels on each side, that :meth:`forward_valid` expects.
        segment_margin: Context from which the segments of :meth:`forward_segments` can be cut; smaller than ``margin``,
            since there the classifier repeats the edge instead of looking beyond it.

    Raises:
        ValueError: If the layers, factors or rates do not fit together.
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
            **changes: Arguments of the class that differ from the preset.

        Raises:
            ValueError: If there is no such preset.
        """
        if name not in PRESETS:
            msg = f"There is no DeepMedic preset {name!r}. Choose one of {', '.join(PRESETS)}."
            raise ValueError(msg)
        return cls(in_channels, out_channels, **{**PRESETS[name], **changes})

    @classmethod
    def from_reference(cls, path: str | Path, prefix: str = "", **changes: Any) -> Self:
        """Build the network that fits weights exported from the original, and load them.

        Args:
            path: An ``.npz`` file, see :mod:`scanfill.networks.deepmedic_reference` for its layout.
            prefix: What the names of the weights begin with, for instance ``init.``.
            **changes: What weights do not tell: ``factors``, ``residual_layers``, ``classifier_residual_layers``,
                ``dropout``, ``epsilon``.

        Raises:
            ValueError: If an array is missing or has an unexpected shape.
        """
        arrays = read_arrays(path, prefix)
        network = cls(**{**read_architecture(arrays, path), **changes})
        load_weights(list(network.pathways), network.classifier, arrays, path)
        return network

    def forward(self, image: Tensor | list[Tensor]) -> Tensor:
        """Give logits of an image's own size.

        Beyond the image lies, in each channel, the mean of its eight corner voxels; the classifier's 3x3x3 kernel
        repeats the edge instead. Whole volumes take much memory: :class:`scanfill.inferers.DenseInferer` gives the same
        in tiles.

        Args:
            image: ``(B, C, D, H, W)``, normalised as in training; or a list, see :meth:`forward_segments`.

        Returns:
            Logits ``(B, classes, D, H, W)``.

        Raises:
            ValueError: If the image has another number of channels, or segments do not fit.
        """
        if isinstance(image, list):
            return self.forward_segments(image)
        self._check_channels(image)
        size = [int(image.shape[2]), int(image.shape[3]), int(image.shape[4])]
        padded = pad_with_corners(image, self.segment_margin)
        return self._predict(padded, self.segment_margin, size, [0, 0, 0], [0, 0, 0])

    @torch.jit.export
    def forward_valid(self, image: Tensor) -> Tensor:
        """Give logits of the part of an image that has ``margin`` voxels of context on each side.

        Blocks of the subsampled pathways start at the first predicted voxel.

        Args:
            image: ``(B, C, D, H, W)``.

        Returns:
            Logits ``(B, classes, D - 2 * margin, H - 2 * margin, W - 2 * margin)``.

        Raises:
            ValueError: If the image has another number of channels or is too small.
        """
        halo = [self.halo, self.halo, self.halo]
        return self.forward_tile(image, halo, halo)

    @torch.jit.export
    def forward_tile(self, image: Tensor, low: list[int], high: list[int]) -> Tensor:
        """Do :meth:`forward_valid` for a tile that may touch the ends of its volume.

        Args:
            image: ``(B, C, D, H, W)`` with ``margin`` voxels of context on each side.
            low: Along each axis, ``halo`` where the volume goes on before the tile, 0 where it begins: there the
                classifier repeats the edge.
            high: The same behind.

        Returns:
            Logits ``(B, classes, D - 2 * margin, H - 2 * margin, W - 2 * margin)``.
        """
        self._check_channels(image)
        size = [int(image.shape[axis]) - 2 * self.margin for axis in range(2, 5)]
        if min(size) < 1:
            msg = (
                f"An image of size {list(image.shape[2:])} has no voxel with {self.margin} voxels of context on each "
                f"side: give at least {2 * self.margin + 1} along each axis, or call the network itself, which pads."
            )
            raise ValueError(msg)
        return self._predict(image, self.margin, size, low, high)

    @torch.jit.export
    def forward_segments(self, segments: list[Tensor]) -> Tensor:
        """Give logits from one segment a pathway, cut beforehand: the original's interface.

        Args:
            segments: Full-resolution segment ``(B, C, d, h, w)`` and one of every ``f``-th voxel for each factor ``f``,
                as :class:`scanfill.transforms.SplitResolutionsd` cuts them: 37, 23 and 21 voxels a side by default.

        Returns:
            Logits ``(B, classes, d - 2 * r, ...)`` with ``r = 8`` layers: 21 voxels a side by default.

        Raises:
            ValueError: If the number of segments, their channels or their sizes do not fit.
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
                    f"segment of size {list(segments[0].shape[2:])} leaves {size} voxels to predict: needed {expected}."
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
    """Feature maps of every pathway, the full-resolution one first."""
    if any(factor < 2 for factor in factors):
        msg = f"`factors` (={list(factors)}) must be 2 or more: the full-resolution pathway is always there."
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
