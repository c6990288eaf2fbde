"""Give each pixel one label where structures overlap, for a network or a tool that knows label maps only."""

from collections.abc import Sequence

import torch
from monai.config.type_definitions import NdarrayOrTensor
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_tensor

from scanfill.errors import UsageError
from scanfill.transforms.over_keys import OverKeys


class ChannelsToMap(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Turn channels of overlapping structures into a label map; label 1 is the first channel.

    Overlaps are lost: a pixel of several structures gets the label that comes first in ``priority``.

    Args:
        priority: All labels, from the one that always prevails to the one that never does.

    Raises:
        UsageError: ``priority`` does not list each label once; when called, if it has another number of labels than the
            image has channels.
    """

    def __init__(self, priority: Sequence[int]) -> None:
        self.priority = [int(label) for label in priority]
        if sorted(self.priority) != list(range(1, len(self.priority) + 1)):
            msg = f"`priority` (={self.priority}) must list each label 1 to {len(self.priority)} once."
            raise UsageError(msg)

    def __call__(self, img: NdarrayOrTensor) -> NdarrayOrTensor:
        """Turn ``(C, ...)``, nonzero inside, into ``(1, ...)`` of the same type; 0 is the background."""
        if len(img) != len(self.priority):
            msg = (
                f"`priority` has {len(self.priority)} labels, but there are {len(img)} channels. Give one label for "
                f"each channel."
            )
            raise UsageError(msg)
        channels = convert_to_tensor(img, track_meta=False)
        labels = torch.zeros_like(channels[:1])
        for label in reversed(self.priority):
            labels[0][channels[label - 1] != 0] = label
        return convert_to_dst_type(labels, img)[0]


class ChannelsToMapd(OverKeys):
    """Dictionary version of :py:class:`ChannelsToMap`.

    Args:
        keys: Labels as channels.
        *args: See :py:class:`ChannelsToMap`.
        allow_missing_keys: Skip missing keys.
        **kwargs: See :py:class:`ChannelsToMap`.
    """

    array_transform = ChannelsToMap
