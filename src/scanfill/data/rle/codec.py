"""Encode a mask as runs of pixels, and decode it."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from scanfill.data.rle.runs import Places, Runs, read_runs, write_runs

Order = Literal["row", "column"]
Mask = npt.NDArray[np.bool_]

BLOCK = 1 << 15
"""Number of pixels that are looked at together when the part of an image that holds a mask is searched for."""

FEW = 1 << 14
"""Number of runs up to which it is fastest to fill them one by one."""


def encode(mask: npt.ArrayLike, order: Order = "row") -> str:
    """Encode a mask as ``start length start length ...``.

    Args:
        mask: ``(rows, columns)``, 0 outside and one other value inside. Images of this package are ``(X, Y)``: pass
            ``mask.T``.
        order: ``row`` if pixels are counted row by row, as in most competitions; ``column`` if column by column.

    Returns:
        The text; pixels are counted from 1. Empty if the mask is.

    Raises:
        ValueError: The mask has other than two dimensions, or several values inside, such as probabilities.
    """
    check_order(order)
    inside = _binary(np.asarray(mask))
    return write_runs(_runs_in(inside if order == "row" else inside.T))


def decode(text: str, shape: Sequence[int], order: Order = "row") -> Mask:
    """Decode a mask.

    Args:
        text: See :py:func:`encode`.
        shape: ``(rows, columns)``.
        order: See :py:func:`encode`.

    Returns:
        Mask ``(rows, columns)``.

    Raises:
        ValueError: The text has an odd number of entries, an entry that is not a whole number, a start or length below
            1, or runs that are unsorted, overlap, or end beyond the image; with number and value of the entry. Or the
            shape is not two sizes.
    """
    check_order(order)
    rows, columns = _check_shape(shape)
    runs = read_runs(text, rows * columns, f"The run-length encoding of a mask of {columns} x {rows} pixels")
    flat = fill_runs(runs, rows * columns)
    return flat.reshape(rows, columns) if order == "row" else flat.reshape(columns, rows).T


def fill_runs(runs: Runs, size: int) -> Mask:
    """Return a flat mask of ``size`` pixels."""
    if len(runs.starts) > FEW:
        bounds = np.concatenate([[0], np.stack([runs.starts, runs.ends], axis=1).ravel(), [size]])
        values = np.arange(len(bounds) - 1) % 2 == 1
        filled: Mask = np.repeat(values, np.diff(bounds))
        return filled
    flat = np.zeros(size, dtype=np.bool_)
    for start, end in zip(runs.starts.tolist(), runs.ends.tolist(), strict=True):
        flat[start:end] = True
    return flat


def reordered(runs: Runs, shape: Sequence[int]) -> Runs:
    """Return the runs, row by row, of a mask whose runs were counted column by column.

    Args:
        runs: Runs within the image.
        shape: ``(rows, columns)``.
    """
    rows, columns = shape
    return _runs_in(fill_runs(runs, rows * columns).reshape(columns, rows).T)


def check_order(order: str) -> None:
    """Check the name of an order.

    Raises:
        ValueError: It is neither ``row`` nor ``column``.
    """
    if order not in ("row", "column"):
        msg = f"order (={order!r}) must be 'row' (row by row) or 'column' (column by column)."
        raise ValueError(msg)


def _binary(values: npt.NDArray[np.generic]) -> Mask:
    if values.ndim != 2:
        msg = f"A mask to be encoded must have shape (rows, columns), got {values.shape}."
        raise ValueError(msg)
    if values.dtype == np.bool_:
        return values.view(np.bool_)
    if values.dtype == np.uint8 and values.size and values.max() <= 1:
        return values.view(np.bool_)
    inside: Mask = values != 0
    if inside.any():
        one = values[inside]
        if not (one == one[0]).all() or one[0] < 0:
            listed = ", ".join(f"{value:g}" for value in np.unique(one)[:5])
            msg = f"A mask may only hold 0 and one other value, found {listed}. Threshold it, or choose one label."
            raise ValueError(msg)
    return inside


def _runs_in(mask: Mask) -> Runs:
    skipped = 0
    if not mask.flags.c_contiguous:  # copy no more than is needed
        filled = np.flatnonzero(mask.any(axis=1))
        top, bottom = (int(filled[0]), int(filled[-1]) + 1) if filled.size else (0, 0)
        mask, skipped = mask[top:bottom], top * mask.shape[1]
    flat = mask.ravel()
    first, last = _occupied(flat)
    part = flat[first:last]
    changes = np.flatnonzero(part[1:] != part[:-1]) + (first + 1)
    opens, closes = [[bound] if end.any() else [] for bound, end in ((first, part[:1]), (last, part[-1:]))]
    edges: Places = np.concatenate([opens, changes, closes], dtype=np.int64, casting="unsafe")
    return Runs(edges[::2] + skipped, edges[1::2] + skipped)


def _occupied(flat: Mask) -> tuple[int, int]:
    """Return first and end of a part, a multiple of blocks or up to the end, outside of which a mask is empty."""
    whole = flat.size // BLOCK * BLOCK
    filled = np.flatnonzero(flat[:whole].reshape(-1, BLOCK).any(axis=1)) * BLOCK
    first = int(filled[0]) if filled.size else whole
    last = int(filled[-1]) + BLOCK if filled.size else first
    return first, flat.size if flat[whole:].any() else last


def _check_shape(shape: Sequence[int]) -> tuple[int, int]:
    sizes = tuple(int(length) for length in shape)
    if len(sizes) != 2 or min(sizes) < 0:
        msg = f"The shape of a mask must be (rows, columns), got {tuple(shape)}."
        raise ValueError(msg)
    return sizes
