"""Duplicates: images that are equal voxel by voxel, and images of different patients that are nearly equal."""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from scanfill.data.near_copies import alike_pairs
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet, ImageRecord
from scanfill.report.page import Figure, Mark, Part, Row, Section, Table
from scanfill.report.thumbnails import png_bytes

ALIKE = 0.99
"""Smallest correlation of two very small copies for the images to be listed. Of different patients, 15 real brains have
at most 0.98, 60 real hands 0.97, 41 real CT slices 0.76."""

LISTED = 20
"""Number of groups, and of pairs, that are listed."""

SHOWN = 8
"""Number of pairs that are shown."""


class Copy(NamedTuple):
    """Two images that are nearly the same.

    Attributes:
        one: Case and key of one.
        other: Case and key of the other one.
        alike: Correlation of their very small copies.
    """

    one: tuple[CaseRecord, str]
    other: tuple[CaseRecord, str]
    alike: float


def copies_section(explored: ExploredSet) -> list[Part]:
    """Return the section; nothing if no image could be read."""
    images = [(record, key) for record in explored.records for key in record.images]
    if not images:
        return []
    groups, near = find_copies(images), find_near(images)
    text = (
        f"Images that occur more than once, voxel by voxel: {len(groups)}. Pairs of images of different patients that "
        f"are nearly the same, because their copies of a few cells per side correlate above {ALIKE}: {len(near)}. On "
        f"two sides of a split, copies inflate scores."
    )
    parts: list[Part] = []
    if groups:
        rows = [[", ".join(map(_named, group)), _patients(group)] for group in groups[:LISTED]]
        parts.append(Table(["equal voxel by voxel", ""], rows, _counted(len(groups))))
    if near:
        rows = [[_named(each.one), _named(each.other), each.alike] for each in near[:LISTED]]
        parts.append(Table(["nearly the same", "as", "correlation"], rows, _counted(len(near)), digits=4))
    pairs = [(group[0], group[1]) for group in groups] + [(each.one, each.other) for each in near]
    shown = [Figure(png_bytes(_image(each).thumbnail), _named(each)) for pair in pairs[:SHOWN] for each in pair]
    return [Section("Duplicates", text), *parts, *([Row(shown)] if shown else [])]


def find_copies(images: Sequence[tuple[CaseRecord, str]]) -> list[list[tuple[CaseRecord, str]]]:
    """Return groups of images that are equal voxel by voxel."""
    groups: dict[str, list[tuple[CaseRecord, str]]] = defaultdict(list)
    for each in images:
        groups[_image(each).checksum].append(each)
    return [group for group in groups.values() if len(group) > 1]


def find_near(images: Sequence[tuple[CaseRecord, str]]) -> list[Copy]:
    """Return pairs of images of different patients that are nearly but not exactly the same, the most alike first."""
    found = []
    for length in sorted({_image(each).signature.size for each in images}):
        same = [each for each in images if _image(each).signature.size == length]
        signatures = [_image(each).signature for each in same]
        for one, other, alike in alike_pairs(signatures, [record.patient for record, _ in same], ALIKE):
            if _image(same[one]).checksum != _image(same[other]).checksum:
                found.append(Copy(same[one], same[other], alike))
    return sorted(found, key=lambda each: -each.alike)


def _image(of: tuple[CaseRecord, str]) -> ImageRecord:
    record, key = of
    return record.images[key]


def _named(of: tuple[CaseRecord, str]) -> str:
    record, key = of
    return record.case_id if len(record.images) == 1 else f"{record.case_id} {key}"


def _patients(group: Sequence[tuple[CaseRecord, str]]) -> Mark:
    several = len({record.patient for record, _ in group}) > 1
    return Mark("different patients", "bad") if several else Mark("one patient", "known")


def _counted(number: int) -> str:
    return f"{LISTED} of {number}." if number > LISTED else ""
