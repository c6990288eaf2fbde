"""The study of strategies for missing sequences."""

from typing import Any

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.errors import UsageError
from scanfill.studies.bundle_facts import networks_of
from scanfill.studies.checks import check_choices, check_least, chosen
from scanfill.studies.kind import Kind
from scanfill.studies.kinds.missing_modality.strategies import (
    BUNDLES,
    IMAGE_SCORES,
    STRATEGIES,
    find_models,
    find_predictions,
    find_steps,
)

Study = dict[str, Any]


def check_missing(study: Study) -> None:
    """Check the options for missing sequences and strategies.

    Raises:
        UsageError: A value is invalid; the message gives the option, its value and what is allowed.
    """
    choices = {"correction": ("holm", "paper"), "dedicated": ("three_inputs", "all"), "most_missing": (1, 2, 3)}
    check_choices(study, {"segmenter": tuple(networks_of(BUNDLES["segmentation"])), **choices})
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
    incomparable=("segmenter", "inner_folds"),
    find_bundles=lambda _: BUNDLES,
    set_by_study=frozenset({"modalities", "sources", "target"}),
    check=check_missing,
    find_models=find_models,
    find_predictions=find_predictions,
    describe=lambda study: f"segmenter {study['segmenter']}",
    find_steps=find_steps,
    figures=IMAGE_SCORES,
    default=True,
)
