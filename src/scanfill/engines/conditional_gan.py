"""Training of paired image-to-image GANs, with or without a discriminator.

MONAI's AdversarialTrainer passes the *source* to the discriminator as the real image; its GanTrainer only supports
latent vectors and has no mixed precision. Neither can train Pix2Pix.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from monai.engines import Trainer, Workflow, default_metric_cmp_fn
from monai.engines.utils import IterationEvents
from monai.handlers import LrScheduleHandler
from monai.inferers import SimpleInferer
from monai.utils import CommonKeys as Keys
from torch import Tensor, nn

from scanfill.losses import DiscriminatorLoss
from scanfill.losses.masked import check_pair

from .pairs import PreparePair
from .trainable_network import TrainableNetwork


class ConditionalGanTrainer(Trainer):  # type: ignore[misc]
    """Train a generator that synthesizes a target from sources, against a discriminator that also sees the sources.

    In each step, synthesize the target; train the discriminator on (sources, target) against (sources, synthesized);
    then train the generator against the updated discriminator. ``engine.state.output`` has ``image``, ``label`` (the
    target), ``pred``, the generator's ``loss`` and its terms, ``discriminator`` with ``discriminator_real`` and
    ``discriminator_painted``, and the gradient norm of each network; :py:func:`loss_terms` picks the numbers.

    Save and resume each network separately, ``SaveCheckpoints(network=generator.network_to_save,
    state={"generator": ..., "discriminator": ...})``: a pickled trainer contains whole modules, which a weights-only
    load rejects.

    Args:
        device: Device to train on.
        max_epochs: Total number of epochs, including those before resuming.
        train_data_loader: Data loader of batches for ``prepare_batch``.
        generator: Its network maps sources to the target.
        discriminator: Its network maps sources and target, concatenated, to logits: one tensor, MONAI's
            ``PatchDiscriminator`` (whose last feature map is the logits) or ``MultiScalePatchDiscriminator``.
            ``None`` trains the generator without a discriminator.
        generator_loss: Called with the prediction, the target, ``logits`` (``None`` without a discriminator) and the
            extras from ``prepare_batch``; returns terms, of which ``loss`` is minimized.
        discriminator_loss: Called with the logits of real and of synthesized pairs; also returns terms.
        show: Makes the discriminator's input from the prediction, called with the prediction, the target, and the
            extras from ``prepare_batch``; needed if the generator returns more than images like the target.
        epoch_length: Steps per epoch; by default one pass over the loader.
        non_blocking: Copy to the GPU asynchronously.
        prepare_batch: Returns sources, target, and a dictionary of extras for the generator's loss.
        inferer: Runs the generator.
        postprocessing: As in MONAI's trainers.
        key_train_metric: As in MONAI's trainers.
        additional_metrics: As in MONAI's trainers.
        metric_cmp_fn: As in MONAI's trainers.
        train_handlers: As in MONAI's trainers; they run after the schedules of both networks have stepped.
        amp: Whether to use mixed precision, on a GPU; each network has its own gradient scaler.
        event_names: As in MONAI's trainers.
        event_to_attr: As in MONAI's trainers.
        decollate: As in MONAI's trainers.
        to_kwargs: Arguments for ``prepare_batch``.
        amp_kwargs: Arguments for ``torch.autocast``, e.g. ``dtype``.

    Raises:
        ValueError: If mixed precision is asked for without a GPU.
    """

    def __init__(
        self,
        device: torch.device | str,
        max_epochs: int,
        train_data_loader: Iterable[Any],
        generator: TrainableNetwork,
        discriminator: TrainableNetwork | None,
        *,
        generator_loss: Callable[..., Mapping[str, Tensor]],
        discriminator_loss: Callable[..., Mapping[str, Tensor]] | None = None,
        show: Callable[..., Tensor] | None = None,
        epoch_length: int | None = None,
        non_blocking: bool = False,
        prepare_batch: Callable[..., Any] | None = None,
        inferer: Callable[..., Tensor] | None = None,
        postprocessing: Callable[..., Any] | None = None,
        key_train_metric: dict[str, Any] | None = None,
        additional_metrics: dict[str, Any] | None = None,
        metric_cmp_fn: Callable[..., bool] = default_metric_cmp_fn,
        train_handlers: Sequence[Any] | None = None,
        amp: bool = False,
        event_names: list[Any] | None = None,
        event_to_attr: dict[str, Any] | None = None,
        decollate: bool = True,
        to_kwargs: dict[str, Any] | None = None,
        amp_kwargs: dict[str, Any] | None = None,
    ) -> None:
        if amp and torch.device(device).type != "cuda":
            msg = f"amp=True needs a GPU, but the device is {str(device)!r}. Pass amp=False, or a cuda device."
            raise ValueError(msg)
        networks = [trained for trained in (generator, discriminator) if trained is not None]
        schedules = [
            LrScheduleHandler(trained.lr_scheduler, print_lr=False) for trained in networks if trained.lr_scheduler
        ]
        super().__init__(
            device=device,
            max_epochs=max_epochs,
            data_loader=train_data_loader,
            epoch_length=epoch_length,
            non_blocking=non_blocking,
            prepare_batch=prepare_batch or PreparePair(),
            postprocessing=postprocessing,
            key_metric=key_train_metric,
            additional_metrics=additional_metrics,
            metric_cmp_fn=metric_cmp_fn,
            handlers=[*schedules, *(train_handlers or [])],  # first: a checkpoint then has the next epoch's rates
            amp=amp,
            event_names=event_names,
            event_to_attr=event_to_attr,
            decollate=decollate,
            to_kwargs=to_kwargs,
            amp_kwargs=amp_kwargs,
        )
        for trained in networks:
            trained.use_mixed_precision(amp)
        self.generator = generator
        self.discriminator = discriminator
        self.generator_loss = generator_loss
        self.discriminator_loss = discriminator_loss or DiscriminatorLoss()
        self.show = show
        self.inferer = inferer or SimpleInferer()
        self.network = generator.network  # where MONAI's handlers look for them
        self.optimizer = generator.optimizer

    def run(self) -> None:
        """Train up to ``max_epochs``."""
        Workflow.run(self)  # MONAI's Trainer would add its own gradient scaler, a new one at each call

    def _iteration(
        self, engine: ConditionalGanTrainer, batchdata: Mapping[str, Any]
    ) -> list[dict[str, Any]] | dict[str, Any]:
        sources, target, extras = engine.prepare_batch(
            batchdata, engine.state.device, engine.non_blocking, **engine.to_kwargs
        )
        output: dict[str, Any] = {Keys.IMAGE: sources, Keys.LABEL: target}
        engine.state.output = output
        self.generator.network.train()
        with self._autocast():
            painted = self.inferer(sources, self.generator.network)
        output[Keys.PRED] = painted.detach()
        engine.fire_event(IterationEvents.FORWARD_COMPLETED)
        if self.discriminator is not None:
            shown = self._shown(painted.detach(), target, extras)
            output.update(self._train_discriminator(self.discriminator, sources, target, shown))
        output.update(self._train_generator(engine, sources, target, painted, extras))
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output  # decollated and postprocessed by that event

    def _shown(self, painted: Tensor, target: Tensor, extras: Mapping[str, Tensor]) -> Tensor:
        """Return the discriminator's input for the synthesized image."""
        shown = painted if self.show is None else self.show(painted, target, **extras)
        check_pair(shown, target)
        return shown

    def _train_discriminator(
        self, trained: TrainableNetwork, sources: Tensor, target: Tensor, painted: Tensor
    ) -> dict[str, Tensor]:
        trained.network.train()
        with self._autocast():
            on_painted = verdict(trained.network(torch.cat([sources, painted], 1)))
            on_real = verdict(trained.network(torch.cat([sources, target], 1)))
            terms = dict(self.discriminator_loss(on_real, on_painted))
        loss = terms.pop("loss")
        trained.backward(loss)
        length = trained.step()
        named = {f"discriminator_{name}": term.detach() for name, term in terms.items()}
        return {"discriminator": loss.detach(), **named, "discriminator_gradient": length}

    def _train_generator(
        self,
        engine: ConditionalGanTrainer,
        sources: Tensor,
        target: Tensor,
        painted: Tensor,
        extras: Mapping[str, Tensor],
    ) -> dict[str, Tensor]:
        with self._autocast():
            logits = None
            if self.discriminator is not None:
                judge = self.discriminator.bare  # bare: its gradients are not used, so they need not be synchronized
                with frozen(judge):
                    logits = verdict(judge(torch.cat([sources, self._shown(painted, target, extras)], 1)))
            terms = self.generator_loss(painted, target, logits=logits, **extras)
        engine.fire_event(IterationEvents.LOSS_COMPLETED)
        self.generator.backward(terms["loss"])
        engine.fire_event(IterationEvents.BACKWARD_COMPLETED)
        length = self.generator.step()
        return {**{name: term.detach() for name, term in terms.items()}, "generator_gradient": length}

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.state.device.type, enabled=self.amp, **self.amp_kwargs)


def verdict(output: Tensor | Sequence[Any]) -> Tensor | list[Tensor]:
    """Return the logits from the output of a discriminator.

    Args:
        output: One tensor; the list of feature maps of MONAI's ``PatchDiscriminator``, whose last are the logits; or
            the pair (logits of each scale, feature maps) of its ``MultiScalePatchDiscriminator``.
    """
    if isinstance(output, Tensor):
        return output
    if isinstance(output, tuple):
        return list(output[0])
    last: Tensor = output[-1]
    return last


@contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """Freeze a network's parameters while in this context; gradients still flow through to its input."""
    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    for parameter in trained:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in trained:
            parameter.requires_grad = True


def loss_terms(output: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Pick the numbers from a trainer's output, for StatsHandler, TensorBoardStatsHandler and ProgressBar.

    Args:
        output: ``engine.state.output``, decollated or not.
    """
    first = output if isinstance(output, Mapping) else output[0]
    images = {Keys.IMAGE, Keys.LABEL, Keys.PRED}
    return {name: float(value) for name, value in first.items() if name not in images}
