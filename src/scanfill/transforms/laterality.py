"""Left-right flips that exchange lateral labels, or are refused."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Literal

import numpy as np
from monai.config import KeysCollection
from monai.config.type_definitions import NdarrayOrTensor
from monai.data import MetaTensor
from monai.transforms import RandFlipd
from monai.utils import TraceKeys, convert_to_dst_type, convert_to_numpy, ensure_tuple
from nibabel.orientations import io_orientation
from torch import Tensor

from scanfill.errors import UsageError


def check_lateral_pairs(pairs: Sequence[Sequence[int]], option: str = "pairs") -> dict[int, int]:
    """Turn pairs of labels, or of channels, into the exchange of each pair.

    Args:
        pairs: Left and right of each structure.
        option: What they are called, for the message.

    Returns:
        Label -> the label of the other side.

    Raises:
        UsageError: The pairs are not a permutation: not two whole numbers each, or a number occurs twice.
    """
    try:
        exchange = {int(a): int(b) for left, right in pairs for a, b in ((left, right), (right, left))}
    except (TypeError, ValueError):  # not pairs, or not numbers
        exchange = {}
    if len(exchange) != 2 * len(pairs):
        msg = (
            f"`{option}` (={pairs}) must be a list of pairs, two different labels each, and no label twice, "
            f"such as [[1, 2], [3, 4]] for left and right of two organs: a flip exchanges them."
        )
        raise UsageError(msg)
    return exchange


def swap_labels(label: NdarrayOrTensor, pairs: Sequence[Sequence[int]]) -> NdarrayOrTensor:
    """Exchange paired labels in a label map; its own inverse.

    Args:
        label: Label map of any shape.
        pairs: Left and right of each structure.

    Returns:
        The same shape, kind and type.
    """
    values = convert_to_numpy(label)
    swapped = values.copy()
    for old, new in check_lateral_pairs(pairs).items():
        swapped[values == old] = new
    return convert_to_dst_type(swapped, label, dtype=values.dtype)[0]


def swapped_channels(pairs: Sequence[Sequence[int]], channels: int, option: str = "pairs") -> list[int]:
    """List channels with each pair exchanged, as an index.

    Args:
        pairs: Two channels each.
        channels: How many there are.
        option: What the pairs are called, for the message.

    Raises:
        UsageError: The pairs are not a permutation, or name a channel that is not there.
    """
    exchange = check_lateral_pairs(pairs, option)
    absent = [channel for channel in exchange if not 0 <= channel < channels]
    if absent:
        msg = (
            f"`{option}` names channel {absent[0]}, but there are {channels} channels, 0 to {channels - 1}. Count from "
            f"0, background included."
        )
        raise UsageError(msg)
    return [exchange.get(channel, channel) for channel in range(channels)]


def channel_pairs(pairs: Sequence[Sequence[int]], *, exclusive: bool) -> list[tuple[int, int]]:
    """Turn pairs of labels, as a schema has them, into pairs of a network's channels.

    Args:
        pairs: Left and right label of each structure, counted from 1.
        exclusive: Whether a voxel has one label only, so that channel 0 is the background and label 1 channel 1;
            otherwise label 1 is channel 0.

    Raises:
        UsageError: The pairs are not a permutation, or name a label below 1.
    """
    low = sorted(label for label in check_lateral_pairs(pairs) if label < 1)
    if low:
        msg = f"`pairs` (={pairs}) names label {low[0]}, but labels are counted from 1: 0 is the background."
        raise UsageError(msg)
    first = 0 if exclusive else 1
    return [(int(left) - first, int(right) - first) for left, right in pairs]


def swap_channels(img: NdarrayOrTensor, pairs: Sequence[Sequence[int]]) -> NdarrayOrTensor:
    """Exchange paired channels of an image ``(C, ...)`` with one channel a structure; its own inverse.

    Raises:
        UsageError: As :py:func:`swapped_channels`.
    """
    return img[swapped_channels(pairs, img.shape[0])]


def lateral_axis(img: NdarrayOrTensor) -> int:
    """Say which spatial axis of ``(C, ...)`` runs from left to right: by the affine, else the first."""
    if isinstance(img, MetaTensor):
        rank = img.ndim - 1
        axes = io_orientation(convert_to_numpy(img.affine)[:, [*range(rank), -1]])[:, 0]
        if np.any(axes == 0):
            return int(np.flatnonzero(axes == 0)[0])
    return 0


class RandLateralFlipd(RandFlipd):  # type: ignore[misc]  # MONAI's class is untyped
    """Flip all keys together; where left and right change sides, exchange the labels that are lateral.

    MONAI's ``RandFlipd`` leaves a left kidney labelled as left on the right side. The exact inverse is
    :py:meth:`inverse`, also within ``Invertd``. Whether an axis runs from left to right is read from a MetaTensor's
    affine; without one it is the first.

    Args:
        keys: Images and label maps on one grid.
        label_keys: Those of the keys that hold labels, or one channel a structure.
        pairs: Left and right label of each structure (or channel, see ``channels``); empty where no label is lateral.
            ``forbid`` refuses to flip from left to right at all, for labels whose other side has no name.
        spatial_axis: Which axis is flipped, 0 the first after the channel.
        prob: Probability of flipping.
        channels: Whether ``pairs`` are channels of ``label_keys`` instead of values.
        allow_missing_keys: Pass over keys that are not there.

    Raises:
        UsageError: Pairs that are not a permutation; pairs without ``label_keys``, or some that are not among the keys;
            when called, an axis that the image does not have, or a forbidden one.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_keys: KeysCollection = (),
        pairs: Sequence[Sequence[int]] | Literal["forbid"] = (),
        spatial_axis: int = 0,
        prob: float = 0.5,
        *,
        channels: bool = False,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, prob=prob, spatial_axis=spatial_axis, allow_missing_keys=allow_missing_keys)
        self.label_keys = tuple(ensure_tuple(label_keys))
        self.forbidden = pairs == "forbid"
        self.pairs: Sequence[Sequence[int]] = () if isinstance(pairs, str) else pairs
        self.axis = spatial_axis
        self.swap = swap_channels if channels else swap_labels
        if isinstance(pairs, str) and not self.forbidden:
            msg = f"`pairs` (={pairs!r}) must be a list of pairs, or 'forbid'."
            raise UsageError(msg)
        check_lateral_pairs(self.pairs)
        if self.pairs and not self.label_keys:
            msg = (
                f"`pairs` (={self.pairs}) name what a flip exchanges, but `label_keys` is empty, so that nothing would "
                f"be: name the label maps among `keys` {list(self.keys)}, or leave `pairs` out."
            )
            raise UsageError(msg)
        strangers = [key for key in self.label_keys if key not in self.keys]
        if strangers:
            msg = f"`label_keys` {strangers} are not among `keys` {list(self.keys)}: a label is flipped with its image."
            raise UsageError(msg)

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Flip one case, or leave it."""
        lateral = {key: self._is_lateral(data[key], key) for key in self.key_iterator(dict(data))}
        d: dict[Hashable, Any] = super().__call__(data, lazy=lazy)
        return self._swap(d, lateral) if self._do_transform else d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo the last flip, labels and all."""
        lateral = {
            key: self._is_lateral(data[key], key)
            for key in self.key_iterator(dict(data))
            if self.get_most_recent_transform(data[key])[TraceKeys.DO_TRANSFORM]
        }
        return self._swap(super().inverse(data), lateral)

    def _swap(self, data: Mapping[Hashable, Any], lateral: Mapping[Hashable, bool]) -> dict[Hashable, Any]:
        d = dict(data)
        for key in self.label_keys:
            if self.pairs and lateral.get(key, False):
                d[key] = self.swap(d[key], self.pairs)
        return d

    def _is_lateral(self, img: Tensor, key: Hashable) -> bool:
        rank = img.ndim - 1
        if not -rank <= self.axis < rank:
            msg = f"There is no axis {self.axis} in {key!r} of shape {tuple(img.shape)}: it has 0 to {rank - 1}."
            raise UsageError(msg)
        lateral = lateral_axis(img) == self.axis % rank
        if lateral and self.forbidden:
            msg = (
                f"Axis {self.axis} of {key!r} runs from left to right, and flips of lateral labels are forbidden here. "
                f"Flip another axis, or give the pairs of labels that a flip exchanges."
            )
            raise UsageError(msg)
        return lateral
