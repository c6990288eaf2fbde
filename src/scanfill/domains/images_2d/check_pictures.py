"""Check that pictures for a generator go together: one size, one depth."""

from collections import Counter
from collections.abc import Sequence

from PIL import Image

from scanfill.data.picture import COLOR_MODES
from scanfill.data.schema import Case
from scanfill.errors import CaseError

DEPTHS = {"I;16": 16, "I;16L": 16, "I;16B": 16, "I": 16, "F": 32}
"""Pillow mode -> bits per pixel; 8 for all others."""


def check_pictures(cases: Sequence[Case], key: str) -> list[str]:
    """Check that pictures have one size and one depth, by their headers alone.

    Args:
        cases: Each with a picture.
        key: Of the picture.

    Returns:
        A note if some are in color.

    Raises:
        CaseError: With two that differ.
    """
    modes: Counter[str] = Counter()
    seen: dict[tuple[tuple[int, int], int], str] = {}
    for case in cases:
        try:
            with Image.open(case[key]) as picture:
                modes[picture.mode] += 1
                seen.setdefault((picture.size, DEPTHS.get(picture.mode, 8)), case[key])
        except (OSError, SyntaxError, ValueError):
            continue  # reading it reports the fault
    if len(seen) > 1:
        (one, first), (other, second) = list(seen.items())[:2]
        msg = (
            f"Images differ in size or depth: {first} has {one[0][0]} x {one[0][1]} pixels of {one[1]} bits, {second} "
            f"{other[0][0]} x {other[0][1]} of {other[1]}. Resize and convert all images of a folder alike."
        )
        raise CaseError(msg)
    colored = sum(count for mode, count in modes.items() if mode in COLOR_MODES)
    return [f"{colored} images are stored in color and read as gray (luminance)."] if colored else []
