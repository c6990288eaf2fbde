"""The answers of a comparison of two sets in plain words: too alike, too different, or neither."""

import math
from collections.abc import Sequence

from scanfill.metrics.set_classifier import FEWEST, TellApart
from scanfill.metrics.set_shift import CategoryShift, NumberShift
from scanfill.report.exploration.comparison import SetComparison
from scanfill.report.exploration.copies_section import ALIKE, Copy
from scanfill.report.page import Mark

ALPHA = 0.05

SMALL = 0.2
"""Difference in SDs below which a significant one is of the spread or shape rather than of the mean (Cohen 1988)."""

RULED_OUT = {"number": 0.5, "category": 0.15}
"""Largest difference, in SDs or as a share, that the interval may include for two sets to be called alike."""

CLEAR = 0.8
"""Area under the ROC curve from which two sets are called different rather than somewhat different."""

LISTED = 5
"""Number of names in a cell."""

TOO_FEW = "too few patients"

Answer = tuple[str, Mark, str]


def set_names(found: SetComparison) -> tuple[str, str]:
    """Return the names of both sets, with the folder above them if they are equal."""
    first, second = found.first.folder, found.second.folder
    if first.name != second.name:
        return first.name, second.name
    return f"{first.parent.name}/{first.name}", f"{second.parent.name}/{second.name}"


def shift_verdict(shift: NumberShift | CategoryShift, corrected: float | None) -> Mark | str:
    """Return the verdict on one property: a mark, or a text where there is nothing to see or to say.

    Args:
        shift: How it differs.
        corrected: Its p-value after correction for all properties; None without a test.
    """
    if corrected is None:
        return TOO_FEW
    category = isinstance(shift, CategoryShift)
    if corrected < ALPHA:
        if category or shift.effect is None:
            return Mark("different", "warn")
        if abs(shift.effect) < SMALL:
            return Mark("other spread or shape", "warn")
        return Mark("higher" if shift.effect > 0 else "lower", "warn")
    bound = math.inf if shift.low is None or shift.high is None else max(abs(shift.low), abs(shift.high))
    if bound < RULED_OUT["category" if category else "number"]:
        return Mark("alike", "good")
    possible = f": up to {bound:.0%} possible" if category else f": up to {bound:.1f} SD possible"
    return f"not shown{possible if math.isfinite(bound) else ''}"


def answers(found: SetComparison) -> list[Answer]:
    """Return question, answer and figures of everything that the page asks about the two sets."""
    return [
        _copies(found),
        _patients(found),
        *_nearness(found),
        *[_told_apart(name, told) for name, told in found.classifiers.items()],
        *_strangers(found),
        _properties(found),
    ]


def _copies(found: SetComparison) -> Answer:
    first, second = set_names(found)
    question = "Is an image in both sets?"
    shared = found.shared_images
    if shared.copies:
        pairs = _listed([_named(copy, "=") for copy in shared.copies])
        return question, Mark("yes", "bad"), f"{len(shared.copies)} images of {second} are copies: {pairs}."
    if found.neighbors is None:
        return question, Mark("no identical one", "known"), "Images that were changed cannot be looked for."
    alike = found.neighbors.too_alike
    if alike:
        pairs = _listed([_pair(found, index) for index in alike])
        text = f"{len(alike)} cases of {second} are less than half as far from {first} as its own cases: {pairs}."
        return question, Mark("probably", "bad"), f"{text} Look at them below."
    if shared.near:
        text = (
            f"{len(shared.near)} pairs of an image of {second} and one of {first} correlate above {ALIKE}: "
            f"{_listed([_named(copy, '~') for copy in shared.near])}; so do {shared.near_within} pairs of different "
            f"patients of {first}. They may be copies, visits or slices of one patient: look at them below."
        )
        return question, Mark("nearly", "warn"), text
    return question, Mark("no", "good"), "No copies, and none that was merely rescaled or recompressed."


