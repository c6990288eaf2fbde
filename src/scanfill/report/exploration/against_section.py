"""The part of the page that compares the explored set with another: are they too alike, or too different?"""

import math

import numpy as np

from scanfill.metrics.set_shift import CategoryShift, NumberShift
from scanfill.report.exploration.against_figures import distances_figure, histograms_figure, pair_figure
from scanfill.report.exploration.comparison import SetComparison, compare_sets
from scanfill.report.exploration.comparison_answers import ALPHA, TOO_FEW, answers, p_text, set_names, shift_verdict
from scanfill.report.exploration.explored_set import ExploredSet
from scanfill.report.exploration.intensity_section import short
from scanfill.report.exploration.pooled_intensities import PooledIntensities
from scanfill.report.page import Figure, Mark, Part, Row, Section, Table

SHOWN = 8
"""Number of pairs of each kind that are shown."""

CATEGORIES = 6
"""Number of categories whose shares are shown."""


def against_section(explored: ExploredSet, other: ExploredSet) -> list[Part]:
    """Compare two sets and show what was found.

    Args:
        explored: The set that the page is about.
        other: The set given with ``--against``.

    Raises:
        UsageError: See :py:func:`~scanfill.report.exploration.comparison.compare_sets`.
    """
    found = compare_sets(explored, other)
    return [_answers(found), _shifts(found), *_intensities(found), *_neighbors(found)]


def _answers(found: SetComparison) -> Section:
    first, second = set_names(found)
    sizes = f"{_size(first, found.first)} {_size(second, found.second)}"
    text = (
        "Too alike is a leak if one is for training and the other for testing: scores would be too good. Too different "
        "means that scores on one say little about the other; that is what an external test set is for. Answers "
        "with an interval or a p-value are wrong by chance about once in twenty times each."
    )
    rows = [list(answer) for answer in answers(found)]
    return Section(f"{first} against {second}", f"{sizes}\n\n{text}", [Table(["question", "answer", "figures"], rows)])


def _size(name: str, explored: ExploredSet) -> str:
    patients = len({record.patient for record in explored.records})
    unread = sum(bool(record.problems) for record in explored.records)
    problems = f", {unread} of them with files that could not be read" if unread else ""
    return f"{name}: {len(explored.records)} cases of {patients} patients{problems}."


def _shifts(found: SetComparison) -> Section:
    first, second = set_names(found)
    rows = [_shift_row(name, shift, found.corrected[name]) for name, shift in found.shifts.items()]
    rows.sort(key=lambda row: getattr(row[-1], "kind", "") != "warn")
    text = (
        f"Difference: {second} minus {first}; of a number in SDs (Hedges' g), of a category in percentage points, that "
        f"of the category that differs most. In brackets its 95 % interval. Patients are the unit: a patient's cases "
        f"count as their mean. Tests: Kolmogorov-Smirnov for numbers; chi-square, Fisher's exact or an exchange of "
        f"patients for categories; p-values after Holm's correction for all {len(found.corrected)} properties, the "
        f"intensities below included. Alike: a difference of half an SD, or of 15 points, is ruled out. Not "
        f"shown: none was found, but one is possible."
    )
    if found.same:
        text += f"\n\nThe same in all cases of both: {', '.join(found.same)}."
    if found.unshared:
        text += f"\n\nKnown in one set only, and not compared: {', '.join(found.unshared)}."
    columns = ["property", first, second, "difference", "p (Holm)", "verdict"]
    return Section("Shifts of properties", text, [Table(columns, rows)] if rows else [])


def _shift_row(name: str, shift: NumberShift | CategoryShift, corrected: float | None) -> list[object]:
    sides = [_category(shift, side) if isinstance(shift, CategoryShift) else _number(shift, side) for side in (0, 1)]
    return [name, *sides, _difference(shift), p_text(corrected), shift_verdict(shift, corrected)]


def _number(shift: NumberShift, side: int) -> str:
    spread = f" \N{PLUS-MINUS SIGN} {short(shift.spreads[side])}" if math.isfinite(shift.spreads[side]) else ""
    return f"{short(shift.means[side])}{spread} (n={shift.patients[side]})"


