"""Read a data set case by case: one in memory at a time in each process, a record of it kept."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from scanfill.data.cases import find_cohort
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.side_by_side import Died, side_by_side
from scanfill.errors import UsageError
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.measure_case import measure_case
from scanfill.report.exploration.predictions import add_predictions


def read_set(
    folder: str | Path,
    schema: CaseSchema | str | Mapping[str, Any],
    *,
    modalities: Sequence[str] | str | None = None,
    labels: str = "auto",
    patient_regex: str | None = None,
    predictions: str | Path | None = None,
    workers: int = 1,
) -> ExploredSet:
    """Read every case below a folder.

    Args:
        folder: See :py:func:`scanfill.data.find_cases`, also for ``modalities``, ``labels`` and ``patient_regex``.
        schema: Name of a kind of data, or a schema.
        modalities: The images to look at; by default all that there are.
        labels: What label values mean, or ``none`` to look at the images alone.
        patient_regex: Which part of a case's name is the patient.
        predictions: Output folder of an inference; see
            :py:func:`~scanfill.report.exploration.predictions.add_predictions`.
        workers: Number of processes.

    Raises:
        UsageError: ``workers`` is below 1.
        CaseError: There is no case; the meaning of the labels is ambiguous; there is no prediction of the cases.
    """
    if workers < 1:
        msg = f"workers (={workers}) must be at least 1."
        raise UsageError(msg)
    kind = load_schema(schema)
    lenient = lenient_schema(kind)
    wanted = kind.check_images(modalities)
    cohort = find_cohort(
        folder, wanted, labels, patient_regex, schema=lenient, strict=False, check=False, incomplete=True
    )
    cases = list(cohort.cases)
    strays: list[str] = []
    if predictions is not None:
        cases, strays = add_predictions(cases, predictions, kind)
    measure = partial(measure_case, schema=lenient)
    records: dict[int, CaseRecord] = {}
    if workers == 1 or len(cases) < 2:
        for index, case in enumerate(_progress(cases, len(cases))):
            records[index] = measure(case)
    else:
        for index, outcome in _progress(side_by_side(cases, measure, workers), len(cases)):
            died = isinstance(outcome, Died)
            records[index] = CaseRecord(cases[index], problems=[outcome.reason]) if died else outcome
    return ExploredSet(
        Path(folder).expanduser().resolve(), kind, [records[index] for index in range(len(cases))], cohort.notes, strays
    )


def lenient_schema(schema: CaseSchema) -> CaseSchema:
    """Return a schema of which nothing is required, so that a case is looked at whatever it lacks."""
    label = schema.label and replace(schema.label, required=False)
    return replace(schema, label=label, images=[replace(image, required=False) for image in schema.images])


def _progress(cases: Any, number: int) -> Any:
    return tqdm(cases, total=number, desc="Reading the cases", unit="case", disable=None)
