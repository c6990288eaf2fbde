"""AdaptiveFlipInferer: all passes where the first one is in doubt, and what that leaves unchanged."""

from __future__ import annotations

import logging
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from monai.data import MetaTensor
from monai.inferers import SimpleInferer, SlidingWindowInferer

from scanfill.errors import UsageError
from scanfill.inferers import AdaptiveFlipInferer, DenseInferer, FlipInferer
from scanfill.inferers.boxes import cover
from scanfill.inferers.regions import Crops, Tiles, steps
from small_networks import Strided, convolution, tiny


def blob(size: tuple[int, ...] = (64, 56, 48), seed: int = 0) -> torch.Tensor:
    """Weak noise with one strong spot: only there a network is not like everywhere else."""
    torch.manual_seed(seed)
    image = 0.01 * torch.randn(1, 2, *size)
    image[..., 18:24, 12:18, 20:26] += 3 * torch.randn(1, 2, 6, 6, 6)
    return image


def threshold_of(share: float, image: torch.Tensor, network: torch.nn.Module, inferer: Any) -> float:
    """Threshold above which this share of the voxels is in doubt."""
    with torch.no_grad():
        doubt = 1 - inferer(image, network).softmax(1).amax(1)
    return float(np.quantile(doubt.numpy(), 1 - share))


def averaged_part(inferer: AdaptiveFlipInferer, image: torch.Tensor, network: torch.nn.Module) -> torch.Tensor:
    """Where all passes were made: the SD is 0 elsewhere."""
    inferer.uncertainty = "sd"
    return inferer(image, network).uncertainty.amax(1, keepdim=True) > 0


def test_in_its_boxes_it_gives_what_all_passes_of_the_whole_image_give() -> None:
    """Fully convolutional, no normalisation, boxes on the strides, margin of the receptive field: nothing is lost."""
    network, image = Strided(), blob()
    threshold = threshold_of(0.001, image, network, SimpleInferer())
    adaptive = AdaptiveFlipInferer(SimpleInferer(), threshold=threshold, margin=12, multiple=4)
    result, everywhere = adaptive(image, network), FlipInferer(SimpleInferer())(image, network)
    with torch.no_grad():
        first = network(image).log_softmax(1)
    there = averaged_part(adaptive, image, network)
    assert 0.001 < there.float().mean() < 0.3
    assert (everywhere - first).abs().amax() > 0.01
    exact = {"atol": 1e-4, "rtol": 0}  # of logits up to some 50, in seven digits
    torch.testing.assert_close(torch.where(there, result, 0), torch.where(there, everywhere, 0), **exact)
    torch.testing.assert_close(torch.where(there, 0, result), torch.where(there, 0, first), **exact)


def test_a_margin_without_the_receptive_field_would_be_seen() -> None:
    network, image = Strided(), blob()
    threshold = threshold_of(0.001, image, network, SimpleInferer())
    adaptive = AdaptiveFlipInferer(SimpleInferer(), threshold=threshold, margin=0, multiple=4)
    everywhere = FlipInferer(SimpleInferer())(image, network)
    there = averaged_part(adaptive, image, network)
    difference = adaptive(image, network).prediction - everywhere
    assert torch.where(there, difference, 0).abs().amax() > 1e-3


def test_deepmedic_loses_nothing_on_any_size() -> None:
    network = tiny()
    torch.manual_seed(1)
    image = torch.randn(1, 2, 17, 22, 31)
    threshold = threshold_of(0.0003, image, network, DenseInferer())
    adaptive = AdaptiveFlipInferer(DenseInferer(), threshold=threshold)
    result, everywhere = adaptive(image, network), FlipInferer(DenseInferer())(image, network)
    there = averaged_part(adaptive, image, network)
    assert 0.01 < there.float().mean() < 0.9
    torch.testing.assert_close(torch.where(there, result, 0), torch.where(there, everywhere, 0), atol=1e-4, rtol=0)


def test_in_doubt_everywhere_it_makes_all_passes_and_in_doubt_nowhere_one() -> None:
    network, image = convolution(), torch.randn(2, 2, 9, 8, 7)
    always = AdaptiveFlipInferer(SimpleInferer(), threshold=0)
    torch.testing.assert_close(always(image, network), FlipInferer(SimpleInferer())(image, network))
    never = AdaptiveFlipInferer(SimpleInferer(), threshold=1)
    torch.testing.assert_close(never(image, network), network(image).log_softmax(1).detach())
    assert always.last is not None
    assert (always.last.uncertain, always.last.averaged, always.last.cost, always.last.boxes) == (1, 1, 1, 1)
    assert never.last is not None
    assert (never.last.uncertain, never.last.averaged, never.last.cost, never.last.boxes) == (0, 0, 0, 0)


