"""Schema of an abdominal CT: one volume, or one exported slice, with a label map of kidneys and tumors."""

from scanfill.data.header import GridLimits
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec
from scanfill.domains.kidney_ct.finder import KidneyFinder
from scanfill.domains.kidney_ct.labels import LABEL, REGIONS
from scanfill.domains.kidney_ct.layouts import LAYOUTS

SCHEMA = CaseSchema(
    name="kidney_ct",
    spatial_dims=3,
    single_slices=True,
    images=[ImageSpec("ct", required=True, unit="HU")],
    finder=KidneyFinder(LAYOUTS),
    label=LABEL,
    regions=REGIONS,
    conditions=[
        ConditionSpec("slice", range=(0, 100_000), required=False),
        ConditionSpec("pixel_size", unit="mm", range=(0.05, 20), required=False),
    ],
    pixel_size="pixel_size",
    limits=GridLimits(voxel=(0.05, 20), side=2500),
)
"""CT with kidneys and their tumors; a picture is a volume of one slice, so both are used alike."""
