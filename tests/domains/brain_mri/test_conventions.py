"""The label convention of a cohort."""

from __future__ import annotations

import pytest

from scanfill.domains.brain_mri.conventions import decide_convention
from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS
from scanfill.errors import CaseError

BRATS20, GLI, MSD, OLD = "BraTS20_Training_00{}", "BraTS-GLI-0000{}-000", "BRATS_00{}", "brats_2013_pat000{}_1"


def cohort(name: str, *values: set[int]) -> dict[str, set[int]]:
    return {name.format(i): {0, *found} for i, found in enumerate(values)}


@pytest.mark.parametrize(
    ("values", "convention"),
    [
        (cohort(BRATS20, {1, 2, 4}), "brats"),
        (cohort(BRATS20, {1, 2}), "brats"),
        (cohort(OLD, {1, 2, 3, 4}), "brats2013"),
        (cohort(OLD, {1, 2, 4}), "brats"),
        (cohort(GLI, {1, 2, 3}), "brats2023"),
        (cohort(GLI, {2}), "brats2023"),
        (cohort(MSD, {1, 2, 3}), "msd"),
        (cohort(MSD, {1, 2}), "msd"),
        (cohort("case{}", {1, 2, 4}), "brats"),
        (cohort("case{}", set()), "brats"),
        (cohort(GLI, set()), "brats2023"),
    ],
)
def test_naming_and_values_together_decide(values: dict[str, set[int]], convention: str) -> None:
    assert decide_convention(values).convention == convention


def test_decision_is_for_the_cohort_and_not_for_a_case() -> None:
    assert decide_convention(cohort("case{}", {1, 2}, {1}, set(), {1, 2, 4})).convention == "brats"
    assert decide_convention(cohort(OLD, {1, 2, 4}, {1, 2, 3})).convention == "brats2013"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (cohort(GLI, {1, 2, 4}), r"\[1, 2, 4\].*BraTS-GLI.*cavity.*labels='brats2024' \(--labels brats2024\)"),
        (cohort(GLI, {1, 2, 3}, {1, 2, 3, 4}), "cavity"),
        (cohort(BRATS20, {1, 2, 3}), "has no 3"),
        (cohort(BRATS20, {1, 2, 3, 4}), "labels='brats2013'"),
        (cohort(OLD, {1, 2, 3}), "a 3 without a 4"),
        (cohort(MSD, {1, 2, 4}), "has no 4"),
        (cohort("BraTS-PED-0000{}-000", {1, 2, 3}), "a tumor other than"),
        (cohort("BraTS-MEN-0000{}-000", {1, 2, 3}), "a tumor other than"),
        (cohort("BraTS-MET-0000{}-000", {1, 2}), "a tumor other than"),
        (cohort("case{}", {1, 2, 3}), "labels='brats2023' .* or labels='msd'"),
        (cohort("case{}", {1, 2, 3, 4}), "labels='brats2013' .* or labels='brats2024'"),
        (cohort("case{}", {1, 2}), "the reverse in MSD"),
        (
            cohort(BRATS20, {1, 2, 4}) | cohort(GLI, {1, 2}),
            "different namings .*BraTS20_Training_000.*BraTS-GLI-00000-000",
        ),
    ],
)
def test_doubt_is_refused_with_what_to_pass(values: dict[str, set[int]], says: str) -> None:
    with pytest.raises(CaseError, match=says):
        decide_convention(values)


@pytest.mark.parametrize("convention", LABEL_CONVENTIONS)
def test_stated_convention_is_taken(convention: str) -> None:
    assert decide_convention(cohort("BraTS-PED-0000{}-000", {1, 2}), convention).convention == convention
