"""A batch in parts has the gradient of the whole."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from scanfill.engines import MicroBatch, MicroBatchTrainer, averaged_copy
from scanfill.errors import UsageError

BATCH = {"image": torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), "label": torch.ones(6, 1)}


def trained(
    parts: MicroBatch | None = None, network: nn.Module | None = None, epochs: int = 3, **options: Any
) -> tuple[nn.Module, Any]:
    torch.manual_seed(0)
    own = nn.Linear(3, 1)
    if network is not None:
        own.load_state_dict(network.state_dict())
    used = options.pop("wrapped", lambda bare: bare)(own)
    trainer = MicroBatchTrainer(
        device="cpu",
        max_epochs=epochs,
        train_data_loader=[BATCH],
        network=used,
        optimizer=torch.optim.SGD(own.parameters(), lr=0.1),
        loss_function=nn.MSELoss(),
        parts=parts,
        decollate=False,
        **options,
    )
    trainer.run()
    return own, trainer


@pytest.mark.parametrize("size", [1, 2, 4, 6, 100])
def test_parts_of_any_size_give_the_same_weights_and_loss(size: int) -> None:
    whole, one = trained()
    parts, other = trained(MicroBatch(size))
    torch.testing.assert_close(parts.state_dict(), whole.state_dict())
    torch.testing.assert_close(other.state.output["loss"], one.state.output["loss"])
    torch.testing.assert_close(other.state.output["pred"], one.state.output["pred"])


class Small(nn.Module):
    """A network on a GPU that has room for two samples at a time."""

    def __init__(self, network: nn.Module, room: int = 2) -> None:
        super().__init__()
        self.network, self.room, self.seen = network, room, list[int]()

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(len(x))
        if len(x) > self.room:
            raise torch.cuda.OutOfMemoryError
        result: Tensor = self.network(x)
        return result


def test_out_of_memory_halves_the_parts_once_and_changes_no_weight(caplog: pytest.LogCaptureFixture) -> None:
    whole, _ = trained()
    parts = MicroBatch()
    halved, trainer = trained(parts, wrapped=Small)
    torch.testing.assert_close(halved.state_dict(), whole.state_dict())
    assert trainer.network.seen == [6, 3, *[2, 2, 2] * 3]
    assert parts.size == 2
    assert "going on with 3" in caplog.text
    assert "going on with 2" in caplog.text


def test_one_sample_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(torch.cuda.OutOfMemoryError):
        trained(wrapped=lambda bare: Small(bare, room=0))


def test_a_resumed_training_keeps_the_size_that_fitted() -> None:
    parts = MicroBatch()
    parts.load_state_dict(MicroBatch(2).state_dict())
    assert parts.size == 2
    parts = MicroBatch(1)
    parts.load_state_dict(MicroBatch(2).state_dict())
    assert parts.size == 1
    parts = MicroBatch(4)
    parts.load_state_dict(MicroBatch().state_dict())
    assert parts.size == 4


def test_a_size_below_1_is_refused() -> None:
    with pytest.raises(UsageError, match=r"micro_batch \(=0\) must be at least 1"):
        MicroBatch(0)


def test_the_gradient_is_no_longer_than_asked() -> None:
    torch.manual_seed(0)
    start = nn.Linear(3, 1)
    short, _ = trained(clip_norm=0.01, epochs=1)
    moved = torch.nn.utils.parameters_to_vector(short.parameters()) - torch.nn.utils.parameters_to_vector(
        start.parameters()
    )
    assert float(moved.norm().detach()) == pytest.approx(0.1 * 0.01, rel=1e-3)


def test_the_average_follows_the_weights() -> None:
    torch.manual_seed(0)
    network = nn.Linear(3, 1)
    average = averaged_copy(network, 0.9)
    moved, _ = trained(network=network, average=average)
    assert int(average.n_averaged) == 3
    between = (average.module.weight - network.weight) / (moved.weight - network.weight)
    assert bool(((between > 0) & (between <= 1)).all())
