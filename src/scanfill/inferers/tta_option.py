"""Test-time augmentation as an option of a bundle: ``tta: none | flips``."""

import logging
from collections.abc import Sequence
from typing import Any

from monai.inferers import Inferer
from monai.utils import ensure_tuple

from scanfill.errors import UsageError
from scanfill.inferers.flips import FlipInferer
from scanfill.inferers.orientations import check_axes
from scanfill.transforms.laterality import channel_pairs

CHOICES = ("none", "flips")

logger = logging.getLogger(__name__)


def with_tta(
    name: str | Inferer | None,
    inferer: Inferer,
    axes: Sequence[int] | int | None = None,
    *,
    trained: Sequence[int] | None = None,
    spatial_dims: int = 3,
    pairs: Sequence[Sequence[int]] = (),
    exclusive: bool = True,
    **options: Any,
) -> Inferer:
    """Wrap a bundle's inferer according to its option ``tta``.

    Args:
        name: ``none`` (or None) or ``flips``; or an inferer, which is used unchanged.
        inferer: The bundle's own inferer.
        axes: Axes to flip; None for those of ``trained``. Flipping any other axis logs a warning.
        trained: Axes that were flipped in training, if known.
        spatial_dims: Spatial dimensions of the images, 2 or 3.
        pairs: Left and right label of each paired structure, from the data's schema; their channels are exchanged by
            left-right flips.
        exclusive: Whether each voxel has only one label: probabilities are then computed by softmax, with the
            background first; otherwise by sigmoid, with one channel per label.
        **options: Other arguments of :class:`FlipInferer`.

    Raises:
        UsageError: The name is unknown; an axis does not exist; there is no axis to flip, or the axes are unknown; or
            the pairs are not a permutation.
    """
    if isinstance(name, Inferer):
        return name
    word = str(name).lower()  # MONAI's command line passes None unchanged, and any other value as a string
    if word == "adaptive":
        msg = (
            "--tta adaptive was removed in 0.2.0: it showed no gain over a single pass. Use --tta none or --tta flips."
        )
        raise UsageError(msg)
    if word not in CHOICES:
        msg = f"Unknown test-time augmentation {name!r}; --tta must be one of {', '.join(CHOICES)}."
        raise UsageError(msg)
    if word == "none":
        return inferer
    chosen = _chosen(axes, trained, spatial_dims)
    own = {"activation": "softmax" if exclusive else "sigmoid"}
    paired = {"paired_channels": channel_pairs(pairs, exclusive=exclusive)} if pairs else {}
    return FlipInferer(inferer, chosen, **{**own, **paired, **options})


def _chosen(axes: Sequence[int] | int | None, trained: Sequence[int] | None, spatial_dims: int) -> list[int]:
    """Choose the axes to flip."""
    if axes is None and trained is None:
        msg = (
            "The axes flipped in training are unknown: this older checkpoint does not record them. Give them, such as "
            '--tta_axes "[0]" for left-right, or use --tta none.'
        )
        raise UsageError(msg)
    chosen = list(trained or ()) if axes is None else list(ensure_tuple(axes))
    check_axes("tta_axes", chosen, spatial_dims)  # fail now, not after an epoch of training
    if not chosen:
        why = "training flipped none, so the network has not seen mirror images" if axes is None else "none is given"
        msg = f'There is no axis to flip: {why}. Use --tta none, or give axes, such as --tta_axes "[0]".'
        raise UsageError(msg)
    unseen = [] if trained is None else [axis for axis in chosen if axis not in trained]
    if unseen:
        logger.warning(
            "Test-time augmentation flips axes %s, training flipped %s: the network has not seen flips along %s.",
            chosen,
            list(trained or ()) or "none",
            unseen,
        )
    return chosen
