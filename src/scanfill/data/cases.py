"""Turn a folder into a case list, using the finder of a schema."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.schema import Case, CaseSchema, Cohort, Request
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError

logger = logging.getLogger(__name__)


def find_cases(
    folder: str | Path | None,
    modalities: Sequence[str] | str | None = None,
    labels: str | None = "auto",
    patient_regex: str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    check: bool = True,
    strict: bool = True,
    synthetic: bool = False,
    incomplete: bool = False,
) -> list[Case]:
    """Find every case below a folder.

    Args:
        folder: Searched including subfolders; may itself be a single case. None, as in a trained bundle, is refused.
        modalities: Keys of the images that each case must have; by default whatever is there; ``"none"`` if only the
            truth or conditions are needed. Only these are listed.
        labels: What the values in label maps mean: one of the schema's conventions; ``"auto"`` determines it for the
            whole cohort or refuses; ``"none"`` (or None) ignores labels, and then no voxels are read.
        patient_regex: Which part of a case's name is the patient; see
            :py:func:`~scanfill.data.patients.find_patients`.
        schema: Name of a kind of data, or a schema; see :py:func:`scanfill.data.load_schema`.
        check: Whether to read some images to verify that cases are what they seem, if the kind of data supports it.
        strict: Whether an incomplete case raises an error at once. If not, it is listed with the reason under
            ``problem``, and :py:class:`scanfill.data.ReadCased` raises the error on reading, so that one bad case does
            not stop the others.
        synthetic: Whether files marked as synthetic (:py:mod:`scanfill.data.provenance`) may replace missing acquired
            ones, as in a completed case. If not, such a file is an error.
        incomplete: Whether some of ``modalities`` may be missing from a case, to be handled by
            :py:func:`scanfill.missing.handle_missing`; it must have at least one image.

    Returns:
        One dictionary per case, sorted by name: ``case_id``, ``patient``, the absolute path of each image, the truth
        (with its ``label_convention`` if there are several) and the mask if there is one, conditions by their keys,
        ``synthetic`` (the keys that are generated).

    Raises:
        CaseError: There are no cases; an image is missing, ambiguous or synthetic; two cases have the same name; the
            meaning of the labels is ambiguous.
        UsageError: No folder was given.
    """
    request = {"check": check, "strict": strict, "synthetic": synthetic, "incomplete": incomplete}
    cohort = find_cohort(folder, modalities, labels, patient_regex, schema=schema, **request)
    logger.info("%s", cohort.describe())
    return cohort.cases


def find_cohort(
    folder: str | Path | None,
    modalities: Sequence[str] | str | None = None,
    labels: str | None = "auto",
    patient_regex: str | None = None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    **options: bool,
) -> Cohort:
    """Find cases as :py:func:`find_cases` does, which describes the arguments; the result can describe itself."""
    if folder is None:
        msg = "--dataset_dir is required: a case, or a folder with one subfolder per case."
        raise UsageError(msg)
    kind = load_schema(schema)
    labels = labels if labels is not None and kind.label else "none"
    request = Request(kind.check_images(modalities), labels, patient_regex, **options)
    return kind.finder.find(Path(folder), kind, request)
