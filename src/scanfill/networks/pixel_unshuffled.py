"""Run a 2-D network on an image of a fraction of the resolution, whose channels are the pixels of the full one."""

from torch import Tensor, nn


class PixelUnshuffled(nn.Module):
    """Give a network blocks of neighboring pixels as channels, and make pixels of its output channels.

    A step costs about ``factor ** 2`` times less, and the receptive field covers ``factor`` times more of the image,
    while input and output keep their resolution: no pixel is averaged. (Space to depth, and the sub-pixel convolution
    of Shi et al., CVPR 2016, section 3.) Can be scripted and traced.

    Args:
        network: A 2-D network with ``factor ** 2`` input channels per channel of the image, and ``factor ** 2`` output
            channels per channel of the output.
        factor: Pixels per side of a block, which must divide the sides of the image.
    """

    def __init__(self, network: nn.Module, factor: int = 2) -> None:
        super().__init__()
        self.factor = factor
        self.unshuffle, self.network, self.shuffle = nn.PixelUnshuffle(factor), network, nn.PixelShuffle(factor)

    def forward(self, x: Tensor) -> Tensor:
        """Map ``(B, C, X, Y)`` to the network's output of the same sides."""
        output: Tensor = self.shuffle(self.network(self.unshuffle(x)))
        return output
