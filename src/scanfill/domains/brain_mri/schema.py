"""Schema of a brain tumor case: four MRI sequences, a label map in one of five conventions, optionally a brain mask."""

from scanfill.data.schema import CaseSchema, GeneratorSpec, ImageSpec
from scanfill.domains.brain_mri.check_mask import check_mask
from scanfill.domains.brain_mri.check_mri import LIMITS, check_mri
from scanfill.domains.brain_mri.finder import BrainFinder
from scanfill.domains.brain_mri.labels import REGIONS, TUMOUR
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.placement import allowed_in_brain
from scanfill.domains.brain_mri.quality.overview import CHECKS

SCHEMA = CaseSchema(
    name="brain_mri",
    spatial_dims=3,
    images=[ImageSpec(key) for key in MODALITIES],
    finder=BrainFinder(),
    label=TUMOUR,
    regions=REGIONS,
    mask_key="mask",
    check_image=check_mri,
    check_mask=check_mask,
    limits=LIMITS,
    allowed=allowed_in_brain,
    generators={
        "synthesize": GeneratorSpec("mri_modality_synthesis", intensity_rule="signed_range"),
        "complete": GeneratorSpec("mri_modality_completion", intensity_rule="zscore_in_brain"),
    },
    quality=CHECKS,
    advice="The channels of an MSD brain image are flair, t1, t1ce, t2, in this order.",
)
