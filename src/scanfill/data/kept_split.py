"""The split of a training, kept next to its weights, so that resuming never moves training patients to evaluation."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist

from scanfill.data.copies import fingerprints_of
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.lists import PARTS, read_list_file, write_split
from scanfill.data.schema import CaseSchema
from scanfill.engines import is_true
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError
from scanfill.files import set_aside

Case = dict[str, Any]
Split = dict[str, list[Case]]

NEW = "new"
"""Cases for evaluation that are not in the split of the training."""

logger = logging.getLogger(__name__)


def split_file(ckpt_dir: str | Path) -> Path:
    """Return where a training keeps its split: next to ``models``, or inside a folder of any other name."""
    folder = Path(ckpt_dir)
    return (folder.parent if folder.name == "models" else folder) / "datalist.json"


def save_split(
    cases: Mapping[str, Sequence[Case]],
    ckpt_dir: str | Path,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    dataset_dir: str | Path | None = None,
    resume: bool | str = False,
) -> None:
    """Write the split of a training as a Decathlon-style list with paths relative to the data folder.

    In a training with several processes, the first one writes. Unless the training resumes, the list of an earlier
    training is moved aside.

    Args:
        cases: Part -> cases.
        ckpt_dir: Folder of the training's checkpoints; see :py:func:`split_file`.
        schema: Name of a kind of data, or a schema.
        dataset_dir: Folder of the data; None if a list gives the file locations.
        resume: Whether the training continues an earlier one.
    """
    if idist.get_rank() != 0:
        return
    file = split_file(ckpt_dir)
    if not is_true(resume) and (aside := set_aside(file)):
        logger.info("Kept the earlier %s as %s", file, aside)
    write_split(cases, file, schema=schema, relative_to=dataset_dir)


def follow_split(split: Split, ckpt_dir: str | Path, *, listed: bool, judged: bool) -> Split | None:
    """Assign cases to the parts that they had in a training.

    Args:
        split: The cases found; if ``listed``, with the parts of a list, otherwise all under ``training``.
        ckpt_dir: Folder of the training's checkpoints.
        listed: Whether a list states the parts. It must agree with the training.
        judged: Whether the finished training is being evaluated: unknown cases then go under ``new``. Otherwise they
            join the training part, which is logged.

    A patient or a case that was renamed is recognized by its image files, which must be unchanged.

    Returns:
        The split; None if the training kept no split.

    Raises:
        CaseError: A list moves a patient of the training to another part, or a new patient into an evaluation part; or
            no patient from the training part is present.
    """
    file = split_file(ckpt_dir)
    if not file.is_file():
        return None
    kept = read_list_file(file)
    part_of = {str(case["patient"]): part for part in PARTS for case in kept.get(part, ())}
    split = {part: _with_earlier_names(cases, kept) for part, cases in split.items()}
    followed: Split = {part: [] for part in (*PARTS, *([NEW] if judged else []))}
    added: list[str] = []
    for part, cases in split.items():
        for case in cases:
            before = part_of.get(case["patient"])
            if listed and _moves(before, part):
                msg = (
                    f"Patient {case['patient']!r} is {f'in {before}' if before else 'new'} for the training to resume "
                    f"({file}), but in {part} of the given list: its scores would be inflated or no longer comparable. "
                    f"Leave --datalist out, put the patient back into its part (a new one into training), or start "
                    f"over without --resume."
                )
                raise CaseError(msg)
            if before is None and not judged and part != "test":
                added.append(case["case_id"])
            followed[before or (part if listed and part == "test" else NEW if judged else "training")].append(case)
    _report_changes(kept, followed, added, file, judged=judged)
    return followed


def _with_earlier_names(cases: Sequence[Case], kept: Mapping[str, Any]) -> list[Case]:
    """Give cases that were renamed since the training began the patient that they had, recognized by their images."""
    known = [case for part in PARTS for case in kept.get(part, ())]
    patients = {str(case["patient"]) for case in known}
    owner = {mark: str(case["patient"]) for case in known for mark in fingerprints_of(case)}
    named = []
    for case in cases:
        before = {owner[mark] for mark in fingerprints_of(case) if mark in owner}
        if case["patient"] not in patients and len(before) == 1:
            (patient,) = before
            logger.warning(
                "Case %r has the images of patient %r of the training, and counts as this patient: it was renamed.",
                *(case["case_id"], patient),
            )
            named.append(case | {"patient": patient})
        else:
            named.append(case)
    return named


def refuse_learned(split: Split, ckpt_dir: str | Path) -> None:
    """Refuse to evaluate a resumed training that kept no split on patients it was trained on.

    Raises:
        CaseError: With these patients.
    """
    last = Path(ckpt_dir) / "last.pt"
    if last.is_file():
        remedy = "or give the list of the training with --datalist"
        refuse_seen(split.get("validation", []), read_record(last).get("training"), f"The training of {last}", remedy)


def _moves(before: str | None, part: str) -> bool:
    return part == "validation" if before is None else before != part


def _report_changes(
    kept: Mapping[str, Any], followed: Split, added: Sequence[str], file: Path, *, judged: bool
) -> None:
    there = {case["patient"] for cases in followed.values() for case in cases}
    gone = {part: [case["case_id"] for case in kept.get(part, ()) if case["patient"] not in there] for part in PARTS}
    if not judged and kept.get("training") and len(gone["training"]) == len(kept["training"]):
        msg = (
            f"None of the {len(kept['training'])} training cases in {file} was found: give their folder with "
            f"--dataset_dir, or start over without --resume."
        )
        raise CaseError(msg)
    if added:
        logger.warning("%d cases are new since the training began and join it: %s", len(added), ", ".join(added))
    for part, names in gone.items():
        if names and not judged:
            logger.warning("%d %s cases of %s no longer exist: %s", len(names), part, file, ", ".join(names))
