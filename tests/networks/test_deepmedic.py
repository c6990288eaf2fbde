"""DeepMedic: against the original's arrays, against NumPy, and as a network like any other."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.networks.utils import convert_to_torchscript
from numpy.lib.stride_tricks import sliding_window_view

from scanfill.networks import DeepMedic

REFERENCE = Path(__file__).parents[3] / "shared" / "reference"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason=f"the original's arrays are not at {REFERENCE}")


def tiny(seed: int = 0, **changes: Any) -> DeepMedic:
    """A network of four layers a pathway with statistics and slopes that all matter."""
    arguments: dict[str, Any] = {
        "pathway_channels": (3, 4, 4, 5),
        "factors": (2, 3),
        "subsampled_channels": ((3, 3, 4, 3), (2, 4, 3, 4)),
        "residual_layers": (3,),
        "classifier_channels": (7, 6),
        **changes,
    }
    torch.manual_seed(seed)
    network = DeepMedic(2, 3, **arguments).eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if not name.endswith("conv.weight"):
                parameter.add_(torch.randn_like(parameter), alpha=0.2)
        for name, module in network.named_modules():
            if name.endswith("norm") and hasattr(module, "set_inference_statistics"):
                channels = len(module.weight)
                module.set_inference_statistics(0.1 * torch.randn(channels), 0.5 + torch.rand(channels))
    return network


def segments_of(network: DeepMedic, predicted: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    sizes = [-(-predicted // f) + 2 * reach for f, reach in zip(network.factors, network.reaches, strict=True)]
    return [torch.randn(2, network.in_channels, size, size, size, generator=generator) for size in sizes]


# --- a second way: NumPy in double precision, from the formulas ---------------------------------------------


def numpy_layer(layer: Any, x: np.ndarray, keep: float, edge: int) -> np.ndarray:
    def column(values: torch.Tensor) -> np.ndarray:
        return values.detach().numpy().astype(float).reshape(-1, 1, 1, 1)

    if hasattr(layer.norm, "means"):
        mean, variance = layer.norm.means.double().mean(0), layer.norm.variances.double().mean(0)
        x = (x - column(mean)) / np.sqrt(column(variance)) * column(layer.norm.weight) + column(layer.norm.bias)
        x = np.maximum(x, 0) + column(layer.activation.weight) * np.minimum(x, 0)
    else:
        x = x + column(layer.norm.bias)
    x = np.pad(x * keep, [(0, 0)] + [(edge, edge)] * 3, mode="edge")
    kernel = layer.conv.weight.detach().numpy().astype(float)
    windows = sliding_window_view(x, kernel.shape[2:], (1, 2, 3))
    y = np.einsum("bxyzijk,abijk->axyz", windows, kernel, optimize=True)
    return y if layer.conv.bias is None else y + column(layer.conv.bias)


def numpy_chain(chain: Any, x: np.ndarray, residual: tuple[int, ...], keep: list[float], edge: list[int]) -> np.ndarray:
    inputs = [x]
    for number, layer in enumerate(chain.layers):
        y = numpy_layer(layer, inputs[-1], keep[number], edge[number])
        if number + 1 in residual:
            skipped = inputs[-2]
            cut = [(a - b) // 2 for a, b in zip(skipped.shape[1:], y.shape[1:], strict=True)]
            skipped = skipped[:, *(slice(c, c + n) for c, n in zip(cut, y.shape[1:], strict=True))]
            shared = min(len(skipped), len(y))
            y[:shared] += skipped[:shared]
        inputs.append(y)
    return inputs[-1]


def numpy_logits(network: DeepMedic, segments: list[np.ndarray]) -> np.ndarray:
    """Logits of one case from its segments, for the residual layers of :func:`tiny`."""
    features: list[np.ndarray] = []
    for pathway, factor, segment in zip(network.pathways, network.factors, segments, strict=True):
        y = numpy_chain(pathway, segment, (3,), [1.0] * 4, [0] * 4)
        for axis in (1, 2, 3):
            y = y.repeat(factor, axis)
        depth, height, width = features[0].shape[1:] if features else y.shape[1:]
        features.append(y[:, :depth, :height, :width])
    return numpy_chain(network.classifier, np.concatenate(features), (2,), [1.0, 0.5, 0.5], [network.halo, 0, 0])


# --- the original's arrays ----------------------------------------------------------------------------------


@needs_reference
@pytest.mark.parametrize("size", [25, 27])
def test_inference_equals_the_original(size: int) -> None:
    arrays = np.load(REFERENCE / "deepmedic_tiny.npz")
    network = DeepMedic.from_reference(REFERENCE / "deepmedic_tiny.npz").eval()
    with torch.no_grad():
        logits = network([torch.from_numpy(arrays[f"in{size}.x{end}"]) for end in ("", "_sub_0", "_sub_1")])
    assert np.abs(logits.numpy() - arrays[f"in{size}.logits"]).max() < 1e-4
    assert np.abs(logits.softmax(1).numpy() - arrays[f"in{size}.probs"]).max() < 1e-5


@needs_reference
def test_pathways_equal_the_original() -> None:
    arrays = np.load(REFERENCE / "deepmedic_tiny.npz")
    network = DeepMedic.from_reference(REFERENCE / "deepmedic_tiny.npz").eval()
    for pathway, segment, features in zip(
        network.pathways, ("x", "x_sub_0", "x_sub_1"), ("feat_norm", "feat_sub0", "feat_sub1"), strict=True
    ):
        with torch.no_grad():
            result = pathway(torch.from_numpy(arrays[f"in25.{segment}"]))
        assert np.abs(result.numpy() - arrays[f"in25.{features}"]).max() < 1e-4


@needs_reference
def test_training_mode_probabilities_equal_the_original() -> None:
    arrays = np.load(REFERENCE / "deepmedic_tiny_trainstep.npz")
    path = REFERENCE / "deepmedic_tiny_trainstep.npz"
    network = DeepMedic.from_reference(path, prefix="init.", dropout=(0, 0, 0)).train()
    logits = network([torch.from_numpy(arrays[f"in.x{end}"]) for end in ("", "_sub_0", "_sub_1")])
    assert np.abs(logits.softmax(1).detach().numpy() - arrays["step0.probs_trainmode"]).max() < 1e-5


# --- the network's own laws ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("preset", "inputs", "classes", "parameters"),
    [
        ("default", 2, 5, 2_008_901),
        ("default", 4, 4, 2_013_516),
        ("default", 4, 5, 2_013_767),
        ("wide1", 4, 4, 5_145_616),
        ("small", 4, 4, 199_120),
    ],
)
def test_presets_have_the_published_number_of_parameters(
    preset: str, inputs: int, classes: int, parameters: int
) -> None:
    network = DeepMedic.from_preset(preset, inputs, classes)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_original_2017_has_one_subsampled_pathway_and_no_residuals() -> None:
    network = DeepMedic.from_preset("original2017", 4, 5)
    assert network.factors == [1, 3]
    assert all(pathway.residual_layers == [] for pathway in network.pathways)
    assert network([torch.zeros(1, 4, 25, 25, 25), torch.zeros(1, 4, 19, 19, 19)]).shape == (1, 5, 9, 9, 9)


@pytest.mark.parametrize("changes", [{}, {"classifier_kernel": 1}], ids=["kernel 3", "kernel 1"])
@pytest.mark.parametrize("predicted", [1, 5, 6])
def test_segments_give_what_numpy_computes(predicted: int, changes: dict[str, Any]) -> None:
    network = tiny(**changes)
    segments = segments_of(network, predicted)
    with torch.no_grad():
        logits = network.forward_segments(segments).numpy()
    for case in range(2):
        expected = numpy_logits(network, [segment[case].numpy().astype(float) for segment in segments])
        assert logits[case].shape == expected.shape == (3, predicted, predicted, predicted)
        assert np.abs(logits[case] - expected).max() < 1e-4
        assert np.abs(expected).max() > 0.1


def test_whole_image_gives_what_numpy_picks_from_the_padded_volume() -> None:
    network = tiny()
    image = torch.randn(2, 9, 10, 7, dtype=torch.float64).numpy()
    corners = image[:, :: image.shape[1] - 1, :: image.shape[2] - 1, :: image.shape[3] - 1]
    assert corners.size == 16
    padded = np.empty((2, 49, 50, 47))
    padded[:] = corners.mean((1, 2, 3))[:, None, None, None]
    padded[:, 20:29, 20:30, 20:27] = image
    segments = []
    for factor in (1, 2, 3):
        picks = [20 + factor * np.arange(-4, (length - 1) // factor + 5) for length in image.shape[1:]]
        segments.append(padded[:, picks[0]][:, :, picks[1]][:, :, :, picks[2]])
    with torch.no_grad():
        logits = network(torch.from_numpy(image).float()[None])[0].numpy()
    assert logits.shape == (3, 9, 10, 7)
    assert np.abs(logits - numpy_logits(network, segments)).max() < 1e-4


@settings(deadline=None, max_examples=5)
@given(size=st.tuples(st.integers(1, 8), st.integers(1, 8), st.integers(1, 8)), seed=st.integers(0, 99))
def test_logits_have_the_size_of_the_image(size: tuple[int, int, int], seed: int) -> None:
    network = tiny(seed)
    with torch.no_grad():
        assert network(torch.randn(2, 2, *size)).shape == (2, 3, *size)
        valid = network.forward_valid(torch.randn(1, 2, *(length + 2 * network.margin for length in size)))
    assert valid.shape == (1, 3, *size)


@pytest.mark.parametrize("factors", [(), (2,), (3, 5), (2, 3, 4)], ids=str)
def test_valid_prediction_reads_exactly_its_margin(factors: tuple[int, ...]) -> None:
    network = tiny(factors=factors, subsampled_channels=None)
    image = torch.randn(1, 2, *[2 * network.margin + 1] * 3, requires_grad=True)
    network.forward_valid(image).sum().backward()
    assert image.grad is not None
    for axis in (2, 3, 4):
        read = image.grad.abs().amax([other for other in range(5) if other != axis]).nonzero().flatten().tolist()
        assert read[0] == 0, "a smaller margin would do"
    assert network.margin == 4 * max(1, *factors, 1) + max(1, *factors, 1)


def test_whole_image_equals_valid_prediction_away_from_its_end() -> None:
    network = tiny()
    image = torch.randn(1, 2, 12, 13, 11)
    padded = torch.nn.functional.pad(image - 5, [network.margin] * 6) + 5  # surroundings of 5
    for corner in np.ndindex(2, 2, 2):
        image[(0, slice(None), *(-c for c in corner))] = 5
        padded[(0, slice(None), *(network.margin + c * (n - 1) for c, n in zip(corner, (12, 13, 11), strict=True)))] = 5
    with torch.no_grad():
        whole, valid = network(image), network.forward_valid(padded)
    assert (whole - valid)[..., 1:-1, 1:-1, 1:-1].abs().max() < 1e-4
    assert (whole - valid).abs().max() > 1e-3, "the classifier repeats the edge of a whole image"


def test_segments_in_the_interior_equal_the_whole_image() -> None:
    """Segments start at multiples of the factors; their outermost voxels differ, as the original's do."""
    network = tiny()
    image = torch.randn(1, 2, 40, 40, 40)
    segments = []
    for factor in network.factors:
        first, last = 18 - 4 * factor, 18 + factor * (6 // factor - 1 + 4)
        segments.append(image[..., first : last + 1 : factor, first : last + 1 : factor, first : last + 1 : factor])
    with torch.no_grad():
        difference = (network(image)[..., 18:24, 18:24, 18:24] - network(segments)).abs()
    assert difference[..., 1:-1, 1:-1, 1:-1].max() < 1e-4
    assert difference.max() > 1e-3


def test_dropout_is_not_inverted() -> None:
    network = tiny(dropout=(0, 0, 0.75))
    last = network.classifier.layers[-1]
    x = torch.ones(1, 6, 8, 8, 8)
    undropped = last.dropout.train(mode=False)(x)
    assert torch.equal(undropped, torch.full_like(x, 0.25))
    dropped = last.dropout.train()(x)
    assert set(dropped.unique().tolist()) == {0.0, 1.0}


def test_kernels_start_with_the_variance_of_fan_in_and_gain_two() -> None:
    torch.manual_seed(0)
    network = DeepMedic.from_preset("default", 4, 4)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv3d) and module.weight.numel() > 5000:
            fan_in = module.weight[0].numel()
            assert module.weight.std().item() == pytest.approx((2 / fan_in) ** 0.5, rel=0.05)
        if isinstance(module, torch.nn.PReLU):
            assert module.weight.eq(0.01).all()


