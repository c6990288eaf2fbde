"""Fill a hole in an image with a trained diffusion network, so that it belongs to what surrounds it."""

from collections.abc import Sequence
from typing import Any

import torch
from monai.inferers import Inferer
from monai.networks.schedulers.scheduler import Scheduler
from torch import Tensor, nn
from tqdm import tqdm

from scanfill.errors import UsageError


class InpaintingSampler(Inferer):  # type: ignore[misc]
    """Denoise a hole by DDIM, with the real background, as noisy as the hole, put back around it at each step.

    Each step may be repeated: the result is made noisier again by one step and denoised once more, so that the hole
    adapts to the background (RePaint, Lugmayr et al. 2022, algorithm 1; a step back has the length of one step).
    DDIM (Song et al. 2021, equation 12) between the time steps that are visited; MONAI's own step goes to others, which
    costs contrast.

    Several samples may be averaged. A sample is as far from the mean of what may be there as the truth is, so its mean
    squared error is at best twice that of the mean, and that of an average of n samples 1 + 1/n times.

    Args:
        scheduler: Noise schedule and prediction of the training, ``epsilon`` or ``v_prediction``.
        steps: Number of steps. With a perfect network, 20 made an SD of .218 one of .189, and 50 one of .209.
        repeats: How often each step is made; 1 for no repetition.
        samples: How many samples are averaged; 1 for a sample as it is.
        progress: Whether to show a progress bar.

    Raises:
        UsageError: The number of steps, repeats or samples is out of range.
    """

    def __init__(
        self, scheduler: Scheduler, steps: int = 50, repeats: int = 1, samples: int = 1, *, progress: bool = True
    ) -> None:
        super().__init__()
        most = scheduler.num_train_timesteps
        if not 2 <= steps <= most or repeats < 1 or samples < 1:
            msg = f"steps (={steps}) must be 2 to {most}, and repeats (={repeats}) and samples (={samples}) at least 1."
            raise UsageError(msg)
        self.scheduler = scheduler
        self.times = torch.linspace(most - 1, 0, steps).round().long().tolist()
        self.repeats = repeats
        self.samples = samples
        self.progress = progress

    def __call__(
        self,
        inputs: Tensor,
        network: nn.Module,
        *args: Any,
        hole: Tensor,
        condition: Tensor | None = None,
        seed: Sequence[int] | Tensor | None = None,
        **kwargs: Any,
    ) -> Tensor:
        """Fill the holes of a batch.

        Args:
            inputs: The images, ``(B, C, ...)``; what they hold in the hole is not used.
            network: Predicts what its scheduler calls for, from noisy image and condition, as channels.
            args: Ignored.
            hole: Above 0 where to fill, ``(B, 1, ...)``.
            condition: Further channels for the network, ``(B, K, ...)``.
            seed: One per image, for all its noise, so that an image does not depend on the others; by default the
                global random numbers are used.
            kwargs: Ignored.

        Returns:
            ``(B, C, ...)``: exactly the image outside the hole.
        """
        del args, kwargs
        inside, draws = hole > 0, _Noise(inputs, seed)
        filled = torch.zeros_like(inputs)
        for _ in range(self.samples):
            filled += self._sample(inputs, network, inside, condition, draws) / self.samples
        return torch.where(inside, filled, inputs)

    def _sample(
        self, inputs: Tensor, network: nn.Module, inside: Tensor, condition: Tensor | None, draws: "_Noise"
    ) -> Tensor:
        """Draw one sample; outside the hole it is the image, up to rounding."""
        shares = [float(self.scheduler.alphas_cumprod[time]) for time in self.times]
        image = torch.where(inside, draws.next(), _noisy(inputs, shares[0], draws.next()))
        steps = list(zip(self.times, shares, [*shares[1:], 1.0], strict=True))
        for time, share, following in tqdm(steps, disable=not self.progress, desc="Filling", leave=False):
            for repeat in range(self.repeats if following < 1 else 1):
                if repeat:
                    image = _noisy(image, share / following, draws.next())
                given = image if condition is None else torch.cat([image, condition], dim=1)
                output = network(given, torch.full((len(image),), time, device=image.device))
                image = self._denoised(image, output, share, following)
                image = torch.where(inside, image, _noisy(inputs, following, draws.next()))
        return image

    def _denoised(self, image: Tensor, output: Tensor, share: float, following: float) -> Tensor:
        """Take one step of DDIM, from a share of the signal's variance to the following one."""
        signal, noise = share**0.5, (1 - share) ** 0.5
        if str(self.scheduler.prediction_type) == "epsilon":
            clean, random = (image - noise * output) / signal, output
        else:
            clean, random = signal * image - noise * output, signal * output + noise * image
        denoised: Tensor = following**0.5 * clean + (1 - following) ** 0.5 * random
        return denoised


class _Noise:
    """Standard normal noise like an image, from one generator per image if there are seeds."""

    def __init__(self, like: Tensor, seed: Sequence[int] | Tensor | None) -> None:
        self.like = like
        seeds = [] if seed is None else [int(each) for each in seed]
        self.generators = [torch.Generator().manual_seed(each) for each in seeds]

    def next(self) -> Tensor:
        if not self.generators:
            return torch.randn_like(self.like)
        drawn = [torch.randn(self.like.shape[1:], generator=each) for each in self.generators]
        return torch.stack(drawn).to(self.like)


def _noisy(image: Tensor, share: float, noise: Tensor) -> Tensor:
    """Add noise so that a share of the signal's variance is left."""
    return share**0.5 * image + (1 - share) ** 0.5 * noise
