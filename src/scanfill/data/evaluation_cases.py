"""Which cases may be used to evaluate a network: acquired truth, from patients it was not trained on.

Synthetic files are kept out of ordinary modalities, truth, validation and test, where they would inflate scores.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.copies import fingerprints_of
from scanfill.data.provenance import find_mark, is_synthetic, read_sidecar, refuse_unlisted, synthetic_reason
from scanfill.data.schema import CaseSchema
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError

Case = dict[str, Any]

MAKES_IMAGES = ("synthesize", "complete")
"""Strategies for a missing modality that generate a synthetic image during the run."""


def synthetic_keys(case: Case, schema: CaseSchema) -> list[str]:
    """List the keys of a case that are synthetic: declared under ``synthetic``, or marked in the file."""
    declared = set(case.get("synthetic", ()))
    return [key for key in _judged_keys(schema) if key in case and (key in declared or find_mark(case[key]))]


def _judged_keys(schema: CaseSchema) -> list[str]:
    """Return the keys of images and truth; a mask may be synthetic."""
    return [*schema.image_keys, *([schema.label.key] if schema.label else [])]


def check_declared(case: Case, schema: CaseSchema, where: str = "the list of cases") -> None:
    """Refuse a case that lists a file marked as synthetic as an ordinary one.

    Args:
        case: A case with absolute paths.
        schema: Defines which keys are images and truth.
        where: Place named in the error message.

    Raises:
        CaseError: With the case, the file and how it was identified as synthetic.
    """
    for key in _judged_keys(schema):
        if key in case and key not in case.get("synthetic", ()):
            refuse_unlisted(f"Case {case['case_id']!r} in {where}", key, case[key])


def check_judged(case: Case, schema: CaseSchema, where: str = "validation", missing: str = "refuse") -> None:
    """Refuse synthetic data that must not be used for evaluation: a label, a whole case, or an input channel.

    Args:
        case: A case of validation or test.
        schema: Defines which keys are images and truth.
        where: Part of the split, named in the error message.
        missing: The run's strategy for missing modalities. ``synthesize`` and ``complete`` generate synthetic inputs
            themselves, and those are allowed.

    Raises:
        CaseError: With the case, the file and what to do.
    """
    synthetic = synthetic_keys(case, schema)
    name = f"Case {case['case_id']!r} in {where}"
    if schema.label and schema.label.key in synthetic:
        msg = (
            f"{name}: the label ({case[schema.label.key]}) is synthetic, so it cannot serve as truth. Use a label that "
            f"an expert drew, or move the case to training."
        )
        raise CaseError(msg)
    images = [key for key in schema.image_keys if key in case]
    generated = [key for key in images if key in synthetic]
    if images and generated == images:
        files = ", ".join(case[key] for key in images)
        msg = f"{name} is wholly synthetic ({files}): its scores would not apply to patients. Move it to training."
        raise CaseError(msg)
    if generated and missing not in MAKES_IMAGES:
        files = ", ".join(f"{key} ({case[key]})" for key in generated)
        msg = (
            f"{name}: {files} is synthetic. A synthetic input can only be evaluated if the run generates it: leave "
            f"{' and '.join(generated)} out and declare missing: {' or '.join(MAKES_IMAGES)}, or move the case to "
            f"training."
        )
        raise CaseError(msg)


def check_truth(case: Case, target: str, schema: CaseSchema) -> None:
    """Refuse a synthetic image as the truth for comparison with another image.

    Raises:
        CaseError: The target is synthetic, or missing.
    """
    name = f"Case {case.get('case_id', '?')!r}"
    if target not in case:
        there = ", ".join(key for key in schema.image_keys if key in case) or "none"
        msg = f"{name} has no {target} image to compare with; it has {there}. Leave the case out of the evaluation."
        raise CaseError(msg)
    if target in case.get("synthetic", ()) or is_synthetic(case[target]):
        reason = synthetic_reason(case[target]) or "declared as synthetic in the case"
        msg = (
            f"{name}: {target} ({case[target]}) is synthetic ({reason}), so it cannot serve as truth for another "
            f"synthetic image. Take the acquired {target}, or leave the case out of the evaluation."
        )
        raise CaseError(msg)


def provenance_columns(case: Case, schema: CaseSchema) -> dict[str, str]:
    """Return the score-row columns that describe which inputs were synthetic and what generated them.

    Args:
        case: A case with the paths of its images.
        schema: Defines which keys are images.

    Returns:
        ``synthetic_inputs``, ``generator`` (bundle and version), ``generator_sha256`` (of the checkpoint) and
        ``generator_training_list`` (name and checksum); multiple values are separated by ``;``, and all are empty if
        every input was acquired.
    """
    keys = [key for key in synthetic_keys(case, schema) if key in schema.image_keys]
    facts = [(read_sidecar(case[key]) or {}).get("generator") or {} for key in keys]
    columns = {
        "synthetic_inputs": keys,
        "generator": [f"{fact.get('bundle', 'unknown')} {fact.get('version', '')}".strip() for fact in facts],
        "generator_sha256": [(fact.get("checkpoint") or {}).get("sha256", "unknown") for fact in facts],
        "generator_training_list": [_file(fact.get("training_list")) or "unknown" for fact in facts],
    }
    return {name: ";".join(dict.fromkeys(values)) for name, values in columns.items()}


def _file(fingerprint: Mapping[str, str] | None) -> str:
    return f"{fingerprint['file']} {fingerprint['sha256']}" if fingerprint else ""


def check_unseen(cases: Sequence[Case], checkpoint: str | Path, which: str = "validation") -> list[Case]:
    """Refuse to evaluate a checkpoint on cases from its own training.

    Args:
        cases: Cases for the evaluation.
        checkpoint: Names the cases and patients it was trained on; checkpoints of earlier versions do not, and pass.
        which: The requested part of the split; ``training`` declares that the cases are known, and passes.

    Returns:
        The cases, unchanged.

    Raises:
        CaseError: With the cases that were used in training.
    """
    if which != "training":
        remedy = "or pass --evaluate_on training to see how well it fits its training data"
        refuse_seen(cases, read_record(checkpoint).get("training"), f"Checkpoint {checkpoint}", remedy)
    return list(cases)


def _how_seen(case: Case, known: Mapping[str, set[str]]) -> str | None:
    """Return a remark on how a case was recognized as one of the training; None if it was not."""
    if case["case_id"] in known.get("cases", ()):
        return ""
    if case.get("patient") in known.get("patients", ()):
        return f" (patient {case['patient']})"
    return " (renamed: the same images)" if fingerprints_of(case) & known.get("fingerprints", set()) else None


def refuse_seen(
    cases: Sequence[Case], training: Mapping[str, Sequence[str]] | None, what: str, remedy: str = "or another network"
) -> None:
    """Refuse to evaluate on cases that were used in training.

    Args:
        cases: Cases for the evaluation.
        training: ``cases`` and ``patients`` of the training, as stored in a checkpoint's record; None if unknown.
        what: What was trained on them; starts the error message.
        remedy: Another way out; ends the error message.

    Raises:
        CaseError: With the cases that were used in training, matched by case, by patient, or by an image file.
    """
    known = {part: set(names) for part, names in (training or {}).items()}
    seen = [case["case_id"] + how for case in cases if (how := _how_seen(case, known)) is not None]
    if seen:
        more = f" and {len(seen) - 10} more" if len(seen) > 10 else ""
        msg = (
            f"{what} was trained on {len(seen)} of the {len(cases)} cases to be evaluated: "
            f"{', '.join(seen[:10])}{more}. Their scores would be inflated. Leave them out (if they are other patients "
            f"with the same names, rename them), {remedy}."
        )
        raise CaseError(msg)