def test_trains_to_tell_two_classes_apart() -> None:
    torch.manual_seed(0)
    network = tiny(dropout=(0, 0, 0)).train()
    segments = segments_of(network, 5)
    label = (segments[0][:, 0, 4:-4, 4:-4, 4:-4] > 0).long()
    optimizer = torch.optim.Adam(network.parameters(), 1e-2)
    losses = []
    for _ in range(25):
        loss = torch.nn.functional.cross_entropy(network(segments), label)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


# --- as a network like any other ----------------------------------------------------------------------------


def test_torchscript_gives_the_same_for_images_and_segments() -> None:
    network = tiny()
    image, segments = torch.randn(1, 2, 7, 9, 8), segments_of(network, 4)
    file = io.BytesIO()
    torch.jit.save(convert_to_torchscript(network), file)
    file.seek(0)
    loaded = torch.jit.load(file)
    with torch.no_grad():
        torch.testing.assert_close(loaded(image), network(image))
        torch.testing.assert_close(loaded(segments), network(segments))
        large = torch.randn(1, 2, *[2 * network.margin + 3] * 3)
        torch.testing.assert_close(loaded.forward_valid(large), network.forward_valid(large))


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")  # a trace holds for one image size
def test_can_be_traced() -> None:
    network = tiny()
    image = torch.randn(1, 2, 7, 9, 8)
    traced = convert_to_torchscript(network, inputs=[image], use_trace=True)
    with torch.no_grad():
        torch.testing.assert_close(traced(image + 1), network(image + 1))


