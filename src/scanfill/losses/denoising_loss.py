"""The loss of a diffusion network, to which losses of the image can be added."""

import torch
from torch import Tensor, nn

from .added_losses import AddedLoss, AddedLosses
from .masked import check_pair


class DenoisingLoss(nn.Module):
    """Mean squared error of the predicted noise or velocity; plus losses of the image that follows from it.

    A prediction says which image the network sees in the noise (Ho et al. 2020, equation 15), and its error is that of
    the prediction times a factor that only depends on the time step: the SD of the noise for the velocity, and that
    divided by the scale of the image for the noise. So a loss of images needs no sampling. Only images in which the
    signal outweighs the noise count for it: with more noise the best prediction is a mean of many images, which has no
    edges, and must have none.

    Args:
        least_signal: Share of the signal in the variance, from which on images count for the added losses.
        **added: Losses to add, by name; None for none.

    Raises:
        UsageError: See :class:`AddedLosses`.
        ValueError: ``least_signal`` is not between 0 and 1.
    """

    def __init__(self, least_signal: float = 0.5, **added: AddedLoss | None) -> None:
        super().__init__()
        if not 0 < least_signal < 1:
            msg = f"least_signal (={least_signal}) must be above 0 and below 1."
            raise ValueError(msg)
        self.least_signal = least_signal
        self.denoising = nn.MSELoss()
        self.added = AddedLosses(added)

    @property
    def needs_image(self) -> bool:
        """Whether the target must contain the image; see :class:`~scanfill.engines.PrepareNoisyBatch`."""
        return len(self.added) > 0

    def forward(self, prediction: Tensor, target: Tensor) -> Tensor:
        """Return the loss, a scalar; a mean over the images, so that a batch may be divided.

        Args:
            prediction: Noise or velocity, ``(B, C, ...)``.
            target: The true one; if there are added losses, followed by the image, ``C`` more channels, and two
                constant channels: the factor of the image's error, and the share of the signal in the variance.

        Raises:
            ValueError: The shapes do not match.
        """
        if not self.needs_image:
            check_pair(prediction, target)
            plain: Tensor = self.denoising(prediction, target)
            return plain
        channels = prediction.shape[1]
        if target.shape[1] != 2 * channels + 2:
            msg = (
                f"Losses of the image were added to the loss of a prediction of shape {tuple(prediction.shape)}, so "
                f"the target must have {2 * channels + 2} channels, not {target.shape[1]}: pass with_image=True to "
                "PrepareNoisyBatch."
            )
            raise ValueError(msg)
        truth, image, factor, signal = torch.split(target, [channels, channels, 1, 1], dim=1)
        check_pair(prediction, truth)
        loss: Tensor = self.denoising(prediction, truth)
        clear = signal.flatten(1)[:, 0] >= self.least_signal
        if not clear.any():
            return loss
        seen = (image - factor * (prediction - truth))[clear]
        return loss + self.added(seen, image[clear])["loss"] * (clear.sum() / len(clear))


def image_errors(signal: Tensor, prediction_type: str) -> Tensor:
    """Return by which factor the error of a prediction is that of the image it means, with the opposite sign.

    Args:
        signal: Share of the signal in the variance, 0 to 1, of any shape (``alphas_cumprod`` of a scheduler).
        prediction_type: ``epsilon`` or ``v_prediction``.
    """
    noise = torch.sqrt(1 - signal)
    return noise / torch.sqrt(signal) if prediction_type == "epsilon" else noise
