"""Paint lesions into the training cases of a fold, by the bundle that was trained on the same cases."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from scanfill.data import read_list
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError
from scanfill.files import writing
from scanfill.studies.kinds.synthetic_augmentation.arms import PAINTED_LIST, SUMMARY

LEFT_OUT = ("start_run", "announce", "dataset.report")
"""What the inference does around its run, and a step does itself: messages, and exit code 1 if a case failed."""


def paint_lesions(
    datalist: str | Path,
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    bundle: str | Path,
    filled_by: str = "network",
    seed: int = 0,
    painting: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> None:
    """Write a list of training cases: each real case, and new ones with a painted lesion.

    The same ``seed`` and ``painting`` give the same lesions in the same places, whatever fills them. A patient into
    whom no lesion fits has only real cases; the step prints the reason.

    Args:
        datalist: List with ``training`` and, optionally, ``validation``, which is not changed.
        output_dir: Output folder for the new cases, one subfolder each, and finally ``list.json`` and
            ``painted.json``, which counts them. Results of an earlier run are removed first.
        dataset_dir: Folder of the cases.
        bundle: Folder of the trained inpainting bundle.
        filled_by: ``network`` or ``blob``.
        seed: Seed of the first lesion; the others follow.
        painting: Further options of the bundle's inference.
        device: Device to run the network on.

    Raises:
        CaseError: Not a single lesion could be painted; the message gives the reasons.
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
    parser = open_inference(Path(bundle), options)
    parser.get_parsed_content("run")
    requests = parser.get_parsed_content("cases")
    failures = dict(parser.get_parsed_content("dataset").failures)
    if not (folder / PAINTED_LIST).is_file():  # it is not written if nothing was made
        msg = f"No lesion could be painted into any of {len(requests)} training cases: {'; '.join(failures.values())}"
        raise CaseError(msg)
    listed = read_list(folder / PAINTED_LIST, dataset_dir, schema=SCHEMA)["training"]
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


def open_inference(bundle: Path, options: Mapping[str, Any]) -> ConfigParser:
    """Open the inference of a trained bundle: its own config with some options, ``run`` without :py:data:`LEFT_OUT`.

    Args:
        bundle: Folder of the bundle, with ``configs/inference.yaml``, ``configs/metadata.json`` and its weights.
        options: Options of its inference.
    """
    parser = ConfigParser()
    parser.read_config(str(bundle / "configs" / "inference.yaml"))
    parser.read_meta(str(bundle / "configs" / "metadata.json"))
    steps = [step for step in parser["run"] if not any(name in str(step) for name in LEFT_OUT)]
    parser.update({**options, "bundle_root": str(bundle), "run": steps})
    return parser


def describe(
    requests: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]], failures: Mapping[str, str]
) -> list[str]:
    """Return what a reader of the log should know: how many cases are new, and which patients have none, and why.

    Args:
        requests: Every case that was to be made, with ``case_id`` and ``patient``.
        made: The new cases.
        failures: ``case_id`` of a request -> why it failed.
    """
    lines = [f"{len(made)} of {len(requests)} cases got a new lesion"]
    painted = {str(case["patient"]) for case in made}
    for patient in dict.fromkeys(str(request["patient"]) for request in requests):
        if patient not in painted:
            names = [str(request["case_id"]) for request in requests if str(request["patient"]) == patient]
            reasons = dict.fromkeys(failures[name] for name in names if name in failures)
            lines.append(f"patient {patient} has no new lesion, only real cases: {'; '.join(reasons) or 'unknown'}")
    return lines
