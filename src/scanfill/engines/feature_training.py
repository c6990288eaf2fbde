"""Networks whose features tell images apart: trained on the images of a training, or with weights of ImageNet."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader
from monai.networks.layers import Conv
from torch import Tensor, nn
from torch.utils.data import RandomSampler
from tqdm import tqdm

from scanfill.networks.feature_encoder import FeatureEncoder
from scanfill.networks.frozen import FrozenNetwork
from scanfill.networks.torchvision_encoder import TorchvisionEncoder

from .trained_once import Cases, trained_once

LEARNING_RATE = 2e-3
NOISE = 0.3
"""SD of the noise that is removed, for images in [-1, 1]."""

IMAGENET_MEAN, IMAGENET_SD = 0.45, 0.23
"""Of ImageNet's gray values in [0, 1]; see :py:meth:`.TorchvisionEncoder.load_torchvision`."""


def trained_features(
    path: str | Path,
    network: FeatureEncoder,
    images: Sequence[Mapping[str, Any]],
    *,
    cases: Cases,
    key: str = "image",
    steps: int = 500,
    batch_size: int = 16,
    most: int = 500,
    seed: int = 0,
    device: torch.device | str = "cpu",
) -> FrozenNetwork:
    """Train a feature network on a training's own images, once, to remove noise from them; nothing is downloaded.

    Every resolution has to restore the image from its own features (denoising autoencoder, Vincent et al., ICML 2008),
    for which no labels are needed. Then features are standardized on the same images.

    Args:
        path: Where the network is kept; see :py:func:`.trained_once`.
        network: See :py:class:`.FeatureEncoder`.
        images: The training images: a dataset whose items have ``key``, ``(C, ...)`` in [-1, 1]; it may draw them at
            random, such as slices of a volume.
        cases: The cases of the training, and of its other parts.
        key: Key of the image.
        steps: Steps of ``batch_size`` images.
        batch_size: See ``steps``.
        most: Number of images, at most, that are learned from.
        seed: Seed of everything random.
        device: Where the network is trained and used.

    Raises:
        CheckpointError: See :py:func:`.trained_once`.
    """

    def train(encoder: nn.Module) -> None:
        train_to_remove_noise(encoder, _drawn(images, key, most).to(device), steps, batch_size)

    settings = {"channels": list(network.channels), "steps": steps}
    return trained_once(path, network, train, cases=cases, settings=settings, seed=seed, device=device)


def train_to_remove_noise(encoder: nn.Module, images: Tensor, steps: int, batch_size: int = 16) -> None:
    """Train an encoder, each of whose resolutions restores images to which noise was added, by one layer of its own.

    Args:
        encoder: A :py:class:`.FeatureEncoder`.
        images: ``(N, C, ...)`` in [-1, 1].
        steps: Steps of ``batch_size`` images.
        batch_size: See ``steps``.
    """
    assert isinstance(encoder, FeatureEncoder)
    transposed = Conv[Conv.CONVTRANS, encoder.spatial_dims]
    sides = [2**level for level in range(len(encoder.channels))]
    restoring = nn.ModuleList(
        transposed(width, encoder.in_channels, kernel_size=side, stride=side)
        for width, side in zip(encoder.channels, sides, strict=True)
    ).to(images.device)
    parameters = [*encoder.parameters(), *restoring.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    encoder.train()
    for _ in tqdm(range(steps), desc="Feature network", unit="step", leave=False):
        clean = images[torch.randint(len(images), (batch_size,))]
        found = encoder.raw(clean + NOISE * torch.randn_like(clean))
        loss = clean.new_zeros(())
        for layer, features in zip(restoring, found, strict=True):
            restored = layer(features)[(..., *(slice(side) for side in clean.shape[2:]))]
            loss = loss + (restored - clean).square().mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    encoder.standardize(images[:64])


class _Scaled(nn.Module):
    """Gives a network of ImageNet images in [-1, 1] as it expects them."""

    def __init__(self, encoder: TorchvisionEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map ``(B, C, X, Y)`` in [-1, 1] to four feature maps."""
        return list(self.encoder(((images + 1) / 2 - IMAGENET_MEAN) / IMAGENET_SD).values())


def pretrained_features(
    path: str | Path, name: str = "resnet18", in_channels: int = 1, device: torch.device | str = "cpu"
) -> FrozenNetwork:
    """Load a feature network with weights of ImageNet, or others in torchvision's layout, from a file.

    Args:
        path: A ``.pth`` file.
        name: Torchvision's name of the network; see :py:class:`.TorchvisionEncoder`.
        in_channels: Channels of the images.
        device: Where the network is used.

    Raises:
        CheckpointError: The file is missing or damaged, or does not fit.
        UsageError: The name is unknown.
    """
    encoder = TorchvisionEncoder(name, in_channels)
    encoder.load_torchvision(path)
    return FrozenNetwork(_Scaled(encoder).to(device), {"file": Path(path).name, "name": name})


def _drawn(images: Sequence[Mapping[str, Any]], key: str, most: int) -> Tensor:
    """Draw images, ``(N, C, ...)``, without replacement."""
    sampler: Any = RandomSampler(images, num_samples=min(most, len(images)))
    loader = DataLoader(images, sampler=sampler, batch_size=1, num_workers=0)
    return torch.cat([torch.Tensor(batch[key].float()) for batch in loader])
