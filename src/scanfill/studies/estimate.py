"""Estimate the cost of a study before it is run."""

import json
import statistics
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from .commands import config_files, trainings

Plan = dict[str, Any]


def describe_plan(plan: Plan, folder: Path) -> str:
    """Describe how many trainings a study has, how many are done, and how long the others may take.

    Seconds per step are measured in the study's finished trainings, for each kind of network; otherwise they are taken
    from the study file. Without either there is no estimate.

    Args:
        plan: Content of ``study.json``.
        folder: Output folder of the study, which contains ``bundles``.
    """
    measured = measured_seconds(plan, folder)
    kinds: dict[str, list[float]] = {}
    every = trainings(plan)
    done = [job for job in every if receipt_of(folder, *job).is_file()]
    patients = ", ".join(f"{count} {part}" for part, count in plan["patients"].items())
    lines = [f"Study {plan['study']['name']}: {len(every)} trainings, {len(done)} of them done"]
    lines += [f"Patients in the first fold: {patients}"]
    for name, seed, fold in every:
        model = plan["models"][name]
        kinds.setdefault(model["cost"], []).append(0 if (name, seed, fold) in done else steps_of(model, folder))
    total, unknown = 0.0, []
    for kind, steps in kinds.items():
        seconds = measured.get(kind)
        left = Counter(step for step in steps if step)
        what = " + ".join(f"{count} x {step:.0f} steps" for step, count in left.items()) or "nothing left"
        if seconds is None and left:
            unknown.append(kind)
        total += sum(steps) * (seconds or 0)
        rate = "" if seconds is None else f" at {seconds:.3g} s = {sum(steps) * seconds / 3600:.3g} h"
        lines.append(f"  {kind}: {len(steps)} trainings, {what}{rate}")
    known = f"Estimated {'GPU ' if plan['gpu'] else ''}hours of training left: {total / 3600:.3g}"
    if unknown:
        known += (
            f", without {' and '.join(unknown)}, whose seconds per step are unknown: run one fold first "
            f"(--set subset.folds=[0] seeds=[0]), or set them under seconds_a_step"
        )
    return "\n".join([*lines, f"{known}.", f"{predictions(plan)} predictions follow; their cost is not included."])


def predictions(plan: Plan) -> int:
    """Count the prediction jobs."""
    return len(plan["predictions"]) * len(plan["study"]["seeds"]) * len(plan["study"]["subset"]["folds"])


def receipt_of(folder: Path, name: str, seed: int, fold: str) -> Path:
    """Return the path of a training's receipt."""
    return folder / "models" / name / f"seed_{seed}" / fold / "receipt.json"


def steps_of(model: Mapping[str, Any], folder: Path) -> float:
    """Compute the number of steps of a training from its options and configs."""
    options: dict[str, Any] = {}
    for file in config_files(model):
        options |= yaml.safe_load((folder / file).read_text(encoding="utf-8"))
    options |= model["options"]
    return float(options["max_epochs"] * options["epoch_length"])


def measured_seconds(plan: Plan, folder: Path) -> dict[str, float]:
    """Return seconds per step by kind: the median over finished trainings, else the value in the study file."""
    found: dict[str, list[float]] = {}
    for job in trainings(plan):
        path = receipt_of(folder, *job)
        if path.is_file():
            receipt = json.loads(path.read_text(encoding="utf-8"))
            found.setdefault(plan["models"][job[0]]["cost"], []).append(receipt["seconds_a_step"])
    stated = {kind: float(value) for kind, value in plan["study"]["seconds_a_step"].items() if value is not None}
    return stated | {kind: statistics.median(values) for kind, values in found.items()}
