"""What the page of the trial says of its arms and regions, for any kind of data."""

from scanfill.data.schema_names import load_schema
from scanfill.studies.kinds.synthetic_augmentation.arms import (
    EMPTY,
    GENERATION,
    NETWORK,
    REAL,
    Arm,
    arms_of,
    levels,
)
from scanfill.studies.study_scores import StudyScores

RULES = (
    "{empty}: the score of a prediction without any label. Patients are evaluated only on acquired images: a "
    "validation or test list that contains a synthetic image or label is rejected.\n\nThe training hours of an arm "
    "with new cases include the network that makes them, which a straw man needs only for how cases are prepared.\n\n"
    "Verdicts follow a rule that was set before the results were seen: see the notes below the table. Undecided does "
    "not mean equal. An arm with more variety may need more steps than the reference: that would be a separate trial."
)


def explain(scores: StudyScores) -> str:
    """Explain regions, arms and factors of a study, and how its results are to be read."""
    study = dict(scores.study)
    names = {"augmentation": "augmentation", "segmenter": "network", "patients": "share of the training patients"}
    varied = [what for option, what in names.items() if len(levels(study[option])) > 1]
    same = ", ".join([*(what for what in list(names.values())[:2] if what not in varied), "seeds and number of steps"])
    crossed = (
        f" Each arm is trained with every {' and '.join(varied)}, and compared with {REAL} of the same; a name states "
        f"the arm, then what varies (p50: half of the training patients)."
        if varied
        else ""
    )
    bundle = study["bundles"][GENERATION]
    arms = " ".join(f"{arm.name}: {describe_arm(arm, bundle)}" for arm in arms_of(study))
    return f"{_regions(scores)} {arms} All arms have the same {same}.{crossed} {RULES.format(empty=EMPTY)}".strip()


def describe_arm(arm: Arm, bundle: str) -> str:
    """Describe in a sentence what a segmenter of an arm is trained on.

    Args:
        arm: The arm.
        bundle: Name of the bundle that makes new cases.
    """
    if arm.name == REAL:
        return "trained on the real training cases alone, the reference."
    if arm.mixing:
        return (
            f"lesions of other training patients are pasted into {_percent(1 - arm.real_share)} of the patches while "
            f"it is trained."
        )
    made = f"by {bundle}, trained on the same patients" if arm.filled_by == NETWORK else f"filled by {arm.filled_by}"
    where = " with the same masks" if arm.filled_by != NETWORK else ""
    seen = "new cases alone" if arm.real_share == 0 else f"{_percent(1 - arm.real_share)} of the patches from new cases"
    own = [f"{name}: {value}" for name, value in {**arm.generation, **arm.painting}.items()]
    return f"{seen}{where}, {made}{'; ' if own else ''}{', '.join(own)}."


def _percent(share: float) -> str:
    return f"{100 * share:g} %"


def _regions(scores: StudyScores) -> str:
    """Return which labels the compared regions consist of."""
    schema = load_schema(scores.about["schema"])
    labels = {} if schema.label is None else schema.label.names
    parts = {region: [labels[label] for label in schema.regions[region]] for region in scores.regions}
    shown = {region: " and ".join(names) for region, names in parts.items()}
    stated = [f"{region}: {names}." for region, names in shown.items() if names != region]
    return " ".join(stated)
