"""From a folder to a list of cases, by the finder of a schema."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scanfill.data.load_schema import load_schema
from scanfill.data.schema import Case, Cohort, Request
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.data.schema import CaseSchema

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
        folder: Searched with all its subfolders; may be one case itself. None, as a trained bundle has it, is refused.
        modalities: Images that each case must have, by their keys; by default whatever is there; ``"none"``
            where the truth or conditions alone are needed. Only these are listed.
        labels: What the values in label maps mean: one of the schema's conventions; ``"auto"`` decides for the whole
            cohort or refuses; ``"none"`` (or None) leaves labels aside, and then no voxel is read at all.
        patient_regex: Which part of a case's name is the patient; see
            :py:func:`~scanfill.data.patients.find_patients`.
        schema: Name of a kind of data, or its schema; see :py:func:`scanfill.data.load_schema`.
        check: Whether to read some images to see that cases are what they seem, where the kind of data can be checked.
        strict: Whether an incomplete case is an error at once. If not, it is listed with the reason under ``problem``,
            and :py:class:`scanfill.data.ReadCased` raises it when its turn comes, so that one bad case does not stop
            the others.
        synthetic: Whether files marked as synthetic (:py:mod:`scanfill.data.provenance`) may take the place of an
            acquired one that is not there, as in a completed case. If not, such a file is an error.
        incomplete: Whether a case may lack some of ``modalities``, for :py:func:`scanfill.missing.handle_missing` to
            decide about; it must have one image.

    Returns:
        One dictionary a case, sorted by name: ``case_id``, ``patient``, the absolute path of each image, the truth
        (with its ``label_convention`` where there are several) and the mask where there is one, conditions by their
        keys, ``synthetic`` (the keys that are generated).

    Raises:
        CaseError: No case; an image is missing, ambiguous or synthetic; two cases of one name; the meaning of the
            labels is in doubt.
        UsageError: There is no folder.
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
    """Do the work of :py:func:`find_cases`, which describes the arguments; the result can describe itself."""
    if folder is None:
        msg = "--dataset_dir is required: a case, or a folder with one subfolder a case."
        raise UsageError(msg)
    kind = load_schema(schema)
    labels = labels if labels is not None and kind.label else "none"
    request = Request(kind.check_images(modalities), labels, patient_regex, **options)
    return kind.finder.find(Path(folder), kind, request)
