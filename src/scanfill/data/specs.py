"""The parts of a schema: images, truth, conditions, and the bundles that make images that are missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from scanfill.errors import CaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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
    """Something known of a case that is no image: a category, or a number.

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
