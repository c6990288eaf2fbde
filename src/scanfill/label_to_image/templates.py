"""Which cases lend their bodies and masks to new slices, how often, and under which names."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scanfill.data.cases import find_cases
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.lists import PARTS, read_list
from scanfill.data.new_cases import SEED, SOURCE, label_of, state_convention
from scanfill.data.provenance import SLICE_COPY, SLICE_LOOK
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.truth import read_truth
from scanfill.errors import CaseError, UsageError
from scanfill.label_to_image.given_masks import masks_in, pair_with_bodies, refuse_judged

logger = logging.getLogger(__name__)

Case = dict[str, Any]

MASKS = ("own", "moved", "deformed", "drawn")
"""Where the label map of a new slice comes from: that of a training patient as it is, moved, or deformed; or drawn."""

MASK_SEED, LOOK_OF = "mask_seed", "look_of"
"""Keys of a request: the seed of slice and mask, which all looks of one mask share, and the name that they share."""

MASK_FILE, MASK_CONVENTION = "mask_file", "mask_convention"
"""Keys of a request: the file of a mask from a folder, and what its values mean."""


def find_templates(
    dataset_dir: str | Path | None,
    *,
    schema: CaseSchema | str | Mapping[str, Any],
    modalities: Sequence[str],
    datalist: str | Path | None = None,
    labels: str = "auto",
    learned_from: Mapping[str, Sequence[str]] | None = None,
    masks: str = "own",
    copies: int = 1,
    looks: int = 1,
    seed: int = 0,
) -> list[Case]:
    """List what is to be made: each labelled training case once per copy and look, under a new name.

    No patient on whom a network is judged lends a body or a mask. With a list, these are its validation and test
    patients, whom the generator must not know either. Without one, they are all whom the generator did not learn from.
    Cases with an empty label map, and synthetic ones, are left out, which is logged.

    Args:
        dataset_dir: One case or a folder of cases, with labels.
        schema: Name of a kind of data, or its schema.
        modalities: Images that each case must have.
        datalist: A list instead, whose training part is used.
        labels: What the values in label maps mean.
        learned_from: ``cases`` and ``patients`` that the generator learned from; None if that is unknown.
        masks: One of :py:data:`MASKS`, or a folder with masks, each of which is drawn in the body of its own case, or
            of a training case that is chosen by the seed.
        copies: How many slices are made of each case or given mask, one at a time.
        looks: How many looks each of these slices gets.
        seed: Seed of the first one; the others follow.

    Returns:
        Cases, each with a new ``case_id`` (``<case>-slice<copy>``, with ``-look<number>`` if there are several), and
        the keys ``source_case``, ``seed`` and ``mask_seed``, for a given mask also ``mask_file`` and ``mask_patient``,
        with the mask's name in place of the case's; one that cannot be read has the reason under ``problem``.

    Raises:
        UsageError: A number is below 1, ``masks`` is none of these, or the schema has no label map.
        CaseError: The generator, or a given mask, knows a patient on whom a network is judged; no case is left; or see
            :py:func:`scanfill.data.find_cases`.
    """
    kind = load_schema(schema)
    spec = label_of(kind)
    folder = None if masks in MASKS else Path(masks).expanduser()
    if folder is not None and not folder.is_dir():
        msg = f"masks (={masks!r}) must be one of {', '.join(MASKS)}, or a folder with masks."
        raise UsageError(msg)
    if copies < 1 or looks < 1:
        msg = f"copies (={copies}) and looks (={looks}) must be at least 1."
        raise UsageError(msg)
    if datalist is None:
        found = find_cases(dataset_dir, modalities, labels, schema=kind, check=False, strict=False)
        cases, judged = _learned(found, learned_from)
    else:
        split = read_list(datalist, dataset_dir, modalities, schema=kind)
        judged = [case for part in PARTS[1:] for case in split.get(part, ())]
        remedy = "or make slices with a generator that was trained on this list"
        refuse_seen(judged, learned_from, f"The generator, which is to make training cases for {datalist},", remedy)
        cases = split.get("training", [])
        kind.finder.interpret(cases, kind, labels)
    usable = _with_labels(cases, kind)
    state_convention(usable, kind, labels)
    if folder is None:
        return _requests([(case, str(case["case_id"])) for case in usable], copies, looks, seed)
    given = masks_in(folder, kind, labels, [*usable, *judged])
    refuse_judged(given, judged, folder)
    bodies = [case for case in usable if not case.get("problem")]
    drawn = [
        (body | _mask_of(mask, spec.key), str(mask["case_id"])) for mask, body in pair_with_bodies(given, bodies, seed)
    ]
    return _requests(drawn, copies, looks, seed)


def _requests(cases: Sequence[tuple[Case, str]], copies: int, looks: int, seed: int) -> list[Case]:
    """Return each case once per copy and look; a name of a new case starts with the one beside it."""
    requests: list[Case] = []
    for case, start in cases:
        for copy in range(1, copies + 1):
            name = SLICE_COPY.format(case=start, copy=copy)
            shared = case | {SOURCE: case["case_id"], MASK_SEED: seed + len(requests), LOOK_OF: name}
            for look in range(1, looks + 1):
                own = name if looks == 1 else SLICE_LOOK.format(slice=name, look=look)
                requests.append(shared | {"case_id": own, SEED: seed + len(requests)})
    return requests


def _mask_of(mask: Case, key: str) -> Case:
    convention = {MASK_CONVENTION: mask["label_convention"]} if "label_convention" in mask else {}
    return {MASK_FILE: mask[key], "mask_patient": mask["patient"], **convention}


def originals_of(requests: Sequence[Case], most: int = 60) -> list[Case]:
    """Return the training cases that requests are made from, each once, under their own names.

    Args:
        requests: See :py:func:`find_templates`.
        most: At most so many, evenly spread.
    """
    by_name = {case[SOURCE]: case | {"case_id": case[SOURCE]} for case in requests if not case.get("problem")}
    every = max(1, -(-len(by_name) // most))
    return list(by_name.values())[::every]


def _learned(cases: Sequence[Case], learned_from: Mapping[str, Sequence[str]] | None) -> tuple[list[Case], list[Case]]:
    """Return the cases of patients whom the generator knows, and the others, on whom a network may be judged."""
    if learned_from is None:
        return list(cases), []
    known = set(learned_from.get("patients", ()))
    kept = [case for case in cases if case["patient"] in known]
    if not kept:
        others = ", ".join(sorted({str(case["patient"]) for case in cases})[:5])
        msg = (
            f"The generator was trained on none of the patients of the {len(cases)} cases ({others}, ...), so they may "
            f"be those on whom a network is judged. Say with --datalist which of them are for training."
        )
        raise CaseError(msg)
    if left := sorted({str(case["patient"]) for case in cases} - known):
        logger.info("%d patients are left out, as the generator was not trained on them: %s", len(left), _some(left))
    return kept, [case for case in cases if case["patient"] not in known]


def _with_labels(cases: Sequence[Case], kind: CaseSchema) -> list[Case]:
    """Return the acquired cases in whose label map something is drawn, and those that cannot be read."""
    spec = label_of(kind)
    usable: list[Case] = []
    empty: list[str] = []
    unlabelled: list[str] = []
    for case in cases:
        if case.get("synthetic"):
            continue
        if not case.get("problem") and not case.get(spec.key):
            unlabelled.append(str(case["case_id"]))
            continue
        try:
            if not case.get("problem") and not bool(read_truth(case, kind, spec.key).any()):
                empty.append(str(case["case_id"]))
                continue
        except CaseError as error:
            usable.append(case | {"problem": str(error)})
            continue
        usable.append(case)
    for names, what in ((empty, "an empty label map"), (unlabelled, "no label map")):
        if names:
            logger.warning("%d cases are left out, as they have %s: %s", len(names), what, _some(names))
    if not usable:
        wanted = " or ".join(spec.names.values())
        msg = f"None of the {len(cases)} cases has a label map with {wanted}, so there is no mask to draw a slice from."
        raise CaseError(msg)
    return usable


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
