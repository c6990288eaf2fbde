"""Schema of a hand radiograph: one image, 29 bones that overlap as outlines, and age, sex and side where known."""

from scanfill.data.finders import FileFinder
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec, LabelSpec
from scanfill.domains.hand_xray.bones import LABELS

FILE = (
    r"(?:(?i:DCM|outputs_json|images|labels)/)?"  # radiographs and outlines may lie in two folders; not a person's name
    r"(?:(?P<patient>[^/]+)/)?"
    r"(?P<case>[^/]+?(?:_(?P<side>[LRlr]))?)"
    r"(?P<key>(?i:_seg\.tiff?|\.json|\.png|\.jpe?g|\.tiff?|\.bmp))"
)
"""Path of a file below the folder."""

SUFFIXES = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"), "xray"),
    **dict.fromkeys((".json", "_seg.tif", "_seg.tiff"), "label"),
}
"""End of a file's name -> key of the case."""

LAYOUT = (
    "radiographs DCM/<person>/<name>_L.png with outlines outputs_json/<person>/<name>_L.json, or <name>_L.png beside "
    "<name>_L.json or <name>_L_seg.tif, in one folder or one per person"
)

SCHEMA = CaseSchema(
    name="hand_xray",
    spatial_dims=2,
    images=[ImageSpec("xray", required=True)],
    label=LabelSpec(
        names=LABELS,
        kind="polygons",
        required=True,
        looked_for="its outlines, a JSON file with the name of the radiograph (or a page per bone in <name>_seg.tif)",
    ),
    conditions=[
        ConditionSpec("age", unit="years", range=(0, 120), required=False),
        ConditionSpec("sex", values=("F", "M"), aliases={"female": "F", "male": "M"}, required=False),
        ConditionSpec("side", values=("left", "right"), aliases={"L": "left", "R": "right"}, required=False),
    ],
    finder=FileFinder(FILE, keys=SUFFIXES, table="meta_data.csv", layout=LAYOUT),
    patient_regex=r"^(.+?)(?:_[LRlr])?$",
)
