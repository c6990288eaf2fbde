"""Compare two explored sets of one kind: are they too alike to be independent, or too different to be of one kind?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scanfill.errors import UsageError
from scanfill.metrics.cross_neighbors import CrossNeighbors, cross_neighbors
from scanfill.metrics.multiple_testing import holm
from scanfill.metrics.set_classifier import TellApart, tell_apart
from scanfill.metrics.set_shift import CategoryShift, NumberShift, category_shift, number_shift
from scanfill.report.exploration.attributes import Attributes, attributes_of
from scanfill.report.exploration.explored_set import ExploredSet
from scanfill.report.exploration.pooled_intensities import PooledIntensities, pooled_intensities
from scanfill.report.exploration.set_features import (
    ComparableImages,
    appearance,
    comparable_images,
    joined,
    small_copies,
)
from scanfill.report.exploration.shared_cases import SharedImages, SharedNames, shared_images, shared_names

SEEN = {"images as stored": True, "images with normalized intensities": False}
"""What a classifier sees -> whether the intensities as stored are part of it."""


@dataclass(frozen=True)
class SetComparison:
    """What was found.

    Attributes:
        first: The explored set.
        second: The set that it is compared with.
        shifts: Name of a property -> how it differs.
        same: Names of properties that have one and the same value in all cases of both sets.
        unshared: Names of properties that are known in one set only.
        intensities: Pooled intensities, each image as stored and z-scored.
        corrected: Name of a property or of pooled intensities -> p-value after Holm's correction for all of them; None
            without a test.
        images: The cases whose images were compared.
        shared_images: Images that are in both sets.
        shared_names: Patients whose names are in both sets.
        neighbors: Of the second set's cases in the first set; None without images that can be compared.
        classifiers: What a classifier sees -> how well it tells the sets apart.
    """

    first: ExploredSet
    second: ExploredSet
    shifts: Mapping[str, NumberShift | CategoryShift]
    same: Sequence[str]
    unshared: Sequence[str]
    intensities: Sequence[PooledIntensities]
    corrected: Mapping[str, float | None]
    images: ComparableImages
    shared_images: SharedImages
    shared_names: SharedNames
    neighbors: CrossNeighbors | None = None
    classifiers: Mapping[str, TellApart] = field(default_factory=dict)


def compare_sets(first: ExploredSet, second: ExploredSet) -> SetComparison:
    """Compare two sets.

    Args:
        first: The explored set.
        second: Another one of the same kind.

    Raises:
        UsageError: They are of different kinds, are the same folder, or both have images but none of the same name.
    """
    check_comparable(first, second)
    in_ml = first.in_ml and second.in_ml
    known = [attributes_of(explored, in_ml=in_ml) for explored in (first, second)]
    everything = list(dict.fromkeys([*known[0].names, *known[1].names]))
    names = [name for name in everything if all(name in each.names for each in known)]
    same = [name for name in names if len(known[0].distinct(name) | known[1].distinct(name)) == 1]
    shifts = {name: _shift(name, known[0], known[1]) for name in names if name not in same}
    images = comparable_images(first, second)
    intensities = pooled_intensities(images)
    tests = {name: shift.p for name, shift in shifts.items()} | {each.name: each.shift.p for each in intensities}
    neighbors = _neighbors(images) if images.first and images.second else None
    return SetComparison(
        first=first,
        second=second,
        shifts=shifts,
        same=same,
        unshared=[name for name in everything if name not in names],
        intensities=intensities,
        corrected=dict(zip(tests, holm(list(tests.values()), len(tests)), strict=True)),
        images=images,
        shared_images=shared_images(first, second),
        shared_names=shared_names(first, second, images, neighbors),
        neighbors=neighbors,
        classifiers=_classifiers(images) if neighbors else {},
    )


def check_comparable(first: ExploredSet, second: ExploredSet) -> None:
    """Refuse two sets that cannot be compared; see :py:func:`compare_sets`."""
    if first.schema.name != second.schema.name:
        msg = (
            f"{first.folder} is of the kind {first.schema.name}, {second.folder} of the kind {second.schema.name}: "
            f"only sets of one kind can be compared. Explore each on its own."
        )
        raise UsageError(msg)
    refuse_itself(first.folder, second.folder)
    keys = [sorted({key for record in explored.records for key in record.images}) for explored in (first, second)]
    if all(keys) and not set(keys[0]) & set(keys[1]):
        msg = (
            f"{first.folder} has the images {', '.join(keys[0])}, {second.folder} has {', '.join(keys[1])}: they have "
            f"none in common to compare. Check the names of the files, or explore each set on its own."
        )
        raise UsageError(msg)


def refuse_itself(first: Path, second: Path) -> None:
    """Refuse to compare a folder with itself.

    Raises:
        UsageError: It is the same folder.
    """
    if first.expanduser().resolve() == second.expanduser().resolve():
        msg = f"{second} would be compared with itself. Pass another folder with --against."
        raise UsageError(msg)


def _shift(name: str, first: Attributes, second: Attributes) -> NumberShift | CategoryShift:
    if name in first.categories:
        return category_shift(first.categories[name], second.categories[name])
    return number_shift(first.numbers[name], second.numbers[name])


def _neighbors(images: ComparableImages) -> CrossNeighbors:
    copies = [small_copies(side, images.keys) for side in (images.first, images.second)]
    return cross_neighbors(copies[0], copies[1], _owners(images))


def _classifiers(images: ComparableImages) -> dict[str, TellApart]:
    found = {}
    both, number = [*images.first, *images.second], len(images.first)
    for name, stored in SEEN.items():
        features = joined(appearance(both, images.keys, intensities=stored))
        found[name] = tell_apart(features[:number], features[number:], _owners(images))
    return found


def _owners(images: ComparableImages) -> tuple[list[str], list[str]]:
    return [record.patient for record in images.first], [record.patient for record in images.second]
