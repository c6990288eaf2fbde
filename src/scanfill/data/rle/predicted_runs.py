"""Write predicted labels as run lengths: a part with each case, which interrupted runs keep, and a table."""

import logging
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

from monai.config import KeysCollection
from monai.transforms import MapTransform
from monai.utils import convert_to_numpy

from scanfill.data.finished_cases import FinishedCases
from scanfill.data.pages import read_pages
from scanfill.data.rle.label_rows import label_rows, labels_of_pictures
from scanfill.data.rle.rle_table import RleRow, read_rle_table, write_rle_table
from scanfill.data.schema import Case, CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError

logger = logging.getLogger(__name__)

TABLE = "rle.csv"
"""Name of the table in the folder of the results; that of a case is in its own folder, ``<case>_rle.csv``."""


@dataclass(eq=False, repr=False)
class SaveRunLengthsd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Write ``<output_dir>/<case>/<case>_rle.csv``, a row for each class; the data stay unchanged.

    :py:func:`collect_run_lengths` puts these parts together.

    Args:
        keys: Labels ``(1, X, Y)`` or, if they overlap, ``(labels, X, Y)``, on the grid of the image's file.
        output_dir: Created if missing; one folder per case.
        case_key: Key of the case's name.
        schema: Name of a kind of data, or its schema. The first image of a case names the rows.

    Raises:
        UsageError: The schema has no labels, or is not one of 2-D images.
    """

    keys: KeysCollection
    output_dir: str | Path
    case_key: str = "case_id"
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]

    def __post_init__(self) -> None:
        super().__init__(self.keys)
        kind = load_schema(self.schema)
        self.label, self.image_key = labels_of_pictures(kind), kind.image_keys[0]

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the part of one case."""
        case, image = str(data[self.case_key]), Path(data[self.image_key].meta["filename_or_obj"]).name
        for key in self.key_iterator(data):
            write_rle_table(label_rows(image, convert_to_numpy(data[key]), self.label), _part(self.output_dir, case))
        return dict(data)


def collect_run_lengths(cases: Sequence[Case], finished: FinishedCases) -> Path | None:
    """Write ``<output_dir>/rle.csv``: a row for each class of each case that this run or an earlier one predicted.

    Cases that failed have no rows, and a warning says so. Masks that a person has corrected in ``<case>_seg.tif`` since
    they were predicted are encoded anew, as are those of a case without a part.

    Args:
        cases: The cases of the run, in the order of the rows.
        finished: The handler that knows which of them are predicted.

    Returns:
        The table; None if there are no predicted cases, and then nothing is written.

    Raises:
        CaseError: A corrected file cannot be read.
        UsageError: The schema has no labels, or is not one of 2-D images; or the table exists and is not one that
            scanfill wrote.
    """
    done = [case for case in cases if str(case["case_id"]) in finished.done]
    if not done:
        logger.warning("%s is not written, because no case was predicted.", TABLE)
        return None
    if len(done) < len(cases):
        logger.warning("%s has no rows for %d of %d cases, which failed.", TABLE, len(cases) - len(done), len(cases))
    return write_rle_table((row for case in done for row in _rows(case, finished)), finished.output_dir / TABLE)


def _rows(case: Case, finished: FinishedCases) -> Iterator[RleRow]:
    case_id, label = str(case["case_id"]), labels_of_pictures(finished.schema)
    part, pages = _part(finished.output_dir, case_id), finished.output_dir / case_id / f"{case_id}_seg.tif"
    corrected = pages.name in finished.edited.get(case_id, ())
    if part.is_file() and not corrected:
        yield from read_rle_table(part)
        return
    if not pages.is_file():
        msg = (
            f"Case {case_id!r} has neither {part.name} nor {pages.name} in {part.parent}: remove this folder, "
            f"and the case is predicted again."
        )
        raise UsageError(msg)
    masks = read_pages(pages, list(label.names.values()), f"Case {case_id!r}: the predicted masks")
    yield from label_rows(Path(case[finished.schema.image_keys[0]]).name, masks, label)


def _part(output_dir: str | Path, case_id: str) -> Path:
    return Path(output_dir) / case_id / f"{case_id}_rle.csv"