def _category(shift: CategoryShift, side: int) -> str:
    names = sorted(shift.shares, key=lambda name: -sum(shift.shares[name]))
    shown = [f"{name} {shift.shares[name][side]:.0%}" for name in names[:CATEGORIES]]
    more = f", {len(names) - CATEGORIES} more" if len(names) > CATEGORIES else ""
    return f"{', '.join(shown)}{more} (n={shift.patients[side]})"


def _difference(shift: NumberShift | CategoryShift) -> str:
    if shift.effect is None:
        return "\N{EN DASH}"
    if isinstance(shift, CategoryShift):
        interval = "" if shift.low is None or shift.high is None else f" ({shift.low:+.0%} to {shift.high:+.0%})"
        return f"{shift.largest} {shift.effect:+.0%}{interval}"
    interval = "" if shift.low is None or shift.high is None else f" ({shift.low:+.2f} to {shift.high:+.2f})"
    return f"{shift.effect:+.2f} SD{interval}"


def _intensities(found: SetComparison) -> list[Part]:
    if not found.intensities:
        return []
    rows = [_histogram_row(pooled, found.corrected[pooled.name]) for pooled in found.intensities]
    text = (
        "Wasserstein distance: by how much intensities must be moved, on average, to turn one set's pooled histogram "
        "into the other's. It is never 0, so it is compared with that of patients exchanged at random between the sets."
    )
    table = Table(["image", "distance", "in SDs", "5 % by chance exceed", "p (Holm)", "verdict"], rows)
    return [
        Section("Intensities of both sets", text, [table], [histograms_figure(found.intensities, set_names(found))])
    ]


def _histogram_row(pooled: PooledIntensities, corrected: float | None) -> list[object]:
    shift = pooled.shift
    if corrected is None:
        verdict: Mark | str = TOO_FEW
    else:
        verdict = Mark("different", "warn") if corrected < ALPHA else "not shown"
    relative = f"{shift.distance / shift.spread:.2f}" if shift.spread > 0 else None
    chance = None if shift.chance is None else short(shift.chance)
    name = f"{pooled.key}, {'z-scored' if pooled.normalized else 'as stored'}"
    return [name, short(shift.distance), relative, chance, p_text(corrected), verdict]


def _neighbors(found: SetComparison) -> list[Part]:
    neighbors = found.neighbors
    if neighbors is None:
        return [
            Section(
                "Nearest neighbors across the sets",
                "There are no images of the same dimensions in both sets to compare.",
            )
        ]
    first, second = set_names(found)
    order = np.argsort(neighbors.across, kind="stable").tolist()
    shown = min(SHOWN, (len(order) + 1) // 2)
    keys = ", ".join(found.images.keys)
    text = f"Each case of {second} with its nearest neighbor in {first}, by {keys}. {_left_out(found)}"
    return [
        Section("Nearest neighbors across the sets", text, figures=[distances_figure(neighbors, (first, second))]),
        Section("The closest pairs", f"Left: {second}. Right: the nearest case of {first}. r: correlation."),
        Row([_pair(found, index) for index in order[:shown]]),
        Section("The farthest cases", f"Left: {second}. Right: the nearest that {first} has."),
        Row([_pair(found, index) for index in order[::-1][:shown]]),
    ]


def _left_out(found: SetComparison) -> str:
    names = set_names(found)
    texts = [f"{number} of {name}" for number, name in zip(found.images.left_out, names, strict=True) if number]
    return f"Left out, for they lack such an image or it has other dimensions: {', '.join(texts)}." if texts else ""


def _pair(found: SetComparison, index: int) -> Figure:
    assert found.neighbors is not None
    key, distance = found.images.keys[0], float(found.neighbors.across[index])
    one, other = found.images.second[index], found.images.first[int(found.neighbors.index[index])]
    caption = f"{one.case_id} | {other.case_id}: r = {1 - distance**2 / 2:.3f}"
    if one.images[key].checksum == other.images[key].checksum:
        caption += ", identical"
    elif one.patient == other.patient:
        caption += ", same patient by name"
    return pair_figure(one.images[key].thumbnail, other.images[key].thumbnail, caption)
