"""Images drawn from label maps, in the bodies of training patients: new training cases with a known truth."""

from scanfill.label_to_image.choose_slice import ChooseSliced
from scanfill.label_to_image.placing import PlaceMaskd
from scanfill.label_to_image.saved import SaveDrawnd
from scanfill.label_to_image.templates import find_templates

__all__ = ["ChooseSliced", "PlaceMaskd", "SaveDrawnd", "find_templates"]
