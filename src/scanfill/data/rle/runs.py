"""Runs of a mask as arrays of whole numbers, read from text and written to it, and everything that can be wrong."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]

WHOLE = re.compile(r"[+-]?[0-9]+")
SAFE = 2**53
"""Numbers from here on are read one by one, because sums of them might not fit 64 bits."""


@dataclass(frozen=True)
class Runs:
    """The runs of a mask, in order, none within another.

    Attributes:
        starts: First pixel of each run, counted from 0.
        ends: The pixel after its last one.
    """

    starts: Places
    ends: Places

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.ends - self.starts).sum())


@dataclass(frozen=True)
class RunFault:
    """One thing that is wrong with a run-length encoding.

    Attributes:
        kind: ``not a whole number``, ``odd``, ``start``, ``length``, ``beyond``, ``unsorted`` or ``overlapping``.
        entry: Number of the entry in the text, from 1.
        value: The entry.
        reason: What is wrong with it.
    """

    kind: str
    entry: int
    value: str
    reason: str

    def __str__(self) -> str:
        return f"entry {self.entry} ({self.value}) {self.reason}"


def read_runs(text: str, size: int | None = None, where: str = "The run-length encoding") -> Runs:
    """Read ``start length start length ...``, starts counted from 1; an empty text is an empty mask.

    Args:
        text: The text; entries are separated by spaces.
        size: Number of pixels of the mask; None if it is not known.
        where: Starts the error message.

    Raises:
        ValueError: With the first fault: its entry, the value, and the number of further ones.
    """
    values = _plain_values(text)
    if values is not None and not values.size % 2:
        runs = _runs_of(values)
        if _are_sound(runs, size):
            return runs
    faults = run_faults(text, size)
    if not faults:  # unusual white space or signs
        return _runs_of(np.array(text.split(), dtype=np.int64))
    more = f" There are {len(faults) - 1} more faults." if len(faults) > 1 else ""
    msg = f"{where} is wrong: {faults[0]}.{more}"
    raise ValueError(msg)


def write_runs(runs: Runs) -> str:
    """Return runs as text, ``start length start length ...``, starts counted from 1."""
    entries = np.empty(2 * len(runs.starts), dtype=np.int64)
    entries[::2] = runs.starts + 1
    entries[1::2] = runs.ends - runs.starts
    return str(entries.tolist())[1:-1].replace(",", "")  # a list is formatted in C


def run_faults(text: str, size: int | None = None) -> list[RunFault]:
    """List everything that is wrong with a run-length encoding.

    Args:
        text: The text.
        size: Number of pixels of the mask; None if it is not known.

    Returns:
        In the order of the entries; none if the text is sound.
    """
    words = text.split()
    whole = [WHOLE.fullmatch(word) is not None for word in words]
    faults = [
        RunFault("not a whole number", number, word, "is not a whole number")
        for number, (word, good) in enumerate(zip(words, whole, strict=True), start=1)
        if not good
    ]
    if len(words) % 2:
        reason = f"is a start without a length: there are {len(words)} entries, an odd number"
        faults.append(RunFault("odd", len(words), words[-1], reason))
    paired = len(words) // 2 * 2
    values = [_clipped(word) if good else 0 for word, good in zip(words, whole, strict=True)]
    pairs = np.array(values[:paired], dtype=np.int64).reshape(-1, 2)
    numbers = np.flatnonzero(np.array(whole[:paired], dtype=np.bool_).reshape(-1, 2).all(axis=1))
    starts, lengths = pairs[numbers].T
    found = [*_faults_of_single_runs(starts, lengths, size), *_faults_of_order(starts, lengths)]
    for kind, run, is_length, reason in found:
        entry = 2 * int(numbers[run]) + 1 + is_length
        faults.append(RunFault(kind, entry, words[entry - 1], reason))
    return sorted(faults, key=lambda fault: fault.entry)


Found = tuple[str, int, bool, str]
"""Kind of fault, index of the run, whether its length is at fault rather than its start, and the reason."""


def _faults_of_single_runs(starts: Places, lengths: Places, size: int | None) -> Iterator[Found]:
    for run in np.flatnonzero(starts < 1).tolist():
        yield "start", run, False, "is a start below 1: pixels are counted from 1"
    for run in np.flatnonzero(lengths < 1).tolist():
        yield "length", run, True, "is a length below 1: a run has at least one pixel"
    if size is None:
        return
    last = starts + lengths - 1
    for run in np.flatnonzero((last > size) & (lengths >= 1)).tolist():
        late = bool(starts[run] <= size)
        about = f"is a length that ends at pixel {last[run]}" if late else "is a start"
        yield "beyond", run, late, f"{about} beyond the last pixel of the image, {size}"


def _faults_of_order(starts: Places, lengths: Places) -> Iterator[Found]:
    """List starts before that of the run before, and runs that begin within one that starts no later."""
    for run in (np.flatnonzero(starts[1:] < starts[:-1]) + 1).tolist():
        yield (
            "unsorted",
            run,
            False,
            f"is a start before that of the run before it, {starts[run - 1]}: runs are unsorted",
        )
    filled = np.flatnonzero(lengths > 0)
    order = filled[np.argsort(starts[filled], kind="stable")]
    last = np.maximum.accumulate((starts + lengths - 1)[order])
    for place in (np.flatnonzero(starts[order][1:] <= last[:-1]) + 1).tolist():
        reason = f"is a start within an earlier run, which reaches to pixel {last[place - 1]}: runs overlap"
        yield "overlapping", int(order[place]), False, reason


def _plain_values(text: str) -> Places | None:
    """Read entries that are digits and spaces only; None if there is anything else, or a number is too large."""
    if not text:
        return np.empty(0, dtype=np.int64)
    if not (text.isascii() and text.replace(" ", "").isdigit()):
        return None
    values = np.fromstring(text, dtype=np.int64, sep=" ")
    return values if values.max() < SAFE else None


def _runs_of(values: Places) -> Runs:
    starts = values[::2] - 1
    return Runs(starts, starts + values[1::2])


def _are_sound(runs: Runs, size: int | None) -> bool:
    starts, ends = runs.starts, runs.ends
    if not starts.size:
        return True
    inside = starts[0] >= 0 and (size is None or ends[-1] <= size)
    return bool(inside and (starts < ends).all() and (ends[:-1] <= starts[1:]).all())


def _clipped(word: str) -> int:
    """Read a whole number, replacing one that is beyond any image by a number that still fits 64 bits."""
    if len(word) > 20:
        return -SAFE if word.startswith("-") else SAFE
    return max(-SAFE, min(int(word), SAFE))
