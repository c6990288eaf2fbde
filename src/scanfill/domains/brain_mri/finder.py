"""Turn a folder of brain MRI files into a case list."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from scanfill.data.finders import existing_folder, mistaken, refuse_problems, sorted_cases
from scanfill.data.image import VOLUME_SUFFIXES, volume_suffix
from scanfill.data.patients import find_patients
from scanfill.data.provenance import synthetic_reason
from scanfill.data.schema import Case, CaseSchema, Cohort, Finder, Request
from scanfill.domains.brain_mri.conventions import decide_convention
from scanfill.domains.brain_mri.labels import CET, LABEL_CONVENTIONS, check_convention, check_values
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.naming import (
    OUTPUT_LABELS,
    NamedFile,
    names_a_case,
    patient_of,
    recognise_case,
    recognise_file,
)
from scanfill.domains.brain_mri.survey import check_duplicates, check_enhancement, survey_cases
from scanfill.errors import CaseError

SYNTHETIC_END = re.compile(r"(?:^|[-_.])synthetic$", re.IGNORECASE)
"""End of the part before the modality in the name of a synthetic image."""

LOOKED_FOR = (
    f"one folder per case, with files such as t1.nii.gz, t1ce.nii.gz, t2.nii.gz, flair.nii.gz, or in BraTS naming "
    f"(BraTS20_Training_001_t1ce.nii.gz, BraTS-GLI-00002-000-t1c.nii.gz); file types {', '.join(VOLUME_SUFFIXES)}"
)
"""Description of the expected names for error messages."""


@dataclass
class _FoundCase:
    """The files of one case, before any check."""

    case_id: str
    folder: Path
    files: list[NamedFile]
    unknown: list[Path]


class BrainFinder(Finder):
    """Finds brain tumor cases: one folder with one file per modality, in any of the usual namings.

    If one folder contains several cases, files whose names begin alike form a case. The folder may itself be a single
    case. Files whose names begin with a dot are ignored. In addition to the keys listed by
    :py:func:`scanfill.data.find_cases`, a case has ``label_convention``, and ``output_labels``: the convention in which
    to write a prediction.

    With ``check``, one image per case is read (about 0.3 s at 1 mm) to verify that the enhancing tumor enhances and
    that no image occurs under two patients.
    """

    @property
    def provides(self) -> list[str]:
        """Modalities, label and mask."""
        return [*MODALITIES, "label", "mask"]

    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:  # noqa: ARG002  it has only one schema
        """Find every case below a folder and determine what their label values mean.

        Raises:
            CaseError: There are no cases; a modality is missing, ambiguous or synthetic; two cases have the same name;
                the meaning of the labels is ambiguous or contradicted by the images; one image occurs under two
                patients.
        """
        labels = request.labels
        if labels not in ("auto", "none"):
            check_convention(labels)
        lenient = {"synthetic": request.synthetic, "incomplete": request.incomplete}
        cohort = list_cases(folder, request.images, request.patient_regex, with_label=request.with_label, **lenient)
        refuse_problems(cohort, request)
        if request.with_label:
            complete = [case for case in cohort.cases if "problem" not in case]
            cohort.notes += interpret_labels(complete, labels, check=request.check)
        return cohort

    def interpret(self, cases: Sequence[Case], schema: CaseSchema, labels: str) -> None:  # noqa: ARG002  see above
        """Determine the label convention omitted from a hand-written list, and the one for writing predictions.

        Raises:
            CaseError: The meaning of the labels is ambiguous.
        """
        unsaid = [case for case in cases if "label" in case and "label_convention" not in case]
        if unsaid and labels != "none":
            interpret_labels(unsaid, labels, check=False)
        for case in cases:
            own = case.get("label_convention") or OUTPUT_LABELS[recognise_case(case["case_id"])]
            case.setdefault("output_labels", own)


def list_cases(
    folder: str | Path,
    modalities: Sequence[str] | None = None,
    patient_regex: str | None = None,
    *,
    with_label: bool = True,
    synthetic: bool = False,
    incomplete: bool = False,
) -> Cohort:
    """Find cases by names alone; no voxels are read and labels are not interpreted.

    Args:
        folder: Searched including subfolders.
        modalities: The modalities that each case must have; by default whatever is there.
        patient_regex: Which part of a case's name is the patient.
        with_label: Whether label maps are listed.
        synthetic: See :py:func:`scanfill.data.find_cases`.
        incomplete: See :py:func:`scanfill.data.find_cases`.

    Returns:
        All cases; an incomplete or ambiguous one has the reason under ``problem``.

    Raises:
        CaseError: There are no cases; two have the same name.
    """
    folder = existing_folder(folder)
    found = list(_find(folder))
    options = {"synthetic": synthetic, "incomplete": incomplete}
    cases = sorted_cases((_describe(case, modalities, with_label, **options) for case in found), folder, LOOKED_FOR)
    patients = find_patients(folder, [case["case_id"] for case in cases], patient_regex, patient_of)
    aside = [path for case in sorted(found, key=lambda case: case.case_id) for path in _algorithms_labels(case)]
    return Cohort(
        [case | {"patient": patients[case["case_id"]]} for case in cases],
        [f"Ignored, made by an algorithm: {path}" for path in aside],
    )


def interpret_labels(cases: Sequence[Case], labels: str = "auto", check: bool = True) -> list[str]:
    """Read the label maps, determine what they mean, and store that in the cases.

    Args:
        cases: Complete cases; those with a label get ``label_convention`` and ``output_labels``.
        labels: ``"auto"`` or a convention.
        check: Whether to read images too; see :py:func:`scanfill.data.find_cases`.

    Returns:
        Notes for the user.

    Raises:
        CaseError: See :py:func:`scanfill.data.find_cases`.
    """
    labelled = [case for case in cases if "label" in case]
    surveys = survey_cases(cases, check=check) if check else survey_cases(labelled, check=False)
    notes = [f"{len(labelled)} of {len(cases)} cases have a label map."]
    if labelled:
        decision = decide_convention({case["case_id"]: surveys[case["case_id"]].values for case in labelled}, labels)
        for case in labelled:
            where = f"Case {case['case_id']!r}: label ({case['label']})"
            check_values(surveys[case["case_id"]].values, decision.convention, where)
        notes.append(f"Label convention {decision.convention}: {decision.reason}.")
        if all(
            LABEL_CONVENTIONS[decision.convention].get(v) != CET for c in labelled for v in surveys[c["case_id"]].values
        ):
            notes.append("No case has enhancing tumor (CET) in this convention: is it the right one?")
        check_enhancement(surveys, decision.convention)
        for case in labelled:
            case["label_convention"] = case["output_labels"] = decision.convention
    check_duplicates(surveys, {case["case_id"]: case["patient"] for case in cases})
    return notes


def _find(folder: Path) -> Iterator[_FoundCase]:
    """Walk through the folders and collect each case's files."""
    volumes: dict[Path, list[Path]] = {}
    for path in _volumes(folder):
        parent = path.parent
        if parent.name in ("imagesTr", "imagesTs"):
            msg = (
                f"{parent} is a folder of the Medical Segmentation Decathlon, whose files hold four modalities each: "
                f"split them, for example with nibabel.funcs.four_to_three (the order is flair, t1, t1ce, t2), into "
                f"<case>/flair.nii.gz, t1.nii.gz, t1ce.nii.gz, t2.nii.gz, and put labelsTr/<case>.nii.gz next to them "
                f"as <case>/seg.nii.gz."
            )
            raise CaseError(msg)
        # BraTS 2012 to 2015 has one folder per file, with the same name, in the folder of the case.
        own_folder = parent != folder and parent.name == path.name[: -len(volume_suffix(path))]
        volumes.setdefault(parent.parent if own_folder else parent, []).append(path)
    for parent, paths in volumes.items():
        yield from _group(parent, paths)