def _patients(found: SetComparison) -> Answer:
    question, shared = "Is a patient in both sets?", found.shared_names
    if not shared.names:
        return question, Mark("no", "good"), "No name of a patient is in both; the names are all that is known."
    text = f"{len(shared.names)} names of patients are in both: {_listed(shared.names)}."
    if shared.p is None:
        return question, Mark("by name", "bad"), f"{text} If they are the same persons, scores will be too good."
    matched = f"The nearest neighbor of {shared.matched} of {shared.cases} cases with such a name has the same name"
    if shared.p < ALPHA:
        return question, Mark("yes", "bad"), f"{text} {matched}, more than by chance: they are the same persons."
    return (
        question,
        Mark("by name only", "warn"),
        f"{text} {matched}, no more than by chance: names may have been given anew in each set. Make sure of it.",
    )


def _nearness(found: SetComparison) -> list[Answer]:
    neighbors = found.neighbors
    if neighbors is None or neighbors.nearer is None or neighbors.low is None or neighbors.high is None:
        return []
    first, second = set_names(found)
    text = (
        f"A patient of {second} is nearer to {first} than one of its own patients with a probability of "
        f"{neighbors.nearer:.2f} ({neighbors.low:.2f} to {neighbors.high:.2f}; .5 if both are of one kind)."
    )
    if neighbors.low > 0.5:
        answer = Mark("nearer", "bad" if neighbors.nearer >= CLEAR else "warn")
    elif neighbors.high < 0.5:
        answer = Mark("farther", "warn")
    else:
        answer = Mark("as near", "good")
    return [(f"Is {second} as near to {first} as that is to itself?", answer, text)]


def _told_apart(name: str, told: TellApart) -> Answer:
    question = f"Can the sets be told apart by their {name}?"
    if told.auc is None or told.low is None or told.high is None:
        few = f"{told.patients[0]} and {told.patients[1]} patients with such images; at least {FEWEST} each are needed."
        return question, Mark(TOO_FEW, "known"), few
    text = f"AUC of a simple classifier for new patients: {told.auc:.2f} ({told.low:.2f} to {told.high:.2f})."
    if told.low <= 0.5:
        return question, Mark("no", "good"), f"{text} {_width(told.high)}"
    return question, Mark("clearly" if told.auc >= CLEAR else "somewhat", "warn"), text


def _width(high: float) -> str:
    return "" if high < CLEAR else "With so few patients, it might still be a clear difference."


def _strangers(found: SetComparison) -> list[Answer]:
    neighbors = found.neighbors
    if neighbors is None or neighbors.far is None or neighbors.far_p is None:
        return []
    first, second = set_names(found)
    far = neighbors.too_different
    text = (
        f"{len(far)} of {len(neighbors.across)} cases of {second} are farther from {first} than nearly all of its own "
        f"are from one another; about {neighbors.expected:.1f} would be if both were of one kind "
        f"(p {p_text(neighbors.far_p)})."
    )
    if far:
        text += f" The farthest: {_listed([found.images.second[index].case_id for index in far])}."
    answer = Mark("yes", "warn") if neighbors.far_p < ALPHA else Mark("no more than by chance", "good")
    return [(f"Are there cases unlike all of {first}?", answer, text)]


def _properties(found: SetComparison) -> Answer:
    question = "Which properties differ?"
    tested = [name for name, p in found.corrected.items() if p is not None]
    different = [name for name in tested if (found.corrected[name] or 0) < ALPHA]
    if not tested:
        return question, Mark(TOO_FEW, "known"), "No property could be tested."
    if different:
        text = f"{len(different)} of {len(tested)} tested: {_listed(different, 2 * LISTED)}."
        return question, Mark("some", "warn"), text
    return question, Mark("none shown", "good"), f"None of {len(tested)}; the table says how much may be hidden."


def _named(copy: Copy, sign: str) -> str:
    (one, key), (other, other_key) = copy.one, copy.other
    image = f" ({key})" if key == other_key else f" ({key}, {other_key})"
    return f"{one.case_id} {sign} {other.case_id}{image if len(one.images) > 1 else ''}"


def _pair(found: SetComparison, index: int) -> str:
    assert found.neighbors is not None
    other = found.images.first[int(found.neighbors.index[index])]
    return f"{found.images.second[index].case_id} ~ {other.case_id}"


def p_text(p: float | None) -> str:
    """Format a p-value; a dash if there is none."""
    if p is None:
        return "\N{EN DASH}"
    return "<.001" if p < 0.001 else f"{p:.3f}"


def _listed(names: Sequence[str], number: int = LISTED) -> str:
    return ", ".join(names[:number]) + (f" and {len(names) - number} more" if len(names) > number else "")
