"""Checkpoints that say what they were trained on, survive a kill, and refuse what they do not fit.

MONAI's CheckpointSaver writes in place (a kill leaves half a file), forgets the best score when a training is resumed,
and its loader meets another network with a page of tensor shapes.

Both files are read with ``torch.load(weights_only=True)``. ``model.pt`` is the network's state dictionary and nothing
else, so that ``network.load_state_dict``, ``monai.bundle.load`` and ``ckpt_export`` take it as it is: from a nested
dictionary they copy nothing, without a word, and an entry that is no weight they refuse. What the network was trained
for, its recipe, is in the metadata that PyTorch keeps with a state dictionary. ``last.pt``, with which a training goes
on, is a dictionary of dictionaries: ``recipe``, ``network``, ``optimizer``, ``lr_scheduler`` and ``trainer``.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from ignite.engine import Engine, Events
from torch import Tensor, nn

from scanfill.errors import CheckpointError
from scanfill.files import writing

from .knobs import is_true
from .pretrained import start_from

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

logger = logging.getLogger(__name__)


class Recipe:
    """What a network was trained for; saved with its weights and compared when they are loaded.

    Args:
        modalities: Input channels in their order.
        spacing: Voxel size in mm that the network saw.
        network: The network itself; its class name is what is kept.
        inputs: The knob that chooses the input channels, for the error message.
        settings: What else must be the same when the weights are used, by its knob, such as ``{"target": "flair"}``.
        facts: What a run with the weights needs to know and does not state itself, such as a scale; plain values.
        training: The cases it was trained on; names and patients are kept, so that nobody judges it by them unawares.
    """

    def __init__(
        self,
        modalities: list[str],
        spacing: list[float] | None,
        network: nn.Module,
        *,
        inputs: str = "modalities",
        settings: Mapping[str, Any] | None = None,
        facts: Mapping[str, Any] | None = None,
        training: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.modalities = list(modalities)
        self.spacing = None if spacing is None else [float(size) for size in spacing]
        self.network = type(network).__name__
        self.inputs = inputs
        self.settings = dict(settings or {})
        self.facts = dict(facts or {})
        self.training = None if training is None else training_list(training)

    def state_dict(self) -> dict[str, Any]:
        """Return plain strings, lists and numbers."""
        state = {"modalities": self.modalities, "spacing": self.spacing, "network": self.network}
        state |= self.settings | self.facts
        return state if self.training is None else state | {"training": self.training}

    def check(self, state: Mapping[str, Any], path: Path) -> None:
        """Compare with the recipe of a checkpoint.

        Raises:
            CheckpointError: Another network, other modalities, or another setting.
        """
        compared = [
            ("network", "network", self.network, "Add the overlay that it was trained with to --config_file"),
            ("modalities", self.inputs, self.modalities, f'Pass --{self.inputs} "{state["modalities"]}"'),
        ]
        for name, value in self.settings.items():
            compared.append((name, name, value, f"Pass --{name} {state.get(name)}, or another checkpoint"))
        for key, name, mine, remedy in compared:
            if state.get(key) != mine:
                msg = (
                    f"Checkpoint {path} was trained with {name}={state.get(key)!r}, this run builds {mine!r}. {remedy}."
                )
                raise CheckpointError(msg)


def training_list(cases: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Name the cases and the patients of a training, for its checkpoint."""
    return {
        "cases": sorted(str(case["case_id"]) for case in cases),
        "patients": sorted({str(case["patient"]) for case in cases}),
    }


def weights_with_recipe(weights: Mapping[str, Tensor], recipe: Mapping[str, Any]) -> OrderedDict[str, Tensor]:
    """Put a recipe into a state dictionary's metadata, where loading the weights passes over it.

    Args:
        weights: State dictionary of a network.
        recipe: Plain strings, lists and numbers, as :py:meth:`Recipe.state_dict` gives them.
    """
    flat = OrderedDict(weights)
    modules = dict(getattr(weights, "_metadata", {}))  # versions of modules by their names; "" is the network itself
    modules[""] = {**modules.get("", {}), "recipe": dict(recipe)}
    flat._metadata = modules  # type: ignore[attr-defined]  # noqa: SLF001  PyTorch's own name for it; saved and loaded
    return flat


def recipe_of(weights: Any) -> dict[str, Any] | None:
    """Read the recipe that :py:func:`weights_with_recipe` put into a state dictionary; None if there is none."""
    recipe: dict[str, Any] | None = getattr(weights, "_metadata", {}).get("", {}).get("recipe")
    return recipe


