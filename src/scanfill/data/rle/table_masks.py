"""Read the masks of several tables, which must have the same rows, and masks of the same sizes."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from scanfill.data.rle.line_length import is_near, line_length
from scanfill.data.rle.rle_table import read_rle_table
from scanfill.data.rle.runs import Runs, read_runs
from scanfill.errors import CaseError

Key = tuple[str, str]
"""Image and class."""

Masks = dict[Key, Runs]

LISTED = 5
"""Number of rows or images in a message."""


def read_masks(path: str | Path, size: int | None = None) -> Masks:
    """Read all masks of a table.

    Args:
        path: CSV file.
        size: Number of pixels of each image; None if not known.

    Raises:
        CaseError: It is not such a table, or has no rows; an image and class have two rows; a run-length encoding is
            wrong.
    """
    masks: Masks = {}
    for row in read_rle_table(path):
        where = f"{path}, line {row.line} ({row.image}, {row.structure})"
        if (row.image, row.structure) in masks:
            msg = f"{where}: there is another row for this image and class. Remove one of them."
            raise CaseError(msg)
        try:
            masks[row.image, row.structure] = read_runs(row.rle, size, f"{where}: the run-length encoding")
        except ValueError as error:
            msg = f"{error} List all faults with python -m scanfill rle check {path}."
            raise CaseError(msg) from error
    if not masks:
        msg = f"{path} has no rows: it must have one for each image and class."
        raise CaseError(msg)
    return masks


def check_rows(masks: Masks, path: str | Path, expected: Masks, other: str | Path) -> None:
    """Check that a table has every row of another.

    Raises:
        CaseError: With the images and classes that it lacks.
    """
    lacking = [f"{image} {structure}" for image, structure in expected if (image, structure) not in masks]
    if lacking:
        more = f" and {len(lacking) - LISTED} more" if len(lacking) > LISTED else ""
        msg = (
            f"{path} has no row for {', '.join(lacking[:LISTED])}{more}, which {other} has. An empty mask needs a "
            f"row too, with an empty text. Add the rows, or remove them from {other}."
        )
        raise CaseError(msg)


def check_lines(masks: Masks, path: str | Path, expected: Masks, other: str | Path) -> None:
    """Check that the masks of each image were encoded along lines of the same length, as far as that can be seen.

    Raises:
        CaseError: With an image and both lengths.
    """
    lengths, wanted = _line_lengths(masks), _line_lengths(expected)
    differing = [image for image in wanted if image in lengths and not is_near(lengths[image], wanted[image])]
    if differing:
        image = differing[0]
        msg = (
            f"The masks of {len(differing)} {'image' if len(differing) == 1 else 'images'} are of other sizes, or in "
            f"another order, in {path} than in {other}: in image {image} runs are usually {lengths[image]:.0f} and "
            f"{wanted[image]:.0f} pixels apart. Encode masks on the grid of the original image, row by row."
        )
        raise CaseError(msg)


def by_image(masks: Mapping[Key, Runs]) -> dict[str, Sequence[Runs]]:
    """Return the masks of each image."""
    found: dict[str, list[Runs]] = {}
    for (image, _), runs in masks.items():
        found.setdefault(image, []).append(runs)
    return {image: list(runs) for image, runs in found.items()}


def _line_lengths(masks: Masks) -> dict[str, float]:
    lengths = {image: line_length(runs) for image, runs in by_image(masks).items()}
    return {image: length for image, length in lengths.items() if length is not None}
