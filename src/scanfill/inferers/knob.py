"""Test-time augmentation as one knob of a bundle: ``tta: none | flips | adaptive``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monai.inferers import Inferer

from scanfill.errors import UsageError
from scanfill.inferers.adaptive import AdaptiveFlipInferer
from scanfill.inferers.flips import FlipInferer

if TYPE_CHECKING:
    from collections.abc import Sequence

CHOICES = ("none", "flips", "adaptive")


def with_tta(name: str | Inferer | None, inferer: Inferer, axes: Sequence[int] = (0, 1, 2), **options: Any) -> Inferer:
    """Wrap a bundle's inferer as its knob says.

    Args:
        name: ``none`` (or None), ``flips`` or ``adaptive``; or an inferer, which is used as it is.
        inferer: The bundle's own.
        axes: To flip: those that training flipped.
        **options: Of :class:`FlipInferer` or :class:`AdaptiveFlipInferer`.

    Raises:
        UsageError: Another name.
    """
    if isinstance(name, Inferer):
        return name
    word = str(name).lower()  # MONAI's command line hands None over as it is, and any word as a string
    if word not in CHOICES:
        msg = f"There is no test-time augmentation {name!r}; --tta is one of {', '.join(CHOICES)}."
        raise UsageError(msg)
    if word == "none":
        return inferer
    return (FlipInferer if word == "flips" else AdaptiveFlipInferer)(inferer, axes, **options)
