"""Prepare a batch for a diffusion network: noise, time steps, and the target that its scheduler calls for."""

from collections.abc import Mapping
from typing import Any

import torch
from monai.engines import PrepareBatch
from monai.engines.utils import DiffusionPrepareBatch
from monai.networks.schedulers.scheduler import Scheduler
from torch import Tensor

from scanfill.losses.denoising_loss import image_errors

PREDICTIONS = ("epsilon", "v_prediction")
"""What a network may predict: the noise (Ho et al. 2020), or the velocity (Salimans and Ho 2022, appendix D)."""


class PrepareNoisyBatch(DiffusionPrepareBatch):  # type: ignore[misc]
    """Draw noise and time steps; the target is the noise or the velocity, as the scheduler's ``prediction_type`` says.

    MONAI's own always returns the noise.

    Args:
        scheduler: Its noise schedule and its prediction type count.
        condition_name: Key of the encoded conditions.
        seed: If given, each batch of an image gets the same noise and evenly spaced time steps, so that two losses can
            be compared; for validation.
        shift: A time step, as a share t of all, becomes shift t / (1 + (shift - 1) t) (Esser et al. 2024, equation 23).
            Above 1, more time steps have much noise, where an image can only be told from its conditions; 1 for none.
        with_image: Whether the target also contains the image, as losses of the image need it; see
            :py:class:`~scanfill.losses.DenoisingLoss`.

    Raises:
        ValueError: The prediction type is neither of :py:data:`PREDICTIONS`, or the shift is not above 0.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        condition_name: str | None = None,
        seed: int | None = None,
        shift: float = 1.0,
        *,
        with_image: bool = False,
    ) -> None:
        super().__init__(scheduler.num_train_timesteps, condition_name)
        if scheduler.prediction_type not in PREDICTIONS:
            msg = f"prediction_type (={scheduler.prediction_type!r}) must be one of {', '.join(PREDICTIONS)}."
            raise ValueError(msg)
        if shift <= 0:
            msg = f"shift (={shift}) of the time steps must be above 0; 1 is none."
            raise ValueError(msg)
        self.scheduler = scheduler
        self.seed = seed
        self.shift = shift
        self.with_image = with_image

    def get_noise(self, images: Tensor) -> Tensor:
        """Return noise like the images ``(B, C, ...)``, always the same if there is a seed."""
        plain = torch.Tensor(images.cpu()) if self.seed is not None else images
        if self.seed is None:
            return torch.randn_like(plain)
        return torch.randn(plain.shape, generator=torch.Generator().manual_seed(self.seed), dtype=plain.dtype)

    def get_timesteps(self, images: Tensor) -> Tensor:
        """Return one time step per image."""
        share = torch.rand(len(images)) if self.seed is None else (torch.arange(len(images)) + 0.5) / len(images)
        share = self.shift * share / (1 + (self.shift - 1) * share)
        return (share * self.num_train_timesteps).long().clamp(max=self.num_train_timesteps - 1)

    def get_target(self, images: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """Return what the network is to predict."""
        kind = self.scheduler.prediction_type
        target: Tensor = noise if kind == "epsilon" else self.scheduler.get_velocity(images, noise, timesteps)
        if not self.with_image:
            return target
        signal = self.scheduler.alphas_cumprod.to(images.device)[timesteps].to(images.dtype)
        constant = torch.stack([image_errors(signal, kind), signal], dim=1)
        constant = constant.reshape(*constant.shape, *(1 for _ in images.shape[2:])).expand(-1, -1, *images.shape[2:])
        return torch.cat([target, images, constant], dim=1)

    def __call__(self, *batch: Any, **options: Any) -> tuple[Tensor, Tensor, tuple[()], dict[str, Tensor]]:
        """Return image, target, and noise, time steps and condition for the inferer; see MONAI's class."""
        image, target, _, extras = super().__call__(*batch, **options)
        return image, target, (), extras


class PrepareHoleBatch(PrepareNoisyBatch):
    """Like :py:class:`PrepareNoisyBatch`, for filling holes: the network sees the condition as further channels.

    Args:
        scheduler: See :py:class:`PrepareNoisyBatch`, like ``options``.
        condition_name: Key of the channels, ``(B, K, ...)``.
        hole_name: Key of the hole, ``(B, 1, ...)``, which becomes the last channel of the target.
    """

    def __init__(self, scheduler: Scheduler, condition_name: str, hole_name: str, **options: Any) -> None:
        super().__init__(scheduler, condition_name, **options)
        self.hole_name = hole_name

    def __call__(self, batch: Any, *args: Any, **options: Any) -> tuple[Tensor, Tensor, tuple[()], dict[str, Any]]:
        """Return image, target with hole, and noise, time steps and condition for the inferer."""
        image, target, _, extras = super().__call__(batch, *args, **options)
        hole = batch[self.hole_name].to(target)
        return image, torch.cat([target, hole], dim=1), (), {**extras, "mode": "concat"}


class PrepareDescribedHole(PrepareBatch):  # type: ignore[misc]
    """For filling holes without a diffusion: the network sees their description, the target is the image.

    Args:
        image_key: Key of the image, ``(B, C, ...)``.
        condition_name: Key of the description, ``(B, K, ...)``.
        hole_name: Key of the hole, ``(B, 1, ...)``, which becomes the last channel of the target.
    """

    def __init__(self, image_key: str = "image", condition_name: str = "condition", hole_name: str = "hole") -> None:
        self.image_key, self.condition_name, self.hole_name = image_key, condition_name, hole_name

    def __call__(
        self,
        batchdata: Mapping[str, Any],
        device: str | torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[Tensor, Tensor]:
        """Return the description, and the image with the hole."""
        condition, image, hole = (
            batchdata[key].to(device=device, non_blocking=non_blocking, **kwargs)
            for key in (self.condition_name, self.image_key, self.hole_name)
        )
        return condition, torch.cat([image, hole], dim=1)
