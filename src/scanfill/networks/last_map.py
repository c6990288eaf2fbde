"""Use a network that returns several maps like one that returns a single map."""

from torch import Tensor, nn


class LastMap(nn.Module):
    """Return the last of a network's maps, such as the finest one of MONAI's ``BasicUNetPlusPlus``.

    Can be scripted and traced.

    Args:
        network: Maps a tensor to a list of tensors.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, ...)`` to the last output."""
        last: Tensor = self.network(x)[-1]
        return last
