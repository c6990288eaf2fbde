"""What two sets have in common and should not: images, and patients by name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from scipy import stats

from scanfill.metrics.cross_neighbors import CrossNeighbors
from scanfill.report.exploration.copies_section import Copy, find_copies, find_near
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet
from scanfill.report.exploration.set_features import ComparableImages

SIDE = "side of the comparison"
"""Key that tells to which set a case belongs."""


@dataclass(frozen=True)
class SharedImages:
    """Images that are in both sets.

    Attributes:
        copies: Identical ones, each of the second set with one of the first.
        near: Nearly identical ones, the most alike first.
        near_within: Number of pairs of nearly identical images of different patients within the first set.
    """

    copies: Sequence[Copy]
    near: Sequence[Copy]
    near_within: int


@dataclass(frozen=True)
class SharedNames:
    """Patients whose names are in both sets.

    Attributes:
        names: The names.
        matched: Number of cases of the second set with such a name whose nearest neighbor has it, too.
        cases: Number of cases of the second set with such a name whose images were compared.
        p: One-sided p-value of as many matches if the names meant nothing; None if no images were compared.
    """

    names: Sequence[str]
    matched: int = 0
    cases: int = 0
    p: float | None = None


def shared_images(first: ExploredSet, second: ExploredSet) -> SharedImages:
    """Find identical and nearly identical images.

    A name of a patient that is in both sets counts as two patients, because only the images are asked.

    Args:
        first: The explored set.
        second: The set that it is compared with.
    """
    images = [
        (replace(record, case={**record.case, "patient": f"{side} {record.patient}", SIDE: side}), key)
        for side, explored in enumerate((first, second))
        for record in explored.records
        for key in record.images
    ]
    copies = []
    for group in find_copies(images):
        originals = [each for each in group if not _side(each[0])]
        copies += [Copy(each, originals[0], 1.0) for each in group if originals and _side(each[0])]
    near = find_near(images)  # the first set's images come first
    across = [Copy(each.other, each.one, each.alike) for each in near if _side(each.one[0]) < _side(each.other[0])]
    return SharedImages(copies, across, sum(not _side(each.one[0]) and not _side(each.other[0]) for each in near))


def _side(record: CaseRecord) -> int:
    return int(record.case[SIDE])


def shared_names(
    first: ExploredSet, second: ExploredSet, images: ComparableImages, neighbors: CrossNeighbors | None
) -> SharedNames:
    """Find names of patients that are in both sets, and test whether they are the same persons.

    Args:
        first: The explored set.
        second: The set that it is compared with.
        images: The cases whose images were compared.
        neighbors: What that gave.
    """
    patients = [{record.patient for record in explored.records} for explored in (first, second)]
    names = sorted(patients[0] & patients[1])
    compared = {record.patient for record in images.first}
    if not names or neighbors is None or len(compared) < 2:
        return SharedNames(names)
    pairs = [
        (record.patient, images.first[int(nearest)].patient)
        for record, nearest in zip(images.second, neighbors.index, strict=True)
        if record.patient in compared
    ]
    if not pairs:
        return SharedNames(names)
    matched = sum(one == other for one, other in pairs)
    found = stats.binomtest(matched, len(pairs), 1 / len(compared), alternative="greater")
    return SharedNames(names, matched, len(pairs), float(found.pvalue))
