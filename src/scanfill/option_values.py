"""Values of options as text: their types, and their ranges by name, for verbs and for overrides of a config.

Fire guesses types: a folder named ``2024`` becomes a number, ``raw#1`` loses what looks like a comment, and ``flair``
stays a string where a list is meant. Here the type is that of the option, and the text is what was written.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanfill.errors import UsageError

BRACKETS = {"[": "]", "(": ")"}
ENTRY = re.compile(r"""\s*(?:'([^']*)'|"([^"]*)"|(?P<plain>[^,'"]*?))\s*(?=,|$)""")
REFERENCES = ("@", "$", "%")
"""Start of a reference, expression or macro in a config, whose value is only known later."""


@dataclass(frozen=True)
class Kind:
    """What an option accepts.

    Attributes:
        expected: Description of it, to follow "must be".
        read: Converts text; raises ValueError for text that is not accepted.
        none: Whether None is accepted as well.
    """

    expected: str
    read: Callable[[str], Any]
    none: bool = False

    def value(self, option: str, text: str, *, given: Any = None) -> Any:
        """Convert the text of an option.

        Args:
            option: The option, for the message, such as ``--folds``.
            text: Its text.
            given: Its value to show in the message, if that is not ``text``.

        Raises:
            UsageError: The text is not accepted; the message states what is.
        """
        try:
            return self.read(text)
        except ValueError:
            msg = f"{option} (={text if given is None else given!r}) must be {self.expected}."
            raise UsageError(msg) from None


@dataclass(frozen=True)
class Numbers:
    """A range of numbers.

    Attributes:
        least: Smallest number.
        below: All numbers are smaller than this one.
        above: Whether ``least`` itself is excluded.
        whole: Whether only whole numbers are accepted.
        none: Whether None is accepted as well, which turns something off.
    """

    least: float = -math.inf
    below: float = math.inf
    above: bool = False
    whole: bool = False
    none: bool = False

    def __str__(self) -> str:
        name = "a whole number" if self.whole else "a number"
        if self.least == -math.inf:
            return name
        if self.below < math.inf:
            last = f"to {self.below - 1:.0f}" if self.whole else f"to below {self.below:g}"
            return f"{name} {'above' if self.above else 'from'} {self.least:g} {last}"
        return f"{name} above {self.least:g}" if self.above else f"{name}, {self.least:g} or more"

    def read(self, text: str) -> int | float:
        """Convert text to a number; see :py:class:`Kind`."""
        number = float(text)
        inside = self.least < number if self.above else self.least <= number
        if not (math.isfinite(number) and inside and number < self.below):
            raise ValueError(text)
        if self.whole and not number.is_integer():
            raise ValueError(text)
        return int(number) if self.whole or text.strip().lstrip("+-").isdecimal() else number

    @property
    def kind(self) -> Kind:
        """The kind of an option in this range."""
        return Kind(f"{self}{', or None' if self.none else ''}", self.read, self.none)


ONE, ZERO, SHARE = Numbers(1, whole=True), Numbers(0, whole=True), Numbers(0, 1)
RANGES: Mapping[str, Numbers] = {
    **dict.fromkeys(("max_epochs", "epochs", "epoch_length", "val_interval", "batch_size", "sw_batch_size"), ONE),
    **dict.fromkeys(("cases", "draws", "workers", "cores", "holes", "base_count", "multiple"), ONE),
    **dict.fromkeys(("cache_num", "num_workers", "keep_images", "fold"), ZERO),
    **dict.fromkeys(("test", "validation", "overlap"), SHARE),
    **dict.fromkeys(("spacing", "learning_rate", "discriminator_learning_rate"), Numbers(0, above=True)),
    "folds": Numbers(2, whole=True),
    "size": Numbers(1, 1025, whole=True),  # voxels per side of a phantom
    "seed": Numbers(0, 2**32, whole=True),  # the range of NumPy's
    "spatial_dims": Numbers(2, 4, whole=True),
    "average": Numbers(0, 1, none=True),
    "clip_norm": Numbers(0, above=True, none=True),
    "lr": Numbers(0),
}
"""Ranges of numbers by the name of a parameter or the last name of an id; other numbers have none."""
NOT_NEGATIVE = "_weight"
"""Ending of the names of numbers that are 0 or more."""


def range_of(name: str, *, whole: bool = False) -> Numbers:
    """Return the range of the numbers that an option accepts.

    Args:
        name: The option's name.
        whole: Whether an option that has no range accepts only whole numbers.
    """
    return RANGES.get(name, Numbers(0) if name.endswith(NOT_NEGATIVE) else Numbers(whole=whole))


def is_true(value: bool | str | int | None) -> bool:
    """Convert a switch from the command line or a config to a boolean.

    ``True``, 1, "true", "yes" and "on" are true; ``False``, ``None``, 0, "false", "no", "off" and "" are false.

    Raises:
        ValueError: Anything else.
    """
    word = str(value).strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0", "none", ""}:
        return False
    msg = f"A switch must be true or false, got {value!r}."
    raise ValueError(msg)


def split_list(text: str) -> list[str]:
    """Split ``a,b``, ``[a, b]``, ``['a', "b"]`` or ``(a, b)`` into its entries, without their quotes.

    Raises:
        ValueError: A bracket is not closed, or an entry is empty or a list.
    """
    inner = text.strip()
    if inner[:1] in BRACKETS:
        if len(inner) < 2 or inner[-1] != BRACKETS[inner[0]]:
            raise ValueError(text)
        inner = inner[1:-1].strip().removesuffix(",")
        if not inner:
            return []
    entries, place = [], 0
    while place <= len(inner):
        found = ENTRY.match(inner, place)
        if found is None or not any(found.groups()) or set(found["plain"] or "") & set("[](){}"):
            raise ValueError(text)
        entries.append(next(part for part in found.groups() if part))
        place = found.end() + 1
    return entries


