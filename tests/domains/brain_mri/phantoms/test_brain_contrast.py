"""Brain phantoms: signal equations, contrast agent, texture, thick slices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.anatomy.brain_anatomy import Tissue, grid_axes
from scanfill.anatomy.mri_signal import RELAXATION, Relaxation, Sequence, draw_texture, ideal_signals
from scanfill.domains.brain_mri.phantoms.mri_contrast import SITES, average_slices, interpolate_slices

TIMES = st.floats(20.0, 4000.0)


@settings(deadline=None, max_examples=30)
@given(t1=TIMES, t2=TIMES, density=st.floats(0.1, 1.0))
def test_a_long_repetition_and_a_short_echo_show_proton_density(t1: float, t2: float, density: float) -> None:
    signal = Sequence(repetition=1e6, echo=0.0).signal(np.array(density), np.array(t1), np.array(t2))
    assert signal == pytest.approx(density)


@settings(deadline=None, max_examples=30)
@given(t1=TIMES, t2=TIMES)
def test_inversion_recovery_is_null_at_ln2_of_t1(t1: float, t2: float) -> None:
    sequence = Sequence(repetition=1e6, echo=10.0, inversion=t1 * np.log(2.0))
    assert sequence.signal(np.array(1.0), np.array(t1), np.array(t2)) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("site", SITES)
def test_every_site_shows_the_known_order_of_tissues(site: object) -> None:
    def level(sequence: Sequence, tissue: Tissue) -> float:
        mean: Relaxation = RELAXATION[tissue]
        return float(sequence.signal(np.array(mean.density), np.array(mean.t1), np.array(mean.t2)))

    t1, t2, flair = (
        {tissue: level(getattr(site, name), tissue) for tissue in RELAXATION} for name in ("t1", "t2", "flair")
    )
    assert t1[Tissue.WHITE] > t1[Tissue.GREY] > t1[Tissue.VENTRICLE]
    assert t2[Tissue.VENTRICLE] > t2[Tissue.EDEMA] > t2[Tissue.GREY] > t2[Tissue.WHITE] > t2[Tissue.VESSEL]
    assert flair[Tissue.EDEMA] > flair[Tissue.GREY] > flair[Tissue.WHITE] > flair[Tissue.VENTRICLE]


def test_contrast_agent_brightens_rim_and_vessels_only() -> None:
    sequence = Sequence(500.0, 12.0)
    texture = np.zeros((3, 1, 1, 1))
    gain = {}
    for tissue in RELAXATION:
        signals = ideal_signals({tissue: np.ones((1, 1, 1))}, RELAXATION, texture, {"t1": sequence, "t1ce": sequence})
        gain[tissue] = float(signals["t1ce"].item() / signals["t1"].item())
    for tissue, ratio in gain.items():
        if tissue in {Tissue.VESSEL, Tissue.ENHANCING}:
            assert ratio > 1.5
        else:
            assert 1.0 <= ratio < 1.2


def test_texture_is_correlated_in_space_and_shared_by_the_contrasts() -> None:
    site = SITES[0]
    texture = draw_texture(np.random.default_rng(0), grid_axes(48))
    sequences = {"t1": site.t1, "t1ce": site.t1, "t2": site.t2, "flair": site.flair}
    signals = ideal_signals({Tissue.WHITE: np.ones((48, 48, 48))}, RELAXATION, texture, sequences)

    def correlation(first: np.ndarray, second: np.ndarray) -> float:
        return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])

    assert correlation(signals["t1"], signals["t1ce"]) > 0.9
    assert correlation(signals["t2"], signals["flair"]) > 0.7
    for signal in signals.values():
        assert correlation(signal[1:], signal[:-1]) > 0.5  # 4 mm apart
        assert abs(correlation(signal[16:], signal[:-16])) < 0.2  # 64 mm apart
        assert 0.03 < signal.std() / signal.mean() < 0.3


@settings(deadline=None, max_examples=30)
@given(count=st.integers(1, 5), planes=st.integers(6, 20), seed=st.integers(0, 99))
def test_thick_slices_keep_a_constant_and_never_overshoot(count: int, planes: int, seed: int) -> None:
    image = np.random.default_rng(seed).uniform(1.0, 2.0, (3, 4, planes))
    back = interpolate_slices(average_slices(image, count), count, planes)
    assert back.shape == image.shape
    assert image.min() - 1e-12 <= back.min()
    assert back.max() <= image.max() + 1e-12
    assert np.allclose(interpolate_slices(average_slices(np.ones_like(image), count), count, planes), 1.0)
    if count == 1:
        assert np.array_equal(back, image)
