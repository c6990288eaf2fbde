"""A segmenter on a feature pyramid, with an encoder that may be pretrained on photographs."""

from pathlib import Path

import torch
from monai.networks.blocks.feature_pyramid_network import FeaturePyramidNetwork
from torch import Tensor, nn

from scanfill.errors import UsageError

from .torchvision_encoder import TorchvisionEncoder

GROUPS = 32
"""Of group norm (Wu and He, ECCV 2018, section 3.1)."""


class FeaturePyramidSegmenter(nn.Module):
    """Segment a 2-D image with MONAI's feature pyramid and the semantic branch of Panoptic FPN.

    The pyramid has the encoder's four stages, at 1/4 to 1/32 of the resolution (Lin et al., CVPR 2017); the branch on
    top brings each to 1/4, adds them, classifies, and enlarges the logits four times (Kirillov et al., CVPR 2019,
    section 3.1, "Semantic segmentation branch"). The output has the resolution of the input.

    Parameters with one input channel and two outputs: resnet18 15,401,410; resnet50 28,470,210; resnext50_32x4d
    27,942,082; resnext101_32x8d 91,704,514.

    Args:
        in_channels: Number of images.
        out_channels: Number of classes.
        backbone: ``resnet18``, ``resnet50``, ``resnext50_32x4d`` or ``resnext101_32x8d``.
        weights: A file for the encoder, see :meth:`.TorchvisionEncoder.load_torchvision`. None: random weights. Every
            later construction needs the file too; a config should call :func:`load_backbone` before training instead.
        pyramid_channels: Feature maps of the pyramid.
        head_channels: Feature maps of the branch, a multiple of 32.

    Raises:
        UsageError: The backbone is unknown, or a number is invalid.
        CheckpointError: The weights do not fit.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        backbone: str = "resnet50",
        *,
        weights: str | Path | None = None,
        pyramid_channels: int = 256,
        head_channels: int = 128,
    ) -> None:
        super().__init__()
        if head_channels < 1 or head_channels % GROUPS:
            msg = f"`head_channels` (={head_channels}) must be a multiple of the {GROUPS} groups of its group norm."
            raise UsageError(msg)
        self.in_channels = in_channels
        self.stride = 32  # pixels of the input per pixel of the coarsest features
        self.encoder = TorchvisionEncoder(backbone, in_channels)
        self.pyramid = FeaturePyramidNetwork(2, self.encoder.channels, pyramid_channels)
        self.branch = SemanticBranch(len(self.encoder.channels), pyramid_channels, head_channels, out_channels)
        load_backbone(self, weights)

    def forward(self, image: Tensor) -> Tensor:
        """Map ``(B, in_channels, H, W)`` to logits ``(B, out_channels, H, W)``.

        Raises:
            UsageError: The number of channels is wrong, or a side is not a multiple of 32.
        """
        self._check(image)
        pyramid: dict[str, Tensor] = self.pyramid(self.encoder(image))
        logits: Tensor = self.branch(list(pyramid.values()))
        return logits

    def _check(self, image: Tensor) -> None:
        if image.dim() != 4 or image.shape[1] != self.in_channels:
            msg = (
                f"Expected an image (B, {self.in_channels}, H, W), got shape {list(image.shape)}. The network was "
                f"built with in_channels={self.in_channels}."
            )
            raise UsageError(msg)
        for axis in range(2, 4):
            length = int(image.shape[axis])
            lower = length - length % self.stride
            if lower != length or lower == 0:
                nearest = f"{lower} or {lower + self.stride}" if lower > 0 else f"{self.stride}"
                msg = (
                    f"An image of shape {list(image.shape)} does not fit this network: axis {axis} has {length} pixels "
                    f"instead of {nearest}, a multiple of {self.stride}. Crop or pad it, such as with MONAI's "
                    f"DivisiblePadd."
                )
                raise UsageError(msg)


class SemanticBranch(nn.Module):
    """Bring each level of a pyramid to the finest one's resolution, add them, and classify.

    Level ``i``, counted from 0 at the finest, has ``i`` stages of 3x3 convolution, group norm, ReLU and bilinear
    upsampling by two; level 0 has one stage without upsampling.

    Args:
        levels: Levels of the pyramid.
        in_channels: Feature maps of the pyramid.
        channels: Feature maps of the branch.
        out_channels: Number of classes.
    """

    def __init__(self, levels: int, in_channels: int, channels: int, out_channels: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(_to_finest(level, in_channels, channels) for level in range(levels))
        self.classify = nn.Conv2d(channels, out_channels, kernel_size=1)
        self.enlarge = nn.Upsample(scale_factor=4, mode="bilinear")

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """Map features ``(B, in_channels, H / 2**i, W / 2**i)`` to logits ``(B, out_channels, 4 * H, 4 * W)``."""
        total = self.levels[0](pyramid[0])
        for number, level in enumerate(self.levels):
            if number > 0:
                total = total + level(pyramid[number])
        logits: Tensor = self.enlarge(self.classify(total))
        return logits


class GroupNorm(nn.GroupNorm):
    """PyTorch's, without its check for more than one pixel: a group has several channels to normalize over."""

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(B, C, H, W)``."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


def load_backbone(network: nn.Module, weights: str | Path | None) -> None:
    """Load pretrained weights into a network's encoder before training.

    Args:
        network: A :class:`FeaturePyramidSegmenter`; any other network if there are no weights, so that a config can
            always call this.
        weights: See :meth:`.TorchvisionEncoder.load_torchvision`; None leaves the network as it is.

    Raises:
        UsageError: The network has no such encoder.
        CheckpointError: The weights do not fit.
    """
    if weights is None:
        return
    if not isinstance(network, FeaturePyramidSegmenter):
        msg = (
            f"A {type(network).__name__} has no encoder for the pretrained weights {weights}. Leave them out, or use a "
            "FeaturePyramidSegmenter."
        )
        raise UsageError(msg)
    network.encoder.load_torchvision(weights)


def _to_finest(level: int, in_channels: int, channels: int) -> nn.Sequential:
    stages: list[nn.Module] = []
    for stage in range(max(level, 1)):
        convolution = nn.Conv2d(channels if stage else in_channels, channels, kernel_size=3, padding=1, bias=False)
        nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
        stages += [convolution, GroupNorm(GROUPS, channels), nn.ReLU(inplace=True)]
        stages += [nn.Upsample(scale_factor=2, mode="bilinear")] if level else []
    return nn.Sequential(*stages)
