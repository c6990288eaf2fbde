"""Tables of run-length encoded discs, for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from scanfill.data.rle import RleRow, encode, write_rle_table

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

CLASSES = ("Radius", "Ulna", "Hamate")


def discs(rows: int = 60, columns: int = 40) -> dict[str, NDArray[np.bool_]]:
    """Masks ``(rows, columns)``; the last one is empty."""
    y, x = np.mgrid[:rows, :columns]
    masks = {
        name: np.hypot(y - rows * (0.3 + 0.3 * number), x - columns * 0.4) < columns * 0.25
        for number, name in enumerate(CLASSES)
    }
    return masks | {CLASSES[-1]: np.zeros((rows, columns), bool)}


def rows_of(
    image: str, masks: Mapping[str, NDArray[np.bool_]], order: Literal["row", "column"] = "row"
) -> list[RleRow]:
    return [RleRow(image, name, encode(mask, order)) for name, mask in masks.items()]


def write_discs(path: Path, images: int = 2, order: Literal["row", "column"] = "row", **size: int) -> Path:
    """Write a table of images 0.png, 1.png, ..."""
    return write_rle_table(
        (row for number in range(images) for row in rows_of(f"{number}.png", discs(**size), order)), path
    )
