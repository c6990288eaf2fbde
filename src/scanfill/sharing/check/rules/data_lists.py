"""Case lists with a patient in two parts, or with synthetic images used for evaluation."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from scanfill.sharing.check.config_sets import json_content
from scanfill.sharing.check.document import Node
from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline

PARTS = {"training": "training", "train": "training", "validation": "validation", "val": "validation"}
PARTS |= {"test": "test", "testing": "test"}
JUDGES = ("validation", "test")
PATIENT = ("patient", "patient_id", "subject", "subject_id", "PatientID", "case_id")
IMAGES = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd")
Case = dict[str, Any]


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find existing case lists named in the config that inflate scores."""
    for node, path in _lists(pipeline):
        parts = _read(path)
        if parts:
            yield from _leaks(node, path, parts)
            yield from _synthetic(node, path, parts, pipeline.is_synthetic)


def _lists(pipeline: Pipeline) -> Iterator[tuple[Node, Path]]:
    """Yield the JSON files whose path is a literal in the config."""
    seen: set[Path] = set()
    for _, node in pipeline.config.walk():
        stated = isinstance(node.value, str) and not node.value.startswith(("%", "@"))
        value = pipeline.config.value(node) if stated else None
        if not isinstance(value, str) or not value.lower().endswith(".json") or "\n" in value:
            continue
        for folder in (*pipeline.config.folders, Path()):
            path = folder / value
            if _is_there(path) and path.resolve() not in seen:
                seen.add(path.resolve())
                yield node, path


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # no permission, or a name that is too long
        return False


def _read(path: Path) -> dict[str, list[Case]]:
    """Read the parts of a Decathlon-style list; empty for any other kind of file."""
    content = json_content(path)
    parts: dict[str, list[Case]] = {}
    for name, cases in content.items() if isinstance(content, dict) else ():
        if name in PARTS and isinstance(cases, list) and all(isinstance(case, dict | str) for case in cases):
            listed = [case if isinstance(case, dict) else {"image": case} for case in cases]
            parts.setdefault(PARTS[name], []).extend(listed)
    folds = sorted({str(case["fold"]) for case in parts.get("training", ()) if "fold" in case})
    if len(folds) > 1:
        training = parts.pop("training")
        parts |= {f"fold {fold}": [case for case in training if str(case.get("fold")) == fold] for fold in folds}
    return parts


def _leaks(node: Node, path: Path, parts: dict[str, list[Case]]) -> Iterator[Fault]:
    home: dict[str, str] = {}
    shared: dict[str, tuple[str, str]] = {}
    for part, cases in parts.items():
        for case in cases:
            for who in _identities(case):
                if home.setdefault(who, part) != part:
                    shared.setdefault(who, (home[who], part))
    if shared:
        who, (first, second) = next(iter(shared.items()))
        more = f", and {len(shared) - 1} more like it" if len(shared) > 1 else ""
        what = f"In {path} {who} is in {first} and in {second}{more}."
        why = "Images of one patient are similar: a network trained on one scores too high on the other."
        yield Fault(node, what, why, "Split by patient: `python -m scanfill split`.")


def _identities(case: Case) -> Iterator[str]:
    """Yield what identifies a case's patient: a name, or an image file."""
    named = next((f"{key} {case[key]!r}" for key in PATIENT if case.get(key) not in (None, "")), None)
    if named:
        yield named
    images = case.get("image")
    for file in images if isinstance(images, list) else [images]:
        if isinstance(file, str):
            yield f"image {file!r}"


def _synthetic(
    node: Node, path: Path, parts: dict[str, list[Case]], is_synthetic: Callable[[Path], bool]
) -> Iterator[Fault]:
    for part in JUDGES:
        marked = [
            case for case in parts.get(part, ()) if case.get("synthetic") or _made(case, path.parent, is_synthetic)
        ]
        if marked:
            who = next(iter(_identities(marked[0])), str(marked[0]))
            more = f", and {len(marked) - 1} more like it" if len(marked) > 1 else ""
            what = f"In {path} {who} is synthetic and in {part}{more}."
            why = "A score against a synthetic image measures how well two networks agree, not accuracy on patients."
            yield Fault(node, what, why, f"Keep only acquired images in {part}; use synthetic ones only for training.")


def _made(case: Case, folder: Path, is_synthetic: Callable[[Path], bool]) -> bool:
    """Return whether a file of the case is marked as synthetic."""
    files = [file for value in case.values() for file in (value if isinstance(value, list) else [value])]
    images = [file for file in files if isinstance(file, str) and file.lower().endswith(IMAGES)]
    return any(is_synthetic(folder / file) for file in images)


RULE = Rule("data-list", "a case list that shares patients between parts, or evaluates on synthetic images", look)
