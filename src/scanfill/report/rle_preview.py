"""Draw the masks of a table of run-length encodings on their images."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from monai.data import MetaTensor

from scanfill.data.picture import load_picture
from scanfill.data.rle import NamedPictures, RleRow, decode, read_rle_table
from scanfill.data.rle.codec import Order, check_order
from scanfill.errors import CaseError, UsageError
from scanfill.report.page import Figure, Page, Section
from scanfill.report.preview import draw_preview

PICTURES = 6
"""Number of images on a page, unless stated."""


def preview_rle_table(
    table: str | Path,
    pictures: NamedPictures,
    output: str | Path,
    *,
    names: Sequence[str] | None = None,
    classes: Sequence[str] | None = None,
    order: Order = "row",
    number: int = PICTURES,
) -> Path:
    """Draw images with their masks: one as PNG, or several as a page.

    Args:
        table: The CSV file.
        pictures: The images.
        output: A PNG file, for the first image, or an HTML file.
        names: The images to draw, as in the table; by default its first ones.
        classes: All classes in the order of their colors; by default those of the table.
        order: See :py:func:`scanfill.data.rle.encode`.
        number: Maximum number of images on a page.

    Returns:
        ``output``.

    Raises:
        CaseError: The table has none of these images, or an image is not there; a run-length encoding is wrong, or
            its class unknown.
        UsageError: The output is neither PNG nor HTML.
    """
    check_order(order)
    output = Path(output)
    if output.suffix.lower() not in (".png", ".html"):
        msg = f"The preview {output} must end with .png or .html: it is a picture of one image, or a page of several."
        raise UsageError(msg)
    rows = _chosen_rows(table, names, 1 if output.suffix.lower() == ".png" else number)
    known = classes or list(dict.fromkeys(row.structure for image in rows.values() for row in image))
    if output.suffix.lower() == ".png":
        image = next(iter(rows))
        return _draw(rows[image], pictures, known, order, output)
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        for count, (image, own) in enumerate(rows.items()):
            drawn = _draw(own, pictures, known, order, Path(folder, f"{count}.png"))
            figures.append(
                Figure(
                    drawn.read_bytes(),
                    f"{image}: {sum(bool(row.rle) for row in own)} of {len(known)} classes are present",
                )
            )
    about = f"{len(figures)} images of {table}. Runs are read {'row by row' if order == 'row' else 'column by column'}."
    return Page("Run-length encoded masks", [Section("Masks on their images", about, figures=figures)]).write(output)


def _chosen_rows(table: str | Path, names: Sequence[str] | None, number: int) -> dict[str, list[RleRow]]:
    """Return the rows of the images to draw."""
    chosen: dict[str, list[RleRow]] = {name: [] for name in names or ()}
    for row in read_rle_table(table):
        if names is None and len(chosen) < number:
            chosen.setdefault(row.image, [])
        if row.image in chosen:
            chosen[row.image].append(row)
    absent = [name for name, rows in chosen.items() if not rows]
    if absent or not chosen:
        msg = (
            f"{table} has no row for {', '.join(absent)}: give images as the table names them."
            if absent
            else f"{table} has no rows."
        )
        raise CaseError(msg)
    return chosen


def _draw(rows: Sequence[RleRow], pictures: NamedPictures, classes: Sequence[str], order: Order, path: Path) -> Path:
    image = rows[0].image
    if image not in pictures:
        msg = f"There is no image {image!r} in {pictures.folder}, but line {rows[0].line} of the table names it."
        raise CaseError(msg)
    picture = load_picture(pictures[image], color=True)
    masks = np.zeros((len(classes), *picture.shape), dtype=np.uint8)
    for row in rows:
        where = f"Line {row.line} of the table ({image}, {row.structure})"
        if row.structure not in classes:
            msg = f"{where}: {row.structure!r} is not one of {', '.join(classes)}."
            raise CaseError(msg)
        try:
            masks[classes.index(row.structure)] = decode(row.rle, picture.shape[::-1], order).T
        except ValueError as error:
            msg = f"{where}: {error}"
            raise CaseError(msg) from error
    legend = dict(enumerate(classes, start=1))
    return draw_preview(
        picture,
        MetaTensor(masks, picture.affine),
        path,
        title=image,
        legend=legend,
        exclusive=False,
        spatial_dims=2,
        listed=len(classes),
    )
