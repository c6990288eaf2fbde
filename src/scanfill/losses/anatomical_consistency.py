"""Whether a frozen segmenter finds in an image the anatomy that it was to show."""

from collections.abc import Sequence

import torch
from monai.losses import DiceCELoss, DiceLoss
from torch import Tensor, nn

from scanfill.errors import UsageError
from scanfill.networks.frozen import freeze

from .masked import in_float


class AnatomicalConsistency(nn.Module):
    """Dice loss plus cross-entropy of what a frozen segmenter finds in an image, against the mask it was drawn from.

    The segmenter is trained on real images of the training patients. Judge the result by another one (other seed, other
    architecture): a generator can learn what pleases this one.
    :class:`~scanfill.losses.segmentation_consistency.SegmentationConsistency` compares with what the segmenter finds in
    the true image; here, the truth is the condition, so that no true image is needed.

    Args:
        segmenter: Maps images ``(B, C, ...)`` to logits of the same size. Frozen here; gradients pass through it to the
            image.
        regions: Labels of each of the segmenter's channels, which may overlap, such as ``[[1, 2], [2]]``; each channel
            is a region by itself (sigmoid). None: each channel is a class, the first one the background (softmax).

    Raises:
        UsageError: There is no segmenter.
    """

    def __init__(self, segmenter: nn.Module | None, regions: Sequence[Sequence[int]] | None = None) -> None:
        super().__init__()
        if segmenter is None:
            msg = (
                "AnatomicalConsistency has no segmenter. Let scanfill.engines.trained_segmenter train one on your "
                "images, or pass one with its weights."
            )
            raise UsageError(msg)
        self.segmenter = freeze(segmenter)
        self.regions = None if regions is None else [[int(label) for label in labels] for labels in regions]
        self.dice = DiceLoss(sigmoid=True, batch=True)
        self.of_classes = DiceCELoss(softmax=True, to_onehot_y=True, include_background=False, batch=True)

    def forward(
        self, prediction: Tensor, target: Tensor | None = None, label: Tensor | None = None, mask: Tensor | None = None
    ) -> Tensor:
        """Return the loss, a scalar.

        Args:
            prediction: The generator's image, ``(B, C, ...)``.
            target: Not used, like ``mask``; losses of images are all called alike.
            label: The label map that the image was drawn from, ``(B, 1, ...)``.
            mask: See ``target``.

        Raises:
            UsageError: There is no label map.
            ValueError: Label map and segmenter do not fit.
        """
        del target, mask
        if label is None:
            msg = (
                "AnatomicalConsistency compares with the label map that an image was drawn from, but the batch has "
                "none. Pass its key (PreparePair(label_key=...)), or leave this loss out."
            )
            raise UsageError(msg)
        logits = in_float(self.segmenter(in_float(prediction)))
        self._check(logits, label)
        if self.regions is None:
            loss: Tensor = self.of_classes(logits, label)
            return loss
        inside = [torch.isin(label[:, 0], label.new_tensor(labels)) for labels in self.regions]
        truth = torch.stack(inside, dim=1).to(logits.dtype)
        return self.dice(logits, truth) + nn.functional.binary_cross_entropy_with_logits(logits, truth)

    def _check(self, logits: Tensor, label: Tensor) -> None:
        expected = (logits.shape[0], 1, *logits.shape[2:])
        if label.shape != expected:
            msg = (
                f"The segmenter returns {tuple(logits.shape)} for a label map of shape {tuple(label.shape)}, expected "
                f"{expected}. Use a segmenter that keeps the image size, and crop image and label the same way."
            )
            raise ValueError(msg)
        channels = logits.shape[1]
        if self.regions is not None and channels != len(self.regions):
            msg = f"The segmenter has {channels} channels, but `regions` (={self.regions}) lists {len(self.regions)}."
            raise ValueError(msg)
        if self.regions is None and label.max() >= channels:
            msg = (
                f"The label map has the label {int(label.max())}, but the segmenter only {channels} classes (0 to "
                f"{channels - 1}). State the labels of each of its channels as `regions`."
            )
            raise ValueError(msg)
