"""DenseInferer: the whole volume in tiles, without a trace of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.networks.nets import UNet

from scanfill.inferers import DenseInferer, tiles
from small_networks import tiny


def largest_difference(a: torch.Tensor, b: torch.Tensor) -> float:
    assert a.shape == b.shape
    assert a.std() > 0.01
    return (a - b).abs().max().item()


@settings(deadline=None, max_examples=12)
@given(
    size=st.tuples(st.integers(1, 13), st.integers(1, 13), st.integers(1, 13)),
    tile_size=st.integers(4, 15),
    factors=st.sampled_from([(), (2,), (2, 3), (4, 3)]),
    kernel=st.sampled_from([1, 3]),
)
def test_tiles_leave_no_trace(
    size: tuple[int, int, int], tile_size: int, factors: tuple[int, ...], kernel: int
) -> None:
    network = tiny(factors, classifier_kernel=kernel)
    image = torch.randn(1, 2, *size)
    with torch.no_grad():
        difference = DenseInferer(tile_size)(image, network) - network(image)
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize("tile_size", [29, 30, (15, 44, 100)], ids=str)
def test_tile_size_does_not_matter_with_the_originals_factors(tile_size: int | tuple[int, int, int]) -> None:
    network = tiny((3, 5), layers=8, residual_layers=(4, 6, 8))
    image = torch.randn(1, 2, 37, 31, 17)
    with torch.no_grad():
        assert largest_difference(DenseInferer(tile_size)(image, network), network(image)) < 1e-4


def test_an_odd_start_would_be_seen() -> None:
    """The law above can fail: a tile that starts off the grid gives other logits."""
    network = tiny()
    image = torch.randn(1, 2, 60, 60, 60)
    margin = network.margin
    with torch.no_grad():
        whole = network(image)
        for start, off_grid in ((18, False), (19, True)):
            block = slice(start - margin, start + 6 + margin)
            tile = network.forward_valid(image[..., block, block, block])
            difference = (tile - whole[..., start : start + 6, start : start + 6, start : start + 6]).abs().max()
            assert (difference.item() > 1e-2) is off_grid


def test_every_case_of_a_batch_is_predicted_on_its_own() -> None:
    network = tiny()
    image = torch.stack([torch.randn(2, 9, 9, 9), 10 + torch.randn(2, 9, 9, 9)])
    with torch.no_grad():
        together = DenseInferer(6)(image, network)
        apart = torch.cat([DenseInferer(6)(image[i : i + 1], network) for i in range(2)])
    assert torch.allclose(together, apart, atol=1e-4)  # a batch may be added up in another order than a case


@settings(deadline=None, max_examples=50)
@given(length=st.integers(1, 100), most=st.integers(1, 60), multiple=st.integers(1, 20))
def test_tiles_cover_each_voxel_once_and_start_on_the_grid(length: int, most: int, multiple: int) -> None:
    spans = [region[0] for region in tiles((length, 1, 1), (most, 1, 1), multiple)]
    assert [voxel for start, stop in spans for voxel in range(start, stop)] == list(range(length))
    assert all(start % multiple == 0 for start, _ in spans)
    assert max(stop - start for start, stop in spans) <= max(most, multiple)


def test_wrapped_network_is_unwrapped() -> None:
    network = tiny()
    image = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        assert torch.equal(DenseInferer()(image, torch.nn.DataParallel(network)), DenseInferer()(image, network))


def test_scripted_network_is_taken() -> None:
    network = tiny()
    image = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        scripted = DenseInferer()(image, torch.jit.script(network))
        assert torch.allclose(scripted, DenseInferer()(image, network), atol=1e-5)


def test_image_with_metadata_gives_plain_float_logits() -> None:
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = DenseInferer(6)(MetaTensor(torch.randn(1, 2, 7, 7, 7)), tiny())
    assert type(logits) is torch.Tensor
    assert logits.dtype == torch.float32


def test_background_is_skipped_only_on_request() -> None:
    network = tiny()
    image = torch.zeros(1, 2, 6, 6, 18)
    image[..., 12:] = torch.randn(1, 2, 6, 6, 6)
    with torch.no_grad():
        whole = network(image)
        everything, skipping = DenseInferer(6)(image, network), DenseInferer(6, skip_background=True)(image, network)
    assert largest_difference(everything, whole) < 1e-4
    assert torch.equal(skipping[..., 12:], everything[..., 12:])
    assert skipping[..., :12].argmax(1).eq(0).all()
    assert not torch.allclose(skipping[..., :12], whole[..., :12])


def test_progress_is_shown_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    image = torch.randn(1, 2, 7, 7, 7)
    with torch.no_grad():
        DenseInferer(6)(image, tiny())
        assert capsys.readouterr().err == ""
        DenseInferer(6, progress=True)(image, tiny())
    assert "0/8" in capsys.readouterr().err


def test_other_networks_are_refused() -> None:
    network = UNet(3, 2, 3, channels=(4, 8), strides=(2,))
    with pytest.raises(TypeError, match=r"got UNet\. Use monai\.inferers\.SlidingWindowInferer"):
        DenseInferer()(torch.zeros(1, 2, 8, 8, 8), network)


def test_further_arguments_are_refused() -> None:
    with pytest.raises(TypeError, match=r"got 0 extra arguments and \['condition'\]"):
        DenseInferer()(torch.zeros(1, 2, 8, 8, 8), tiny(), condition=1)


@pytest.mark.parametrize("tile_size", [0, (15, 15)], ids=str)
def test_impossible_tile_size_is_refused(tile_size: Any) -> None:
    with pytest.raises(ValueError, match="`tile_size`"):
        DenseInferer(tile_size)