def _volumes(folder: Path) -> Iterator[Path]:
    """List every volume below a folder in order, without hidden files (``._t1.nii.gz`` of macOS)."""
    visited = set()
    for parent, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(parent)
        if real in visited:  # a link back to a folder already visited
            folders.clear()
            continue
        visited.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield from (Path(parent, name) for name in sorted(names) if volume_suffix(name) and not name.startswith("."))


def _group(folder: Path, paths: Sequence[Path]) -> Iterator[_FoundCase]:
    """Separate the cases in one folder by the beginning of their images' names."""
    recognised = {path: recognise_file(path) for path in paths}
    unknown = [path for path, file in recognised.items() if file is None]
    files = _join_synthetic([file for file in recognised.values() if file is not None], folder)
    names = sorted({file.case_name for file in files if file.role in MODALITIES})
    if len(names) <= 1:
        name = names[0] if names and names_a_case(names[0]) else folder.name
        yield _FoundCase(name, folder, files, unknown)
        return
    for name in names:
        own = [file for file in files if file.case_name == name]
        yield _FoundCase(name or folder.name, folder, own, [path for path in unknown if path.name.startswith(name)])


def _join_synthetic(files: Sequence[NamedFile], folder: Path) -> list[NamedFile]:
    """Assign ``c1_synthetic_flair`` to case ``c1``: files with plain names belong to the case named like the folder."""
    marked = {file for file in files if SYNTHETIC_END.search(file.case_name)}
    acquired = {file.case_name for file in files if file not in marked}

    def join(file: NamedFile) -> NamedFile:
        if file not in marked:
            return file
        name = SYNTHETIC_END.sub("", file.case_name)
        return replace(file, case_name="" if name == folder.name and "" in acquired else name)

    return [join(file) for file in files]


