"""Names of the Brain Imaging Data Structure: ``sub-<label>[_ses-<label>][_<entity>-<label>...]_<suffix>``."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

NAME = re.compile(r"sub-[a-z0-9]+(?:_[a-z0-9]+-[a-z0-9.+]+)*_(?P<suffix>[a-z0-9]+)", re.IGNORECASE)

CONTRAST_WORDS = re.compile(r"ce|gd|gad|gado|gadolinium|post|postgd|postgad|postcontrast|contrast|km")
"""Values of ``acq`` that people use where the standard has the entity ``ce``."""

NO_CONTRAST = re.compile(r"no|none|non|pre|native|without")


@dataclass(frozen=True)
class BidsName:
    """The parts of a file name.

    Attributes:
        case_name: Subject and, if stated, session: what makes files one case, whatever else their names state.
        entities: Name of an entity, in lower case -> its value.
        suffix: What the image is, such as ``T1w``.
    """

    case_name: str
    entities: Mapping[str, str]
    suffix: str

    @property
    def has_contrast_agent(self) -> bool:
        """Whether a contrast agent was given: ``ce-gd``, or a value of ``acq`` that means it."""
        agent = self.entities.get("ce", "").lower()
        if agent:
            return NO_CONTRAST.fullmatch(agent) is None
        return CONTRAST_WORDS.fullmatch(self.entities.get("acq", "").lower()) is not None

    @property
    def is_part_of_complex(self) -> bool:
        """Whether it is a phase, or the real or imaginary part."""
        return self.entities.get("part", "mag").lower() != "mag"

    @property
    def may_show_brain(self) -> bool:
        """Whether a mask is the brain's: ``desc-brain``, ``label-brain``, or neither entity."""
        stated = [self.entities[key].lower() for key in ("label", "desc") if key in self.entities]
        return not stated or any("brain" in value for value in stated)


def read_bids_name(stem: str) -> BidsName | None:
    """Return the parts of a name without file type; None if it does not follow BIDS."""
    match = NAME.fullmatch(stem)
    if match is None:
        return None
    pairs = [part.split("-", 1) for part in stem[: match.start("suffix") - 1].split("_")]
    entities = {key.lower(): value for key, value in pairs}
    case = [f"{key}-{value}" for key, value in pairs if key.lower() in ("sub", "ses")]
    return BidsName("_".join(case), entities, match["suffix"])
