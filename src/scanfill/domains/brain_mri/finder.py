"""Turn a folder of brain MRI files into a case list."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from scanfill.data.finders import existing_folder, mistaken, refuse_problems, sorted_cases
from scanfill.data.folders import entries, not_a_file, walk
from scanfill.data.image import GRID_TOLERANCE, VOLUME_SUFFIXES, corner_distance, volume_suffix
from scanfill.data.nifti import grid_in_header
from scanfill.data.nnunet import has_channels
from scanfill.data.patients import find_patients, note_possible_visits
from scanfill.data.provenance import stem_of, synthetic_reason
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
    states_patient,
    states_something_else,
)
from scanfill.domains.brain_mri.nnunet_cases import nnunet_cases
from scanfill.domains.brain_mri.survey import check_duplicates, check_enhancement, survey_cases
from scanfill.errors import CaseError

SYNTHETIC_END = re.compile(r"(?:^|[-_.])synthetic$", re.IGNORECASE)
"""End of the part before the modality in the name of a synthetic image."""

LOOKED_FOR = (
    f"one folder per case, with files such as t1.nii.gz, t1ce.nii.gz, t2.nii.gz, flair.nii.gz, or in BraTS naming "
    f"(BraTS20_Training_001_t1ce.nii.gz, BraTS-GLI-00002-000-t1c.nii.gz); file types {', '.join(VOLUME_SUFFIXES)}"
)
"""Description of the expected names for error messages."""

LISTED = 5
"""Number of files that a note names."""


@dataclass
class _FoundCase:
    """The files of one case, before any check."""

    case_id: str
    folder: Path
    files: list[NamedFile]
    unknown: list[Path]
    problem: str = ""
    """Why its folder cannot be read."""
    convention: str | None = None
    """What its label values mean, if something but the values states it."""

    @property
    def names(self) -> set[str]:
        """How its files may begin, in lower case; empty for plain names."""
        images = {file.case_name.lower() for file in self.files if file.role in MODALITIES}
        return images | {"", self.case_id.lower(), self.folder.name.lower()}

    def files_for(self, role: str) -> list[NamedFile]:
        """Return the files for a role; of labels and masks, those with the name of the images first."""
        files = [file for file in self.files if file.role == role]
        if role in MODALITIES:
            return files
        files = [file for file in files if (role == "mask" or file.is_truth) and file.belongs_to(self.names)]
        own = {file.case_name for file in self.files if file.role in MODALITIES}
        return [file for file in files if file.case_name in own] or files


@dataclass
class _Search:
    """What a search finds: cases, and volumes that belong to none."""

    cases: list[_FoundCase] = field(default_factory=list)
    others: list[Path] = field(default_factory=list)


class BrainFinder(Finder):
    """Finds brain tumor cases: one folder with one file per modality, in any of the usual namings.

    If one folder contains several cases, files whose names begin alike form a case; those of BIDS by subject and
    session. The layout of nnU-Net is read with its ``dataset.json``. The folder may itself be a single case. Files
    whose names begin with a dot are ignored. In addition to the keys listed by
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
    search = _find(folder)
    options = {"synthetic": synthetic, "incomplete": incomplete}
    described = (_describe(case, modalities, with_label, **options) for case in search.cases)
    cases = sorted_cases(described, folder, LOOKED_FOR)
    patients = find_patients(folder, [case["case_id"] for case in cases], patient_regex, patient_of)
    return Cohort(
        [case | {"patient": patients[case["case_id"]]} for case in cases],
        [*_left_aside(search), *note_possible_visits(folder, patients, patient_regex, states_patient)],
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
    notes = [f"{len(labelled)} of {len(cases)} cases have a label map.", *_note_other_grids(labelled)]
    if labelled:
        values = {case["case_id"]: surveys[case["case_id"]].values for case in labelled}
        decision = decide_convention(values, labels, [case.get("label_convention") for case in labelled])
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


def _find(folder: Path) -> _Search:
    """Walk through the folders and collect each case's files."""
    search = _Search()
    volumes: dict[Path, list[Path]] = {}
    for path in _volumes(folder, search):
        parent = path.parent
        # BraTS 2012 to 2015 has one folder per file, with the same name, in the folder of the case; other copies have
        # folders with the name of a file, such as BraTS2021_00495_flair.nii/00000057_brain_flair.nii.
        own_folder = parent != folder and (parent.name == stem_of(path) or bool(volume_suffix(parent)))
        volumes.setdefault(parent.parent if own_folder else parent, []).append(path)
    channels = {parent for parent, paths in volumes.items() if has_channels(parent, paths)}
    labels = {parent for parent in volumes if parent.name.lower().startswith("labels")}
    beside = {place.parent for place in channels}
    for parent, paths in volumes.items():
        if parent in channels:
            for name, files, convention, ignored in nnunet_cases(parent, paths):
                search.cases.append(_FoundCase(name, parent, files, [], convention=convention))
                search.others += ignored
        elif parent not in labels or parent.parent not in beside:
            _refuse_several_volumes(parent, paths)
            _group(parent, paths, search)
    return search


def _refuse_several_volumes(folder: Path, paths: Sequence[Path]) -> None:
    """Refuse the files of the Medical Segmentation Decathlon, which hold all modalities of a case."""
    if folder.name not in ("imagesTr", "imagesTs") or any(recognise_file(path) for path in paths):
        return
    try:
        several = len(grid_in_header(paths[0])[0]) > 3
    except Exception:  # noqa: BLE001 - nibabel has no common base of its errors; most such folders are the Decathlon's
        several = True
    if several:
        msg = (
            f"{folder} is a folder of the Medical Segmentation Decathlon, whose files hold four modalities each: "
            f"split them, for example with nibabel.funcs.four_to_three (the order is flair, t1, t1ce, t2), into "
            f"<case>/flair.nii.gz, t1.nii.gz, t1ce.nii.gz, t2.nii.gz, and put labelsTr/<case>.nii.gz next to them "
            f"as <case>/seg.nii.gz."
        )
        raise CaseError(msg)


def _volumes(folder: Path, search: _Search) -> Iterator[Path]:
    """List every volume below a folder in order, without hidden files (``._t1.nii.gz`` of macOS).

    Folders with the name of a volume that contain none are listed too, so that they are reported with their case; a
    folder that cannot be read becomes a case of its own.
    """
    entries(folder)  # the folder itself must be readable

    def report(path: Path, reason: str) -> None:
        search.cases.append(_FoundCase(path.name, path, [], [], problem=f"Case {path.name!r}: {path} {reason}"))

    for parent, folders, names in walk(folder, report):
        yield from (parent / name for name in names if volume_suffix(name))
        yield from (path for name in folders if volume_suffix(path := parent / name) and not _holds_volumes(path))


def _holds_volumes(folder: Path) -> bool:
    return any(volume_suffix(name) for _, _, names in walk(folder, lambda *_: None) for name in names)


def _group(folder: Path, paths: Sequence[Path], search: _Search) -> None:
    """Separate the cases in one folder by the beginning of their images' names."""
    recognised = {path: _recognise(path, folder) for path in paths}
    unknown = [path for path, file in recognised.items() if file is None]
    files = _join_synthetic([file for file in recognised.values() if file is not None], folder)
    names = sorted({file.case_name for file in files if file.role in MODALITIES})
    if "" in names and folder.name in names:  # t1.nii.gz and anna_t2.nii.gz in the folder anna
        files = [replace(file, case_name="") if file.case_name == folder.name else file for file in files]
        names.remove(folder.name)
    if not files and all(states_something_else(path) for path in unknown):  # such as func and dwi of BIDS
        search.others += unknown
    elif len(names) <= 1:
        name = names[0] if names and names_a_case(names[0]) else folder.name
        search.cases.append(_FoundCase(name, folder, files, unknown))
    else:
        for name in names:
            own = [file for file in files if file.case_name == name]
            near = [path for path in unknown if path.name.startswith(name)]
            search.cases.append(_FoundCase(name or folder.name, folder, own, near))
        known = {path for name in names for path in unknown if path.name.startswith(name)}
        search.others += [path for path in unknown if path not in known]
        search.others += [file.path for file in files if file.case_name not in names]


def _recognise(path: Path, folder: Path) -> NamedFile | None:
    """Return what a volume is by its name, or by the name of its own folder below that of the case."""
    if path.parent == folder or not volume_suffix(path.parent):
        return recognise_file(path)
    file = recognise_file(path.parent)
    return replace(file, path=path) if file else None


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
    problems, generated = [found.problem] if found.problem else [], []
    roles: list[str] = [*(wanted or MODALITIES), *(["label"] if with_label else []), "mask"]
    for role in roles:
        files = found.files_for(role)
        absent = {file: reason for file in files if (reason := not_a_file(file.path))}
        problems += [f"Case {found.case_id!r}: {role} ({file.path}) {reason}" for file, reason in absent.items()]
        marked = {file: mark for file in files if (mark := synthetic_reason(file.path))}
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
    if not found.problem and (missing := _find_missing(found, None if incomplete else wanted)):
        problems.append(missing)
    output_labels = found.convention or OUTPUT_LABELS[recognise_case(found.case_id)]
    case |= {"output_labels": output_labels, "synthetic": generated}
    if found.convention and "label" in case:
        case["label_convention"] = found.convention
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


def _left_aside(search: _Search) -> list[str]:
    """Describe the volumes that are not used, so that a file with an unexpected name is noticed."""
    cases = sorted((case for case in search.cases if case.files), key=lambda case: case.case_id)
    made = [path for case in cases for path in _algorithms_labels(case)]
    others = [*search.others, *(path for case in cases for path in case.unknown)]
    for case in cases:
        kept = {file.path for role in (*MODALITIES, "label", "mask") for file in case.files_for(role)}
        others += [file.path for file in case.files if file.path not in kept]
    others = sorted({*others} - {*made})
    notes = [f"Ignored, made by an algorithm: {path}" for path in made]
    if others:
        listed = ", ".join(str(path) for path in others[:LISTED])
        more = f" and {len(others) - LISTED} more" if len(others) > LISTED else ""
        notes.append(f"Ignored, neither a modality nor a tumor label nor a brain mask by name: {listed}{more}.")
    return notes


def _note_other_grids(cases: Sequence[Case]) -> list[str]:
    """Name the label maps on a grid that no image of their case has, as far as NIfTI headers show it."""
    apart = [case for case in cases if _is_apart(case)]
    if not apart:
        return []
    listed = ", ".join(f"{case['case_id']!r} ({case['label']})" for case in apart[:LISTED])
    more = f" and {len(apart) - LISTED} more" if len(apart) > LISTED else ""
    warning = (
        f"Warning: the label map is on another grid than every image of its case, and such a case will be refused: "
        f"{listed}{more}. Give each case the label map that was drawn on one of its images."
    )
    return [warning]


def _is_apart(case: Case) -> bool:
    try:
        shape, affine = grid_in_header(case["label"])
        grids = [grid_in_header(case[key]) for key in MODALITIES if key in case]
    except Exception:  # noqa: BLE001 - nibabel has no common base of its errors; reading reports the fault
        return False
    return bool(grids) and not any(
        other == shape and corner_distance(shape, affine, matrix) <= GRID_TOLERANCE for other, matrix in grids
    )


def _algorithms_labels(found: _FoundCase) -> list[Path]:
    """Return label maps that no expert drew; they are not used as truth, and the user should know."""
    named = [file.path for file in found.files if file.role == "label" and not file.is_truth]
    return named + [path for path in found.unknown if path.name.lower().startswith(("seg_auto", "seg-auto"))]
