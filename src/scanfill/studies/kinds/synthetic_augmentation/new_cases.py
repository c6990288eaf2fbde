"""What the page of the trial shows of the new cases: how many there are, why some failed, and pictures."""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path
from typing import Any

from scanfill.report.page import Figure, Part, Section, Table
from scanfill.studies.commands import share_name, step_folder
from scanfill.studies.kinds.synthetic_augmentation.arms import GENERATION, SUMMARY, levels
from scanfill.studies.kinds.synthetic_augmentation.jobs import find_models, painting_arms, step_name
from scanfill.studies.study_scores import StudyScores
from scanfill.studies.tables.costs import read_receipts

Painted = list[tuple[str, int, int, Mapping[str, Any]]]

PICTURE_WIDTH = 700
"""CSS pixels of the picture of a new case."""


def trial_closing(scores: StudyScores) -> list[Part]:
    """State whether all segmenters had the same number of steps, how many new cases there are, and show some."""
    generators = {name for name, model in find_models(dict(scores.study)).items() if model["block"] == GENERATION}
    trained = [receipt for receipt in read_receipts(scores, "models") if receipt["name"] not in generators]
    steps = sorted({int(receipt["steps"]) for receipt in trained if "steps" in receipt})
    equal = (
        f"Every segmenter had {steps[0]} steps." if len(steps) == 1 else f"SEGMENTERS DIFFER IN THEIR STEPS: {steps}."
    )
    painted = read_painted(scores)
    rows = [
        [arm, seed, fold, told["requested"], len(told["made"]), told["seconds"]] for arm, seed, fold, told in painted
    ]
    columns = ("arm", "seed", "fold", "training cases x copies", "made", "seconds")
    failed = dict.fromkeys(text for *_, told in painted for text in told["failures"].values())
    why = f"\n\nNo new case was made where: {' '.join(failed)}" if failed else ""
    tables = [Table(columns, rows, "New training cases of each fold", digits=0)] if rows else []
    return [Section("The new cases", equal + why, tables, pictures_of(scores, painted))]


def steps_of(scores: StudyScores) -> dict[str, str]:
    """Return the steps that made new cases: name of the arms that got them, with their share of patients -> step."""
    study = dict(scores.study)
    arms: dict[str, list[str]] = {}
    shares: dict[str, float] = {}
    for share, arm in product(levels(study["patients"]), painting_arms(study)):
        step = step_name(arm, share)
        arms.setdefault(step, []).append(arm.name)
        shares[step] = share
    return {
        f"{', '.join(names)}{'' if shares[step] == 1 else f' ({share_name(shares[step])})'}": step
        for step, names in arms.items()
    }


def read_painted(scores: StudyScores) -> Painted:
    """List what the steps say of their new cases: arms, seed, fold and the content of ``painted.json``."""
    found = []
    for (arms, step), seed, fold in product(steps_of(scores).items(), scores.seeds, scores.folds):
        path = scores.folder / step_folder(step, f"fold_{fold}", seed) / SUMMARY
        if path.is_file():
            found.append((arms, seed, fold, json.loads(path.read_text(encoding="utf-8"))))
    return found


def pictures_of(scores: StudyScores, painted: Painted) -> list[Figure]:
    """Show a case of the first fold that every filler has made; nothing if there is no such case or picture."""
    first = {arms: (seed, fold, told["made"]) for arms, seed, fold, told in reversed(painted)}
    common = [case for _, _, made in list(first.values())[-1:] for case in made]
    case = next((case for case in common if all(case in made for _, _, made in first.values())), None)
    figures = []
    for arms, step in steps_of(scores).items():
        if arms in first and case is not None:
            seed, fold, _ = first[arms]
            picture = _folder(scores, step, seed, fold) / case / f"{case}_preview.png"
            caption = f"{arms}: a training case of fold {fold} before and after."
            figures += [Figure(picture, caption, PICTURE_WIDTH)] if picture.is_file() else []
    return figures


def _folder(scores: StudyScores, step: str, seed: int, fold: int) -> Path:
    return scores.folder / step_folder(step, f"fold_{fold}", seed)
