"""A network that judges others: its weights never change, and gradients pass through it to the images."""

from collections.abc import Mapping
from typing import Any, Self

from torch import nn


class FrozenNetwork(nn.Module):
    """Keep a network in evaluation mode, without gradients of its weights.

    A trainer that sets a loss to training mode would otherwise change the statistics of its batch normalization.

    Args:
        network: The network, which is frozen in place.
        facts: Where it comes from, such as its file and checksum; for the record of the training that uses it.
    """

    def __init__(self, network: nn.Module, facts: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.network = network.eval().requires_grad_(requires_grad=False)
        self.facts = dict(facts or {})

    def train(self, mode: bool = True) -> Self:  # noqa: ARG002  PyTorch's name for it
        """Stay in evaluation mode."""
        return super().train(mode=False)

    def forward(self, *args: Any, **options: Any) -> Any:
        """Run the network."""
        return self.network(*args, **options)

    def expected_input(self) -> tuple[int, int] | None:
        """Return channels and spatial dimensions of the images that the first convolution takes; None without one."""
        weights = (parameter for parameter in self.network.parameters() if parameter.ndim > 2)
        return next(((weight.shape[1], weight.ndim - 2) for weight in weights), None)


def freeze(network: nn.Module) -> FrozenNetwork:
    """Return a frozen network as it is, and freeze any other."""
    return network if isinstance(network, FrozenNetwork) else FrozenNetwork(network)
