"""Left-right flips that exchange lateral labels and what a case says of its side, or are forbidden."""

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
    """Turn pairs of labels or channels into a mapping that exchanges each pair.

    Args:
        pairs: Left and right label of each structure.
        option: Name of the option, for the error message.

    Returns:
        Label -> the label of the other side.

    Raises:
        UsageError: A pair does not have two whole numbers, or a number occurs twice.
    """
    try:
        exchange = {int(a): int(b) for left, right in pairs for a, b in ((left, right), (right, left))}
    except (TypeError, ValueError):  # not pairs, or not numbers
        exchange = {}
    if len(exchange) != 2 * len(pairs):
        msg = (
            f"`{option}` (={pairs}) must be a list of pairs of different labels, with no label used twice, "
            f"such as [[1, 2], [3, 4]] for left and right of two organs, which a flip exchanges."
        )
        raise UsageError(msg)
    return exchange


def swap_labels(label: NdarrayOrTensor, pairs: Sequence[Sequence[int]]) -> NdarrayOrTensor:
    """Exchange paired labels in a label map. The function is its own inverse.

    Args:
        label: Label map of any shape.
        pairs: Left and right label of each structure.

    Returns:
        Label map of the same shape, kind and type.
    """
    values = convert_to_numpy(label)
    swapped = values.copy()
    for old, new in check_lateral_pairs(pairs).items():
        swapped[values == old] = new
    return convert_to_dst_type(swapped, label, dtype=values.dtype)[0]


def swapped_channels(pairs: Sequence[Sequence[int]], channels: int, option: str = "pairs") -> list[int]:
    """Return an index of the channels with each pair exchanged.

    Args:
        pairs: Pairs of channels.
        channels: Number of channels.
        option: Name of the option, for the error message.

    Raises:
        UsageError: The pairs are not a permutation, or name a channel that does not exist.
    """
    exchange = check_lateral_pairs(pairs, option)
    absent = [channel for channel in exchange if not 0 <= channel < channels]
    if absent:
        msg = (
            f"`{option}` names channel {absent[0]}, but there are {channels} channels, 0 to {channels - 1}. Count from "
            f"0, including background."
        )
        raise UsageError(msg)
    return [exchange.get(channel, channel) for channel in range(channels)]


def channel_pairs(pairs: Sequence[Sequence[int]], *, exclusive: bool) -> list[tuple[int, int]]:
    """Turn pairs of labels from a schema into pairs of network channels.

    Args:
        pairs: Left and right label of each structure, counted from 1.
        exclusive: Whether each voxel has only one label, so that channel 0 is the background and label 1 is
            channel 1; otherwise label 1 is channel 0.

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
    """Exchange paired channels of an image ``(C, ...)`` with one channel per structure. It is its own inverse.

    Raises:
        UsageError: See :py:func:`swapped_channels`.
    """
    return img[swapped_channels(pairs, img.shape[0])]


def lateral_axis(img: NdarrayOrTensor) -> int:
    """Return the left-right axis of ``(C, ...)`` according to its affine, or the first spatial axis without one."""
    if isinstance(img, MetaTensor):
        rank = img.ndim - 1
        axes = io_orientation(convert_to_numpy(img.affine)[:, [*range(rank), -1]])[:, 0]
        if np.any(axes == 0):
            return int(np.flatnonzero(axes == 0)[0])
    return 0


class RandLateralFlipd(RandFlipd):  # type: ignore[misc]  # MONAI's class is untyped
    """Flip all keys together and exchange lateral labels if the flip swaps left and right.

    After MONAI's ``RandFlipd`` a left kidney is on the right side but still labeled as left, and a left hand looks like
    a right one but is still listed as left. :py:meth:`inverse` is exact, also within ``Invertd``. The affine of a
    MetaTensor determines the left-right axis; without an affine it is the first.

    Args:
        keys: Images and label maps on one grid.
        label_keys: The keys that contain labels, or one channel per structure.
        pairs: Left and right label (or channel, see ``channels``) of each structure; empty if no label is lateral.
            ``forbid`` rejects left-right flips, for lateral labels that have no counterpart.
        spatial_axis: Axis to flip; 0 is the first after the channel axis.
        prob: Probability of flipping.
        channels: Whether ``pairs`` are channels of ``label_keys`` instead of values.
        conditions: Condition of a case -> what a left-right flip turns each of its values into, such as
            ``{"side": {"left": "right", "right": "left"}}``. A case without the condition has nothing to exchange.
        allow_missing_keys: Skip missing keys.

    Raises:
        UsageError: The pairs, or the values of a condition, are not a permutation; ``label_keys`` is empty although
            there are pairs, or is not a subset of ``keys``; when called, if the image does not have the axis, flipping
            it is forbidden, or a condition has a value without a counterpart.
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
        conditions: Mapping[str, Mapping[str, str]] | None = None,
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
        self.conditions = {key: dict(exchange) for key, exchange in (conditions or {}).items()}
        for key, exchange in self.conditions.items():
            if any(exchange.get(other) != value for value, other in exchange.items()):
                msg = (
                    f"`conditions` says that a flip turns {key!r} {exchange}: each value must turn into one that turns "
                    "back into it, such as {'left': 'right', 'right': 'left'}."
                )
                raise UsageError(msg)
        if self.pairs and not self.label_keys:
            msg = (
                f"`pairs` (={self.pairs}) are labels to exchange, but `label_keys` is empty. Give the "
                f"label maps among `keys` {list(self.keys)}, or leave `pairs` out."
            )
            raise UsageError(msg)
        strangers = [key for key in self.label_keys if key not in self.keys]
        if strangers:
            msg = (
                f"`label_keys` {strangers} are not among `keys` {list(self.keys)}. Add them, so that labels are "
                "flipped with their image."
            )
            raise UsageError(msg)

    def __call__(self, data: Mapping[Hashable, Any], lazy: bool | None = None) -> dict[Hashable, Any]:
        """Flip one case, or return it unchanged."""
        lateral = {key: self._is_lateral(data[key], key) for key in self.key_iterator(dict(data))}
        if any(lateral.values()):
            self._check_conditions(data)
        d: dict[Hashable, Any] = super().__call__(data, lazy=lazy)
        return self._swap(d, lateral) if self._do_transform else d

    def inverse(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Undo the last flip, including the exchange of labels."""
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
        if any(lateral.values()):
            d |= {key: exchange[d[key]] for key, exchange in self.conditions.items() if d.get(key) is not None}
        return d

    def _check_conditions(self, data: Mapping[Hashable, Any]) -> None:
        """Refuse a case whose side a flip cannot exchange, whether or not it is flipped this time."""
        for key, exchange in self.conditions.items():
            if (value := data.get(key)) is not None and value not in exchange:
                msg = (
                    f"Case {data.get('case_id', '?')!r} has {key}={value!r}, which a left-right flip cannot exchange: "
                    f"`conditions` only has {list(exchange)}. Add the value, correct the case, or leave the flip out."
                )
                raise UsageError(msg)

    def _is_lateral(self, img: Tensor, key: Hashable) -> bool:
        rank = img.ndim - 1
        if not -rank <= self.axis < rank:
            msg = f"{key!r} of shape {tuple(img.shape)} has no axis {self.axis}, only 0 to {rank - 1}."
            raise UsageError(msg)
        lateral = lateral_axis(img) == self.axis % rank
        if lateral and self.forbidden:
            msg = (
                f"Axis {self.axis} of {key!r} is the left-right axis, and left-right flips are forbidden here. "
                f"Flip another axis, or give the pairs of labels to exchange."
            )
            raise UsageError(msg)
        return lateral
