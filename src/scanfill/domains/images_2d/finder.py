"""Find images for a generator: a folder of images with a table of conditions, or one subfolder per class."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from scanfill.data.case_table import CaseTable
from scanfill.data.finders import ClassFinder, FileFinder, existing_folder
from scanfill.data.image import PICTURE_SUFFIXES, image_suffix
from scanfill.data.picture import COLOR_MODES
from scanfill.data.schema import Case, CaseSchema, Cohort, Finder, Request
from scanfill.errors import CaseError

DEPTHS = {"I;16": 16, "I;16L": 16, "I;16B": 16, "I": 16, "F": 32}
"""Pillow mode -> bits per pixel; 8 for all others."""


@dataclass(frozen=True)
class ImagesFinder(Finder):
    """Finds images and their conditions, whichever way these are stated.

    Args:
        table: Name of the table of conditions. With it, every image has a row and every row an image.
        condition: Key of the condition that the name of a subfolder states, if there is no table.
        rows: Finds images and their rows.
    """

    table: str
    condition: str
    rows: FileFinder = field(init=False)

    def __post_init__(self) -> None:
        suffixes = "|".join(suffix[1:] for suffix in PICTURE_SUFFIXES)
        layout = f"images/<name>.png with a row per image in {self.table}, or one subfolder per class"
        pattern = rf"(?:images/)?(?P<case>[^/]+)\.(?i:{suffixes})"
        object.__setattr__(self, "rows", FileFinder(pattern, table=self.table, layout=layout))

    @property
    def provides(self) -> None:
        """Any condition may be a column."""
        return

    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every image below a folder; see :py:class:`~scanfill.data.schema.Finder`."""
        folder = existing_folder(folder)
        stated = (folder / self.table).is_file()
        classes = (
            not stated and not any(image_suffix(path) for path in folder.iterdir()) and not self._has_images(folder)
        )
        finder = ClassFinder(self.condition) if classes else self.rows
        cohort = finder.find(folder, schema, request)
        if stated and request.images != []:
            CaseTable.read(folder / self.table, {}).check_complete(str(case["case_id"]) for case in cohort.cases)
        if request.check and request.images != []:
            modes = _check_alike(cohort.cases, schema.image_keys[0])
            if colored := sum(count for mode, count in modes.items() if mode in COLOR_MODES):
                cohort.notes.append(f"{colored} images are stored in color and read as gray (luminance).")
        return cohort

    def _has_images(self, folder: Path) -> bool:
        place = folder / "images"
        return place.is_dir() and any(image_suffix(path) for path in place.iterdir())


def _check_alike(cases: Sequence[Case], key: str) -> Counter[str]:
    """Check that images have one size and one depth, by their headers alone, and count their modes.

    Raises:
        CaseError: With two that differ.
    """
    modes: Counter[str] = Counter()
    seen: dict[tuple[tuple[int, int], int], str] = {}
    for case in (case for case in cases if key in case and not case.get("problem")):
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
    return modes
