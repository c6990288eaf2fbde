"""What is in a data set, as one page: the sections, in order."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.phantoms import phantom_note
from scanfill.data.schema import CaseSchema
from scanfill.errors import UsageError
from scanfill.report.exploration.against_section import against_section
from scanfill.report.exploration.class_section import class_section
from scanfill.report.exploration.comparison import refuse_itself
from scanfill.report.exploration.condition_section import condition_section
from scanfill.report.exploration.copies_section import copies_section
from scanfill.report.exploration.explored_set import ExploredSet
from scanfill.report.exploration.grid_section import grid_section
from scanfill.report.exploration.intensity_section import intensity_section
from scanfill.report.exploration.outlier_section import outlier_section
from scanfill.report.exploration.overlap_section import overlap_section
from scanfill.report.exploration.prediction_section import prediction_section
from scanfill.report.exploration.read_set import read_set
from scanfill.report.exploration.side_section import side_section
from scanfill.report.page import Page, Part, Section, Table

SECTIONS: Sequence[Callable[[ExploredSet], list[Part]]] = (
    class_section,
    prediction_section,
    overlap_section,
    intensity_section,
    grid_section,
    condition_section,
    side_section,
    copies_section,
    outlier_section,
)

LISTED = 30
"""Number of problems that are listed."""


def write_exploration(
    folder: str | Path,
    output: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    predictions: str | Path | None = None,
    against: str | Path | None = None,
    **options: Any,
) -> Path:
    """Read every case below a folder and write a page about them.

    Args:
        folder: See :py:func:`scanfill.data.find_cases`.
        output: Path of the page, ``.html``.
        schema: Name of a kind of data, or a schema.
        predictions: Output folder of an inference.
        against: Folder of another set of the same kind, which it is compared with.
        options: See :py:func:`~scanfill.report.exploration.read_set.read_set`.

    Returns:
        ``output``.

    Raises:
        UsageError: ``output`` is not an ``.html`` file; the sets cannot be compared.
        CaseError: There is no case, or no prediction of the cases.
    """
    output = Path(output)
    if output.suffix.lower() not in (".html", ".htm"):
        msg = f"The exploration is an HTML page: name it {output.with_suffix('.html').name}, not {output.name!r}."
        raise UsageError(msg)
    if against is not None:
        refuse_itself(Path(folder), Path(against))
    explored = read_set(folder, schema, predictions=predictions, **options)
    compared = [] if against is None else against_section(explored, read_set(against, schema, **options))
    sections = [_summary(explored), *compared, *[part for section in SECTIONS for part in section(explored)]]
    readable = [dict(record.case) for record in explored.records if record.images]
    Page(f"What is in {explored.name}", sections, phantom_note(readable, explored.schema), wide=True).write(output)
    odd = sum(bool(record.problems) for record in explored.records)
    print(f"{len(explored.records)} cases, {odd} with a problem.\nPage: {output}")  # noqa: T201 - command-line output
    return output


def _summary(explored: ExploredSet) -> Section:
    """Count cases, patients and images, and list what could not be read."""
    records = explored.records
    rows: list[list[object]] = [["cases", len(records)], ["patients", len({record.patient for record in records})]]
    rows += [[f"with {key}", sum(key in record.images for record in records)] for key in explored.schema.image_keys]
    if explored.classes:
        rows.append(["with labels", len(explored.labelled)])
    odd = [record for record in records if record.problems]
    rows.append(["with a problem", len(odd)])
    tables = [Table(["", "number"], rows)]
    if odd:
        texts = [[record.case_id, text] for record in odd for text in record.problems]
        caption = f"The first {LISTED} of {len(texts)} problems." if len(texts) > LISTED else "Problems."
        tables.append(Table(["case", "problem"], texts[:LISTED], caption))
    return Section("Summary", "\n\n".join(explored.notes), tables)
