"""Train on a batch in parts, so that it fits into the memory of a GPU."""

import logging
from collections.abc import Mapping
from typing import Any

import torch
from monai.engines import SupervisedTrainer
from monai.engines.utils import IterationEvents
from monai.utils import CommonKeys as Keys
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim.swa_utils import AveragedModel

from scanfill.errors import UsageError

logger = logging.getLogger(__name__)


class MicroBatch:
    """How many samples are processed at a time; saved with the optimizer, so that a resumed training fits at once.

    Args:
        size: Number of samples; None for a whole batch.

    Raises:
        UsageError: The number is below 1.
    """

    def __init__(self, size: int | None = None) -> None:
        if size is not None and size < 1:
            msg = f"micro_batch (={size}) must be at least 1, or null for the whole batch."
            raise UsageError(msg)
        self.size = size

    def state_dict(self) -> dict[str, Any]:
        """Return the size."""
        return {"size": self.size}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on with the smaller one of the saved size and this run's."""
        sizes = [size for size in (state["size"], self.size) if size is not None]
        self.size = min(sizes, default=None)


class MicroBatchTrainer(SupervisedTrainer):  # type: ignore[misc]
    """MONAI's supervised trainer, whose batches are processed in parts, with the gradient of the whole batch.

    MONAI's ``accumulation_steps`` adds up several batches of the data loader; this one divides one, and halves the
    parts when a GPU runs out of memory. The effective batch stays the same (for networks without batch normalization).
    The loss must be a mean over the samples of a batch.

    Args:
        parts: Size of the parts.
        clip_norm: Largest norm of the gradient; None for no limit.
        average: Moving average of the weights, updated after each step.
        options: See MONAI's ``SupervisedTrainer``.
    """

    def __init__(
        self,
        *args: Any,
        parts: MicroBatch | None = None,
        clip_norm: float | None = None,
        average: AveragedModel | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*args, **options)
        self.parts = parts or MicroBatch()
        self.clip_norm = clip_norm
        self.average = average

    def _iteration(self, engine: SupervisedTrainer, batchdata: dict[str, Any]) -> dict[str, Any]:
        """Do one step of the optimizer."""
        batch = engine.prepare_batch(batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs)
        inputs, targets, args, extras = batch if len(batch) == 4 else (*batch, (), {})
        engine.network.train()
        while True:
            size = min(self.parts.size or len(inputs), len(inputs))
            try:
                predicted, loss = self._gradient(inputs, targets, args, extras, size)
                break
            except torch.cuda.OutOfMemoryError:
                if size == 1:
                    raise
                self.parts.size = (size + 1) // 2
                torch.cuda.empty_cache()
                logger.warning(
                    "Out of GPU memory with %d of %d samples at a time; going on with %d, which changes no result.",
                    *(size, len(inputs), self.parts.size),
                )
        engine.state.output = {Keys.IMAGE: inputs, Keys.LABEL: targets, Keys.PRED: predicted, Keys.LOSS: loss}
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        self._step()
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        output: dict[str, Any] = engine.state.output
        return output

    def _gradient(
        self, inputs: Tensor, targets: Tensor, args: tuple[Any, ...], extras: dict[str, Any], size: int
    ) -> tuple[Tensor, Tensor]:
        """Add up the gradients of the parts; return the prediction and the loss of the whole batch."""
        self.optimizer.zero_grad(set_to_none=self.optim_set_to_none)
        predicted, total = [], torch.zeros((), device=inputs.device)
        for start in range(0, len(inputs), size):
            part = slice(start, start + size)
            shares = {name: value[part] if isinstance(value, Tensor) else value for name, value in extras.items()}
            with torch.autocast("cuda", enabled=self.amp, **self.amp_kwargs):
                output = self.inferer(inputs[part], self.network, *args, **shares)
                loss = self.loss_function(output, targets[part]).mean() * (len(output) / len(inputs))
            (self.scaler.scale(loss) if self.amp else loss).backward()
            predicted.append(output.detach())
            total += loss.detach()
        return torch.cat(predicted), total

    def _step(self) -> None:
        if self.clip_norm is not None:
            if self.amp:
                self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip_norm)
        if self.amp:
            self.scaler.step(self.optimizer)
            self.scaler.update()
        else:
            self.optimizer.step()
        if self.average is not None:
            bare = self.network.module if isinstance(self.network, DistributedDataParallel) else self.network
            self.average.update_parameters(bare)
