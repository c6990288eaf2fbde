"""Gradient checkpointing changes memory, not results."""

from __future__ import annotations

from copy import deepcopy

import pytest
import torch
from monai.networks.nets import DiffusionModelUNet
from torch import Tensor, nn

from scanfill.networks import with_checkpointing


def network() -> DiffusionModelUNet:
    torch.manual_seed(0)
    unet = DiffusionModelUNet(
        spatial_dims=2,
        in_channels=1,
        out_channels=1,
        channels=[8, 16],
        attention_levels=[False, True],
        num_res_blocks=1,
        norm_num_groups=8,
        num_head_channels=8,
    )
    torch.nn.init.normal_(unet.out[2].conv.weight)
    return unet


def gradients(unet: nn.Module) -> tuple[list[Tensor], int]:
    """The gradients of a step, and the bytes that were kept for them."""
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    image = torch.randn(2, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = unet(image, torch.tensor([3, 700])).square().mean()
    loss.backward()
    return [parameter.grad.clone() for parameter in unet.parameters() if parameter.grad is not None], sum(kept.values())


def test_gradients_are_the_same_and_less_is_kept_for_them() -> None:
    plain, much = gradients(network())
    checkpointed, little = gradients(with_checkpointing(network()))
    torch.testing.assert_close(checkpointed, plain)
    assert little < 0.6 * much


def test_weights_keep_their_names_and_a_copy_is_independent() -> None:
    unet = with_checkpointing(network())
    assert list(unet.state_dict()) == list(network().state_dict())
    copy = deepcopy(unet)
    with torch.no_grad():
        for parameter in unet.parameters():
            parameter.zero_()
    assert gradients(copy)[0][0].abs().max() > 0


def test_nothing_changes_if_it_is_off() -> None:
    unet = network()
    before = {name: module.forward for name, module in unet.named_modules()}
    assert with_checkpointing(unet, enabled=False) is unet
    assert {name: module.forward for name, module in unet.named_modules()} == before


def test_a_network_without_such_blocks_is_refused() -> None:
    with pytest.raises(ValueError, match="has none of the blocks down_blocks"):
        with_checkpointing(nn.Linear(1, 1))
