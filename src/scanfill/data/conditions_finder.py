"""Find images for a generator: a folder of images with a table of conditions, or one subfolder per class."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanfill.data.case_table import CaseTable
from scanfill.data.finders import ClassFinder, FileFinder, existing_folder
from scanfill.data.image import image_suffix
from scanfill.data.schema import Case, CaseSchema, Cohort, Finder, Request

CheckImages = Callable[[Sequence[Case], str], list[str]]
"""Refuses images that do not go together, and returns notes; called with the cases and the key of the image."""


@dataclass(frozen=True)
class ConditionsFinder(Finder):
    """Finds images and their conditions, whichever way these are stated.

    Args:
        table: Name of the table of conditions. With it, every image has a row and every row an image.
        condition: Key of the condition that the name of a subfolder states, if there is no table.
        suffixes: Of the images, in lower case.
        folders: Subfolder -> key of what it holds; the first one has the images, which may also lie beside the table.
        check: Checks that images go together, if voxels may be read.
        rows: Finds images and their rows.
    """

    table: str
    condition: str
    suffixes: Sequence[str]
    folders: Mapping[str, str] = field(default_factory=lambda: {"images": "image"})
    check: CheckImages = lambda *_: []
    rows: FileFinder = field(init=False)

    def __post_init__(self) -> None:
        ends = "|".join(suffix[1:].replace(".", r"\.") for suffix in self.suffixes)
        place = next(iter(self.folders))
        layout = f"{place}/<name>{self.suffixes[0]} with a row per image in {self.table}, or one subfolder per class"
        pattern = rf"(?:(?P<key>{'|'.join(self.folders)})/)?(?P<case>[^/]+?)\.(?i:{ends})"
        rows = FileFinder(pattern, keys=self.folders, table=self.table, layout=layout)
        object.__setattr__(self, "rows", rows)

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
            key = schema.image_keys[0]
            cohort.notes += self.check([case for case in cohort.cases if key in case and not case.get("problem")], key)
        return cohort

    def _has_images(self, folder: Path) -> bool:
        places = [folder / name for name in self.folders]
        return any(image_suffix(path) for place in places if place.is_dir() for path in place.iterdir())
