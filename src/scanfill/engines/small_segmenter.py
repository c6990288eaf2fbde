"""Train a segmenter within a judgement, in a few hundred steps."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

LEARNING_RATE = 2e-3


def train_small_segmenter(
    network: nn.Module,
    draw: Callable[[], tuple[Tensor, Tensor]],
    steps: int,
    *,
    batch_size: int = 4,
    decay: bool = False,
) -> nn.Module:
    """Train with cross-entropy and the soft Dice of each channel over the batch, and return the network, frozen.

    Args:
        network: Gives logits ``(B, R, ...)``.
        draw: Returns an image ``(C, ...)`` and its masks ``(R, ...)``, 0 or 1.
        steps: Steps of ``batch_size`` images.
        batch_size: See ``steps``.
        decay: Whether the learning rate decreases to 0; otherwise it is constant.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: (1 - step / steps) ** 0.9 if decay else 1.0)
    network.train()
    for _ in tqdm(range(steps), desc="Segmenter", unit="step", leave=False):
        images, masks = zip(*[draw() for _ in range(batch_size)], strict=True)
        output, truth = network(torch.stack(images)), torch.stack(masks)
        probability = torch.sigmoid(output)
        dims = [dim for dim in range(truth.ndim) if dim != 1]
        overlap = 2 * (probability * truth).sum(dims) / (probability + truth).sum(dims).clamp(min=1)
        loss = functional.binary_cross_entropy_with_logits(output, truth) + 1 - overlap.mean()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()
