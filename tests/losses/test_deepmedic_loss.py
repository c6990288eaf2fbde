"""DeepMedicLoss against the original and against hand computation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from monai.losses import DiceLoss

from scanfill.losses import DeepMedicLoss
from scanfill.networks import DeepMedic
from scanfill.optimizers import RMSpropNesterov

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "deepmedic_tiny_trainstep.npz"
needs_reference = pytest.mark.skipif(not REFERENCE.exists(), reason=f"the original's arrays are not at {REFERENCE}")


def trainstep() -> tuple[DeepMedic, list[torch.Tensor], torch.Tensor, dict[str, np.ndarray]]:
    arrays = dict(np.load(REFERENCE))
    network = DeepMedic.from_reference(REFERENCE, prefix="init.", dropout=(0, 0, 0)).train()
    segments = [torch.from_numpy(arrays[f"in.x{end}"]) for end in ("", "_sub_0", "_sub_1")]
    return network, segments, torch.from_numpy(arrays["in.labels"])[:, None], arrays


def named_as_original(network: DeepMedic) -> dict[str, torch.Tensor]:
    parameters = {"softmax.bias": network.classifier.layers[-1].conv.bias}
    chains = [*network.pathways, network.classifier]
    for path, chain in zip(["norm", "sub0", "sub1", "fc"], chains, strict=True):
        for number, layer in enumerate(chain.layers):
            start = f"{path}.{number}."
            parameters[start + "conv_w"] = layer.conv.weight
            if number == 0 and path != "fc":
                parameters[start + "bias"] = layer.norm.bias
            else:
                parameters[start + "bn_gamma"] = layer.norm.weight
                parameters[start + "bn_beta"] = layer.norm.bias
                parameters[start + "prelu_a"] = layer.activation.weight
    return parameters


@needs_reference
def test_losses_equal_the_original() -> None:
    network, segments, label, arrays = trainstep()
    loss = DeepMedicLoss(network)
    logits = network(segments)
    assert loss.cross_entropy(logits, label).item() == pytest.approx(arrays["step0.xentr"].item(), abs=1e-5)
    assert DeepMedicLoss(network, l1=1, l2=0).penalty().item() == pytest.approx(arrays["step0.L1_sum"].item(), rel=1e-6)
    assert DeepMedicLoss(network, l1=0, l2=1).penalty().item() == pytest.approx(arrays["step0.L2_sum"].item(), rel=1e-6)
    assert loss(logits, label).item() == pytest.approx(arrays["step0.total"].item(), abs=1e-5)


@needs_reference
@pytest.mark.parametrize(("name", "jaccard"), [("dsc", False), ("iou", True)])
def test_the_originals_other_losses_are_in_monai(name: str, jaccard: bool) -> None:
    network, segments, label, arrays = trainstep()
    loss = DiceLoss(softmax=True, to_onehot_y=True, batch=True, jaccard=jaccard, smooth_nr=1e-5, smooth_dr=1e-5)
    assert loss(network(segments), label).item() == pytest.approx(arrays[f"step0.{name}"].item(), abs=1e-5)


@needs_reference
def test_gradients_equal_the_original() -> None:
    network, segments, label, arrays = trainstep()
    DeepMedicLoss(network)(network(segments), label).backward()
    parameters = named_as_original(network)
    for name in ("norm.0.conv_w", "fc.0.bn_gamma", "fc.1.prelu_a", "softmax.bias"):
        gradient, expected = parameters[name].grad, arrays[f"step0.grad.{name}"]
        assert gradient is not None
        assert np.abs(gradient.numpy() - expected).max() < 1e-5, name
        assert np.abs(expected).max() > 1e-3, name


@needs_reference
def test_three_steps_of_training_equal_the_original() -> None:
    network, segments, label, arrays = trainstep()
    loss, optimizer = DeepMedicLoss(network), RMSpropNesterov(network.parameters())
    for expected in arrays["total_cost_before_each_of_3_steps"]:
        optimizer.zero_grad()
        value = loss(network(segments), label)
        value.backward()
        optimizer.step()
        assert value.item() == pytest.approx(expected.item(), abs=1e-5)
    parameters = named_as_original(network)
    assert {f"after3.{name}" for name in parameters} == {name for name in arrays if name.startswith("after3.")}
    for name, parameter in parameters.items():
        assert np.abs(parameter.detach().numpy() - arrays[f"after3.{name}"]).max() < 1e-4, name


def test_cross_entropy_is_the_formula() -> None:
    logits = torch.log(torch.tensor([[0.7, 0.2], [0.3, 0.8]])).T.reshape(2, 2, 1, 1, 1)
    label = torch.tensor([0, 0]).reshape(2, 1, 1, 1, 1)
    expected = -(np.log(0.7 + 1e-6) + np.log(0.2 + 1e-6)) / 2
    assert DeepMedicLoss(torch.nn.Identity())(logits, label).item() == pytest.approx(expected, abs=1e-6)


def test_a_wholly_wrong_voxel_costs_no_more_than_the_constant_allows() -> None:
    logits = torch.tensor([100.0, -100.0]).reshape(1, 2, 1, 1, 1)
    loss = DeepMedicLoss(torch.nn.Identity()).cross_entropy(logits, torch.ones(1, 1, 1, 1, 1))
    assert loss.item() == pytest.approx(-np.log(1e-6), abs=1e-4)


def test_penalty_counts_kernels_only() -> None:
    network = torch.nn.Sequential(torch.nn.Conv3d(1, 2, 1), torch.nn.BatchNorm3d(2), torch.nn.PReLU())
    torch.nn.init.constant_(network[0].weight, -3)
    assert DeepMedicLoss(network, l1=1e-1, l2=1e-2).penalty().item() == pytest.approx(0.1 * 6 + 0.01 * 18)


def test_penalty_follows_the_network() -> None:
    network = torch.nn.Conv3d(1, 1, 1, bias=False)
    loss = DeepMedicLoss(network, l1=1, l2=0)
    torch.nn.init.constant_(network.weight, 2)
    assert loss.penalty().item() == 2


def test_does_not_own_the_network() -> None:
    loss = DeepMedicLoss(torch.nn.Conv3d(1, 1, 1))
    assert not loss.state_dict()
    assert not list(loss.parameters())


@pytest.mark.parametrize("shape", [(2, 1, 3, 3, 3), (2, 3, 3, 3)], ids=["channel", "no channel"])
@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32, torch.int64], ids=str)
def test_labels_of_any_kind_are_taken(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    logits = torch.randn(2, 4, 3, 3, 3)
    label = torch.randint(0, 4, (2, 1, 3, 3, 3))
    loss = DeepMedicLoss(torch.nn.Identity(), epsilon=0)
    expected = torch.nn.functional.cross_entropy(logits, label[:, 0])
    assert loss(logits, label.reshape(shape).to(dtype)).item() == pytest.approx(expected.item(), abs=1e-6)


def test_is_float32_under_autocast() -> None:
    network = torch.nn.Conv3d(1, 2, 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = DeepMedicLoss(network)(network(torch.randn(1, 1, 2, 2, 2)), torch.zeros(1, 1, 2, 2, 2))
    assert loss.dtype == torch.float32


def test_label_of_another_size_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 1, 5, 5, 5\).*expected class indices of shape \(1, 1, 3, 3, 3\)"):
        DeepMedicLoss(torch.nn.Identity())(torch.zeros(1, 2, 3, 3, 3), torch.zeros(1, 1, 5, 5, 5))


def test_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`l2` \(=-1\)"):
        DeepMedicLoss(torch.nn.Identity(), l2=-1)
