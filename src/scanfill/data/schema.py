"""A kind of data, described once: what lies on disk, how a folder becomes cases, and which regions are scored.

What is input, target or condition is not said here but by a bundle: one schema of the brain serves segmentation,
synthesis and completion. A kind of data that needs code of its own is a folder under ``scanfill/domains`` with a module
``schema``; one that does not is stated in a bundle's ``metadata.json``, in the words of :py:class:`CaseSchema`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scanfill.data.patients import describe_patients
from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from scanfill.data.specs import ConditionSpec, GeneratorSpec, ImageSpec, LabelSpec

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
