"""Images drawn from label maps, in bodies of training patients: new training cases with a known truth, and judged."""

from scanfill.label_to_image.choose_slice import ChooseSliced
from scanfill.label_to_image.collect import CollectSlices
from scanfill.label_to_image.contexts import keys_of_context
from scanfill.label_to_image.judgement import SliceJudgement
from scanfill.label_to_image.look_report import report_looks
from scanfill.label_to_image.looks import AddLookd
from scanfill.label_to_image.painted import PaintClassesd
from scanfill.label_to_image.placing import PlaceMaskd
from scanfill.label_to_image.saved import SaveDrawnd
from scanfill.label_to_image.slices import labelled_slices
from scanfill.label_to_image.surroundings import SurroundingTissued
from scanfill.label_to_image.templates import find_templates, originals_of

__all__ = [
    "AddLookd",
    "ChooseSliced",
    "CollectSlices",
    "PaintClassesd",
    "PlaceMaskd",
    "SaveDrawnd",
    "SliceJudgement",
    "SurroundingTissued",
    "find_templates",
    "keys_of_context",
    "labelled_slices",
    "originals_of",
    "report_looks",
]
