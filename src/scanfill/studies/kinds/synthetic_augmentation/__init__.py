"""The trial of synthetic cases: segmenters, trained with and without them, for the same number of steps."""

from scanfill.studies.kind import Kind
from scanfill.studies.kinds.synthetic_augmentation.arms import EMPTY, levels
from scanfill.studies.kinds.synthetic_augmentation.jobs import find_models, find_predictions, find_steps
from scanfill.studies.kinds.synthetic_augmentation.options import check_trial, find_bundles, find_options

KIND = Kind(
    name="synthetic_augmentation",
    smoke="smoke_synthetic_augmentation.yaml",
    incomparable=("segmenter", "augmentation"),
    find_bundles=find_bundles,
    set_by_study=frozenset({"augmentation", "raw_augmentation", "modalities"}),
    check=check_trial,
    find_models=find_models,
    find_predictions=find_predictions,
    describe=lambda study: (
        f"segmenter {', '.join(levels(study['segmenter']))}, augmentation {', '.join(levels(study['augmentation']))}"
    ),
    find_steps=find_steps,
    find_options=find_options,
    replaced=frozenset({"arms"}),
    configs=("augmentation",),
    empty=EMPTY,
)
