"""DenseInferer: the whole image in tiles, without a trace of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor
from monai.networks.nets import UNet

from scanfill.errors import UsageError
from scanfill.inferers import DenseInferer, tiles
from scanfill.networks import UnpaddedUNet
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


@pytest.mark.parametrize("tile_size", [0, (), (15, 0, 15)], ids=str)
def test_impossible_tile_size_is_refused(tile_size: Any) -> None:
    with pytest.raises(ValueError, match="`tile_size`"):
        DenseInferer(tile_size)


def test_tile_size_of_another_number_of_axes_is_refused() -> None:
    with pytest.raises(UsageError, match=r"`tile_size` \(=\[15, 15\]\) must be 1 or 3 numbers"):
        DenseInferer((15, 15))(torch.zeros(1, 2, 8, 8, 8), tiny())


def test_unknown_padding_and_no_image_at_once_are_refused() -> None:
    with pytest.raises(UsageError, match=r"`padding` \(='mirror'\) must be one of corners, reflect, zeros"):
        DenseInferer(padding="mirror")
    with pytest.raises(UsageError, match="`at_once`"):
        DenseInferer(at_once=0)


def in_tiles_by_hand(image: torch.Tensor, network: Any, tile_size: int, multiple: int) -> torch.Tensor:
    """DeepMedic's logits of one image, tile by tile, padded by the mean of the eight corners."""
    margin, halo = network.margin, network.halo
    ends = [[0, -1]] * 3
    corners = image[:, :, ends[0]][:, :, :, ends[1]][..., ends[2]].mean((2, 3, 4), keepdim=True)
    padded = corners.expand(1, 2, *(length + 2 * margin for length in image.shape[2:])).clone()
    inner = [slice(margin, margin + length) for length in image.shape[2:]]
    padded[:, :, inner[0], inner[1], inner[2]] = image
    result = torch.empty(1, 3, *image.shape[2:])
    for (z0, z1), (y0, y1), (x0, x1) in tiles(image.shape[2:], [tile_size] * 3, multiple):
        around = padded[..., z0 : z1 + 2 * margin, y0 : y1 + 2 * margin, x0 : x1 + 2 * margin]
        low = [halo * (start > 0) for start in (z0, y0, x0)]
        high = [halo * (stop < size) for stop, size in zip((z1, y1, x1), image.shape[2:], strict=True)]
        result[..., z0:z1, y0:y1, x0:x1] = network.forward_tile(around.contiguous(), low, high)
    return result


@pytest.mark.parametrize("tile_size", [6, 12, 60])
def test_logits_of_deepmedic_are_those_of_its_tiles_bit_by_bit(tile_size: int) -> None:
    network, image = tiny(), torch.randn(1, 2, 13, 9, 16)
    with torch.no_grad():
        assert torch.equal(DenseInferer(tile_size)(image, network), in_tiles_by_hand(image, network, tile_size, 6))


# --- a U-Net whose output is smaller than its input ---------------------------------------------------------


def unet(levels: int = 5, in_channels: int = 1, dims: int = 2) -> UnpaddedUNet:
    """A narrow U-Net; with five levels it loses 184 pixels, as the paper's does."""
    torch.manual_seed(0)
    return UnpaddedUNet(dims, in_channels, 2, [2, 3, 4, 4, 5][:levels]).eval()


@pytest.mark.parametrize("tile_size", [516, 600])
def test_a_slice_of_512_is_mirrored_to_700_and_cropped_from_516_in_one_pass(tile_size: int) -> None:
    network, image = unet(), torch.rand(1, 1, 512, 512)
    padded = np.pad(image.numpy(), [(0, 0), (0, 0), (94, 94), (94, 94)], mode="reflect")
    sizes = []
    network.register_forward_hook(lambda _, given, output: sizes.append((given[0].shape[2:], output.shape[2:])))
    with torch.no_grad():
        logits = DenseInferer(tile_size, padding="reflect")(image, network)
        assert sizes == [((700, 700), (516, 516))]
        assert torch.equal(logits, network(torch.from_numpy(padded))[..., 2:-2, 2:-2])


@settings(deadline=None, max_examples=20)
@given(
    size=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    tile_size=st.integers(1, 40),
    levels=st.integers(2, 4),
    padding=st.sampled_from(["corners", "reflect", "zeros"]),
)
def test_a_unets_tiles_leave_no_trace(size: tuple[int, int], tile_size: int, levels: int, padding: str) -> None:
    network, image = unet(levels), torch.randn(1, 1, *size)
    with torch.no_grad():
        whole = DenseInferer(1000, padding=padding)(image, network)
        difference = DenseInferer(tile_size, padding=padding)(image, network) - whole
    assert difference.abs().max() < 1e-4


