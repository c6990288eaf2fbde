"""The regression voxel by voxel."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.networks.voxelwise_base import CHUNK, PolynomialFit, VoxelwisePolynomial, expand, exponents


def draw_case(seed: int, sources: int, targets: int, voxels: int = 400) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(sources, voxels))
    return x, np.sin(x[:1]) * np.arange(1, targets + 1)[:, None] + 0.1 * rng.normal(size=(targets, voxels))


def weighted_least_squares(cases: list[tuple[np.ndarray, np.ndarray]], terms: list[list[int]]) -> np.ndarray:
    """All voxels of all cases in one matrix, each voxel weighted by one over its case's number of voxels."""
    rows = np.concatenate([expand(x, terms) / np.sqrt(x.shape[1]) for x, _ in cases])
    answers = np.concatenate([y.T / np.sqrt(y.shape[1]) for _, y in cases])
    solution: np.ndarray = np.linalg.lstsq(rows, answers, rcond=None)[0]
    return solution.T


@pytest.mark.parametrize(("sources", "degree", "count"), [(1, 4, 5), (2, 2, 6), (3, 4, 35), (4, 4, 70)])
def test_terms_are_all_products_up_to_the_degree(sources: int, degree: int, count: int) -> None:
    terms = exponents(sources, degree)
    assert len(terms) == len({tuple(term) for term in terms}) == count
    assert terms[0] == [0] * sources
    assert max(sum(term) for term in terms) == degree


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.integers(1, 3), st.integers(1, 2), st.integers(1, 4))
def test_fit_equals_least_squares_over_all_voxels_at_once(seed: int, sources: int, targets: int, degree: int) -> None:
    cases = [draw_case(seed + 1000 * k, sources, targets, voxels=200 + 150 * k) for k in range(3)]
    fit = PolynomialFit(sources, targets, degree)
    for x, y in cases:
        fit.add(x, y)
    np.testing.assert_allclose(fit.solve(), weighted_least_squares(cases, fit.terms), rtol=1e-6, atol=1e-8)


def test_a_case_of_many_chunks_is_fitted_like_one_of_few() -> None:
    x, y = draw_case(0, 2, 1, voxels=CHUNK + 77)
    fit = PolynomialFit(2, 1, 3)
    fit.add(x, y)
    np.testing.assert_allclose(fit.solve(), weighted_least_squares([(x, y)], fit.terms), rtol=1e-8, atol=1e-10)


def test_every_case_has_the_same_weight_whatever_its_size() -> None:
    fit = PolynomialFit(1, 1, 1)
    fit.add(np.zeros((1, 10)), np.full((1, 10), 1.0))
    fit.add(np.zeros((1, 90)), np.full((1, 90), 3.0))
    constant, slope = fit.solve()[0]
    assert constant == pytest.approx(2.0)
    assert slope == pytest.approx(0.0)


def test_a_subset_is_fitted_as_if_the_other_sources_did_not_exist() -> None:
    x, y = draw_case(3, 3, 2)
    every = PolynomialFit(3, 2, 3)
    every.add(x, y)
    alone = PolynomialFit(2, 2, 3)
    alone.add(x[[0, 2]], y)
    wide, narrow = every.solve([0, 2]), alone.solve()
    for t, term in enumerate(every.terms):
        if term[1]:
            assert not wide[:, t].any()
        else:
            expected = narrow[:, alone.terms.index([term[0], term[2]])]
            np.testing.assert_allclose(wide[:, t], expected, rtol=1e-6, atol=1e-8)


def test_nothing_given_leaves_the_mean() -> None:
    x, y = draw_case(4, 2, 1)
    fit = PolynomialFit(2, 1, 2)
    fit.add(x, y)
    constant, *others = fit.solve([])[0]
    assert constant == pytest.approx(y.mean())
    assert not any(others)


def test_two_equal_sources_are_no_obstacle() -> None:
    x, y = draw_case(5, 1, 1)
    fit = PolynomialFit(2, 1, 2)
    fit.add(np.concatenate([x, x]), y)
    single = PolynomialFit(1, 1, 2)
    single.add(x, y)
    twice = expand(np.concatenate([x, x]), fit.terms) @ fit.solve().T
    np.testing.assert_allclose(twice, expand(x, single.terms) @ single.solve().T, atol=1e-8)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 5)])
