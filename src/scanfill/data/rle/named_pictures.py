"""Find the pictures that the rows of a table name, and the sizes of their masks."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from PIL import Image

from scanfill.data.folders import walk
from scanfill.data.image import PICTURE_SUFFIXES, image_suffix
from scanfill.data.pages import TIFF_SUFFIXES
from scanfill.errors import CaseError, UsageError

Shape = tuple[int, int]
"""Rows and columns of a mask."""

SIZE = re.compile(r"\s*([1-9]\d*)\s*[xX\N{MULTIPLICATION SIGN}]\s*([1-9]\d*)\s*")
MASKS = tuple(f"_seg{suffix}" for suffix in TIFF_SUFFIXES)
"""Ends of the names of files with masks, which lie beside pictures."""


class NamedPictures(Mapping[str, Path]):
    """The pictures in a folder and those below it, by file name, with or without the suffix.

    Args:
        folder: The folder.

    Raises:
        CaseError: It has no pictures, does not exist, or two pictures have the same name.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            msg = f"The folder of images {folder} does not exist."
            raise CaseError(msg)
        self.paths: dict[str, Path] = {}
        for parent, _, names in walk(self.folder):
            for name in names:
                if name.lower().endswith(PICTURE_SUFFIXES) and not name.lower().endswith(MASKS):
                    self._add(name, parent / name)
        if not self.paths:
            msg = f"No images found in {folder}: give the folder with the images that the rows name."
            raise CaseError(msg)
        self.by_stem = {name[: -len(image_suffix(name))]: path for name, path in self.paths.items()}

    def __getitem__(self, name: str) -> Path:
        return self.paths[name] if name in self.paths else self.by_stem[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)

    def shape(self, name: str) -> Shape:
        """Return rows and columns of a picture, from its header.

        Raises:
            CaseError: It cannot be read.
        """
        try:
            with Image.open(self[name]) as picture:
                return picture.height, picture.width
        except (OSError, ValueError, SyntaxError) as error:
            msg = f"{self[name]} cannot be read as a picture: {error}."
            raise CaseError(msg) from error

    def _add(self, name: str, path: Path) -> None:
        if name in self.paths:
            msg = (
                f"Two images are called {name}: {self.paths[name]} and {path}. Give a folder in which names are unique."
            )
            raise CaseError(msg)
        self.paths[name] = path


def parse_size(text: str) -> Shape:
    """Return rows and columns of a size such as ``2048x1536``, width and height.

    Raises:
        UsageError: It is something else.
    """
    found = SIZE.fullmatch(text)
    if found is None:
        msg = f"--size (={text}) must be the width and the height of the images in pixels, such as 2048x2048."
        raise UsageError(msg)
    return int(found[2]), int(found[1])
