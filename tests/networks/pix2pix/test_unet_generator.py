"""UNetGenerator against published sizes, against its formula, and against bad input."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import nn

from scanfill.networks.pix2pix import UNetGenerator


def parameters(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize(("depth", "millions"), [(8, 54.414), (7, 41.829)])
def test_has_as_many_parameters_as_the_published_pix2pix(depth: int, millions: float) -> None:
    """The figures are what the code of Isola et al. prints for its unet_256 and unet_128 generators."""
    with torch.device("meta"):
        network = UNetGenerator(2, 3, 3, depth=depth, upsampling="transposed")
    assert round(parameters(network) / 1e6, 3) == millions


def test_has_as_many_parameters_as_pix2pixnifti_in_3d() -> None:
    """Counted by hand: 7 downsamplings, 64 filters, 4^3 kernels down, a quarter of the channels and 3^3 kernels up."""
    down = 4**3 * (1 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 3 * 512 * 512)
    up = 3**3 * (128 * 512 + 2 * 256 * 512 + 256 * 256 + 128 * 128 + 64 * 64 + 32 * 1) + 1
    norms = 2 * (128 + 256 + 3 * 512) + 2 * (3 * 512 + 256 + 128 + 64)
    with torch.device("meta"):
        network = UNetGenerator(3, 1, 1)
    assert parameters(network) == down + up + norms == 72_524_257


def test_is_the_formula() -> None:
    torch.manual_seed(0)
    network = UNetGenerator(3, 2, 1, filters=4, depth=2, norm="instance", upsampling="transposed")
    weights = {name: 3 * value for name, value in network.state_dict().items()}
    network.load_state_dict(weights)
    x = torch.randn(2, 2, 8, 8, 8)
    outer = F.conv3d(x, weights["encoder.0.0.weight"], weights["encoder.0.0.bias"], stride=2, padding=1)
    inner = F.leaky_relu(outer, 0.2)
    inner = F.conv3d(inner, weights["encoder.1.1.weight"], weights["encoder.1.1.bias"], stride=2, padding=1)
    up = F.conv_transpose3d(
        F.relu(inner), weights["decoder.0.1.weight"], weights["decoder.0.1.bias"], stride=2, padding=1
    )
    joined = F.relu(torch.cat([outer, F.instance_norm(up)], 1))
    up = F.conv_transpose3d(joined, weights["decoder.1.1.weight"], weights["decoder.1.1.bias"], stride=2, padding=1)
    torch.testing.assert_close(network(x), torch.tanh(up))


def trained_error(*, see_input: bool) -> float:
    """Error of a network that has learned for a second to repeat noise with the other sign."""
    torch.manual_seed(0)
    network = UNetGenerator(2, 1, 1, filters=8, depth=2, norm="instance", final="none", see_input=see_input)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    for _ in range(60):
        x = torch.randn(2, 1, 16, 16)
        optimizer.zero_grad()
        loss = (network(x) + x).square().mean()
        loss.backward()
        optimizer.step()
    return loss.item()


def test_paints_what_differs_from_voxel_to_voxel_only_when_it_sees_the_input() -> None:
    assert trained_error(see_input=False) > 0.5
    assert trained_error(see_input=True) < 0.1


@pytest.mark.parametrize("depth", [1, 2, 3, 6, 7])
def test_norm_and_dropout_are_where_the_original_has_them(depth: int) -> None:
    with torch.device("meta"):
        network = UNetGenerator(2, 1, 1, filters=4, depth=depth)

    def kinds(blocks: nn.ModuleList, kind: type[nn.Module]) -> list[bool]:
        return [any(isinstance(layer, kind) for layer in block) for block in blocks]

    between = [0 < level < depth - 1 for level in range(depth)]
    assert kinds(network.encoder, nn.BatchNorm2d) == between  # neither the outermost nor the innermost
    assert kinds(network.decoder, nn.BatchNorm2d) == [True] * (depth - 1) + [False]
    assert kinds(network.encoder, nn.Dropout) == [False] * depth
    dropped = [4 <= level < depth - 1 for level in reversed(range(depth))]
    assert kinds(network.decoder, nn.Dropout) == dropped


def test_feature_maps_double_up_to_eightfold() -> None:
    with torch.device("meta"):
        network = UNetGenerator(2, 3, 1, filters=4, depth=6)
    widths = [layer.out_channels for layer in network.encoder.modules() if isinstance(layer, nn.Conv2d)]
    assert widths == [4, 8, 16, 32, 32, 32]


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("upsampling", ["sum", "transposed"])
@pytest.mark.parametrize("norm", ["batch", "instance", ("group", {"num_groups": 2})])
@pytest.mark.parametrize("see_input", [False, True])
def test_every_weight_learns_from_one_image_of_the_smallest_size(
    spatial_dims: int, upsampling: str, norm: str | tuple[str, dict[str, object]], see_input: bool
) -> None:
    options = {"norm": norm, "upsampling": upsampling, "see_input": see_input}
    network = UNetGenerator(spatial_dims, 2, 3, filters=4, depth=3, **options)
    result = network(torch.randn(1, 2, *[8] * spatial_dims))
    assert result.shape == (1, 3, *[8] * spatial_dims)
    result.sum().backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None]
    assert not silent


def test_dropout_is_active_in_training_only() -> None:
    torch.manual_seed(0)
    network = UNetGenerator(2, 1, 1, filters=4, depth=6, norm="instance")
    for parameter in network.parameters():
        parameter.data.mul_(10)  # from the small first weights, so that the innermost levels have a say
    x = torch.randn(1, 1, 64, 64)
    assert not torch.equal(network(x), network(x))
    network.eval()
    assert torch.equal(network(x), network(x))


def test_tanh_is_optional() -> None:
    torch.manual_seed(0)
    bounded, free = (UNetGenerator(2, 1, 1, filters=4, depth=2, final=final).eval() for final in ("tanh", "none"))
    free.load_state_dict(bounded.state_dict())
    x = 1e4 * torch.randn(1, 1, 16, 16)
    assert free(x).abs().max() > 1
    torch.testing.assert_close(bounded(x), torch.tanh(free(x)))


def test_weights_start_small_and_biases_at_zero() -> None:
    torch.manual_seed(0)
    network = UNetGenerator(3, 1, 1, filters=16, depth=3)
    for module in network.modules():
        if isinstance(module, nn.Conv3d) and module.weight.numel() > 2000:
            assert module.weight.std().item() == pytest.approx(0.02, rel=0.1)
            assert module.weight.mean().item() == pytest.approx(0, abs=0.002)
        if isinstance(module, nn.BatchNorm3d):
            assert module.weight.mean().item() == pytest.approx(1, abs=0.02)
        if getattr(module, "bias", None) is not None:
            assert not module.bias.any()


@pytest.mark.parametrize("spatial_dims", [2, 3])
@pytest.mark.parametrize("upsampling", ["sum", "transposed"])
@pytest.mark.parametrize("see_input", [False, True])
def test_exports_to_torchscript(spatial_dims: int, upsampling: str, see_input: bool) -> None:
    network = UNetGenerator(spatial_dims, 2, 1, filters=4, depth=2, upsampling=upsampling, see_input=see_input).eval()
    x = torch.randn(1, 2, *[8] * spatial_dims)
    torch.testing.assert_close(torch.jit.script(network)(x), network(x))


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 2, 8, 12, 8), r"shape \[1, 2, 8, 12, 8\] cannot be halved 3 times. Pad each side to a multiple of 8"),
        ((1, 1, 8, 8, 8), r"3-D images with 2 channels, got shape \[1, 1, 8, 8, 8\]"),
        ((1, 2, 8, 8), r"3-D images with 2 channels, got shape \[1, 2, 8, 8\]"),
    ],
)
def test_an_image_that_does_not_fit_is_refused(shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        UNetGenerator(3, 2, 1, filters=4, depth=3)(torch.zeros(shape))


@pytest.mark.parametrize(
    ("argument", "value"),
    [("spatial_dims", 1), ("depth", 0), ("filters", 0), ("in_channels", 0), ("dropout", 1.0), ("final", "relu")],
)
def test_an_argument_out_of_range_is_refused_by_name(argument: str, value: object) -> None:
    arguments: dict[str, object] = {"spatial_dims": 3, "in_channels": 1, "out_channels": 1, "filters": 4, "depth": 2}
    with pytest.raises(ValueError, match=f"`{argument}`.*{value}"):
        UNetGenerator(**{**arguments, argument: value})
