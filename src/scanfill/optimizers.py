"""DeepMedic's optimizer, which PyTorch does not have: RMSProp with Nesterov momentum."""

from collections.abc import Callable
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.optimizer import ParamsT


class RMSpropNesterov(Optimizer):
    """RMSProp with Nesterov momentum, as in DeepMedic v0.8.4.

    With gradient ``g``::

        a = rho * a + (1 - rho) * g**2
        s = lr * g / sqrt(a + eps)
        v = momentum * v - s
        parameter += momentum * v - s

    PyTorch's RMSprop adds ``eps`` outside the root, multiplies the velocity by the current learning rate and has
    no Nesterov step. For the original schedule, use ``torch.optim.lr_scheduler.MultiStepLR`` with ``gamma`` 0.5.

    Args:
        params: Parameters, or groups of them.
        lr: Learning rate.
        rho: Fraction of the running mean of squared gradients that is kept at each step.
        eps: Added inside the root.
        momentum: Fraction of the velocity that is kept; the step is not normalized by ``1 - momentum``.

    Raises:
        ValueError: If an argument is out of range.
    """

    def __init__(
        self, params: ParamsT, lr: float = 1e-3, rho: float = 0.9, eps: float = 1e-4, momentum: float = 0.6
    ) -> None:
        for name, value, below in (("lr", lr, None), ("eps", eps, None), ("rho", rho, 1), ("momentum", momentum, 1)):
            if value < 0 or (below is not None and value >= below):
                msg = (
                    f"`{name}` (={value}) must be {'0 or more' if below is None else f'at least 0 and below {below}'}."
                )
                raise ValueError(msg)
        super().__init__(params, {"lr": lr, "rho": rho, "eps": eps, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]  # typed twice by PyTorch
        """Update every parameter that has a gradient; return the loss if ``closure`` computes it."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)
        return loss

    def _update(self, parameter: torch.Tensor, gradient: torch.Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["square_average"] = torch.zeros_like(parameter)
            state["velocity"] = torch.zeros_like(parameter)
        average, velocity = state["square_average"], state["velocity"]
        average.mul_(group["rho"]).addcmul_(gradient, gradient, value=1 - group["rho"])
        step = gradient / (average + group["eps"]).sqrt_() * group["lr"]
        velocity.mul_(group["momentum"]).sub_(step)
        parameter.add_(velocity, alpha=group["momentum"]).sub_(step)