@pytest.mark.parametrize("uncertainty", ["sd", "entropy"])
def test_laterality_rotations_and_uncertainty_are_those_of_all_passes(uncertainty: str) -> None:
    network, image = convolution(), MetaTensor(torch.randn(1, 2, 9, 8, 8))
    options: dict[str, Any] = {"rotation_plane": (1, 2), "modality": "MRI", "uncertainty": uncertainty}
    options |= {"paired_channels": [[1, 2]]}
    everywhere = FlipInferer(SimpleInferer(), **options)(image, network)
    result = AdaptiveFlipInferer(SimpleInferer(), threshold=0, **options)(image, network)
    assert isinstance(result.prediction, MetaTensor)
    torch.testing.assert_close(result.prediction, everywhere.prediction)
    torch.testing.assert_close(result.uncertainty, everywhere.uncertainty)


def test_slices_and_overlapping_classes_are_taken() -> None:
    network = convolution(2)
    torch.manual_seed(0)
    image = 9 * torch.randn(1, 2, 48, 40)
    image[..., 20:26, 14:20] /= 50
    adaptive = AdaptiveFlipInferer(SimpleInferer(), (0, 1), activation="sigmoid", threshold=0.49, multiple=1, margin=2)
    there = averaged_part(adaptive, image, network)
    everywhere = FlipInferer(SimpleInferer(), (0, 1), activation="sigmoid")(image, network)
    assert 0 < there.float().mean() < 1
    difference = adaptive(image, network).prediction.sigmoid() - everywhere.sigmoid()  # a logit near 1 has few digits
    assert torch.where(there, difference, 0).abs().max() < 1e-5


def test_the_stated_cost_is_what_the_network_is_given() -> None:
    network, image = Strided(), blob((44, 40, 40))
    windows = SlidingWindowInferer(roi_size=(24, 24, 16), overlap=0.25)
    with torch.no_grad():
        network.voxels = 0
        first = windows(image, network)
        whole = network.voxels
    doubt = 1 - first.softmax(1).amax(1)
    threshold = float(doubt.flatten().sort().values[-20])
    adaptive = AdaptiveFlipInferer(windows, threshold=threshold, margin=4)
    network.voxels = 0
    adaptive(image, network)
    assert adaptive.last is not None
    assert 0 < adaptive.last.cost < 1
    assert network.voxels == whole + 7 * round(adaptive.last.cost * whole)


def test_a_window_that_is_no_cube_is_rotated_with_its_crop() -> None:
    network, image = Strided(), blob((40, 40, 40))
    windows = SlidingWindowInferer(roi_size=(24, 24, 16), overlap=0.25)
    with torch.no_grad():
        network.voxels = 0
        windows(image, network)
    whole, network.voxels = network.voxels, 0
    threshold = threshold_of(0.0003, image, network, windows)
    rotation: dict[str, Any] = {"rotation_plane": (1, 2), "modality": "MRI", "spacing": (1, 1, 1)}
    adaptive = AdaptiveFlipInferer(windows, (0,), threshold=threshold, margin=4, **rotation)
    network.voxels = 0
    adaptive(image, network)
    assert adaptive.last is not None
    assert 0 < adaptive.last.cost < 1
    assert network.voxels == whole + 7 * round(adaptive.last.cost * whole), "nothing was padded"


def test_smaller_crops_cost_less() -> None:
    network, image = Strided(), blob()
    windows = SlidingWindowInferer(roi_size=32, overlap=0.5)
    threshold = threshold_of(0.0005, image, network, windows)
    costs = []
    for smallest in (None, 8):
        adaptive = AdaptiveFlipInferer(windows, threshold=threshold, margin=4, smallest=smallest)
        adaptive(image, network)
        assert adaptive.last is not None
        costs.append(adaptive.last.cost)
    assert 0 < costs[1] < costs[0]
    assert windows.roi_size == 32, "the wrapped inferer stays as it was"


def test_what_was_spent_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="scanfill.inferers.adaptive"):
        AdaptiveFlipInferer(SimpleInferer(), threshold=0)(torch.randn(1, 2, 4, 4, 4), convolution())
    assert "100.0 % of the voxels in doubt; 100 % re-run in 1 boxes, each pass at 100 % of a whole one" in caplog.text