def test_state_survives_a_weights_only_file(tmp_path: Path) -> None:
    network = tiny().train()
    for seed in range(3):
        network(segments_of(network, 4, seed))
    torch.save(network.state_dict(), tmp_path / "model.pt")
    other = tiny(seed=1)
    other.load_state_dict(torch.load(tmp_path / "model.pt", weights_only=True))
    image = torch.randn(1, 2, 6, 6, 6)
    with torch.no_grad():
        assert torch.equal(other.eval()(image), network.eval()(image))


def test_runs_under_autocast() -> None:
    network = tiny()
    image = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        precise = network(image)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = network(image)
            network.train()(segments_of(network, 4))
    assert rough.isfinite().all()
    assert (rough.float() - precise).abs().max() < 0.05 * precise.abs().max()
    assert all(buffer.isfinite().all() for buffer in network.buffers())
    assert network.pathways[0].layers[1].norm.means.dtype == torch.float32


def test_forward_hands_a_list_on_to_the_segments() -> None:
    """Distributed training knows only ``forward``; that it works there is tested with two processes."""
    network = tiny().eval()
    segments = segments_of(network, 4)
    assert torch.equal(network(segments), network.forward_segments(segments))


# --- weights of the original --------------------------------------------------------------------------------


def exported(network: DeepMedic, prefix: str = "") -> dict[str, np.ndarray]:
    """Weights of a network in the layout of the original's export."""
    arrays = {}
    chains = [*network.pathways, network.classifier]
    for path, chain in zip(["norm", "sub0", "sub1", "fc"], chains, strict=True):
        for number, layer in enumerate(chain.layers):
            arrays[f"{path}.{number}.conv_w"] = layer.conv.weight
            arrays[f"{path}.{number}.bias" if number == 0 and path != "fc" else f"{path}.{number}.bn_beta"] = (
                layer.norm.bias
            )
            if number > 0 or path == "fc":
                arrays[f"{path}.{number}.bn_gamma"] = layer.norm.weight
                arrays[f"{path}.{number}.prelu_a"] = layer.activation.weight
                arrays[f"{path}.{number}.bn_mean"], arrays[f"{path}.{number}.bn_var"] = (
                    layer.norm.inference_statistics()
                )
    arrays["softmax.bias"] = network.classifier.layers[-1].conv.bias
    return {prefix + name: array.detach().numpy() for name, array in arrays.items()}


