"""Which cases get a lesion, how often, and where its shape comes from."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.cases import find_cases
from scanfill.data.image import IMAGE_SUFFIXES, VOLUME_SUFFIXES
from scanfill.data.lists import read_list
from scanfill.data.new_cases import SEED, SOURCE, state_convention
from scanfill.data.provenance import LESION_COPY
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.errors import UsageError

Case = dict[str, Any]

MASKS = ("moved", "deformed", "drawn", "own")
"""Where the shape of a lesion comes from: another patient, as it is or deformed; drawn; or the case's own lesions."""

FROM_DONORS = ("moved", "deformed")
"""Those of them that need the lesions of other patients."""

DRAWN_MASK = "lesion_file"
"""Key of a request, beside those of every new case: the file of a given mask."""


def find_recipients(
    dataset_dir: str | Path | None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str],
    datalist: str | Path | None = None,
    labels: str = "auto",
    masks: str = "moved",
    copies: int = 1,
    seed: int = 0,
    synthetic: bool = False,
) -> list[Case]:
    """List what is to be made: each case once per copy, under a new name.

    Args:
        dataset_dir: One case or a folder of cases; labels are optional.
        schema: Name of a kind of data, or its schema.
        modalities: Images that each case must have.
        datalist: A list instead, whose training part is used.
        labels: What the values in label maps mean.
        masks: One of :py:data:`MASKS`, or a folder with one mask per case, ``<case_id>.nii.gz``.
        copies: How many lesions are made for each case, one at a time.
        seed: Seed of the first copy of the first case; the others follow.
        synthetic: Whether images marked as synthetic may be used.

    Returns:
        Cases, each with a new ``case_id`` (``<case>-lesion<copy>``), the keys ``source_case`` and ``seed`` and, if the
        mask is given, ``lesion_file``; one for which nothing can be made has the reason under ``problem``.

    Raises:
        UsageError: ``masks`` is neither of these, or ``copies`` is below 1.
        CaseError: See :py:func:`scanfill.data.find_cases`.
    """
    kind = load_schema(schema)
    folder = None if masks in MASKS else Path(masks).expanduser()
    if folder is not None and not folder.is_dir():
        msg = f"masks (={masks!r}) must be one of {', '.join(MASKS)}, or a folder with one mask per case."
        raise UsageError(msg)
    if copies < 1:
        msg = f"copies (={copies}) must be at least 1."
        raise UsageError(msg)
    if datalist is None:
        lenient = {"check": False, "strict": False, "synthetic": synthetic}  # one bad case must not stop the others
        cases = find_cases(dataset_dir, modalities, labels, None, schema=kind, **lenient)
    else:
        cases = read_list(datalist, dataset_dir, modalities, schema=kind).get("training", [])
        kind.finder.interpret(cases, kind, labels)
    state_convention(cases, kind, labels)
    requests: list[Case] = []
    for case in cases:
        for copy in range(copies):
            name = LESION_COPY.format(case=case["case_id"], copy=copy + 1)
            request = case | {"case_id": name, SOURCE: case["case_id"], SEED: seed + len(requests)}
            if folder is not None:
                request |= _given(folder, str(case["case_id"]), kind)
            if "problem" in case:
                request["problem"] = case["problem"].replace("set synthetic=True", "pass --synthetic true")
            if not synthetic and case.get("synthetic"):
                request.setdefault("problem", _of_synthetic(case))
            requests.append(request)
    return requests


def donors_of(
    recipients: Sequence[Case],
    donors_dir: str | Path | None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str],
    labels: str = "auto",
) -> list[Case]:
    """List the labelled cases whose lesions may be moved: those of a folder, or the recipients themselves.

    Raises:
        CaseError: See :py:func:`scanfill.data.find_cases`.
    """
    kind = load_schema(schema)
    key = kind.label.key if kind.label else "label"
    if donors_dir is not None:
        found = find_cases(donors_dir, modalities, labels=labels, schema=kind)
    else:
        by_name = {case[SOURCE]: case | {"case_id": case[SOURCE]} for case in recipients if not case.get("problem")}
        found = list(by_name.values())
    return [case for case in found if case.get(key) and not case.get("synthetic")]


def _given(folder: Path, case_id: str, kind: CaseSchema) -> Case:
    """Return the file of the mask of a case, or why there is none."""
    for suffix in IMAGE_SUFFIXES if kind.takes_pictures else VOLUME_SUFFIXES:
        if (folder / f"{case_id}{suffix}").is_file():
            return {DRAWN_MASK: str(folder / f"{case_id}{suffix}")}
    return {"problem": f"Case {case_id!r} has no mask in {folder}: draw one as {case_id}.nii.gz, or leave it out."}


def _of_synthetic(case: Case) -> str:
    files = ", ".join(f"{key} ({case[key]})" for key in case["synthetic"] if key in case)
    return (
        f"Case {case['case_id']!r}: {files} is synthetic. Pass --synthetic true to alter it all the same, or use the "
        f"acquired image."
    )
