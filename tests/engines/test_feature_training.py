"""Feature networks: trained on own images, or with weights of ImageNet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor

from scanfill.engines import pretrained_features, trained_features
from scanfill.engines.feature_training import train_to_remove_noise
from scanfill.errors import CheckpointError, UsageError
from scanfill.losses import FeatureLoss
from scanfill.networks import FeatureEncoder, TorchvisionEncoder

if TYPE_CHECKING:
    from pathlib import Path

CASES: dict[str, Any] = {"training": [{"case_id": "a1", "patient": "a"}], "validation": []}


def squares(number: int = 12) -> Tensor:
    """Images of one bright square each."""
    random = torch.Generator().manual_seed(0)
    images = torch.full((number, 1, 12, 12), -1.0)
    for image in images:
        x, y = torch.randint(0, 8, (2,), generator=random).tolist()
        image[0, x : x + 4, y : y + 4] = 1
    return images


def test_the_same_images_and_seed_give_the_same_features_and_another_seed_others(tmp_path: Path) -> None:
    dataset = [{"image": image} for image in squares()]
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        torch.manual_seed(5)
        network = FeatureEncoder(channels=(2, 4))
        options: dict[str, Any] = {"cases": CASES, "steps": 3, "batch_size": 4, "seed": seed}
        found.append(trained_features(tmp_path / f"{name}.pt", network, dataset, **options))
    image = squares(1)
    first, same, other = (network(image)[1] for network in found)
    assert torch.equal(first, same)
    assert not torch.equal(first, other)
    assert found[0].facts["file"] == "a.pt"


def test_what_is_learned_removes_noise_so_it_says_more_than_random_features() -> None:
    """A square that is moved is farther away, in units of the distance by noise, than to a random network."""
    images = squares(40)
    torch.manual_seed(0)
    ratios = []
    for steps in (0, 150):
        torch.manual_seed(0)
        network = FeatureEncoder(channels=(4, 8))
        if steps:
            train_to_remove_noise(network, images, steps, batch_size=8)
        else:
            network.standardize(images)
        loss = FeatureLoss(network)
        moved = images.roll(2, dims=3)
        noisy = images + 0.2 * torch.randn(images.shape, generator=torch.Generator().manual_seed(1))
        ratios.append(float(loss(moved, images) / loss(noisy, images)))
    assert ratios[1] > 1.2 * ratios[0]


def test_weights_in_torchvisions_layout_give_four_feature_maps(tmp_path: Path) -> None:
    torch.manual_seed(0)
    weights = TorchvisionEncoder("resnet18", 3).state_dict()
    torch.save({**weights, "fc.weight": torch.zeros(2, 512)}, tmp_path / "resnet18.pth")
    network = pretrained_features(tmp_path / "resnet18.pth")
    images = 2 * torch.rand(2, 1, 32, 32) - 1
    assert [each.shape[1] for each in network(images)] == [64, 128, 256, 512]
    loss = FeatureLoss(network)
    assert loss(images, images) == 0
    assert loss(images.flip(3), images) > 0
    assert network.facts == {"file": "resnet18.pth", "name": "resnet18"}


def test_what_is_missing_or_unknown_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"No file with pretrained weights at .*resnet18\.pth"):
        pretrained_features(tmp_path / "resnet18.pth")
    with pytest.raises(UsageError, match="Unknown encoder 'vgg16'"):
        pretrained_features(tmp_path / "vgg16.pth", "vgg16")
