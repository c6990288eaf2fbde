"""The parts of a schema: images, truth, conditions, and the bundles that make images that are missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from scanfill.data.patients import describe_patients
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


KINDS = ("map", "channels", "polygons")
"""How a truth is stored: a label map; a mask a structure, which may overlap; outlines in the field's JSON."""


@dataclass(frozen=True)
class ImageSpec:
    """One image of a case.

    Args:
        key: Its key in a case's dictionary.
        required: Whether a case without it is an error wherever it is found; otherwise a bundle says what it needs.
        unit: What its values mean, such as ``HU``; empty where they mean nothing by themselves.
        channels: How many values a voxel has.
    """

    key: str
    required: bool = False
    unit: str = ""
    channels: int = 1


@dataclass(frozen=True)
class LabelSpec:
    """The truth of a case.

    Args:
        names: Label -> what it is called. In a label map the label is the value of a voxel; where structures overlap,
            label 1 is the first channel, label 2 the second, and so on.
        kind: One of :py:data:`KINDS`.
        key: Its key in a case's dictionary.
        conventions: Name of a convention -> value in the file -> label (0: background); by default the values in the
            file are the labels. Of several, a case names its own under ``label_convention``.
        pairs: Left and right label of each structure that has two sides.
        legend: Label -> its short name in pictures; by default ``names``.
        looked_for: Where a truth is looked for, for messages.
        remedy: What to do about a value that a convention does not have, for messages.

    Raises:
        UsageError: An unknown kind, labels of channels that are not 1, 2, ..., or a pair that names no label.
    """

    names: Mapping[int, str]
    kind: Literal["map", "channels", "polygons"] = "map"
    key: str = "label"
    conventions: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    pairs: Sequence[tuple[int, int]] = ()
    legend: Mapping[int, str] = field(default_factory=dict)
    looked_for: str = ""
    remedy: str = "Correct the file."

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            msg = f"A truth is stored as one of {', '.join(KINDS)}, not as kind={self.kind!r}."
            raise UsageError(msg)
        object.__setattr__(self, "names", {int(label): str(name) for label, name in self.names.items()})
        own = {name: {int(k): int(v) for k, v in values.items()} for name, values in self.conventions.items()}
        object.__setattr__(self, "conventions", own or {"file": {label: label for label in self.names}})
        object.__setattr__(self, "pairs", tuple((int(left), int(right)) for left, right in self.pairs))
        object.__setattr__(self, "legend", {int(k): str(v) for k, v in self.legend.items()} or dict(self.names))
        if not self.exclusive and sorted(self.names) != list(range(1, len(self.names) + 1)):
            msg = (
                f"Labels of {self.kind} are numbered 1, 2, ... in the order of the channels, not {sorted(self.names)}."
            )
            raise UsageError(msg)
        strangers = [label for pair in self.pairs for label in pair if label not in self.names]
        if strangers:
            msg = f"The left-right pairs {list(self.pairs)} name {strangers}, of which the truth has only {self.names}."
            raise UsageError(msg)

    @property
    def exclusive(self) -> bool:
        """Whether a voxel has one label only."""
        return self.kind == "map"

    @property
    def channels(self) -> int:
        """How many channels a network needs: one a label, and for a label map one for the background."""
        return len(self.names) + self.exclusive

    def convention_of(self, case: Mapping[Any, Any], key: str = "label_convention") -> str:
        """Return the convention that a case states, or the only one there is.

        Raises:
            CaseError: There are several and the case states none of them.
        """
        stated = case.get(key)
        if stated is None and len(self.conventions) == 1:
            return next(iter(self.conventions))
        if not isinstance(stated, str) or stated not in self.conventions:
            msg = (
                f"Case {case.get('case_id', '?')!r} has {key}={stated!r}: state what its label values mean with one of "
                f"{', '.join(self.conventions)}."
            )
            raise CaseError(msg)
        return stated

    def values_in_file(self, convention: str) -> dict[int, int]:
        """Label -> value that is written, without background; of two values for one label the first."""
        written: dict[int, int] = {}
        for value, label in self.conventions[convention].items():
            if label:
                written.setdefault(label, value)
        return written

    def look_up_table(self, convention: str) -> dict[str, str]:
        """What each number in a written label map means, as it goes into JSON: ``{"4": "CET: ..."}``."""
        labels = {0: 0} | {value: label for label, value in self.values_in_file(convention).items()}
        names = {0: "background", **self.names}
        return {str(value): names[labels[value]] for value in sorted(labels)}


@dataclass(frozen=True)
class ConditionSpec:
    """Something known of a case that is not an image: a category, or a number.

    Args:
        key: Its key in a case's dictionary, and its column in a table.
        values: The categories; None for a number.
        unit: Of a number.
        range: Smallest and largest number that can be right.

    Raises:
        UsageError: Both categories and a range.
    """

    key: str
    values: Sequence[str] | None = None
    unit: str = ""
    range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.values is not None and self.range is not None:
            msg = f"Condition {self.key!r} is a category ({list(self.values)}) or a number ({self.range}), not both."
            raise UsageError(msg)

    def read(self, text: Any, where: str) -> str | float:
        """Read a value as a table has it.

        Raises:
            CaseError: No such category, no number, or one out of range; ``where`` begins the message.
        """
        if self.values is not None:
            if str(text) not in self.values:
                msg = f"{where}: {self.key}={text!r} is none of {', '.join(self.values)}. Correct the table."
                raise CaseError(msg)
            return str(text)
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
    """A bundle that makes images that are missing.

    Args:
        bundle: Its name.
        intensity_rule: How intensities are prepared for it; it and its checkpoint state the same.
    """

    bundle: str
    intensity_rule: str