def test_module_computes_the_fitted_polynomial(shape: tuple[int, ...]) -> None:
    x, y = draw_case(6, 2, 2)
    fit = PolynomialFit(2, 2, 4)
    fit.add(x, y)
    base = VoxelwisePolynomial(2, 2, 4)
    base.fit(fit)
    image = torch.randn(3, 2, *shape, generator=torch.manual_seed(0))
    expected = [expand(one.flatten(1).numpy().astype(float), fit.terms) @ fit.solve().T for one in image]
    np.testing.assert_allclose(base(image).flatten(2).transpose(1, 2).numpy(), expected, rtol=2e-4, atol=2e-4)


def test_each_case_of_a_batch_gets_the_polynomial_of_its_own_subset() -> None:
    x, y = draw_case(7, 3, 3)
    fit = PolynomialFit(3, 3, 2)
    fit.add(x, y)
    base = VoxelwisePolynomial(3, 3, 2, subsets=True)
    base.fit(fit)
    available = torch.tensor([[1, 0, 1], [0, 1, 0], [1, 1, 1]])
    image = torch.randn(3, 3, 4, 5, generator=torch.manual_seed(0)) * available[:, :, None, None]
    made = base(image, available).flatten(2)
    for one, result, there in zip(image, made, available, strict=True):
        solved = fit.solve(there.nonzero().flatten().tolist())
        expected = expand(one.flatten(1).numpy().astype(float), fit.terms) @ solved.T
        np.testing.assert_allclose(result.T.numpy(), expected, rtol=2e-4, atol=2e-4)


def test_coefficients_are_saved_but_not_trained() -> None:
    base = VoxelwisePolynomial(1)
    assert "coefficients" in base.state_dict()
    assert not list(base.parameters())


def test_module_can_be_scripted() -> None:
    base = VoxelwisePolynomial(2, 1, 2)
    base.coefficients.copy_(torch.randn(1, 1, 6, generator=torch.manual_seed(1)))
    image = torch.randn(1, 2, 4, 4, 4, generator=torch.manual_seed(0))
    torch.testing.assert_close(torch.jit.script(base)(image), base(image))


@pytest.mark.parametrize(
    ("sources", "targets", "message"),
    [
        (np.zeros((2, 5)), np.zeros((1, 5)), "expected"),
        (np.zeros((1, 5)), np.zeros((1, 4)), "same V"),
        (np.zeros((1, 0)), np.zeros((1, 0)), "inside the mask"),
        (np.full((1, 5), np.nan), np.zeros((1, 5)), "NaN"),
    ],
)
def test_bad_cases_are_refused(sources: np.ndarray, targets: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PolynomialFit(1).add(sources, targets)


def test_other_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="no case"):
        PolynomialFit(1).solve()
    with pytest.raises(ValueError, match="degree"):
        PolynomialFit(1, degree=0)
    with pytest.raises(ValueError, match="targets"):
        PolynomialFit(1, targets=0)
    with pytest.raises(ValueError, match="out_channels"):
        VoxelwisePolynomial(1, out_channels=0)
    with pytest.raises(ValueError, match="must be equal"):
        VoxelwisePolynomial(2).fit(PolynomialFit(1))
    with pytest.raises(ValueError, match="channels"):
        VoxelwisePolynomial(2)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(ValueError, match="availability"):
        VoxelwisePolynomial(2, subsets=True)(torch.zeros(1, 2, 4, 4))


def test_a_channel_is_there_where_its_image_is() -> None:
    draw = np.random.default_rng(5)
    fit = PolynomialFit(4, 2, 2)
    fit.add(draw.normal(size=(4, 500)), draw.normal(size=(2, 500)))
    base = VoxelwisePolynomial(4, 2, 2, subsets=True, owners=[0, 1, 0, -1])
    base.fit(fit)
    assert base.coefficients.shape[0] == 4
    assert [base.channels_of(row) for row in range(4)] == [[3], [0, 2, 3], [1, 3], [0, 1, 2, 3]]
    np.testing.assert_allclose(base.coefficients[1].numpy(), fit.solve([0, 2, 3]), rtol=1e-5, atol=1e-6)
    x = torch.randn(1, 4, 3, 3)
    without = x.clone()
    without[:, 1] = 0
    second_hidden = torch.tensor([[1.0, 0.0]])
    torch.testing.assert_close(base(x, second_hidden), base(without, second_hidden))
    with pytest.raises(ValueError, match="owners"):
        VoxelwisePolynomial(3, owners=[0, 1])


def test_mixed_precision_does_not_round_the_polynomial() -> None:
    draw = np.random.default_rng(6)
    fit = PolynomialFit(2, 1, 4)
    fit.add(draw.normal(size=(2, 900)), draw.normal(size=(1, 900)))
    base = VoxelwisePolynomial(2, 1, 4)
    base.fit(fit)
    x = torch.randn(1, 2, 4, 4, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = base(x)
    assert torch.equal(mixed, base(x))
