"""Less memory for gradients, at the price of a second pass through each block."""

from collections.abc import Sequence
from functools import partial

from torch import nn
from torch.utils.checkpoint import checkpoint

BLOCKS = ("down_blocks", "middle_block", "up_blocks")
"""Names of the blocks of MONAI's ``DiffusionModelUNet``."""


def with_checkpointing(network: nn.Module, blocks: Sequence[str] = BLOCKS, *, enabled: bool = True) -> nn.Module:
    """Keep only what enters each block for its gradients, and compute the rest again (Chen et al. 2016).

    Args:
        network: It, or a part of it, has the blocks. It is changed in place; its weights keep their names.
        blocks: Names of modules, or of lists of modules.
        enabled: Whether to change anything.

    Returns:
        The network.

    Raises:
        ValueError: There is no such block.
    """
    if not enabled:
        return network
    found = [module for name, module in network.named_modules() if name.rpartition(".")[2] in blocks]
    if not found:
        msg = f"The network (a {type(network).__name__}) has none of the blocks {', '.join(blocks)}."
        raise ValueError(msg)
    for block in found:
        for part in block if isinstance(block, nn.ModuleList) else [block]:
            part.forward = partial(checkpoint, part.forward, use_reentrant=False)
    return network
