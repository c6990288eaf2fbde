"""How predictions compare with the truth: kinds of errors, the worst cases, and pictures of them."""

import math
from collections.abc import Mapping

from scanfill.metrics.error_kinds import BAND, KINDS, ErrorCount
from scanfill.report.exploration.class_section import listed
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.overlay_pictures import COLOR_NAMES, draw_overlays
from scanfill.report.exploration.read_set import lenient_schema
from scanfill.report.page import Part, Section, Table

LISTED, SHOWN = 15, 6
"""Number of the worst cases that are listed, and shown."""


def prediction_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if no predictions were given."""
    predicted = [record for record in explored.records if record.prediction]
    if not predicted and not explored.strays:
        return []
    without = [record.case_id for record in explored.records if not record.prediction]
    text = f"{len(predicted)} of {len(explored.records)} cases have a prediction that could be read."
    text += f" Without: {listed(without)}." if without else ""
    text += f" Left aside, for they are of no case here: {listed(explored.strays)}." if explored.strays else ""
    judged = sorted(
        (record for record in predicted if record.prediction and not math.isnan(record.prediction.mean_dice)),
        key=lambda record: record.prediction.mean_dice if record.prediction else 0,
    )
    if not judged:
        text += " None of them has a truth to compare with."
        return [Section("Predictions", text), *_pictures(predicted[:SHOWN], explored)]
    shared = not (explored.schema.label and explored.schema.label.exclusive)
    kinds = [kind for kind in KINDS if shared or "single" in kind]
    errors = _summed(judged)
    colors = "; ".join(f"{COLOR_NAMES[kind]}: {kind}" for kind in kinds)
    shown = [*judged[:SHOWN], *judged[SHOWN:][-1:]]
    return [
        Section("Predictions", text, [_errors(errors, kinds), _worst(judged)]),
        Section("Worst predictions, and the best", f"Errors are colored by kind: {colors}."),
        *_pictures(shown, explored),
    ]


def _summed(judged: list[CaseRecord]) -> dict[str, ErrorCount]:
    found = [record.prediction.errors for record in judged if record.prediction]
    return {kind: sum((errors[kind] for errors in found), ErrorCount()) for kind in KINDS}


def _errors(errors: Mapping[str, ErrorCount], kinds: list[str]) -> Table:
    wrong = sum(errors[kind].wrong for kind in kinds)
    rows = [
        [kind, found.missed, found.added, _share(found.wrong, wrong), _share(found.wrong, found.marked)]
        for kind in kinds
        for found in [errors[kind]]
    ]
    caption = (
        f"Errors of all cases, in pairs of a voxel and a class. Boundary: within {BAND:g} voxels of the true outline "
        f"of the class. Interior: farther from it, on either side. Overlapping: in voxels that truly belong to several "
        f"classes. Wrong: share of the pairs there that are true or predicted."
    )
    return Table(["kind", "missed", "added", "share of all errors", "wrong"], rows, caption)


def _share(part: int, whole: int) -> str | None:
    return f"{part / whole:.1%}" if whole else None


def _worst(judged: list[CaseRecord]) -> Table:
    rows: list[list[object]] = []
    for record in judged[:LISTED]:
        if record.prediction:
            scores = record.prediction.dice
            named = sorted(scores, key=scores.__getitem__)[:3]
            texts = ", ".join(f"{name} {scores[name]:.3f}" for name in named)
            rows.append([record.case_id, record.prediction.mean_dice, texts])
    caption = "Lowest mean Dice of the classes that are in the truth."
    return Table(["case", "mean Dice", "worst classes"], rows, caption)


def _pictures(records: list[CaseRecord], explored: ExploredSet) -> list[Part]:
    parts: list[Part] = []
    for record in records:
        score = record.prediction.mean_dice if record.prediction else math.nan
        caption = record.case_id + ("" if math.isnan(score) else f", mean Dice {score:.3f}")
        row = draw_overlays(record, lenient_schema(explored.schema), caption)
        parts += [row] if row else []
    return parts