def read_checkpoint(path: str | Path) -> dict[str, Any]:
    """Read a checkpoint of ours, weights only, on the CPU.

    Returns:
        ``recipe`` and ``network``, whichever file it is; of ``last.pt`` also what a training needs to go on.

    Raises:
        CheckpointError: Absent, damaged, or without a recipe.
    """
    path = Path(path)
    if not path.is_file():
        msg = f"No checkpoint at {path}. Train first, or pass --checkpoint FILE."
        raise CheckpointError(msg)
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        reason = f"{type(error).__name__}: {next(iter(str(error).splitlines()), 'empty')}"
        msg = f"Checkpoint {path} cannot be read ({reason}). Copy it again, or train again."
        raise CheckpointError(msg) from error
    if recipe_of(content) is not None:
        return {"recipe": recipe_of(content), "network": content}
    if not isinstance(content, dict) or not {"recipe", "network"} <= set(content):
        found = list(content)[:5] if isinstance(content, dict) else type(content).__name__
        msg = (
            f"Checkpoint {path} holds {found}, without a recipe: it was not written by scanfill. "
            "Give the model.pt or last.pt of a training."
        )
        raise CheckpointError(msg)
    return content


def read_recipe(checkpoint: str | Path) -> dict[str, Any]:
    """Read what a checkpoint says of its training; see :py:class:`Recipe` and :py:func:`read_checkpoint`."""
    recipe: dict[str, Any] = read_checkpoint(checkpoint)["recipe"]
    return recipe


def trained_spacing(checkpoint: str | Path) -> list[float] | None:
    """Read the voxel size in mm that a checkpoint was trained with."""
    spacing: list[float] | None = read_recipe(checkpoint)["spacing"]
    return spacing


def trained_fact(checkpoint: str | Path, name: str) -> Any:
    """Read what a checkpoint's recipe says of something, such as the scale of the target.

    Raises:
        CheckpointError: It says nothing of it; see also :py:func:`read_checkpoint`.
    """
    recipe = read_recipe(checkpoint)
    if name not in recipe:
        msg = (
            f"Checkpoint {checkpoint} says nothing of {name}, only of {', '.join(recipe)}: it was trained for "
            "something else. Give the model.pt of a training with this bundle."
        )
        raise CheckpointError(msg)
    return recipe[name]


def trained_flips(checkpoint: str | Path) -> list[int] | None:
    """Read which axes a checkpoint's training flipped.

    Returns:
        None where it says nothing of it, or is not there: a config that is only looked at, or exported, needs none.

    Raises:
        CheckpointError: It is there but cannot be read.
    """
    return read_recipe(checkpoint).get("flipped_axes") if Path(checkpoint).is_file() else None


def load_network(network: nn.Module, content: Mapping[str, Any], path: Path) -> None:
    """Load weights, or tell the first tensor that differs.

    Raises:
        CheckpointError: Names the tensor and both shapes, and what usually causes it.
    """
    weights: Mapping[str, Tensor] = content["network"]
    own = network.state_dict()
    missing = [name for name in own if name not in weights]
    extra = [name for name in weights if name not in own]
    shapes = [name for name in own if name in weights and own[name].shape != weights[name].shape]
    if missing or extra or shapes:
        if shapes:
            first = f"{shapes[0]} has shape {tuple(weights[shapes[0]].shape)}, expected {tuple(own[shapes[0]].shape)}"
        else:
            first = f"{(missing or extra)[0]} is {'absent' if missing else 'not expected'}"
        msg = (
            f"Checkpoint {path} does not fit this {type(network).__name__}: {first} "
            f"({len(shapes)} other shapes, {len(missing)} missing, {len(extra)} unexpected). It was trained with other "
            "channels or widths: use the overlays and --modalities that it was trained with."
        )
        raise CheckpointError(msg)
    network.load_state_dict(weights)


