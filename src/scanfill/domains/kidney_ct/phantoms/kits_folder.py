"""Cohorts of abdominal phantoms on disk, in the layout of KiTS19, with a table that states the patients."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

from tqdm import tqdm

from scanfill.data.image import header_text, nifti_bytes
from scanfill.domains.kidney_ct.phantoms.abdomen import Visit, check_numbers, draw_visit, make_case
from scanfill.errors import UsageError
from scanfill.files import writing

IMAGE, LABEL = "imaging.nii.gz", "segmentation.nii.gz"
TABLE = "participants.tsv"
ORIGIN = "scanfill abdomen phantom"

How = tuple[int, int, float | None]
"""Size, seed and thickness of the slices."""


def write_cohort(
    folder: str | Path, cases: int = 20, size: int = 128, seed: int = 0, *, thickness: float | None = None
) -> list[Path]:
    """Write CTs in the layout of KiTS19, and ``participants.tsv``, which states the patient of each.

    ``case_00007/imaging.nii.gz`` (int16, HU) and ``case_00007/segmentation.nii.gz`` (uint8). A second visit is named
    ``case_00007_2``. The same seed gives the same files, and a case does not depend on the number of cases. Patients of
    another seed than 0 are other patients, so they have other names: ``case_300007`` is one of seed 3.

    Args:
        folder: Folder for the cases; created if missing.
        cases: Number of cases; one in six is a second visit.
        size: Pixels per side of a slice; the field of view is 380 mm.
        seed: Seed of the cohort.
        thickness: Of all slices in mm, 1 to 5; by default it differs between cases.

    Returns:
        The case folders.

    Raises:
        UsageError: No cases, or a number out of range; a file to write exists and is not a phantom.
    """
    visits = _draw_visits(cases, size, seed, thickness)
    _write(Path(folder), visits, range(cases), (size, seed, thickness))
    return [Path(folder) / visit.name for visit in visits]


def abdomen_cohort(
    folder: str | Path, cases: int = 20, size: int = 128, seed: int = 0, *, thickness: float | None = 5.0
) -> str:
    """Return the folder of a phantom cohort, writing the cases that are missing or different.

    Phantoms of another cohort are removed from the folder first; other files are left alone.

    Args:
        folder: Folder of the cohort.
        cases: Number of cases.
        size: Pixels per side of a slice.
        seed: See :py:func:`write_cohort`.
        thickness: Of all slices in mm; None: it differs between cases.

    Returns:
        ``folder``, for use as a bundle's ``dataset_dir``.

    Raises:
        UsageError: See :py:func:`write_cohort`.
    """
    root, how = Path(folder), (size, seed, thickness)
    visits = _draw_visits(cases, size, seed, thickness)
    wanted = [
        {root / visit.name / name: _origin(index, how) for name in (IMAGE, LABEL)} for index, visit in enumerate(visits)
    ]
    origins = {path: origin for files in wanted for path, origin in files.items()}
    for path in [path for name in (IMAGE, LABEL) for path in root.glob(f"*/{name}")]:
        if (found := header_text(path)).startswith(ORIGIN) and found != origins.get(path):
            path.unlink()
            if not any(path.parent.iterdir()):
                path.parent.rmdir()
    missing = [
        index for index, files in enumerate(wanted) if any(header_text(path) != text for path, text in files.items())
    ]
    table = root / TABLE
    if missing or not table.is_file() or table.read_text(encoding="utf-8") != _table(visits):
        _write(root, visits, missing, how)
    return str(folder)


def _draw_visits(cases: int, size: int, seed: int, thickness: float | None) -> list[Visit]:
    if cases < 1:
        msg = f"A cohort needs at least one case, got cases={cases}."
        raise UsageError(msg)
    check_numbers(seed, cases - 1, size, thickness)
    return [draw_visit(seed, index, thickness) for index in range(cases)]


def _write(root: Path, visits: Sequence[Visit], indices: Iterable[int], how: How) -> None:
    """Write some of the cases, and the table of all."""
    size, seed, thickness = how
    for index in tqdm(indices, desc="abdomen phantoms", unit="case"):
        phantom = make_case(seed, index, size, thickness)
        for name, volume in ((IMAGE, phantom.image), (LABEL, phantom.label)):
            with writing(root / visits[index].name / name) as temporary:
                temporary.write_bytes(nifti_bytes(volume, phantom.affine, _origin(index, how)))
    with writing(root / TABLE) as temporary:
        temporary.write_text(_table(visits), encoding="utf-8", newline="")


def _table(visits: Sequence[Visit]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, delimiter="\t", lineterminator="\n")
    rows.writerow(["case_id", "patient", "visit", "phase", "kidneys", "tumor", "thickness"])
    for visit in visits:
        kidneys = visit.kidneys
        about = visit.contrast.phase, kidneys.variant.value, kidneys.kind.value, f"{visit.thickness:g}"
        rows.writerow([visit.name, visit.patient_name, visit.number, *about])
    return text.getvalue()


def _origin(index: int, how: How) -> str:
    size, seed, thickness = how
    return f"{ORIGIN} {seed}/{index}, {size} pixels" + (f", {thickness:g} mm" if thickness else "")
