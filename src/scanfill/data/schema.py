"""The parts of a schema: images, truth, conditions, and the bundles that generate missing images."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from scanfill.data.patients import describe_patients
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from scanfill.data.header import GridLimits

KINDS = ("map", "channels", "polygons")
"""How a truth is stored: a label map; one mask per structure, possibly overlapping; outlines in JSON.

One TIFF with a page per structure is read in place of masks and of outlines; predictions are written as one where the
truth is outlines.
"""


@dataclass(frozen=True)
class ImageSpec:
    """One image of a case.

    Args:
        key: Its key in a case's dictionary.
        required: Whether a case without it is always an error; otherwise each bundle states what it needs.
        unit: Unit of the values, such as ``HU``; empty if they have no absolute meaning.
        channels: Number of values per voxel.
        color: Whether pictures in color are converted to gray; otherwise they are refused.
    """

    key: str
    required: bool = False
    unit: str = ""
    channels: int = 1
    color: bool = False


@dataclass(frozen=True)
class LabelSpec:
    """The truth of a case.

    Args:
        names: Label -> its name. In a label map the label is the voxel value; if structures overlap, label 1 is the
            first channel, label 2 the second, and so on.
        kind: One of :py:data:`KINDS`.
        key: Its key in a case's dictionary.
        conventions: Name of a convention -> value in the file -> label (0: background); by default the values in the
            file are the labels. If there are several, a case names its own under ``label_convention``.
        pairs: Left and right label of each paired structure.
        legend: Label -> short name for pictures; by default ``names``.
        looked_for: Where labels are expected, for messages.
        remedy: What to do about a value that is not in a convention, for messages.
        required: Whether a case without it is an error wherever labels are requested.

    Raises:
        UsageError: Unknown kind, channel labels that are not numbered 1, 2, ..., or a pair with a label that does not
        exist.
    """

    names: Mapping[int, str]
    kind: Literal["map", "channels", "polygons"] = "map"
    key: str = "label"
    conventions: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    pairs: Sequence[tuple[int, int]] = ()
    legend: Mapping[int, str] = field(default_factory=dict)
    looked_for: str = ""
    remedy: str = "Correct the file."
    required: bool = False

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"kind must be one of {', '.join(KINDS)}, got kind={self.kind!r}."
            raise UsageError(msg)
        object.__setattr__(self, "names", {int(label): str(name) for label, name in self.names.items()})
        own = {name: {int(k): int(v) for k, v in values.items()} for name, values in self.conventions.items()}
        object.__setattr__(self, "conventions", own or {"file": {label: label for label in self.names}})
        object.__setattr__(self, "pairs", tuple((int(left), int(right)) for left, right in self.pairs))
        object.__setattr__(self, "legend", {int(k): str(v) for k, v in self.legend.items()} or dict(self.names))
        if not self.exclusive and sorted(self.names) != list(range(1, len(self.names) + 1)):
            msg = f"Labels of {self.kind} must be numbered 1, 2, ... in channel order, got {sorted(self.names)}."
            raise UsageError(msg)
        strangers = [label for pair in self.pairs for label in pair if label not in self.names]
        if strangers:
            msg = f"The left-right pairs {list(self.pairs)} contain {strangers}, but the truth only has {self.names}."
            raise UsageError(msg)

    @property
    def exclusive(self) -> bool:
        """Whether each voxel has only one label."""
        return self.kind == "map"

    @property
    def in_pages(self) -> bool:
        """Whether predictions are written as the pages of one TIFF, for outlines are drawn and not predicted."""
        return self.kind == "polygons"

    @property
    def channels(self) -> int:
        """Number of channels that a network needs: one per label, plus one for the background of a label map."""
        return len(self.names) + self.exclusive

    def convention_of(self, case: Mapping[Any, Any], key: str = "label_convention") -> str:
        """Return the convention stated by a case, or the only one there is.

        Raises:
            CaseError: There are several, and the case states none of them.
        """
        stated = case.get(key)
        if stated is None and len(self.conventions) == 1:
            return next(iter(self.conventions))
        if not isinstance(stated, str) or stated not in self.conventions:
            msg = (
                f"Case {case.get('case_id', '?')!r} has {key}={stated!r}: state the meaning of its label values with "
                f"one of {', '.join(self.conventions)}."
            )
            raise CaseError(msg)
        return stated

    def values_in_file(self, convention: str) -> dict[int, int]:
        """Return label -> value to write, without background; the first value if a label has two."""
        written: dict[int, int] = {}
        for value, label in self.conventions[convention].items():
            if label:
                written.setdefault(label, value)
        return written

    def look_up_table(self, convention: str) -> dict[str, str]:
        """Return what each number in a written label map means, for JSON: ``{"4": "CET: ..."}``."""
        labels = {0: 0} | {value: label for label, value in self.values_in_file(convention).items()}
        names = {0: "background", **self.names}
        return {str(value): names[labels[value]] for value in sorted(labels)}


@dataclass(frozen=True)
class ConditionSpec:
    """A known property of a case that is not an image: a category, or a number.

    Args:
        key: Its key in a case's dictionary, and its column in a table.
        values: The categories; None for a number, unless it is ``free``.
        free: Whether any text is a category, such as the names of folders.
        unit: Unit of a number.
        range: Smallest and largest valid number.
        aliases: Other spelling of a category -> the category, such as ``{"male": "M"}``. Upper and lower case are the
            same.
        required: Whether a case without it is an error; otherwise the case does not have the key.

    Raises:
        UsageError: It is to be a number and a category, or an alias is not of a category.
    """

    key: str
    values: Sequence[str] | None = None
    free: bool = False
    unit: str = ""
    range: tuple[float, float] | None = None
    aliases: Mapping[str, str] = field(default_factory=dict)
    required: bool = True

    def __post_init__(self) -> None:
        if (self.is_category and self.range is not None) or (self.free and self.values is not None):
            named = "any text" if self.free else list(self.values or ())
            msg = f"Condition {self.key!r} is a category ({named}) or a number ({self.range}), not both."
            raise UsageError(msg)
        if strangers := [value for value in self.aliases.values() if value not in (self.values or ())]:
            msg = (
                f"Condition {self.key!r} has aliases of {strangers}, but its categories are {list(self.values or ())}."
            )
            raise UsageError(msg)

    @property
    def is_category(self) -> bool:
        """Whether its values are words and not numbers."""
        return self.free or self.values is not None

    def read(self, text: Any, where: str) -> str | float:
        """Read a value from a table.

        Raises:
            CaseError: Unknown category, not a number, or out of range; ``where`` starts the message.
        """
        if self.free:
            return str(text)
        if self.values is not None:
            known = {value.casefold(): value for value in self.values}
            known |= {alias.casefold(): value for alias, value in self.aliases.items()}
            category = str(text) if str(text) in self.values else known.get(str(text).casefold())
            if category is None:
                also = f" (or {', '.join(self.aliases)})" if self.aliases else ""
                msg = f"{where}: {self.key}={text!r} is not one of {', '.join(self.values)}{also}. Correct the table."
                raise CaseError(msg)
            return category
        try:
            number = float(text)
        except (TypeError, ValueError):
            msg = f"{where}: {self.key}={text!r} is not a number. Correct the table."
            raise CaseError(msg) from None
        low, high = self.range or (float("-inf"), float("inf"))
        if not low <= number <= high:
            msg = f"{where}: {self.key}={text} is not between {low:g} and {high:g}{f' {self.unit}' * bool(self.unit)}."
            raise CaseError(msg)
        return number


@dataclass(frozen=True)
class GeneratorSpec:
    """A bundle that generates missing images.

    Args:
        bundle: Its name.
        intensity_rule: How intensities are prepared for it; the bundle and its checkpoint state the same rule.
    """

    bundle: str
    intensity_rule: str


Case = dict[str, Any]
Allowed = Callable[..., "NDArray[np.bool_]"]
CheckImage = Callable[..., None]
CheckMask = Callable[..., None]
CheckConditions = Callable[[Mapping[str, Any], str], None]


@dataclass
class Cohort:
    """The cases of a folder, and how they were interpreted."""

    cases: list[Case]
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Report how many cases there are, what their labels mean and why, and which patient each belongs to."""
        return "\n".join([*self.notes, describe_patients({case["case_id"]: case["patient"] for case in self.cases})])