def test_exported_weights_rebuild_the_network(tmp_path: Path) -> None:
    network = tiny()
    np.savez(tmp_path / "weights.npz", **exported(network, "init."))
    again = DeepMedic.from_reference(tmp_path / "weights.npz", "init.", factors=(2, 3), residual_layers=(3,)).eval()
    image = torch.randn(1, 2, 7, 6, 8)
    with torch.no_grad():
        assert torch.allclose(again(image), network(image), atol=1e-5)


def test_missing_array_is_named(tmp_path: Path) -> None:
    arrays = exported(tiny())
    del arrays["sub1.2.prelu_a"]
    np.savez(tmp_path / "weights.npz", **arrays)
    with pytest.raises(ValueError, match=r"weights\.npz: array 'sub1\.2\.prelu_a' is missing, expected \(4,\)"):
        DeepMedic.from_reference(tmp_path / "weights.npz", factors=(2, 3), residual_layers=(3,))


def test_file_without_weights_is_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", init=np.zeros(3))
    with pytest.raises(ValueError, match=r"has no DeepMedic weights.*found \['init'\].*prefix"):
        DeepMedic.from_reference(tmp_path / "other.npz")


# --- bad input ----------------------------------------------------------------------------------------------


def test_wrong_number_of_channels_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 2, D, H, W\), got shape \[1, 4, 6, 6, 6\]"):
        tiny()(torch.zeros(1, 4, 6, 6, 6))