class LoadCheckpoint:
    """Handler: when a run starts, load the weights of a checkpoint that fits.

    Args:
        path: A checkpoint of :py:class:`SaveCheckpoints`.
        network: Bare network (not its DistributedDataParallel wrapper).
        recipe: What this run builds.

    Raises:
        CheckpointError: At the start of the run; see :py:func:`read_checkpoint` and :py:func:`load_network`.
    """

    def __init__(self, path: str | Path, network: nn.Module, recipe: Recipe) -> None:
        self.path = Path(path)
        self.network = network
        self.recipe = recipe

    def attach(self, engine: Engine) -> None:
        """Load at the start of ``engine``'s run."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, _: Engine) -> None:
        """Check, then load."""
        content = read_checkpoint(self.path)
        self.recipe.check(content["recipe"], self.path)
        load_network(self.network, content, self.path)


class SaveCheckpoints:
    """Handler of the trainer: ``last.pt`` after each epoch, ``model.pt`` whenever the validation is better than before.

    It also resumes: the optimizer, the schedule and the best score so far go on where ``last.pt`` left them. Without
    resuming, files of an earlier training are set aside, never overwritten. Attach it after the validation handler.

    Args:
        folder: Where to write; made if absent.
        recipe: Goes into both files.
        network: Bare network; its weights go into both files.
        evaluator: Its key metric decides what is best (greater is better).
        state: What else ``last.pt`` needs, e.g. ``{"optimizer": ..., "lr_scheduler": ...}``.
        pretrained: A checkpoint whose weights a training starts from, see :py:func:`~.pretrained.start_from`; one that
            is resumed goes on with its own.
        resume: Switch as it comes from the command line. On without a ``last.pt`` starts from the first epoch, and says
            so, so that a scheduler may always pass it.

    Raises:
        CheckpointError: At the start of the run, when ``last.pt`` does not fit; see :py:func:`read_checkpoint`.
    """

    def __init__(
        self,
        folder: str | Path,
        recipe: Recipe,
        network: nn.Module,
        evaluator: Engine,
        state: Mapping[str, Any],
        *,
        pretrained: str | Path | None = None,
        resume: bool | str = False,
    ) -> None:
        self.folder = Path(folder)
        self.recipe = recipe
        self.network = network
        self.evaluator = evaluator
        self.state = dict(state)
        self.pretrained = None if pretrained in (None, "", "None") else Path(str(pretrained))
        self.resume = is_true(resume)

    def attach(self, engine: Engine) -> None:
        """Resume on every rank, save from rank 0 only."""
        engine.add_event_handler(Events.STARTED, self.start)
        if engine.state.rank == 0:
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

    def start(self, engine: Engine) -> None:
        """Go on from an earlier training, or set it aside."""
        self.folder.mkdir(parents=True, exist_ok=True)
        last = self.folder / "last.pt"
        if self.resume and last.is_file():
            self._load(engine, last)
            return
        if self.pretrained is not None:
            start_from(read_checkpoint(self.pretrained), self.network, self.recipe, self.pretrained)
        if self.resume:
            logger.warning("Nothing to resume at %s: training starts from the first epoch.", last)
        elif engine.state.rank == 0:
            self._set_aside()

    def __call__(self, engine: Engine) -> None:
        """Save after an epoch."""
        recipe, weights, state = self.recipe.state_dict(), self.network.state_dict(), self.evaluator.state
        if state.best_metric_epoch == engine.state.epoch:
            self._write(weights_with_recipe(weights, recipe), "model.pt")
        progress = {
            "epoch": engine.state.epoch,
            "iteration": engine.state.iteration,
            "best_metric": float(state.best_metric),
            "best_metric_epoch": state.best_metric_epoch,
        }
        others = {name: item.state_dict() for name, item in self.state.items()}
        self._write({"recipe": recipe, "network": weights, **others, "trainer": progress}, "last.pt")

    def _write(self, content: Mapping[str, Any], name: str) -> None:
        with writing(self.folder / name) as temporary:
            torch.save(content, temporary)

    def _load(self, engine: Engine, path: Path) -> None:
        content = read_checkpoint(path)
        self.recipe.check(content["recipe"], path)
        load_network(self.network, content, path)
        for name, item in self.state.items():
            item.load_state_dict(content[name])
        progress = content["trainer"]
        engine.state.epoch, engine.state.iteration = progress["epoch"], progress["iteration"]
        self.evaluator.state.best_metric = progress["best_metric"]
        self.evaluator.state.best_metric_epoch = progress["best_metric_epoch"]
        logger.info("Resumed from %s after epoch %d of %d", path, engine.state.epoch, engine.state.max_epochs)

    def _set_aside(self) -> None:
        for name in ("model.pt", "last.pt"):
            old = self.folder / name
            if old.exists():
                when = dt.datetime.fromtimestamp(old.stat().st_mtime, tz=dt.UTC)
                aside = old.with_stem(f"{old.stem}_{when:%Y%m%d_%H%M%S_%f}")
                old.rename(aside)
                logger.info("Kept the earlier %s as %s", old, aside)