@pytest.mark.parametrize("size", [(516, 300), (530, 200)])
def test_slices_of_any_size_are_predicted_in_tiles(size: tuple[int, int]) -> None:
    network, image = unet(), torch.rand(1, 1, *size)
    with torch.no_grad():
        whole = DenseInferer(600, padding="reflect")(image, network)
        assert largest_difference(DenseInferer(180, padding="reflect")(image, network), whole) < 1e-4


def test_a_tile_off_the_grid_would_be_seen() -> None:
    """The law above can fail: a window that starts one pixel later is pooled differently."""
    network, image = unet(3), torch.randn(1, 1, 84, 84)
    with torch.no_grad():
        whole = network(image)
        for start, same in ((8, True), (9, False)):
            window = network(image[..., start : start + 52, start : start + 52])
            difference = (window - whole[..., start : start + 12, start : start + 12]).abs().max().item()
            assert (difference < 1e-5) is same


@pytest.mark.parametrize(("size", "output"), [((1, 1), (20, 20)), ((2, 7), (20, 20)), ((30, 5), (36, 20))], ids=str)
def test_a_slice_smaller_than_the_margin_is_mirrored_repeatedly(size: tuple[int, int], output: tuple[int, int]) -> None:
    network, image = unet(), torch.rand(1, 1, *size)
    before = [(whole - length) // 2 for length, whole in zip(size, output, strict=True)]
    widths = [(92 + b, 92 + whole - length - b) for b, whole, length in zip(before, output, size, strict=True)]
    padded = np.pad(image.numpy(), [(0, 0), (0, 0), *widths], mode="reflect")
    rows, columns = (slice(b, b + length) for b, length in zip(before, size, strict=True))
    with torch.no_grad():
        expected = network(torch.from_numpy(padded))[..., rows, columns]
        assert torch.equal(DenseInferer(516, padding="reflect")(image, network), expected)


@pytest.mark.parametrize(("padding", "value"), [("corners", 2.5), ("zeros", 0.0)])
def test_a_unet_may_also_see_a_constant_outside(padding: str, value: float) -> None:
    network, image = unet(2), torch.rand(1, 1, 6, 6)
    image[..., 0, 0], image[..., 0, -1], image[..., -1, 0], image[..., -1, -1] = 1, 2, 3, 4
    padded = torch.nn.functional.pad(image, [8] * 4, value=value)
    with torch.no_grad():
        assert torch.equal(DenseInferer(padding=padding)(image, network), network(padded))


def test_a_3d_unet_is_predicted_as_well() -> None:
    network, image = unet(2, dims=3), torch.randn(1, 1, 9, 6, 13)
    with torch.no_grad():
        whole = DenseInferer(20, padding="reflect")(image, network)
        assert largest_difference(DenseInferer((4, 8, 4), padding="reflect")(image, network), whole) < 1e-4


@pytest.mark.parametrize("at_once", [2, 3, 8])
def test_several_images_are_predicted_at_once(at_once: int) -> None:
    network, image = unet(2), torch.randn(3, 1, 20, 12)
    batches = []
    network.register_forward_hook(lambda _, given, __: batches.append(len(given[0])))
    with torch.no_grad():
        alone = DenseInferer(40)(image, network)
        assert batches == [1, 1, 1]
        together = DenseInferer(40, at_once=at_once)(image, network)
    assert sum(batches[3:]) == 3
    assert max(batches[3:]) == min(at_once, 3)
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-4)


def test_a_unet_can_be_trained_through_the_inferer() -> None:
    network, image = unet(2), torch.rand(2, 1, 14, 14)
    inferer = DenseInferer(40, padding="reflect", at_once=2)
    inferer(image, torch.nn.DataParallel(network)).square().mean().backward()
    through = [parameter.grad.clone() for parameter in network.parameters() if parameter.grad is not None]
    network.zero_grad()
    network(torch.nn.functional.pad(image, [8] * 4, mode="reflect")).square().mean().backward()
    direct = [parameter.grad for parameter in network.parameters() if parameter.grad is not None]
    assert len(through) == len(list(network.parameters()))
    torch.testing.assert_close(through, direct, rtol=1e-3, atol=1e-4)


def test_a_scripted_unet_is_taken() -> None:
    network, image = unet(3), MetaTensor(torch.rand(1, 1, 30, 20))
    with torch.no_grad():
        expected = DenseInferer(16)(image, network)
        assert type(expected) is torch.Tensor
        torch.testing.assert_close(DenseInferer(16)(image, torch.jit.script(network)), expected, rtol=0, atol=1e-4)


def test_empty_tiles_of_a_unet_are_skipped_only_on_request() -> None:
    network, image = unet(2), torch.zeros(1, 1, 8, 40)
    image[..., 32:] = 1
    with torch.no_grad():
        everything, skipping = DenseInferer(8)(image, network), DenseInferer(8, skip_background=True)(image, network)
    assert torch.equal(skipping[..., 32:], everything[..., 32:])
    assert skipping[0, :, 0, 0].tolist() == [20, 0]
