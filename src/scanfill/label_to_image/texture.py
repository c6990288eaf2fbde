"""Features that tell how an image is textured, by a network with random weights."""

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (16, 32, 64)
"""Feature maps of each convolution."""

TEXTURES = 2 * sum(WIDTHS)
"""Number of features, named with every distance that is computed from them."""

NAME = f"mean and SD of the {sum(WIDTHS)} maps of {len(WIDTHS)} convolutions with random weights"
"""What the features are, in words."""


class TextureNetwork(nn.Module):
    """Three random convolutions with stride 2; the mean and the SD of each map are the features.

    Where something is does not count. Features that keep the place see little else than the mask, which a drawn slice
    and the real one share: by them, painted slices were nearer to real ones than other real ones are.

    Args:
        seed: Seed of the weights.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            pairs = zip((1, *WIDTHS), WIDTHS, strict=False)
            self.layers = nn.ModuleList([nn.Conv2d(into, out, 3, stride=2, padding=1) for into, out in pairs])

    def features(self, images: Tensor) -> Tensor:
        """Return ``(B, 224)`` of images ``(B, 1, X, Y)`` in -1 to 1."""
        found = []
        for layer in self.layers:
            images = functional.relu(layer(images))
            found += [images.mean(dim=(2, 3)), images.std(dim=(2, 3))]
        return torch.cat(found, dim=1)
