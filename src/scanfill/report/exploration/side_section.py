"""Whether left and right are balanced: hands of each side, and the half in which classes lie."""

from collections.abc import Sequence

import numpy as np

from scanfill.report.exploration.class_section import listed
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.page import Mark, Part, Section, Table

SIDE = "side"
"""Key of the condition that states the side of the body."""

FEWEST, FEWEST_CLASSES = 5, 3
"""Images of a side, and classes in an image, that are needed to tell whether it is mirrored."""


def side_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if no side is known and there are no labels."""
    sides = {side: [record for record in explored.records if record.conditions.get(SIDE) == side] for side in _SIDES}
    tables = []
    texts = []
    if any(sides.values()):
        patients = [{record.patient for record in records} for records in sides.values()]
        left, right = map(len, sides.values())
        texts.append(
            f"{left} images are of a left side, {right} of a right one, {len(explored.records) - left - right} state "
            f"no side; {len(patients[0] & patients[1])} persons have both."
        )
        tables += _by_side(explored, *sides.values())
        mirrored = [name for records in sides.values() for name in find_mirrored(records)]
        if mirrored:
            rows = [[Mark("mirrored or of the other side?", "warn"), listed(mirrored, 20)]]
            caption = "The classes lie in the opposite order from left to right than in most images of the same side."
            tables.append(Table(["finding", "images"], rows, caption))
    elif explored.labelled:
        texts.append(f"Share of each class in the {_half(explored)}.")
        tables += _halves(explored)
    return [Section("Left and right", " ".join(texts), tables)] if texts else []


_SIDES = ("left", "right")


def find_mirrored(records: Sequence[CaseRecord]) -> list[str]:
    """Return the images in which the classes lie in the opposite order from left to right than in most images.

    Args:
        records: Images of one side of the body.
    """
    labelled = [record for record in records if len(record.places) >= FEWEST_CLASSES]
    if len(labelled) < FEWEST:
        return []
    names = {name for record in labelled for name in record.places}
    usual = {name: np.median([record.places[name] for record in labelled if name in record.places]) for name in names}
    return [
        record.case_id
        for record in labelled
        if np.corrcoef([(place, usual[name]) for name, place in record.places.items()], rowvar=False)[0, 1] < 0
    ]


def _half(explored: ExploredSet) -> str:
    oriented = any(image.spacing for record in explored.records for image in record.images.values())
    return "half at the patient's left" if oriented or explored.in_ml else "left half of the picture"


def _by_side(explored: ExploredSet, left: Sequence[CaseRecord], right: Sequence[CaseRecord]) -> list[Table]:
    """Compare the median size of each class between the sides."""
    rows: list[list[object]] = []
    for name in explored.classes:
        sizes = [
            [explored.size(record, record.areas[name]) for record in records if record.areas.get(name)]
            for records in (left, right)
        ]
        if all(sizes):
            medians = [float(np.median(each)) for each in sizes]
            counts = [len(each) for each in sizes]
            rows.append([name, *counts, *map(explored.write_size, medians), f"{medians[0] / medians[1]:.2f}"])
    columns = ["class", "left", "right", f"median left ({explored.unit})", "median right", "left / right"]
    return [Table(columns, rows, "Images with each class, and its size, by side.")] if rows else []


def _halves(explored: ExploredSet) -> list[Table]:
    rows: list[list[object]] = []
    for name in explored.classes:
        shares = np.array([record.left[name] for record in explored.labelled if name in record.left])
        if len(shares):
            middle = int(np.count_nonzero((shares >= 0.25) & (shares <= 0.75)))
            ends = [int(np.count_nonzero(shares > 0.75)), middle, int(np.count_nonzero(shares < 0.25))]
            rows.append([name, len(shares), *ends, f"{np.mean(shares):.0%}"])
    columns = ["class", "images", "mostly left", "both", "mostly right", "mean share left"]
    return [Table(columns, rows, "Mostly: more than three quarters of its voxels.")] if rows else []
