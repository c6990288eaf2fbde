"""The study of strategies for missing sequences."""

from typing import Any

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import UsageError
from scanfill.studies.checks import check_choices, check_least, chosen
from scanfill.studies.kind import Kind
from scanfill.studies.strategies import BUNDLES, SEGMENTERS, STRATEGIES, find_models, find_predictions, missing_sets

Study = dict[str, Any]


def check_missing(study: Study) -> None:
    """Check the options for missing sequences and strategies.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value and what is allowed.
    """
    choices = {"correction": ("holm", "paper"), "dedicated": ("three_inputs", "all"), "most_missing": (1, 2, 3)}
    check_choices(study, {"segmenter": tuple(SEGMENTERS), **choices})
    check_least(study, {"inner_folds": 2, "keep_images": 0})
    subset = study["subset"]
    for name, known in {"targets": MODALITIES, "sources": MODALITIES, "strategies": STRATEGIES}.items():
        subset[name] = chosen(f"subset.{name}", subset[name], known)
    alone = [target for target in subset["targets"] if not set(subset["sources"]) - {target}]
    if alone and {"pairwise", "pairwise_from", "synthetic_trained"} & set(subset["strategies"]):
        msg = f"subset.sources (={subset['sources']}) has no sequence to synthesize {alone[0]} from. Add one."
        raise UsageError(msg)


KIND = Kind(
    name="missing_modality",
    smoke="smoke.yaml",
    incomparable=("inner_folds",),
    find_bundles=lambda _: BUNDLES,
    set_by_study=frozenset(),
    check=check_missing,
    find_models=find_models,
    find_predictions=find_predictions,
    further=lambda study: {"missing_sets": [list(names) for names in missing_sets(study)]},
    default=True,
)