def split_paths(texts: Iterable[str]) -> list[str]:
    """Return the paths in a command line: each an existing path, or several as in :py:func:`split_list`."""
    paths: list[str] = []
    for text in texts:
        try:
            paths += [text] if Path(text).exists() else split_list(text)
        except (OSError, ValueError):  # no list, or too long for a path
            paths.append(text)
    return paths


def unquoted(text: str) -> str:
    """Remove the quotes around a text, which some add so that Fire takes it for a string."""
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "'\""
    return text[1:-1] if quoted else text


def _text(text: str) -> str:
    if not text.strip():
        raise ValueError(text)
    return text


def _list_of(read: Callable[[str], Any], text: str, count: int | None = None) -> list[Any]:
    values = [read(entry) for entry in split_list(text)]
    if text.strip()[:1] not in BRACKETS and len(values) == 1:
        raise ValueError(text)
    if count is not None and len(values) != count:
        raise ValueError(text)
    return values


def _device(text: str) -> str:
    if not re.fullmatch(r"auto|(cpu|cuda|mps|xpu)(:\d+)?", text):
        raise ValueError(text)
    return text


TEXT = Kind("a text that is not empty", _text)
NAMES = Kind("a name, or several: a,b or \"['a', 'b']\"", split_list)
SWITCH = Kind("True or False", is_true)
DEVICE = Kind("auto, cpu, cuda, or one GPU, such as cuda:0", _device)


def list_kind(numbers: Numbers, count: int | None, example: str) -> Kind:
    """Return the kind of a list of numbers.

    Args:
        numbers: Range of each number.
        count: How many there are; None for any.
        example: An example, for the message.
    """
    expected = f'a list of {count or "such"} values, like "{example}", each {numbers}'
    return Kind(expected, lambda text: _list_of(numbers.read, text, count))


PLACES = ("_dir", "_root", "_file", "_folder", "_path", "_bundle", "_regex")
"""Endings of the names of paths and patterns."""
MORE_PLACES = frozenset({"datalist", "checkpoint", "pretrained", "folder", "choice"})
LISTS = frozenset({"modalities", "sources", "leave_out"})
"""Lists of names, whatever their default."""


def override_value(name: str, value: Any, default: Any, text: str | None = None) -> Any:
    """Return the value that an override of a config's entry stands for, given the entry's default.

    Where the default does not tell what is accepted, such as a component without a known name, the value is returned
    unchanged, as are references (``@id``), expressions and macros.

    Args:
        name: Id of the entry, such as ``train#trainer#max_epochs``.
        value: The value as MONAI gets it.
        default: The config's own value.
        text: The text on the command line, if the value comes from there.

    Raises:
        UsageError: The value has another type than the default, or is out of range.
    """
    last = next((part for part in reversed(name.replace("::", "#").split("#")) if not part.isdecimal()), name)
    written = str(value) if text is None else text
    if written.startswith(REFERENCES) or (isinstance(value, dict) and "_target_" in value):
        return value
    if _is_place(last):
        return _place(name, value, default, written)
    kind = _kind(last, default, value)
    if kind is None or (value is None and (kind.none or default is None)):
        return value
    if kind is TEXT:
        return value if value is None or isinstance(value, bool | list | tuple | dict) else unquoted(written)
    meant = kind.value(f"--{name}", unquoted(written), given=value)
    return default | {"name": meant} if kind is DEVICE and isinstance(default, dict) else meant


def _is_place(name: str) -> bool:
    return name in MORE_PLACES or name.endswith(PLACES)


def _place(name: str, value: Any, default: Any, written: str) -> Any:
    """Return a path or pattern as it was written."""
    if value is None and default is None:
        return None
    if value is None or isinstance(value, bool):
        msg = f"--{name} (={value}) must be a path or a pattern; write ./{value} for a file or folder of this name."
        raise UsageError(msg)
    return TEXT.value(f"--{name}", unquoted(written), given=value)


def _kind(name: str, default: Any, value: Any) -> Kind | None:
    """Return what an entry accepts, judging by its name and its default; None if that is not known."""
    if name == "device":
        return DEVICE if isinstance(value, str | int) else None
    if name in LISTS:
        return NAMES
    if name == "spacing":
        return list_kind(RANGES[name], len(default) if isinstance(default, list) else None, "[1, 1, 1]")
    return _kind_of_list(name, default) if isinstance(default, list) else _kind_of_scalar(name, default)


def _kind_of_scalar(name: str, default: Any) -> Kind | None:
    if isinstance(default, bool):
        return SWITCH
    if isinstance(default, int | float):
        return range_of(name).kind
    if default is None or (isinstance(default, str) and default.startswith(REFERENCES)):
        return RANGES[name].kind if name in RANGES and name != "cases" else None
    return TEXT if isinstance(default, str) else None


def _kind_of_list(name: str, default: list[Any]) -> Kind | None:
    if default and all(isinstance(entry, str) for entry in default):
        return None if any(entry.startswith(REFERENCES) for entry in default) else NAMES
    if not default or any(isinstance(entry, bool) or not isinstance(entry, int | float) for entry in default):
        return None
    if name.endswith("_size") and min(default) > 0:
        return list_kind(ONE, len(default), str([48] * len(default)))
    return list_kind(Numbers(), None, str(default))