Case = dict[str, Any]
CheckImage = Callable[..., None]


@dataclass
class Cohort:
    """The cases of a folder, and what a person should know about how they were read."""

    cases: list[Case]
    notes: list[str] = field(default_factory=list)

    def describe(self) -> str:
        """Say how many cases, what their labels mean and why, and which patient each belongs to."""
        return "\n".join([*self.notes, describe_patients({case["case_id"]: case["patient"] for case in self.cases})])


@dataclass(frozen=True)
class Request:
    """What is wanted of a finder; see :py:func:`scanfill.data.find_cases` for each.

    Attributes:
        images: Keys of the images that each case must have; None for whatever is there.
        labels: ``auto``, a convention, or ``none`` where labels are left aside.
        patient_regex: Which part of a case's name is the patient.
        check: Whether voxels may be read to see that cases are what they seem.
        strict: Whether an incomplete case is an error at once, or has the reason under ``problem``.
        synthetic: Whether synthetic files may take the place of an acquired one that is not there.
        incomplete: Whether a case may lack some of ``images``, but not all.
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
        """Whether labels count."""
        return self.labels != "none"


class Finder(ABC):
    """Turns a folder into cases: dictionaries with ``case_id``, ``patient``, absolute paths, and conditions."""

    @property
    @abstractmethod
    def provides(self) -> list[str] | None:
        """Keys that it can give a case; None where any key may come."""

    @abstractmethod
    def find(self, folder: Path, schema: CaseSchema, request: Request) -> Cohort:
        """Find every case below a folder.

        Raises:
            CaseError: There is none; two of one name; and, where the request is strict, one is incomplete.
        """

    def interpret(self, cases: Sequence[Case], schema: CaseSchema, labels: str) -> None:
        """Fill in what a list by hand may leave out about the labels of its cases; by default nothing."""
        del cases, schema, labels


@dataclass(frozen=True)
class CaseSchema:
    """What lies on disk for one kind of data, and how it becomes cases.

    Args:
        name: Name of the kind, for messages.
        spatial_dims: 2 or 3.
        images: Images of a case, in the order in which networks stack them.
        finder: What turns a folder into cases.
        label: The truth, where there is any.
        conditions: What else is known of a case.
        regions: Scored region -> the labels that form it; by default each label by itself.
        patient_regex: Which part of a case's name is the patient, where neither a table nor the naming says it; see
            :py:func:`scanfill.data.patients.find_patients`.
        mask_key: Key of an optional mask of the part that counts; None where the kind has none.
        check_image: Refuses an image that cannot be used: called with the image ``(C, ...)``, the beginning of the
            message, and whether the case has a mask. By default an image must be finite and must vary.
        generators: Way of making a missing image (``synthesize``, ``complete``) -> the bundle that does.
        advice: Appended to the message that a file has too many dimensions.
        quality: Checks of its own, :py:class:`scanfill.data.case_quality.QualityChecks`; by default those of any kind.

    Raises:
        UsageError: Keys that stand twice; an image, a truth or a condition that no file provides; a region whose label
            the truth cannot hold.
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
    generators: Mapping[str, GeneratorSpec] = field(default_factory=dict)
    advice: str = ""
    quality: Any = None

    def __post_init__(self) -> None:
        if self.spatial_dims not in (2, 3):
            msg = f"Schema {self.name!r}: spatial_dims (={self.spatial_dims}) must be 2 or 3."
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
    def path_keys(self) -> list[str]:
        """Keys under which a case may have files."""
        label = [self.label.key] if self.label else []
        return [*self.image_keys, *label, *([self.mask_key] if self.mask_key else [])]

    @property
    def condition_keys(self) -> list[str]:
        """Keys of the conditions, in order."""
        return [condition.key for condition in self.conditions]

    def check_images(self, names: Sequence[str] | str | None) -> list[str] | None:
        """Return some of the image keys as a list; a string may name several, separated by commas, or ``none``.

        Raises:
            CaseError: One is unknown.
        """
        if names is None or names == "none":
            return None if names is None else []
        listed = names.replace(",", " ").split() if isinstance(names, str) else list(names)
        unknown = [name for name in listed if name not in self.image_keys]
        if unknown or not listed:
            found = ", ".join(map(repr, unknown)) or "(none given)"
            msg = f"Unknown modality {found}: choose of {', '.join(self.image_keys)}."
            raise CaseError(msg)
        return listed

    def _check_keys(self) -> None:
        keys = [*self.path_keys, *self.condition_keys]
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            msg = f"Schema {self.name!r} has the key {', '.join(map(repr, twice))} twice: give each a key of its own."
            raise UsageError(msg)
        given = self.finder.provides
        lacking = [key for key in keys if given is not None and key not in given and key != self.mask_key]
        if lacking:
            msg = (
                f"Schema {self.name!r} has {', '.join(map(repr, lacking))}, which no file provides: its finder "
                f"({type(self.finder).__name__}) gives {', '.join(given or ()) or 'nothing'}. Name the file or the "
                f"column there, or leave it out of the schema."
            )
            raise UsageError(msg)

    def _check_regions(self) -> None:
        labels = dict(self.label.names) if self.label else {}
        for region, members in self.regions.items():
            strangers = [label for label in members if label not in labels]
            if strangers or not members:
                msg = (
                    f"Region {region!r} of schema {self.name!r} is formed of {list(members)}, which the truth cannot "
                    f"hold: it has {labels or 'no labels'}."
                )
                raise UsageError(msg)
