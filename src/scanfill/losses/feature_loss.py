"""Distance of images in the features of a frozen network: what is called a perceptual loss."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.networks.frozen import freeze

from .masked import check_pair, in_float

SMALLEST = 1e-10
"""Added to the squared length of a feature vector, which may be 0."""


class FeatureLoss(nn.Module):
    """Mean squared difference of the features of a prediction and its target, in a named frozen network.

    At each place of a feature map, the features are divided by their length, so that neither their scale nor that of a
    layer counts; then their squared differences are summed over channels, and averaged over places and over layers.
    Between 0 and 4.

    This is not LPIPS (Zhang et al., CVPR 2018), from which the division is taken: LPIPS is a network of ImageNet with
    weights fitted to human judgments. Values of different networks cannot be compared. State the network with each
    figure, and measure the effect with another one than was trained with.

    Source: Johnson et al., ECCV 2016, section 3.2, for the loss.

    Args:
        network: Maps images ``(B, C, ...)`` to one feature map ``(B, F, ...)``, or to a sequence of them. Frozen here;
            gradients pass through it to the prediction. It gets a gray image once for each channel that it takes.

    Raises:
        UsageError: There is no network.
    """

    def __init__(self, network: nn.Module | None) -> None:
        super().__init__()
        if network is None:
            msg = (
                "FeatureLoss has no feature network. Let scanfill.engines.trained_features train one on your images, "
                "or pass a network with its weights."
            )
            raise UsageError(msg)
        self.network = freeze(network)

    def forward(
        self, prediction: Tensor, target: Tensor, label: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss, a scalar.

        Args:
            prediction: ``(B, C, ...)``.
            target: True image of the same shape.
            label: Not used, like ``mask``; losses of images are all called alike.
            mask: See ``label``.

        Raises:
            ValueError: The shapes do not match each other or the network.
        """
        del label, mask
        check_pair(prediction, target)
        with torch.no_grad():
            wanted = self._features(target)
        found = self._features(prediction)
        layers = [(_directions(a) - _directions(b)).square().sum(1).mean() for a, b in zip(found, wanted, strict=True)]
        return torch.stack(layers).mean()

    def _features(self, images: Tensor) -> Sequence[Tensor]:
        output = self.network(self._as_expected(in_float(images)))
        return [output] if isinstance(output, Tensor) else list(output)

    def _as_expected(self, images: Tensor) -> Tensor:
        expected = self.network.expected_input()
        if expected is None:
            return images
        channels, dimensions = expected
        if images.ndim != dimensions + 2 or images.shape[1] not in (1, channels):
            msg = (
                f"The feature network takes {channels} channels in {dimensions} dimensions; the images have shape "
                f"{tuple(images.shape)}. Pass a network of such images."
            )
            raise ValueError(msg)
        return images.expand(-1, channels, *(-1 for _ in range(dimensions)))


def _directions(features: Tensor) -> Tensor:
    features = in_float(features)
    return features / (features.square().sum(1, keepdim=True) + SMALLEST).sqrt()
