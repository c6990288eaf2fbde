"""The trial of synthetic lesions: one segmenter, trained with and without them, for the same number of steps."""

from scanfill.studies.kind import Kind
from scanfill.studies.kinds.synthetic_augmentation.arms import (
    BUNDLES,
    EMPTY,
    find_models,
    find_predictions,
    find_steps,
)
from scanfill.studies.kinds.synthetic_augmentation.options import check_trial

KIND = Kind(
    name="synthetic_augmentation",
    smoke="smoke_synthetic_augmentation.yaml",
    incomparable=("segmenter", "augmentation"),
    find_bundles=lambda _: BUNDLES,
    set_by_study=frozenset({"augmentation", "raw_augmentation", "modalities"}),
    check=check_trial,
    find_models=find_models,
    find_predictions=find_predictions,
    describe=lambda study: f"segmenter {study['segmenter']}, augmentation {study['augmentation']}",
    find_steps=find_steps,
    configs=("augmentation",),
    empty=EMPTY,
)
