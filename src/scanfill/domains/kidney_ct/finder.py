"""Turn a folder of abdominal CT, as volumes or as exported slices, into a case list."""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
from tqdm import tqdm

from scanfill.data.image import read_image, volume_suffix
from scanfill.data.layouts import LayoutFinder
from scanfill.data.nifti import load_nifti
from scanfill.data.schema import Case, CaseSchema, Cohort, Request
from scanfill.domains.kidney_ct.labels import check_convention, decide_convention
from scanfill.transforms.renumber import label_values

DEFAULT = "kits19"
"""Convention for writing a prediction if the case has no label to follow."""


class KidneyFinder(LayoutFinder):
    """Finds cases in one of :py:data:`~scanfill.domains.kidney_ct.layouts.LAYOUTS`.

    A case has also ``label_convention``, and ``output_labels``: the convention in which to write a prediction. To
    determine them, every label is read (about 0.3 s for 200 slices).
    """

    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder and determine what its label values mean.

        Raises:
            CaseError: See :py:class:`~scanfill.data.layouts.LayoutFinder` and
                :py:func:`~scanfill.domains.kidney_ct.labels.decide_convention`.
        """
        if request.labels not in ("auto", "none"):
            check_convention(request.labels)
        cohort = super().find(folder, schema, request)
        complete = [case for case in cohort.cases if "problem" not in case]
        if request.with_label:
            cohort.notes += interpret_labels(complete, request.labels)
        _state_output(cohort.cases)
        return cohort

    def interpret(self, cases: Sequence[Case], schema: CaseSchema, labels: str) -> None:  # noqa: ARG002  one schema
        """Determine the label convention omitted from a hand-written list, and the one for writing predictions.

        Raises:
            CaseError: See :py:func:`~scanfill.domains.kidney_ct.labels.decide_convention`.
        """
        if labels != "none":
            interpret_labels([case for case in cases if "label_convention" not in case], labels)
        _state_output(cases)


def interpret_labels(cases: Sequence[Case], labels: str = "auto") -> list[str]:
    """Read the labels, determine what their values mean, and store that in the cases.

    Args:
        cases: Complete cases; those with a label get ``label_convention``.
        labels: ``"auto"`` or a convention.

    Returns:
        Notes for the user.

    Raises:
        CaseError: See :py:func:`~scanfill.domains.kidney_ct.labels.decide_convention`.
    """
    labelled = [case for case in cases if "label" in case]
    notes = [f"{len(labelled)} of {len(cases)} cases have a label."] if cases else []
    if not labelled:
        return notes
    progress = tqdm(labelled, desc="Looking at the labels", unit="case", leave=False, disable=None)
    values = {case["label"]: values_in(case["label"], f"Case {case['case_id']!r}: label") for case in progress}
    convention, reason = decide_convention(values, labels)
    for case in labelled:
        case["label_convention"] = convention
    return [*notes, f"Label convention {convention}: {reason}."]


def values_in(path: str, where: str) -> list[int]:
    """List the values in a label map; NIfTI in its own data type, for volumes of a whole abdomen are large.

    Args:
        path: The file.
        where: Start of an error message.

    Raises:
        CaseError: It cannot be read, or a value is fractional.
    """
    if volume_suffix(path).lower().startswith(".nii"):
        with suppress(Exception):  # nibabel has no common base of its errors; reading it again explains the fault
            return label_values(np.asanyarray(load_nifti(path).dataobj), f"{where} ({path})")
    return label_values(read_image(path, where, single_slices=True), f"{where} ({path})")


def _state_output(cases: Sequence[Case]) -> None:
    for case in cases:
        case.setdefault("output_labels", case.get("label_convention", DEFAULT))
