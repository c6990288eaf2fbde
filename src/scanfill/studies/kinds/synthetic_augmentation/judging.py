"""Judge the network that makes the new cases of a fold, by the evaluation of its own bundle."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from scanfill.data import load_schema, read_list, write_split
from scanfill.studies.kinds.synthetic_augmentation.trained_config import open_trained


def judge_generator(
    datalist: str | Path,
    output_dir: str | Path,
    *,
    dataset_dir: str | Path,
    bundle: str | Path,
    evaluated: str | Path,
    seed: int = 0,
    judging: Mapping[str, Any] | None = None,
    device: torch.device | str = "cpu",
) -> None:
    """Evaluate a trained bundle on the patients that its fold evaluates; the bundle refuses those it has seen.

    Nothing is chosen by the result: it only stands beside what the new cases have added.

    Args:
        datalist: List whose ``training`` the bundle was trained on.
        output_dir: Output folder for what the evaluation writes, such as ``judgement.json``; and ``cases.json``, the
            list that it was given.
        dataset_dir: Folder of the cases.
        bundle: Folder of the trained bundle.
        evaluated: List of the fold, whose ``validation`` patients are evaluated.
        seed: Seed of everything random.
        judging: Further options of the bundle's evaluation.
        device: Device to run the network on.

    Raises:
        CaseError: A patient to be evaluated was used in the training, or there is nothing to compare.
    """
    options = {
        **(judging or {}),
        "dataset_dir": str(dataset_dir),
        "output_dir": str(output_dir),
        "evaluate_on": "validation",
        "seed": seed,
        "device": f"$torch.device({str(device)!r})",
    }
    folder, listed = Path(bundle), Path(output_dir) / "cases.json"
    parser = open_trained(folder, ("train.yaml", "evaluate.yaml"), options | {"datalist": str(listed)})
    schema = load_schema(parser["_meta_"]["scanfill"]["schema"])
    known, judged = (read_list(path, dataset_dir, schema=schema) for path in (datalist, evaluated))
    split = {"training": known["training"], "validation": judged["validation"]}
    write_split(split, listed, schema=schema, relative_to=dataset_dir)
    parser.get_parsed_content("run")
