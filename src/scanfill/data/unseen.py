"""Judge a network only by patients that it has not learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Case = dict[str, Any]


def check_unseen(cases: Sequence[Case], checkpoint: str | Path, which: str = "validation") -> list[Case]:
    """Refuse to judge a checkpoint by cases of its own training.

    Args:
        cases: To judge by.
        checkpoint: Names the cases and patients it was trained on; one of an earlier version does not, and passes.
        which: The part of the split that was asked for; ``training`` says that the cases are known, and passes.

    Returns:
        The cases as they are.

    Raises:
        CaseError: Names those that were learned from.
    """
    if which != "training":
        remedy = "or pass --evaluate_on training to see what it has learned by heart"
        refuse_seen(cases, read_record(checkpoint).get("training"), f"Checkpoint {checkpoint}", remedy)
    return list(cases)


def refuse_seen(
    cases: Sequence[Case], training: Mapping[str, Sequence[str]] | None, what: str, remedy: str = "or another network"
) -> None:
    """Refuse to judge by cases that something was trained on.

    Args:
        cases: To judge by.
        training: ``cases`` and ``patients`` of the training, as a checkpoint's record keeps them; None where unknown.
        what: Was trained on them; begins the error message.
        remedy: What else can be done; ends it.

    Raises:
        CaseError: Names those that were learned from, by case or by patient.
    """
    known = training or {}
    seen = [
        case["case_id"] + (f" (patient {case['patient']})" if case["case_id"] not in known.get("cases", ()) else "")
        for case in cases
        if case["case_id"] in known.get("cases", ()) or case.get("patient") in known.get("patients", ())
    ]
    if seen:
        more = f" and {len(seen) - 10} more" if len(seen) > 10 else ""
        msg = (
            f"{what} was trained on {len(seen)} of the {len(cases)} cases that are to judge: {', '.join(seen[:10])}"
            f"{more}. Their scores would look too good. Leave them out (if they are other patients of the same names, "
            f"rename them), {remedy}."
        )
        raise CaseError(msg)
