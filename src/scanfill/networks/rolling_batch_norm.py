"""Batch normalization with the mean statistics of the last batches at inference, as in DeepMedic."""

import torch
import torch.nn.functional as F  # noqa: N812 - the conventional name
from torch import Tensor, nn

FLOAT32_TINY = 1.1754943508222875e-38
"""Smallest normal float32: the original's epsilon, effectively 0."""


class RollingBatchNorm(nn.Module):
    """Normalize each channel; at inference with the mean statistics of the last ``window`` training batches.

    PyTorch's batch norm uses an exponential moving average and the unbiased variance. The original DeepMedic averages
    the biased statistics of the last 60 batches with equal weights. Until ``window`` batches have been seen, the mean
    of those seen is used; without any, mean 0 and variance 1. Statistics are computed in the precision of the weights
    (float32), also under autocast.

    Note: with the original's epsilon of about 1e-38, a channel that is constant over a whole training batch has
    variance 0, so its rounding errors are amplified. Use a larger ``epsilon`` if that can happen.

    Args:
        channels: Number of channels.
        window: Number of training batches to average at inference.
        epsilon: Constant added to the variance.
    """

    def __init__(self, channels: int, window: int = 60, epsilon: float = FLOAT32_TINY) -> None:
        super().__init__()
        if window < 1:
            msg = f"`window` (={window}) must be at least 1: inference needs the statistics of at least one batch."
            raise ValueError(msg)
        self.window = window
        self.epsilon = epsilon
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.means: Tensor
        self.variances: Tensor
        self.batches_seen: Tensor
        self.register_buffer("means", torch.zeros(window, channels))
        self.register_buffer("variances", torch.zeros(window, channels))
        self.register_buffer("batches_seen", torch.zeros(1, dtype=torch.long))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize ``(B, C, ...)``; in training mode also store the batch statistics."""
        x = x.to(self.weight.dtype)
        if self.training:
            mean, variance = torch.zeros_like(self.means[0]), torch.zeros_like(self.means[0])
            # With a momentum of 1, PyTorch returns the statistics that it used for normalization.
            y = F.batch_norm(x, mean, variance, self.weight, self.bias, training=True, momentum=1.0, eps=self.epsilon)
            count = x.numel() // x.shape[1]
            self._remember(mean, variance * ((count - 1) / count))
            return y
        mean, variance = self.inference_statistics()
        return F.batch_norm(x, mean, variance, self.weight, self.bias, eps=self.epsilon)

    def inference_statistics(self) -> tuple[Tensor, Tensor]:
        """Return the mean and biased variance ``(C,)`` for inference."""
        seen = self.batches_seen.clamp(max=self.window)
        mean = self.means.sum(0) / seen.clamp(min=1)
        variance = self.variances.sum(0) / seen.clamp(min=1)
        return mean, torch.where(seen > 0, variance, torch.ones_like(variance))

    @torch.jit.unused
    def set_inference_statistics(self, mean: Tensor, variance: Tensor) -> None:
        """Fill the whole window with one mean and variance ``(C,)``, as if every batch had these statistics."""
        with torch.no_grad():
            self.means.copy_(mean.expand_as(self.means))
            self.variances.copy_(variance.expand_as(self.variances))
            self.batches_seen.fill_(self.window)

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        row = self.batches_seen % self.window  # a tensor: converting it to a number would synchronize the GPU
        self.means.index_copy_(0, row, mean.unsqueeze(0))
        self.variances.index_copy_(0, row, variance.unsqueeze(0))
        self.batches_seen.add_(1)
