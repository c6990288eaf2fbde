"""Halving and doubling images."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows

from scanfill.networks.stylegan2.fir_filters import LowPass, doubled


def test_a_constant_image_stays_constant_away_from_the_rim() -> None:
    image = torch.full((1, 2, 12, 12), 3.0)
    for smooth in (LowPass(padding=2), LowPass(padding=1, stride=2)):
        assert smooth(image)[..., 2:-2, 2:-2].unique().tolist() == pytest.approx([3.0])
    assert doubled(image).unique().tolist() == pytest.approx([3.0])


def test_halving_gives_half_the_side_and_removes_the_finest_pattern() -> None:
    stripes = torch.ones(1, 1, 16, 16)
    stripes[..., ::2] = -1
    halved = LowPass(padding=1, stride=2)(stripes)
    assert halved.shape == (1, 1, 8, 8)
    assert halved[..., 1:-1, 1:-1].abs().max() < 1e-6


def test_doubling_equals_the_filter_after_inserted_zeros() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 6, 6)
    spread = torch.zeros(2, 3, 12, 12)
    spread[..., ::2, ::2] = image
    filtered = LowPass(padding=0, gain=4.0)(F.pad(spread, (2, 1, 2, 1)))
    torch.testing.assert_close(doubled(image)[..., 2:-2, 2:-2], filtered[..., 2:-2, 2:-2])