def test_image_without_batch_is_refused() -> None:
    with pytest.raises(ValueError, match=r"got shape \[2, 6, 6, 6\]"):
        tiny()(torch.zeros(2, 6, 6, 6))


def test_too_few_segments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"Expected 3 segments.*factors \[1, 2, 3\], got 1"):
        tiny()([torch.zeros(1, 2, 12, 12, 12)])


def test_segments_that_do_not_fit_are_refused_with_both_sizes() -> None:
    network = tiny()
    segments = segments_of(network, 5)
    segments[2] = segments[2][..., :-1]
    with pytest.raises(ValueError, match=r"factor 3 has size \[10, 10, 9\].*\[13, 13, 13\].*size \[10, 10, 10\]"):
        network(segments)


def test_image_without_margin_is_refused() -> None:
    with pytest.raises(ValueError, match=r"size \[30, 31, 40\] has no voxel with 15 voxels of context.*at least 31"):
        tiny().forward_valid(torch.zeros(1, 2, 30, 31, 40))


def test_unknown_preset_is_refused_with_the_names() -> None:
    with pytest.raises(
        ValueError, match=r"Unknown DeepMedic preset 'wide'\. Choose one of default, wide1, original2017, small"
    ):
        DeepMedic.from_preset("wide", 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"factors": (1, 3)}, r"`factors` \(=\[1, 3\]\)"),
        ({"subsampled_channels": ((3, 3), (3, 3), (3, 3))}, r"lists 3 pathways, `factors` \(=\[3, 5\]\) 2"),
        ({"residual_layers": (9,)}, r"`residual_layers` \(=\[9\]\)"),
        ({"classifier_kernel": 2}, r"`classifier_kernel` \(=2\)"),
        ({"classifier_residual_layers": (3,)}, r"`classifier_residual_layers` \(=\[3\]\)"),
        ({"dropout": (0, 0.5)}, r"`dropout` \(=\[0, 0\.5\]\) must have 3 rates"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_arguments_that_do_not_fit_are_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        DeepMedic(2, 3, **arguments)