def _describe(
    found: _FoundCase,
    wanted: Sequence[str] | None,
    with_label: bool,
    *,
    synthetic: bool,
    incomplete: bool,
) -> Case:
    """Create a case without patient yet, with ``problem`` if it is incomplete, ambiguous or synthetic."""
    case: Case = {"case_id": found.case_id, "patient": ""}
    problems, generated = [], []
    roles: list[str] = [*(wanted or MODALITIES), *(["label"] if with_label else []), "mask"]
    for role in roles:
        files = [file for file in found.files if file.role == role and (role != "label" or file.is_truth)]
        if role in ("label", "mask"):  # next to a label with the case's own name, another one is derived
            image_names = {file.case_name for file in found.files if file.role in MODALITIES}
            files = [file for file in files if file.case_name in image_names] or files
        marked = {file: reason for file in files if (reason := synthetic_reason(file.path))}
        if synthetic:  # acquired files take precedence
            files = [file for file in files if file not in marked] or files
            generated += [role] * any(file in marked for file in files)
        elif marked:
            place = f"out of {found.folder}"
            problems += [mistaken(found.case_id, role, file.path, reason, place) for file, reason in marked.items()]
            continue
        if len(files) > 1:
            listed = ", ".join(str(file.path) for file in files)
            problems.append(f"Case {found.case_id!r} has {len(files)} files for {role}: {listed}. Keep one of them.")
        elif files:
            case[role] = str(files[0].path)
    if missing := _find_missing(found, None if incomplete else wanted):
        problems.append(missing)
    case |= {"output_labels": OUTPUT_LABELS[recognise_case(found.case_id)], "synthetic": generated}
    if problems:
        case["problem"] = "\n".join(problems)
    return case


def _find_missing(found: _FoundCase, wanted: Sequence[str] | None) -> str:
    """Describe which modalities are missing from a case; empty if it has all that are wanted."""
    names = ", ".join(file.path.name for file in found.files) or ", ".join(path.name for path in found.unknown)
    missing = [role for role in wanted or () if not any(file.role == role for file in found.files)]
    if missing:
        return (
            f"Case {found.case_id!r} has no {' and no '.join(missing)} image: looked in {found.folder}, found "
            f"{names or 'nothing'}. Add the file, choose other modalities with --modalities, or move the case out of "
            f"the folder."
        )
    if not any(file.role in MODALITIES for file in found.files):
        return (
            f"Case {found.case_id!r} has no image with a known name: {found.folder} holds {names}. Looked for "
            f"{LOOKED_FOR}. Rename the files, or move them out of the folder."
        )
    return ""


def _algorithms_labels(found: _FoundCase) -> list[Path]:
    """Return label maps that no expert drew; they are not used as truth, and the user should know."""
    named = [file.path for file in found.files if file.role == "label" and not file.is_truth]
    return named + [path for path in found.unknown if path.name.lower().startswith(("seg_auto", "seg-auto"))]
