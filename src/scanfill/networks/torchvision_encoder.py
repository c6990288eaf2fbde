"""ResNet and ResNeXt encoders whose weights have torchvision's names, so that its files load as they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from monai.networks.layers import Conv, get_norm_layer
from monai.networks.nets.resnet import ResNet, ResNetBlock, ResNetBottleneck
from torch import Tensor

from scanfill.errors import CheckpointError, UsageError

RGB = 3
"""Input channels of the pretrained networks."""

OPTIONAL = "num_batches_tracked"
"""Last part of names that older files lack: a counter that batch norm does not use."""


class GroupedBottleneck(ResNetBottleneck):  # type: ignore[misc]
    """A bottleneck whose 3x3 convolution has 32 groups (Xie et al., CVPR 2017, table 1), with the names of MONAI's."""

    groups, width_per_group = 32, 4

    def __init__(self, in_planes: int, planes: int, spatial_dims: int = 3, stride: int = 1, **options: Any) -> None:
        super().__init__(in_planes, planes, spatial_dims, stride, **options)
        convolution, norm = Conv[Conv.CONV, spatial_dims], options.get("norm", "batch")
        width = planes * self.width_per_group // 64 * self.groups
        self.conv1 = convolution(in_planes, width, kernel_size=1, bias=False)
        self.bn1 = get_norm_layer(norm, spatial_dims, width)
        self.conv2 = convolution(width, width, kernel_size=3, stride=stride, padding=1, groups=self.groups, bias=False)
        self.bn2 = get_norm_layer(norm, spatial_dims, width)
        self.conv3 = convolution(width, planes * self.expansion, kernel_size=1, bias=False)


class WideGroupedBottleneck(GroupedBottleneck):
    """The same with twice the width."""

    width_per_group = 8


ENCODERS: dict[str, tuple[type[ResNetBlock | ResNetBottleneck], tuple[int, ...]]] = {
    "resnet18": (ResNetBlock, (2, 2, 2, 2)),
    "resnet50": (ResNetBottleneck, (3, 4, 6, 3)),
    "resnext50_32x4d": (GroupedBottleneck, (3, 4, 6, 3)),
    "resnext101_32x8d": (WideGroupedBottleneck, (3, 4, 23, 3)),
}
"""Kind of block, and blocks per stage, by torchvision's name."""


class TorchvisionEncoder(ResNet):  # type: ignore[misc]
    """MONAI's ResNet in two dimensions, built as torchvision's, without its classifier.

    Parameters with one input channel: resnet18 11,170,240; resnet50 23,501,760; resnext50_32x4d 22,973,632;
    resnext101_32x8d 86,736,064. MONAI has no ResNeXt; only its bottleneck is new here.

    Args:
        name: A key of :data:`ENCODERS`.
        in_channels: Channels of the image.

    Attributes:
        channels: Feature maps of the four stages, finest first.

    Raises:
        UsageError: The name is unknown.
    """

    def __init__(self, name: str, in_channels: int) -> None:
        if name not in ENCODERS:
            msg = f"Unknown encoder {name!r}. Choose one of {', '.join(ENCODERS)}."
            raise UsageError(msg)
        block, layers = ENCODERS[name]
        planes = [64, 128, 256, 512]
        super().__init__(
            block,
            list(layers),
            planes,
            spatial_dims=2,
            n_input_channels=in_channels,
            conv1_t_stride=2,
            feed_forward=False,
            bias_downsample=False,
        )
        self.channels = [width * block.expansion for width in planes]

    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Map ``(B, in_channels, H, W)`` to the features of four stages, at 1/4, 1/8, 1/16 and 1/32 of its sides."""
        x = self.maxpool(self.act(self.bn1(self.conv1(image))))
        first = self.layer1(x)
        second = self.layer2(first)
        third = self.layer3(second)
        return {"layer1": first, "layer2": second, "layer3": third, "layer4": self.layer4(third)}

    def load_torchvision(self, path: str | Path) -> None:
        """Load a state dictionary of torchvision, such as the one pretrained on ImageNet, without its classifier.

        The weights of the first convolution are summed over red, green and blue and divided equally among the channels
        of the image, unless it has three: the same picture in every channel gives the features of that gray picture.
        ImageNet's pictures, in [0, 1], were normalized by a mean of about 0.45 and an SD of 0.23; an image for
        pretrained weights should be too.

        Args:
            path: A ``.pth`` file.

        Raises:
            CheckpointError: The file is missing or damaged, or a weight is missing, unknown, or of another shape.
        """
        weights = {name: value for name, value in _read(Path(path)).items() if not name.startswith("fc.")}
        first, in_channels = weights.get("conv1.weight"), self.conv1.in_channels
        if isinstance(first, Tensor) and first.ndim == 4 and first.shape[1] == RGB != in_channels:
            shared = first.sum(1, keepdim=True) / in_channels
            weights["conv1.weight"] = shared.expand(-1, in_channels, -1, -1)
        _check_fit(self.state_dict(), weights, Path(path))
        self.load_state_dict(weights, strict=False)  # all but the counters of older files


def _read(path: Path) -> Mapping[str, Any]:
    if not path.is_file():
        msg = f"No file with pretrained weights at {path}. Give a .pth file in torchvision's layout, or none."
        raise CheckpointError(msg)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), 'empty')}"
        msg = f"The pretrained weights {path} cannot be read ({reason}). Download or copy them again."
        raise CheckpointError(msg) from error
    if not isinstance(content, Mapping):
        msg = (
            f"{path} contains a {type(content).__name__}, not a state dictionary. Save `network.state_dict()` of "
            "torchvision's network with `torch.save`."
        )
        raise CheckpointError(msg)
    return content


def _check_fit(own: Mapping[str, Tensor], given: Mapping[str, Any], path: Path) -> None:
    """Check that the weights are those of the network, up to counters."""
    needed = [name for name in own if not name.endswith(OPTIONAL)]
    missing = [name for name in needed if name not in given]
    unknown = [name for name in given if name not in own]
    shapes = [
        f"{name} {tuple(getattr(given[name], 'shape', ()))} instead of {tuple(own[name].shape)}"
        for name in own
        if name in given and getattr(given[name], "shape", None) != own[name].shape
    ]
    found = {"missing": missing, "unknown": unknown, "of another shape": shapes}
    if problems := [f"{len(names)} {what} (first: {names[0]})" for what, names in found.items() if names]:
        msg = (
            f"The pretrained weights {path} do not fit the encoder: {'; '.join(problems)}. Give the file of the same "
            "network in torchvision's layout (conv1.weight, layer1.0.conv1.weight, ...)."
        )
        raise CheckpointError(msg)
