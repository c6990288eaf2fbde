"""Keep synthetic files out of where they would flatter: ordinary modalities, truth, validation and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scanfill.data.marks import is_synthetic, read_sidecar, synthetic_reason
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Mapping

Case = dict[str, Any]

MAKES_IMAGES = ("synthesize", "complete")
"""The strategies for a missing modality that make a synthetic one inside the run."""


def synthetic_keys(case: Case) -> list[str]:
    """List the keys of a case that are synthetic: declared under ``synthetic``, or marked in their file."""
    declared = set(case.get("synthetic", ()))
    return [key for key in (*MODALITIES, "label") if key in case and (key in declared or is_synthetic(case[key]))]


def check_declared(case: Case, where: str = "the list of cases") -> None:
    """Refuse a case that takes a file marked as synthetic for an ordinary one.

    Args:
        case: With absolute paths.
        where: Named in the error message.

    Raises:
        CaseError: Naming case, file and how it is known as synthetic.
    """
    for key in (*MODALITIES, "label"):
        if key in case and key not in case.get("synthetic", ()) and (reason := synthetic_reason(case[key])):
            msg = (
                f"Case {case['case_id']!r} in {where}: {key} ({case[key]}) is synthetic ({reason}), but stands there "
                f"as an ordinary file. Take the file that was acquired, leave {key} out, or list {key!r} under the "
                f"case's 'synthetic'."
            )
            raise CaseError(msg)


def check_judged(case: Case, where: str = "validation", missing: str = "refuse") -> None:
    """Refuse what must not judge a model: a synthetic label, a wholly synthetic case, a synthetic input channel.

    Args:
        case: A case of validation or test.
        where: Part of the split, named in the error message.
        missing: The run's strategy for missing modalities. With ``synthesize`` or ``complete`` it makes synthetic
            inputs itself, and those are allowed.

    Raises:
        CaseError: Naming case, file and remedy.
    """
    synthetic = synthetic_keys(case)
    name = f"Case {case['case_id']!r} in {where}"
    if "label" in synthetic:
        msg = (
            f"{name}: the label ({case['label']}) is synthetic, so it is no truth. Take a label that an expert drew, "
            f"or move the case to training."
        )
        raise CaseError(msg)
    images = [key for key in MODALITIES if key in case]
    generated = [key for key in images if key in synthetic]
    if images and generated == images:
        files = ", ".join(case[key] for key in images)
        msg = f"{name} is wholly synthetic ({files}): scores on it say nothing of patients. Move it to training."
        raise CaseError(msg)
    if generated and missing not in MAKES_IMAGES:
        files = ", ".join(f"{key} ({case[key]})" for key in generated)
        msg = (
            f"{name}: {files} is synthetic. A synthetic input may only be judged where the run makes it itself: leave "
            f"{' and '.join(generated)} out and declare missing: {' or '.join(MAKES_IMAGES)}, or move the case to "
            f"training."
        )
        raise CaseError(msg)


def check_truth(case: Case, target: str) -> None:
    """Refuse a synthetic image as the truth that another one is compared with.

    Raises:
        CaseError: The target is synthetic, or the case has none.
    """
    name = f"Case {case.get('case_id', '?')!r}"
    if target not in case:
        there = ", ".join(key for key in MODALITIES if key in case) or "none"
        msg = f"{name} has no {target} image to compare with; it has {there}. Leave the case out of the evaluation."
        raise CaseError(msg)
    if target in case.get("synthetic", ()) or is_synthetic(case[target]):
        reason = synthetic_reason(case[target]) or "the case says so"
        msg = (
            f"{name}: {target} ({case[target]}) is synthetic ({reason}), so it is no truth for another synthetic "
            f"image. Take the acquired {target}, or leave the case out of the evaluation."
        )
        raise CaseError(msg)


def provenance_columns(case: Case) -> dict[str, str]:
    """Say in a score row which inputs were synthetic and what made them.

    Args:
        case: With the paths of its images.

    Returns:
        ``synthetic_inputs``, ``generator`` (bundle and version), ``generator_sha256`` (of the checkpoint) and
        ``generator_training_list`` (name and checksum); several are separated by ``;``, all empty where every input was
        acquired.
    """
    keys = [key for key in synthetic_keys(case) if key != "label"]
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
