"""Find everything that is wrong with a table of run-length encodings."""

import difflib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanfill.data.picture import load_picture
from scanfill.data.rle.named_pictures import NamedPictures, Shape
from scanfill.data.rle.pixel_order import OrderGuess, guess_order, wrong_lengths
from scanfill.data.rle.rle_table import RleRow, read_rle_table
from scanfill.data.rle.runs import Runs, read_runs, run_faults

SPREADSHEET_CELL = 32767
"""Number of characters after which spreadsheet programs cut a cell."""


@dataclass(frozen=True)
class TableCheck:
    """What a table holds, and what is wrong with it.

    Attributes:
        path: The file.
        rows: Number of its rows.
        images: Number of images with a row.
        classes: The classes that each image must have.
        faults: One sentence each: those of rows, with their lines, then those of images, then missing rows.
        order: The order that it seems to use.
    """

    path: Path
    rows: int
    images: int
    classes: Sequence[str]
    faults: Sequence[str]
    order: OrderGuess


def check_rle_table(
    path: str | Path,
    *,
    shape: Shape | None = None,
    pictures: NamedPictures | None = None,
    classes: Sequence[str] | None = None,
) -> TableCheck:
    """Check every row of a table, and that there is one for each image and class.

    Args:
        path: The CSV file.
        shape: Rows and columns of all images; None if not known.
        pictures: The images that must have rows; they also state their sizes. By default, any image may have.
        classes: The classes that each image must have; by default, all that occur.

    Raises:
        CaseError: It is not such a table.
    """
    found = _Found(shape, pictures, classes)
    faults: list[str] = []

    def report(line: int, reason: str) -> None:
        faults.append(f"line {line} {reason}")

    for row in read_rle_table(path, report):
        faults.extend(found.add(row))
    faults.extend([*found.sizes_that_differ(), *found.missing_rows()])
    order = guess_order(found.masks, found.shapes, None if pictures is None else found.read_picture)
    return TableCheck(Path(path), found.rows, len(found.images), found.expected, faults, order)


@dataclass
class _Found:
    """What has been read of a table so far."""

    shape: Shape | None
    pictures: NamedPictures | None
    classes: Sequence[str] | None
    rows: int = 0
    lines: dict[tuple[str, str], int] = field(default_factory=dict)
    images: dict[str, None] = field(default_factory=dict)
    known: dict[str, None] = field(default_factory=dict)
    shapes: dict[str, Shape] = field(default_factory=dict)
    masks: dict[str, list[Runs]] = field(default_factory=dict)

    @property
    def expected(self) -> list[str]:
        return list(self.known if self.classes is None else self.classes)

    def add(self, row: RleRow) -> Iterator[str]:
        """Take a row into account, and tell what is wrong with it."""
        self.rows += 1
        yield from (f"line {row.line} ({row.image}, {row.structure}): {reason}" for reason in self._faults_of(row))

    def sizes_that_differ(self) -> Iterator[str]:
        """Tell which images have masks of another size."""
        for image, length in wrong_lengths(self.masks, self.shapes).items():
            rows, columns = self.shapes[image]
            yield (
                f"image {image}: runs are usually {length:.0f} pixels apart, but the image has {columns} x {rows} "
                f"pixels: its masks seem to be of another size"
            )

    def missing_rows(self) -> Iterator[str]:
        """Tell which rows are not there."""
        images = dict(self.images)
        if self.pictures is not None:
            named = {self.pictures[image] for image in images if image in self.pictures}
            images |= dict.fromkeys(name for name in self.pictures if self.pictures[name] not in named)
        for image in images:
            lacking = [name for name in self.expected if (image, name) not in self.lines]
            if len(lacking) == len(self.expected):
                yield f"there is no row for image {image}"
            else:
                yield from (f"there is no row for image {image} and class {name}" for name in lacking)

    def read_picture(self, image: str) -> npt.NDArray[np.float32]:
        """Read an image, ``(rows, columns)``."""
        assert self.pictures is not None
        picture: npt.NDArray[np.float32] = load_picture(self.pictures[image], color=True).numpy().T
        return picture

    def _faults_of(self, row: RleRow) -> Iterator[str]:
        if row.image not in self.images:
            self.images[row.image] = None
            if self.pictures is not None and row.image not in self.pictures:
                yield f"there is no image {row.image!r} in {self.pictures.folder}"
            elif self.pictures is not None:
                self.shapes[row.image] = self.pictures.shape(row.image)
            elif self.shape is not None:
                self.shapes[row.image] = self.shape
        if self.classes is not None and row.structure not in self.classes:
            near = difflib.get_close_matches(row.structure, self.classes, n=1, cutoff=0)
            yield f"{row.structure!r} is not one of the {len(self.classes)} classes; the nearest is {near[0]!r}"
        else:
            self.known[row.structure] = None
        first = self.lines.setdefault((row.image, row.structure), row.line)
        if first != row.line:
            yield f"this image and class have another row, line {first}"
        yield from self._faults_of_runs(row)

    def _faults_of_runs(self, row: RleRow) -> Iterator[str]:
        shape = self.shapes.get(row.image)
        size = None if shape is None else shape[0] * shape[1]
        if len(row.rle) == SPREADSHEET_CELL:
            yield f"the text has exactly {SPREADSHEET_CELL} characters, after which spreadsheets cut a cell"
        try:
            runs = read_runs(row.rle, size)
        except ValueError:
            yield from map(str, run_faults(row.rle, size))
        else:
            self.masks.setdefault(row.image, []).append(runs)
