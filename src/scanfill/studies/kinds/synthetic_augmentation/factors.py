"""What each factor of the trial adds: arm and augmentation apart and together, by network, by number of patients."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

from scanfill.studies.kinds.synthetic_augmentation.arms import REAL, Combination, arms_of, combinations, levels
from scanfill.studies.study_scores import Cell, StudyScores
from scanfill.studies.tables.comparisons import Methods, mean_sd, patient_means, table_name
from scanfill.studies.tables.contrasts import Contrast, add, contrast_table, judge_contrasts
from scanfill.studies.tables.study_table import NOT_FINISHED, StudyTable
from scanfill.studies.tables.study_table import Cell as TableCell

Study = dict[str, Any]

OVER = "Averaged over all {over} with equal weights, within each patient; with all training patients. "
INTERACTION = (
    "Effect of the arm: with minus without its new cases, mean of both augmentations. Effect of the augmentation: mean "
    "of both arms. Interaction: how much more the arm adds with the augmentation than without it; below 0, they "
    "replace each other."
)


def factor_tables(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the tables of contrasts that a study's factors allow; a table without rows is not of use.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: How to test.
    """
    study = dict(scores.study)
    planned = [
        (
            "main_effects",
            "Arm and augmentation apart, and their interaction: effect on Dice",
            ("arm", "augmentation", "effect"),
            main_effects(study),
            [OVER.format(over="networks") + INTERACTION],
        ),
        (
            "by_network",
            "By network: what each arm adds to Dice, and how much more or less than in the first network",
            ("arm", "network", "effect"),
            by_network(study),
            [OVER.format(over="augmentations")],
        ),
        (
            "by_patients",
            "By number of training patients: what each arm adds to Dice",
            ("arm", "share of the patients", "effect"),
            by_patients(study),
            ["Averaged over all augmentations and networks with equal weights, within each patient."],
        ),
        (
            "among_new_cases",
            "Arms with new cases against each other: how many, of which generator, with which masks",
            ("arm", "minus", "differs in"),
            among_new_cases(study),
            [OVER.format(over="augmentations and networks")],
        ),
    ]
    return [
        contrast_table(
            name, title, heads, contrasts, judge_contrasts(scores, evaluation, contrasts, methods), notes=notes
        )
        for name, title, heads, contrasts, notes in planned
        if contrasts
    ]


def main_effects(study: Study) -> list[Contrast]:
    """List, for each arm and augmentation, the effect of the arm, of the augmentation, and their interaction."""
    found = []
    (base, *others), cells = levels(study["augmentation"]), _Named(study)
    for arm, augmentation in product(_arms(study), others):
        grid = [cells.at(network=network) for network in cells.networks]
        both = [replace(one, augmentation=name) for one in grid for name in (base, augmentation)]
        arms = [replace(one, arm=name, augmentation=augmentation) for one in grid for name in (REAL, arm)]
        with_it = [replace(one, augmentation=augmentation) for one in grid]
        pairs = {
            "arm": cells.gains(both, arm),
            "augmentation": cells.mean([(one, replace(one, augmentation=base)) for one in arms]),
            "interaction": [*cells.gains(with_it, arm), *_minus(cells.gains(grid, arm))],
        }
        found += [Contrast((arm, augmentation, effect), add(*parts)) for effect, parts in pairs.items()]
    return found


def by_network(study: Study) -> list[Contrast]:
    """List what each arm adds in each network, and the difference from what it adds in the first."""
    cells = _Named(study)
    if len(cells.networks) < 2:
        return []
    found, (first, *_) = [], cells.networks
    for arm in _arms(study):
        gains = {
            network: cells.gains([cells.at(augmentation=one, network=network) for one in cells.augmentations], arm)
            for network in cells.networks
        }
        found += [Contrast((arm, network, f"{arm} minus {REAL}"), add(*own)) for network, own in gains.items()]
        found += [
            Contrast((arm, network, f"more than in {first}"), add(*own, *_minus(gains[first])))
            for network, own in gains.items()
            if network != first
        ]
    return found


