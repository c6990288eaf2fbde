"""Test-time augmentation as one option of a bundle: ``tta: none | flips``."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from monai.inferers import Inferer
from monai.utils import ensure_tuple

from scanfill.errors import UsageError
from scanfill.inferers.flips import FlipInferer
from scanfill.inferers.orientations import check_axes
from scanfill.transforms.laterality import channel_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    """Wrap a bundle's inferer as its option ``tta`` says.

    Args:
        name: ``none`` (or None) or ``flips``; or an inferer, which is used as it is.
        inferer: The bundle's own.
        axes: To flip; None: those of ``trained``. Flipping any other axis logs a warning.
        trained: Axes that training flipped, where that is known.
        spatial_dims: 2 or 3, of the images.
        pairs: Left and right label of each structure that has two sides, as the data's schema has them; their channels
            change places when left and right do.
        exclusive: Whether a voxel has one label only: probabilities are then those of a softmax, the background first;
            otherwise those of a sigmoid, one channel a label.
        **options: Of :class:`FlipInferer`.

    Raises:
        UsageError: Another name; an axis that no image has; no axis to flip, or none is known; pairs that are not a
            permutation.
    """
    if isinstance(name, Inferer):
        return name
    word = str(name).lower()  # MONAI's command line hands None over as it is, and any word as a string
    if word == "adaptive":
        msg = "--tta adaptive was removed in 0.2.0: it showed no gain over one pass. Use --tta none, or --tta flips."
        raise UsageError(msg)
    if word not in CHOICES:
        msg = f"There is no test-time augmentation {name!r}; --tta is one of {', '.join(CHOICES)}."
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
            "Which axes training flipped is not known: the checkpoint is older than that note. State them, such as "
            '--tta_axes "[0]" for left-right, or leave --tta none.'
        )
        raise UsageError(msg)
    chosen = list(trained or ()) if axes is None else list(ensure_tuple(axes))
    check_axes("tta_axes", chosen, spatial_dims)  # now, not after an epoch of training
    if not chosen:
        why = "training flipped none, so mirror images are new to the network" if axes is None else "none is named"
        msg = f'There is no axis to flip: {why}. Leave --tta none, or state axes, such as --tta_axes "[0]".'
        raise UsageError(msg)
    unseen = [] if trained is None else [axis for axis in chosen if axis not in trained]
    if unseen:
        logger.warning(
            "Test-time augmentation flips axes %s, training flipped %s: mirror images along %s are new to the network.",
            chosen,
            list(trained or ()) or "none",
            unseen,
        )
    return chosen
