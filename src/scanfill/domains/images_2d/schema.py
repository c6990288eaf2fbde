"""Schema of an image with a cause: its conditions are in a table next to the images, or its folder is its class.

All conditions are optional; a generator learns those that there are.
"""

from scanfill.data.conditions_finder import ConditionsFinder
from scanfill.data.finding_rule import FindingRule
from scanfill.data.image import PICTURE_SUFFIXES
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec
from scanfill.domains.images_2d.check_pictures import check_pictures
from scanfill.domains.images_2d.conditions import MODALITIES, OF_FINDING, PATHOLOGIES, ZONES

SCHEMA = CaseSchema(
    name="images_2d",
    spatial_dims=2,
    images=[ImageSpec("image", required=True, color=True)],
    conditions=[
        ConditionSpec("class", free=True, required=False),
        ConditionSpec("modality", values=tuple(MODALITIES), required=False),
        ConditionSpec("pathology", values=PATHOLOGIES, required=False),
        ConditionSpec("severity", range=(0, 1), required=False),
        ConditionSpec("x", unit="of the width, from the left", range=(0, 1), required=False),
        ConditionSpec("y", unit="of the height, from the top", range=(0, 1), required=False),
        ConditionSpec("size", unit="of the height", range=(0, 1), required=False),
        ConditionSpec("age", unit="years", range=(0, 120), required=False),
        ConditionSpec("sex", values=("F", "M"), aliases={"female": "F", "male": "M"}, required=False),
    ],
    finder=ConditionsFinder("conditions.csv", "class", PICTURE_SUFFIXES, check=check_pictures),
    check_conditions=FindingRule("modality", MODALITIES, OF_FINDING),
    zones={name: {"x": x, "y": y} for name, (x, y) in ZONES.items()},
)