@dataclass(frozen=True)
class Request:
    """Options for a finder; see :py:func:`scanfill.data.find_cases` for each.

    Attributes:
        images: Keys of the images that each case must have; None for any.
        labels: ``auto``, a convention, or ``none`` to ignore labels.
        patient_regex: Which part of a case's name is the patient.
        check: Whether voxels may be read to verify that cases are what they seem.
        strict: Whether an incomplete case raises an error at once, or has the reason under ``problem``.
        synthetic: Whether synthetic files may replace missing acquired ones.
        incomplete: Whether some of ``images`` may be missing from a case, but not all.
    """

    images: list[str] | None = None
    labels: str = "auto"
    patient_regex: str | None = None
    check: bool = True
    strict: bool = True
    synthetic: bool = False
    incomplete: bool = False

    @property
    def with_label(self) -> bool:
        """Whether labels are requested."""
        return self.labels != "none"


class Finder(ABC):
    """Turns a folder into cases: dictionaries with ``case_id``, ``patient``, absolute paths, and conditions."""

    @property
    @abstractmethod
    def provides(self) -> list[str] | None:
        """Keys that it can provide for a case; None if any key is possible."""

    @abstractmethod
    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder.

        Raises:
            CaseError: There are no cases; two have the same name; or, if the request is strict, one is incomplete.
        """

    def interpret(self, cases: Sequence[Case], schema: CaseSchema, labels: str) -> None:
        """Fill in omitted label information in the cases of a hand-written list; does nothing by default."""
        del cases, schema, labels


@dataclass(frozen=True)
class CaseSchema:
    """What is on disk for one kind of data, and how it becomes cases.

    Args:
        name: Name of the kind, for messages.
        spatial_dims: 2 or 3.
        images: Images of a case, in the order in which networks stack them.
        finder: Turns a folder into cases.
        label: The truth, if there is any.
        conditions: Other known properties of a case.
        regions: Scored region -> the labels that form it; by default each label separately.
        patient_regex: Which part of a case's name is the patient, if neither a table nor the naming gives it; see
            :py:func:`scanfill.data.patients.find_patients`.
        mask_key: Key of an optional mask that restricts where voxels count; None if the kind has none.
        check_image: Refuses an unusable image; called with the image ``(C, ...)``, the start of the message, and
            whether the case has a mask. By default an image must be finite and must not be constant.
        check_mask: Refuses a mask that cannot be one; called with the mask ``(1, ...)``, the acquired images by key,
            and the start of the message.
        limits: Possible sizes of voxels and of the field of view; by default any.
        single_slices: Whether a picture, or another file of one slice, counts as a volume of one slice (only in 3-D),
            so that exported slices and whole volumes are used alike; see :py:mod:`scanfill.data.single_slice`.
        pixel_size: Key of the condition that states the size of a picture's pixels in mm, which its file does not.
        check_conditions: Refuses conditions that exclude each other; called with a case and the start of the message.
        allowed: Finds where a lesion may be placed; called with the images by key, ``(1, ...)`` on one grid, and the
            keywords ``label`` and ``mask``, returns ``(...)``. None if the kind has no rule.
        zones: Name of a place -> the conditions that it stands for, such as ``{"x": 0.5, "y": 0.5}``.
        generators: Strategy for a missing image (``synthesize``, ``complete``) -> the bundle for it.
        advice: Appended to the message for a file with too many dimensions.
        quality: The kind's own checks, :py:class:`scanfill.data.case_quality.QualityChecks`; by default the generic
        ones.

    Raises:
        UsageError: Duplicate keys; an image, a truth or a condition that no file provides; a region with a label that
            the truth does not have; outlines of volumes; single slices in 2-D; a pixel size that is no condition.
    """

    name: str
    spatial_dims: int
    images: Sequence[ImageSpec]
    finder: Finder
    label: LabelSpec | None = None
    conditions: Sequence[ConditionSpec] = ()
    regions: Mapping[str, Sequence[int]] = field(default_factory=dict)
    patient_regex: str | None = None
    mask_key: str | None = None
    check_image: CheckImage | None = None
    check_mask: CheckMask | None = None
    limits: GridLimits | None = None
    single_slices: bool = False
    pixel_size: str | None = None
    check_conditions: CheckConditions | None = None
    allowed: Allowed | None = None
    zones: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    generators: Mapping[str, GeneratorSpec] = field(default_factory=dict)
    advice: str = ""
    quality: Any = None

    def __post_init__(self) -> None:
        if self.spatial_dims not in (2, 3):
            msg = f"Schema {self.name!r}: spatial_dims (={self.spatial_dims}) must be 2 or 3."
            raise UsageError(msg)
        if self.label and self.label.kind == "polygons" and self.spatial_dims != 2:
            msg = f"Schema {self.name!r}: outlines are drawn on 2-D images, but spatial_dims is {self.spatial_dims}."
            raise UsageError(msg)
        if self.single_slices and self.spatial_dims != 3:
            msg = f"Schema {self.name!r}: single_slices is for volumes, but spatial_dims is {self.spatial_dims}."
            raise UsageError(msg)
        own = {name: (label,) for label, name in (self.label.names if self.label else {}).items()}
        regions = {name: tuple(int(label) for label in labels) for name, labels in self.regions.items()} or own
        object.__setattr__(self, "images", tuple(self.images))
        object.__setattr__(self, "conditions", tuple(self.conditions))
        object.__setattr__(self, "regions", regions)
        self._check_keys()
        self._check_regions()

    @property
    def image_keys(self) -> list[str]:
        """Keys of the images, in order."""
        return [image.key for image in self.images]

    @property
    def takes_pictures(self) -> bool:
        """Whether pictures (PNG, JPEG, TIFF, BMP) are images of this kind."""
        return self.spatial_dims == 2 or self.single_slices

    @property
    def path_keys(self) -> list[str]:
        """Keys under which a case may have files."""
        label = [self.label.key] if self.label else []
        return [*self.image_keys, *label, *([self.mask_key] if self.mask_key else [])]

    @property
    def condition_keys(self) -> list[str]:
        """Keys of the conditions, in order."""
        return [condition.key for condition in self.conditions]

    def check_images(self, names: Sequence[str] | str | None) -> list[str] | None:
        """Return image keys as a list; a string may give several, separated by commas, or ``none``.

        Raises:
            CaseError: A key is unknown, or named twice.
        """
        if names is None or names == "none":
            return None if names is None else []
        listed = names.replace(",", " ").split() if isinstance(names, str) else list(names)
        unknown = [name for name in listed if name not in self.image_keys]
        if unknown or not listed:
            found = ", ".join(map(repr, unknown)) or "(none given)"
            msg = f"Unknown modality {found}: choose from {', '.join(self.image_keys)}."
            raise CaseError(msg)
        if twice := sorted({name for name in listed if listed.count(name) > 1}):
            msg = f"The modality {', '.join(map(repr, twice))} is named twice in {listed}: name each once."
            raise CaseError(msg)
        return listed

    def _check_keys(self) -> None:
        keys = [*self.path_keys, *self.condition_keys]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            msg = f"Schema {self.name!r} has the key {', '.join(map(repr, twice))} twice: keys must be unique."
            raise UsageError(msg)
        if self.pixel_size is not None and self.pixel_size not in self.condition_keys:
            msg = (
                f"Schema {self.name!r}: pixel_size={self.pixel_size!r} is not one of its conditions. Add the condition."
            )
            raise UsageError(msg)
        given = self.finder.provides
        lacking = [key for key in keys if given is not None and key not in given and key != self.mask_key]
        if lacking:
            msg = (
                f"Schema {self.name!r} has {', '.join(map(repr, lacking))}, but no file provides it: its finder "
                f"({type(self.finder).__name__}) provides {', '.join(given or ()) or 'nothing'}. Add the file or the "
                f"column to the finder, or remove it from the schema."
            )
            raise UsageError(msg)

    def _check_regions(self) -> None:
        labels = dict(self.label.names) if self.label else {}
        for region, members in self.regions.items():
            strangers = [label for label in members if label not in labels]
            if strangers or not members:
                msg = (
                    f"Region {region!r} of schema {self.name!r} consists of {list(members)}, but the truth does not "
                    f"have these labels: it has {labels or 'no labels'}."
                )
                raise UsageError(msg)
