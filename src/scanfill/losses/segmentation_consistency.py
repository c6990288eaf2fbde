"""How differently a frozen segmenter labels completed images and the true ones."""

from typing import Self

import torch
from torch import Tensor, nn

from scanfill.losses.masked import masked_mean


class SegmentationConsistency(nn.Module):
    """Kullback-Leibler divergence between what a frozen segmenter says of the true and of the completed images.

    It pulls towards images that are segmented alike, also where L1 is nearly content: a small bright rim is few voxels.
    The segmenter that judges the result later must be another one, of another architecture and another seed; else its
    figures would flatter, because the generator has learned to please it.

    Args:
        segmenter: Maps z-scored images ``(B, M, ...)`` to logits ``(B, classes, ...)`` of the same size. Frozen here;
            gradients pass through it to the images.
        tell: Whether it is told by a constant channel for each modality that all are there (a checkpoint of
            ``modality_dropout.yaml``).
    """

    def __init__(self, segmenter: nn.Module, tell: bool = False) -> None:
        super().__init__()
        self.segmenter = segmenter.eval().requires_grad_(requires_grad=False)
        self.tell = tell

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002  PyTorch's name for it
        """Stay in evaluation mode."""
        return super().train(mode=False)

    def forward(self, completed: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Give the mean over the mask, a scalar in float32; 0 for an empty batch.

        Args:
            completed: ``(B, M, ...)``.
            target: The true images, of the same shape.
            mask: The foreground ``(B, 1, ...)``.

        Raises:
            ValueError: The segmenter changes the size of an image, as DeepMedic does.
        """
        if not len(completed):
            return completed.sum()
        with torch.no_grad():
            wanted = self._logits(target).log_softmax(1)
        found = self._logits(completed).log_softmax(1)
        if found.shape[2:] != mask.shape[2:]:
            msg = (
                f"The segmenter gives {tuple(found.shape[2:])} for {tuple(mask.shape[2:])} voxels: a network "
                f"is needed that keeps the size, such as that of unet.yaml or segresnet.yaml."
            )
            raise ValueError(msg)
        divergence = (wanted.exp() * (wanted - found)).sum(1, keepdim=True)
        return masked_mean(divergence, mask)

    def _logits(self, images: Tensor) -> Tensor:
        told = torch.cat([images, torch.ones_like(images)], 1) if self.tell else images
        logits: Tensor = self.segmenter(told)
        return logits.float()