@pytest.mark.parametrize(
    "wrong",
    [{"threshold": 1.5}, {"threshold": -0.1}, {"threshold": "much"}, {"margin": -1}, {"multiple": 0}, {"smallest": 0}],
    ids=str,
)
def test_a_number_that_makes_no_sense_is_an_error(wrong: dict[str, Any]) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(UsageError, match=rf"`{name}` \(={value}\)"):
        AdaptiveFlipInferer(SimpleInferer(), **wrong)


def test_windows_are_not_turned_one_by_one() -> None:
    with pytest.raises(UsageError, match="inside=True"):
        AdaptiveFlipInferer(SimpleInferer(), inside=True)


def test_an_output_on_another_grid_is_refused() -> None:
    with pytest.raises(TypeError, match="on the grid of the image"):
        AdaptiveFlipInferer(SimpleInferer())(torch.zeros(1, 2, 4, 4, 4), lambda image: image[..., ::2])


marks = arrays.arrays(bool, st.tuples(*[st.integers(1, 20)] * 3), elements=st.sampled_from([False] * 9 + [True]))


@settings(deadline=None, max_examples=40)
@given(marked=marks, margin=st.integers(0, 5), cell=st.integers(1, 4))
def test_boxes_hold_every_marked_voxel_once_and_cost_no_more_than_the_whole(
    marked: np.ndarray, margin: int, cell: int
) -> None:
    def cost(box: tuple[slice, ...]) -> int:
        return math.prod(part.stop - part.start + 2 * margin for part in box)

    count = np.zeros(marked.shape, int)
    boxes = cover(marked, cost, cell)
    for box in boxes:
        count[box] += 1
    assert count.max() <= 1
    assert (count[marked] == 1).all()
    whole = tuple(slice(0, length) for length in marked.shape)
    assert sum(map(cost, boxes)) <= cost(whole)
    assert bool(boxes) is bool(marked.any())


def test_two_spots_far_apart_get_a_box_each() -> None:
    marked = np.zeros((40, 40, 40), bool)
    marked[2:5, 2:5, 2:5] = marked[33:36, 30:34, 30:34] = True
    boxes = cover(marked, lambda box: math.prod(part.stop - part.start + 8 for part in box))
    assert len(boxes) == 2


@settings(deadline=None, max_examples=100)
@given(data=st.data(), multiple=st.sampled_from([1, 4, 8]), window=st.sampled_from([None, 16, 21]))
def test_a_crop_has_the_box_and_its_margin_and_fits_the_network(
    data: st.DataObject, multiple: int, window: int | None
) -> None:
    length, margin = data.draw(st.integers(2, 70)), data.draw(st.integers(0, 9))
    start, stop = sorted(data.draw(st.lists(st.integers(0, length), min_size=2, max_size=2, unique=True)))
    inferer = SimpleInferer() if window is None else SlidingWindowInferer(window)
    crops = Crops(inferer, (length,) * 2, margin=margin, smallest=None, multiple=multiple)
    crop = crops.needed((slice(start, stop),) * 2)[0]
    assert 0 <= crop.start <= max(start - margin, 0)
    assert min(stop + margin, length) <= crop.stop <= length
    size = crop.stop - crop.start
    assert size == length or size % multiple == 0 or size >= (window or length)
    assert size == length or size <= max(stop - start + 2 * margin + 2 * (multiple - 1), window or 0)
    assert size >= min(window or 0, length)
    if window is None and length % multiple == 0:
        assert crop.start % multiple == (length - crop.stop) % multiple == 0


@settings(deadline=None, max_examples=50)
@given(data=st.data(), multiple=st.sampled_from([1, 6, 15]))
def test_a_region_of_tiles_starts_on_the_grid_from_either_end(data: st.DataObject, multiple: int) -> None:
    length = data.draw(st.integers(2, 70))
    start, stop = sorted(data.draw(st.lists(st.integers(0, length), min_size=2, max_size=2, unique=True)))
    region = Tiles(DenseInferer(), (length,), multiple).needed((slice(start, stop),))[0]
    assert 0 <= region.start <= start < stop <= region.stop <= length
    assert region.start % multiple == (length - region.stop) % multiple == 0


@settings(deadline=None, max_examples=30)
@given(length=st.integers(1, 40), window=st.integers(1, 20), overlap=st.sampled_from([0.0, 0.25, 0.5, 0.8]))
def test_windows_are_counted_as_monai_places_them(length: int, window: int, overlap: float) -> None:
    seen = []
    inferer = SlidingWindowInferer((window, 1), overlap=(overlap, 0.0))
    inferer(torch.zeros(1, 1, length, 1), lambda image: seen.append(1) or image)
    assert len(seen) == steps(length, window, overlap)
