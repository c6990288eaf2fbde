"""The grids of the pathways, against arrays that the original cut from a volume."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.networks.subsampling import context_needed, corner_mean, cut_segment, segment_size, spread

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "sampling_reference.npz"
REACH, PREDICTED, PAD = 8, 9, 60


@pytest.mark.skipif(not REFERENCE.exists(), reason=f"the original's arrays are not at {REFERENCE}")
@pytest.mark.parametrize("factor", [3, 5])
@pytest.mark.parametrize("case", range(5))
def test_segments_equal_the_original_but_for_its_offset_at_low_borders(case: int, factor: int) -> None:
    """Where its segment starts below the volume, the original reads from voxel 0: up to factor - 1 voxels too far."""
    arrays = np.load(REFERENCE)
    volume = torch.from_numpy(arrays["vol"])
    padded = corner_mean(volume[None])[0].expand(-1, *(length + 2 * PAD for length in volume.shape[1:])).clone()
    padded[:, PAD:-PAD, PAD:-PAD, PAD:-PAD] = volume
    origins = [int(low) + REACH for low in arrays[f"case{case}.hr_low"]]
    starts = [origin - factor * REACH for origin in origins]
    offsets = [(-start) % factor if start < 0 else 0 for start in starts]
    shifted = padded
    for axis, (origin, offset) in enumerate(zip(origins, offsets, strict=True)):
        shifted = shifted.narrow(axis + 1, origin + offset, 2 * PAD)
    segment = cut_segment(shifted, PAD, [PREDICTED] * 3, [0] * 3, [0] * 3, factor=factor, reach=REACH)
    assert torch.equal(segment, torch.from_numpy(arrays[f"case{case}.sub{factor}"]))


@pytest.mark.parametrize(
    ("predicted", "factor", "size"), [(21, 1, 37), (21, 3, 23), (21, 5, 21), (9, 3, 19), (9, 5, 18)]
)
def test_segments_have_the_sizes_of_the_original(predicted: int, factor: int, size: int) -> None:
    assert segment_size(predicted, factor, 8) == size


@settings(deadline=None, max_examples=30)
@given(
    predicted=st.integers(1, 12),
    factor=st.integers(1, 5),
    reach=st.integers(1, 3),
    low=st.integers(0, 2),
    high=st.integers(0, 2),
)
def test_each_voxel_gets_the_features_of_its_own_block(
    predicted: int, factor: int, reach: int, low: int, high: int
) -> None:
    """With coordinates for an image: after cutting, shrinking and spreading, voxel p holds factor * (p // factor)."""
    margin = context_needed(factor, reach, max(low, high))
    coordinates = torch.arange(-margin, predicted + margin, dtype=torch.float32)
    image = torch.stack(torch.meshgrid(coordinates, coordinates, coordinates, indexing="ij"))[None]
    segment = cut_segment(image, margin, [predicted] * 3, [low] * 3, [high] * 3, factor=factor, reach=reach)
    if low == high == 0:
        assert segment.shape[2] == segment_size(predicted, factor, reach)
    features = segment[..., reach:-reach, reach:-reach, reach:-reach]  # the middle of what each layer chain saw
    dense = spread(features, factor, [low + predicted + high] * 3, [low] * 3)
    expected = torch.arange(-low, predicted + high).floor_divide(factor) * factor
    assert torch.equal(dense[0, 0, :, 0, 0], expected.float())
    assert torch.equal(dense[0, 1, 0, :, 0], expected.float())
    assert torch.equal(dense[0, 2, 0, 0, :], expected.float())
    assert segment.min() >= -margin
