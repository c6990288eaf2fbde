"""Make new training cases of a fold, by the bundle that was trained on the same cases."""

import json
import re
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from scanfill.data import load_schema, read_list
from scanfill.data.evaluation_cases import refuse_seen
from scanfill.engines.checkpoint_files import read_record
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.studies.kinds.synthetic_augmentation.arms import MADE_LIST, SUMMARY
from scanfill.studies.kinds.synthetic_augmentation.trained_config import open_trained


def paint_lesions(
    datalist: str | Path,
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    bundle: str | Path,
    evaluated: str | Path | None = None,
    filled_by: str = "network",
    seed: int = 0,
    painting: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> None:
    """Write a list of training cases: each real case, and new ones, such as ones with a painted lesion.

    The same ``seed`` and ``painting`` give the same masks in the same places, whatever fills them. A patient of whom
    no new case can be made has only real ones; the step prints the reason.

    Args:
        datalist: List with ``training`` and, optionally, ``validation``, which is not changed.
        output_dir: Output folder for the new cases, one subfolder each, and finally ``list.json`` and
            ``painted.json``, which counts them. Results of an earlier run are removed first.
        dataset_dir: Folder of the cases.
        bundle: Folder of the trained bundle that makes them.
        evaluated: List of the fold, whose validation and test patients must not have been used for a new case.
        filled_by: ``network``, or a straw man of the bundle.
        seed: Seed of the first new case; the others follow.
        painting: Further options of the bundle's inference.
        device: Device to run the network on.

    Raises:
        CaseError: A patient to be evaluated was used; not a single new case could be made. The message gives the
            reasons.
    """
    folder, begin = Path(output_dir), time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    options = {
        **(painting or {}),
        "datalist": str(datalist),
        "dataset_dir": str(dataset_dir),
        "output_dir": str(folder),
        "filled_by": filled_by,
        "seed": seed,
        "device": f"$torch.device({str(device)!r})",
    }
    parser = open_trained(Path(bundle), ("inference.yaml",), options)
    schema = load_schema(parser["_meta_"]["scanfill"]["schema"])
    requests = parser.get_parsed_content("cases")
    if evaluated is not None:
        split = read_list(evaluated, dataset_dir, schema=schema)
        judged = [case for part in ("validation", "test") for case in split.get(part, ())]
        refuse_seen(judged, read_record(Path(bundle) / "models" / "model.pt").get("training"), f"Generator {bundle}")
        refuse_used(judged, requests, (painting or {}).get("masks", ""))
    parser.get_parsed_content("run")
    failures = dict(parser.get_parsed_content("dataset").failures)
    if not (folder / MADE_LIST).is_file():  # it is not written if nothing was made
        msg = f"No new case could be made of any of {len(requests)} training cases: {'; '.join(failures.values())}"
        raise CaseError(msg)
    listed = read_list(folder / MADE_LIST, dataset_dir, schema=schema)["training"]
    made = [case for case in listed if case["synthetic"]]
    for line in describe(requests, made, failures):
        print(f"Step: {line}")  # noqa: T201  shown to whoever runs the study
    summary = {
        "filled_by": filled_by,
        "requested": len(requests),
        "made": [str(case["case_id"]) for case in made],
        "failures": failures,
        "seconds": time.monotonic() - begin,
    }
    with writing(folder / SUMMARY) as temporary:
        temporary.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")


def refuse_used(judged: Sequence[Mapping[str, Any]], requests: Sequence[Mapping[str, Any]], masks: str) -> None:
    """Refuse a new case that is of a patient to be evaluated, or has the mask of one.

    Args:
        judged: Cases to be evaluated, with ``case_id`` and ``patient``.
        requests: Every case to be made.
        masks: A folder with masks; its files are recognized by the name of a case or patient in theirs.

    Raises:
        CaseError: With the new case and the patient.
    """
    names = {str(case[key]) for case in judged for key in ("case_id", "patient")}
    for request in requests:
        files = [str(value) for value in request.values() if isinstance(value, str | Path)]
        own = [Path(file).relative_to(masks).as_posix() for file in files if masks and Path(file).is_relative_to(masks)]
        if str(request["patient"]) in names or any(is_named(name, file) for name in names for file in own):
            what = f"the mask {own[0]}" if own else f"patient {request['patient']!r}"
            msg = (
                f"The new case {request['case_id']!r} would be made of {what}, who is to be evaluated: scores would be "
                f"inflated. Leave it out of the masks and of the training list."
            )
            raise CaseError(msg)


def is_named(name: str, file: str) -> bool:
    """Return whether a name stands in that of a file as a whole: ``case_1`` does in ``case_1_seg``, not ``case_12``.

    A mere number counts only at the beginning, for elsewhere it may be that of a slice.
    """
    before = "^" if name.isdigit() else r"(?<![^\W_])"
    return re.search(rf"{before}{re.escape(name)}(?![^\W_])", file) is not None


def describe(
    requests: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]], failures: Mapping[str, str]
) -> list[str]:
    """Return what a reader of the log should know: how many cases are new, and which patients have none, and why.

    Args:
        requests: Every case that was to be made, with ``case_id`` and ``patient``.
        made: The new cases.
        failures: ``case_id`` of a request -> why it failed.
    """
    lines = [f"{len(made)} of {len(requests)} new cases were made"]
    painted = {str(case["patient"]) for case in made}
    for patient in dict.fromkeys(str(request["patient"]) for request in requests):
        if patient not in painted:
            names = [str(request["case_id"]) for request in requests if str(request["patient"]) == patient]
            reasons = dict.fromkeys(failures[name] for name in names if name in failures)
            lines.append(f"patient {patient} has no new case, only real ones: {'; '.join(reasons) or 'unknown'}")
    return lines