def by_patients(study: Study) -> list[Contrast]:
    """List what each arm adds with each share of the training patients, and the difference from the largest share."""
    cells = _Named(study)
    if len(cells.shares) < 2:
        return []
    found = []
    for arm in _arms(study):
        gains = {
            share: cells.gains([replace(one, patients=share) for one in cells.crossed()], arm) for share in cells.shares
        }
        most = max(gains)
        found += [Contrast((arm, f"{share:g}", f"{arm} minus {REAL}"), add(*own)) for share, own in gains.items()]
        found += [
            Contrast((arm, f"{share:g}", f"more than with {most:g}"), add(*own, *_minus(gains[most])))
            for share, own in gains.items()
            if share != most
        ]
    return found


def among_new_cases(study: Study) -> list[Contrast]:
    """List the difference of every arm with new cases from the arm of the primary contrast."""
    cells = _Named(study)
    arms = {arm.name: arm for arm in arms_of(study) if arm.filled_by}
    first = arms.get(study["primary"]["arm"])
    if first is None:
        return []
    found = []
    for arm in arms.values():
        if arm == first:
            continue
        pairs = [(replace(one, arm=arm.name), replace(one, arm=first.name)) for one in cells.crossed()]
        options = ("filled_by", "real_share", "generation", "painting")
        own = [f"{name}: {getattr(arm, name)}" for name in options if getattr(arm, name) != getattr(first, name)]
        head = (arm.name, first.name, "; ".join(own).replace("_", " ") or "nothing")
        found.append(Contrast(head, add(*cells.mean(pairs))))
    return found


def curve_table(scores: StudyScores, evaluation: str, methods: Methods) -> list[StudyTable]:
    """Make the table of Dice over shares of the training patients: mean and SD over patients.

    Args:
        scores: Scores of the study.
        evaluation: ``cross_validation`` or ``held_out``.
        methods: Nothing is tested here: see :py:func:`by_patients`.
    """
    del methods
    study = dict(scores.study)
    cells, there = _Named(study), set(scores.cells(evaluation))
    if len(cells.shares) < 2:
        return []
    rows: list[list[TableCell]] = []
    for arm, one, region in product([REAL, *_arms(study)], cells.crossed(), scores.regions):
        row: list[TableCell] = [arm, one.augmentation, one.network, region]
        for share in cells.shares:
            cell = Cell(cells.names[replace(one, arm=arm, patients=share)])
            scored = cell in there
            row.append(
                mean_sd(patient_means(scores.of(evaluation, cell), f"dice_{region}")) if scored else NOT_FINISHED
            )
        rows.append(row)
    columns = ["arm", "augmentation", "network", "region", *[f"{share:.0%} of the patients" for share in cells.shares]]
    note = "Mean and SD over patients. The smaller shares of a fold's training patients are parts of the larger ones."
    title = "Dice over shares of the training patients"
    return [StudyTable(table_name("patients_curve", evaluation), title, columns, rows, [note])]


class _Named:
    """The combinations of a study, with their names."""

    def __init__(self, study: Study) -> None:
        self.names = {one: name for name, one in combinations(study).items()}
        self.augmentations, self.networks = levels(study["augmentation"]), levels(study["segmenter"])
        self.shares = sorted(dict.fromkeys(one.patients for one in self.names))

    def at(self, augmentation: str | None = None, network: str | None = None) -> Combination:
        """Return a combination of the reference with all patients; by default, with the first of each factor."""
        return Combination(REAL, augmentation or self.augmentations[0], network or self.networks[0], max(self.shares))

    def crossed(self) -> list[Combination]:
        """Return every augmentation and network, of the reference with all patients."""
        return [self.at(*both) for both in product(self.augmentations, self.networks)]

    def gains(self, references: Sequence[Combination], arm: str) -> list[tuple[float, str, str]]:
        """Return the mean difference of an arm from some references."""
        return self.mean([(replace(one, arm=arm), one) for one in references])

    def mean(self, pairs: Sequence[tuple[Combination, Combination]]) -> list[tuple[float, str, str]]:
        """Return the mean difference of pairs of combinations."""
        return [(1 / len(pairs), self.names[one], self.names[other]) for one, other in pairs]


def _minus(parts: Iterable[tuple[float, str, str]]) -> list[tuple[float, str, str]]:
    return [(-weight, one, other) for weight, one, other in parts]


def _arms(study: Study) -> list[str]:
    return [arm.name for arm in arms_of(study) if arm.name != REAL]
