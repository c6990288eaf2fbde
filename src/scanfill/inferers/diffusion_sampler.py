"""Sample images from a trained diffusion network."""

from typing import Any

from monai.inferers import DiffusionInferer, Inferer
from monai.networks.schedulers import DDIMScheduler
from monai.networks.schedulers.scheduler import Scheduler
from torch import Tensor, nn

from scanfill.errors import UsageError

FEWEST = 50
"""Fewest steps of DDIM. MONAI's loses contrast with fewer: at 25, a perfect network made an SD of .2 one of .168."""


class DiffusionSampler(Inferer):  # type: ignore[misc]
    """Turn noise into images by all steps of DDPM, or by some of DDIM.

    Args:
        scheduler: MONAI's ``DDPMScheduler`` (Ho et al. 2020) or ``DDIMScheduler`` (Song et al. 2021), with the noise
            schedule and the prediction of the training.
        steps: Number of steps; None for all.
        guidance: Scale of classifier-free guidance (Ho and Salimans 2022): 1 for none; larger values follow the
            conditions more closely, at the expense of variety.
        progress: Whether to show a progress bar.

    Raises:
        UsageError: The number of steps does not fit the scheduler, or the guidance is below 0.
    """

    def __init__(
        self, scheduler: Scheduler, steps: int | None = 50, guidance: float = 1.0, *, progress: bool = True
    ) -> None:
        super().__init__()
        most = scheduler.num_train_timesteps
        fewest = min(FEWEST, most) if isinstance(scheduler, DDIMScheduler) else most
        steps = most if steps is None else steps
        if not fewest <= steps <= most:
            reason = (
                f"with fewer than {FEWEST}, MONAI's DDIM loses contrast"
                if isinstance(scheduler, DDIMScheduler)
                else f"{type(scheduler).__name__} is wrong with fewer than all steps; use DDIM for fewer"
            )
            msg = f"steps (={steps}) must be {fewest} to {most}: {reason}."
            raise UsageError(msg)
        if guidance < 0:
            msg = f"guidance (={guidance}) must not be negative; 1 is none."
            raise UsageError(msg)
        scheduler.set_timesteps(steps)
        self.inferer = DiffusionInferer(scheduler)
        self.guidance = guidance
        self.progress = progress

    def __call__(
        self, inputs: Tensor, network: nn.Module, *args: Any, condition: Tensor | None = None, **kwargs: Any
    ) -> Tensor:
        """Turn noise ``(B, C, ...)`` into images of the same shape.

        Args:
            inputs: Noise, standard normal.
            network: Predicts what its scheduler calls for.
            args: Ignored, like ``kwargs``.
            condition: Encoded conditions, ``(B, conditions, 2)``.
            kwargs: Ignored.
        """
        del args, kwargs
        guidance = None if self.guidance == 1 else self.guidance
        image: Tensor = self.inferer.sample(
            inputs, network, conditioning=condition, cfg=guidance, verbose=self.progress
        )
        return image
