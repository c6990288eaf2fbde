"""Turn a label map into one channel per region, where regions such as an organ with its tumors overlap."""

from collections.abc import Sequence

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import OverKeys


class MapToChannels(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Turn a label map into channels of 0 and 1, one per region; a label may be in several.

    MONAI's ``LabelToMaskd`` makes one mask, its ``ConvertToMultiChannelBasedOnBratsClassesd`` those of one data set.
    :py:class:`ChannelsToMap` is the way back.

    Args:
        regions: Labels of each region, in the order of the channels: ``[[1, 2], [2]]`` is a kidney with its tumors, and
            the tumors.

    Raises:
        UsageError: There are no regions, or one has no label or the label 0; when called, if the image has more than
            one channel.
    """

    def __init__(self, regions: Sequence[Sequence[int]]) -> None:
        self.regions = [[int(label) for label in labels] for labels in regions]
        if not self.regions or not all(labels and min(labels) > 0 for labels in self.regions):
            msg = f"`regions` (={self.regions}) must list the labels of each region, 1 or above, such as [[1, 2], [2]]."
            raise UsageError(msg)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Turn ``(1, ...)`` into ``(regions, ...)`` of the same type."""
        if len(img) != 1:
            msg = f"A label map has one channel, got {len(img)}, shape {tuple(img.shape)}."
            raise UsageError(msg)
        (labels,) = convert_to_tensor(img, track_meta=False)
        inside = [torch.isin(labels, torch.tensor(members).to(labels)) for members in self.regions]
        return convert_to_dst_type(torch.stack(inside), img)[0]


class MapToChannelsd(OverKeys):
    """Dictionary version of :py:class:`MapToChannels`.

    Args:
        keys: Label maps.
        *args: See :py:class:`MapToChannels`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`MapToChannels`.
    """

    array_transform = MapToChannels
