"""A network that tells the conditions of an image, trained on real images that the generator has not seen."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, Self

import torch
from monai.networks.nets import Regressor
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from scanfill.errors import CaseError
from scanfill.generation.vocabulary import Vocabulary

FEATURES = 64
"""Number of features, named with every distance that is computed from them."""

FEWEST = 5
"""Fewest images to train on."""


class JudgeNetwork(nn.Module):
    """Four convolutions with stride 2, 64 features, and a linear layer for each condition.

    The features keep where things are: they are not averaged over the image. They are bounded, because the mean of a
    distance would otherwise be decided by the few images that make a feature large that real images leave at 0.

    Args:
        counts: Number of categories of each condition; 0 for a number.
        size: Pixels per side of the images.
        seed: Seed of the weights: without training, these are the features of a random network.
    """

    def __init__(self, counts: Sequence[int], size: int, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            body = {"in_shape": (1, size, size), "out_shape": (FEATURES,), "channels": (16, 32, 64, 64)}
            self.body = Regressor(**body, strides=(2, 2, 2, 2), num_res_units=0, norm="BATCH", act="RELU")
            self.heads = nn.ModuleList([nn.Linear(FEATURES, count or 1) for count in counts])

    def forward(self, images: Tensor) -> list[Tensor]:
        """Return the scores of the categories, or the standardized number, of each condition."""
        features = self.features(images)
        return [head(features) for head in self.heads]

    def features(self, images: Tensor) -> Tensor:
        """Return ``(B, 64)``, -1 to 1."""
        found: Tensor = torch.tanh(self.body(images))
        return found


class HasFeatures(Protocol):
    """A network that gives features."""

    def eval(self) -> Self:
        """Return the network, set to evaluation."""
        ...

    def features(self, images: Tensor) -> Tensor:
        """Return ``(B, F)`` of images ``(B, 1, X, Y)`` in -1 to 1."""
        ...


class FeatureSpace:
    """Features of images.

    Args:
        network: Gives the features; trained, or with random weights.
        real: Real images, on which each feature has mean 0 and SD 1, so that distances do not depend on its scale.
    """

    def __init__(self, network: HasFeatures, real: Tensor) -> None:
        self.network = network.eval()
        found = self._raw(real)
        self.mean, self.sd = found.mean(dim=0), found.std(dim=0) + 1e-3

    def features(self, images: Tensor) -> Tensor:
        """Return the features ``(N, F)`` of images ``(N, 1, X, Y)`` in -1 to 1."""
        return (self._raw(images) - self.mean) / self.sd

    @torch.no_grad()
    def _raw(self, images: Tensor) -> Tensor:
        return torch.cat([self.network.features(part) for part in torch.split(images, 64)])


class Judge(FeatureSpace):
    """Tells the conditions of images.

    Args:
        vocabulary: The conditions.
        network: Trained by :py:func:`train_judge`.
        real: See :py:class:`FeatureSpace`.
    """

    def __init__(self, vocabulary: Vocabulary, network: JudgeNetwork, real: Tensor) -> None:
        super().__init__(network, real)
        self.vocabulary, self.classifier = vocabulary, network

    @torch.no_grad()
    def __call__(self, images: Tensor) -> list[dict[str, Any]]:
        """Return what each image shows, for every condition of the vocabulary that is known."""
        parts = [self.classifier(part) for part in torch.split(images, 64)]
        outputs = [torch.cat(each) for each in zip(*parts, strict=True)]
        found: list[dict[str, Any]] = [{} for _ in images]
        for key, output in zip(self.vocabulary.order, outputs, strict=True):
            if key not in self.vocabulary.known:
                continue
            for told, scores in zip(found, output, strict=True):
                if key in self.vocabulary.categories:
                    told[key] = self.vocabulary.category(key, int(scores.argmax()))
                else:
                    mean, sd, *_ = self.vocabulary.numbers[key]
                    told[key] = float(scores[0]) * (sd or 1) + mean
        return found


def train_judge(
    images: Tensor, cases: Sequence[Mapping[str, Any]], vocabulary: Vocabulary, *, steps: int = 600, seed: int = 0
) -> Judge:
    """Train a judge on images and their conditions.

    Args:
        images: ``(N, 1, X, X)`` in -1 to 1.
        cases: The conditions of each.
        vocabulary: The conditions that there are.
        steps: Steps of 32 images.
        seed: Seed of weights and steps.

    Raises:
        CaseError: There are too few images.
    """
    if len(images) < FEWEST:
        msg = f"A judge needs at least {FEWEST} images that the generator was not trained on, got {len(images)}."
        raise CaseError(msg)
    network = JudgeNetwork(vocabulary.counts, images.shape[-1], seed).train()
    contexts = torch.stack([vocabulary.encode(case) for case in cases])
    optimizer = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    random = torch.Generator().manual_seed(seed)
    for _ in tqdm(range(steps), desc="Judge", unit="step"):
        index = torch.randint(len(images), (32,), generator=random)
        optimizer.zero_grad()
        loss = _loss(network(images[index]), contexts[index], vocabulary)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return Judge(vocabulary, network, images)


def _loss(outputs: Sequence[Tensor], contexts: Tensor, vocabulary: Vocabulary) -> Tensor:
    """Return the sum over conditions: cross-entropy of categories, squared error of numbers, where they are known."""
    total = contexts.new_zeros(())
    for position, (key, output) in enumerate(zip(vocabulary.order, outputs, strict=True)):
        value, known = contexts[:, position, 0], contexts[:, position, 1] > 0
        if not known.any():
            continue
        if key in vocabulary.categories:
            total = total + functional.cross_entropy(output[known], value[known].long())
        else:
            total = total + functional.mse_loss(output[known, 0], value[known])
    return total
