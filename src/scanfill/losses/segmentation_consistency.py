"""Difference between a frozen segmenter's predictions for completed and for true images."""

import torch
from torch import Tensor, nn

from scanfill.losses.masked import masked_mean
from scanfill.networks.frozen import freeze


class SegmentationConsistency(nn.Module):
    """Kullback-Leibler divergence between a frozen segmenter's outputs for the true and the completed images.

    It favors images with the same segmentation, also where L1 hardly matters: a small bright rim has few voxels.
    Evaluate the result with a different segmenter, of another architecture and another seed. Scores of the same one
    would be too high, because the generator was trained against it.

    Args:
        segmenter: Maps z-scored images ``(B, M, ...)`` to logits ``(B, classes, ...)`` of the same size. Frozen here;
            gradients pass through it to the images.
        tell: Whether the segmenter also expects one constant availability channel per modality (a checkpoint of
            ``modality_dropout.yaml``).
    """

    def __init__(self, segmenter: nn.Module, tell: bool = False) -> None:
        super().__init__()
        self.segmenter = freeze(segmenter)
        self.tell = tell

    def forward(self, completed: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """Return the mean over the mask, a scalar in float32; 0 for an empty batch.

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
                f"The segmenter returns {tuple(found.shape[2:])} voxels for {tuple(mask.shape[2:])}. Use a network "
                f"that keeps the image size, such as that of unet.yaml or segresnet.yaml."
            )
            raise ValueError(msg)
        divergence = (wanted.exp() * (wanted - found)).sum(1, keepdim=True)
        return masked_mean(divergence, mask)

    def _logits(self, images: Tensor) -> Tensor:
        told = torch.cat([images, torch.ones_like(images)], 1) if self.tell else images
        logits: Tensor = self.segmenter(told)
        return logits.float()
