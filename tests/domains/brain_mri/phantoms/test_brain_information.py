"""Brain phantoms: the information lies where it lies in reality, on subjects that no model has seen.

Every figure here: phantoms, which check the software and say nothing about patients.
"""

from __future__ import annotations

from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.stats import rankdata

from scanfill.domains.brain_mri.phantoms.brain import Tissue, make_subject

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from scanfill.domains.brain_mri.phantoms.brain import BrainPhantom

    Array = NDArray[np.float64]

T1, T1CE, T2, FLAIR = range(4)
MODALITIES = ("t1", "t1ce", "t2", "flair")

Case = tuple["BrainPhantom", "Array", "NDArray[np.bool_]"]


def read_case(index: int) -> Case:
    """A phantom, its z-scored images ``(X, Y, Z, 4)``, and the voxels that all four modalities show."""
    phantom = make_subject(seed=0, index=index, size=48)
    scored = []
    for name in MODALITIES:
        image = phantom.images[name]
        values = image[image > 0]
        scored.append(np.where(image > 0, (image - values.mean()) / values.std(), 0.0))
    shown = np.all([phantom.images[name] > 0 for name in MODALITIES], axis=0)
    return phantom, np.stack(scored, axis=-1), shown


@pytest.fixture(scope="module")
def seen() -> list[Case]:
    return [read_case(index) for index in range(8)]


@pytest.fixture(scope="module")
def unseen() -> list[Case]:
    return [read_case(index) for index in range(8, 20)]


def area_under_curve(positive: Array, negative: Array) -> float:
    """Probability that a positive value exceeds a negative one (Mann-Whitney)."""
    ranks = rankdata(np.concatenate([positive, negative]))
    count = len(positive)
    return float((ranks[:count].sum() - count * (count + 1) / 2) / (count * len(negative)))


def either_way(positive: Array, negative: Array) -> float:
    area = area_under_curve(positive, negative)
    return max(area, 1 - area)


def polynomial(values: Array, degree: int) -> Array:
    """All monomials up to ``degree`` of the columns of ``(N, C)``, the constant first."""
    values = np.clip(values, -5, 6)
    columns = [np.ones(len(values))]
    for power in range(1, degree + 1):
        choices = combinations_with_replacement(range(values.shape[1]), power)
        columns.extend(np.prod(values[:, factors], axis=1) for factors in choices)
    return np.stack(columns, axis=1)


def fit_logistic(values: Array, truth: NDArray[np.bool_], degree: int = 3) -> Callable[[Array], Array]:
    """Class-balanced logistic regression on monomials, by Newton's method."""
    design = polynomial(values, degree)
    mean, spread = design[:, 1:].mean(axis=0), design[:, 1:].std(axis=0)

    def prepare(columns: Array) -> Array:
        return np.column_stack([columns[:, :1], (columns[:, 1:] - mean) / spread])

    design = prepare(design)
    weight = np.where(truth, 0.5 / truth.mean(), 0.5 / (1 - truth.mean()))
    slope = np.zeros(design.shape[1])
    for _ in range(20):
        chance = 1 / (1 + np.exp(-np.clip(design @ slope, -30, 30)))
        gradient = design.T @ (weight * (chance - truth)) + 0.1 * slope
        curvature = (design * (weight * chance * (1 - chance))[:, None]).T @ design + 0.1 * np.eye(len(slope))
        slope -= np.linalg.solve(curvature, gradient)
    return lambda unseen_values: prepare(polynomial(unseen_values, degree)) @ slope


def gather(cases: list[Case], choose: Callable[[BrainPhantom], NDArray[np.bool_]]) -> Array:
    return np.concatenate([images[choose(phantom) & shown] for phantom, images, shown in cases])


def is_fluid(phantom: BrainPhantom) -> NDArray[np.bool_]:
    return np.isin(phantom.tissue, (Tissue.CSF, Tissue.VENTRICLE))


def enhancing_area(seen: list[Case], unseen: list[Case], channels: list[int]) -> float:
    """AUC on unseen subjects of a classifier that tells CET from NC and ED by the given modalities."""
    enhancing, rest = (
        [gather(cases, lambda p, parts=parts: np.isin(p.label, parts))[:, channels] for cases in (seen, unseen)]
        for parts in ((4,), (1, 2))
    )
    truth = np.repeat([True, False], [len(enhancing[0]), len(rest[0])])
    score = fit_logistic(np.concatenate([enhancing[0], rest[0]]), truth)
    return area_under_curve(score(enhancing[1]), score(rest[1]))


def regression_error(seen: list[Case], unseen: list[Case], source: int, target: int) -> float:
    """Mean squared error, over unseen subjects, of a voxel-wise polynomial of degree 4 between two modalities."""
    known = np.concatenate([images[shown] for _, images, shown in seen])
    weights = np.linalg.lstsq(polynomial(known[:, [source]], 4), known[:, target], rcond=None)[0]
    errors = []
    for _, images, shown in unseen:
        values = images[shown]
        errors.append(np.mean((polynomial(values[:, [source]], 4) @ weights - values[:, target]) ** 2))
    return float(np.mean(errors))


def test_only_t1ce_shows_the_enhancing_tumour(seen: list[Case], unseen: list[Case]) -> None:
    assert enhancing_area(seen, unseen, [T1, T1CE, T2, FLAIR]) >= 0.95
    assert 0.55 <= enhancing_area(seen, unseen, [T1, T2, FLAIR]) <= 0.75


def test_leaving_out_t1_costs_almost_nothing(seen: list[Case], unseen: list[Case]) -> None:
    cost = enhancing_area(seen, unseen, [T1, T1CE, T2, FLAIR]) - enhancing_area(seen, unseen, [T1CE, T2, FLAIR])
    assert cost <= 0.01


def test_t1ce_alone_does_not_tell_tumour_from_vessels(unseen: list[Case]) -> None:
    enhancing = gather(unseen, lambda p: p.label == 4)[:, T1CE]
    vessels = gather(unseen, lambda p: p.tissue == Tissue.VESSEL)[:, T1CE]
    white = gather(unseen, lambda p: p.tissue == Tissue.WHITE)[:, T1CE]
    assert either_way(enhancing, vessels) <= 0.75
    assert area_under_curve(vessels, white) >= 0.8  # not because vessels fail to enhance


def test_flair_and_not_t2_tells_edema_from_fluid(unseen: list[Case]) -> None:
    edema = gather(unseen, lambda p: p.label == 2)
    fluid = gather(unseen, is_fluid)
    assert area_under_curve(edema[:, FLAIR], fluid[:, FLAIR]) >= 0.95
    assert either_way(edema[:, T2], fluid[:, T2]) <= 0.80


def test_a_voxelwise_polynomial_leaves_a_realistic_error(seen: list[Case], unseen: list[Case]) -> None:
    # Real cases (BraTS 2018 at 2 mm): .640 and .494.
    assert 0.45 <= regression_error(seen, unseen, source=T2, target=FLAIR) <= 0.80
    assert 0.35 <= regression_error(seen, unseen, source=T1, target=T1CE) <= 0.65
