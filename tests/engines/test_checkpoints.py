"""Checkpoints that say what they were trained on, survive a kill, and refuse what they do not fit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from ignite.engine import Engine, Events
from monai.networks import copy_model_state
from torch import nn

from scanfill.engines import (
    LoadCheckpoint,
    Recipe,
    SaveCheckpoints,
    read_recipe,
    trained_fact,
    trained_flips,
    trained_spacing,
)
from scanfill.engines.checkpoints import read_checkpoint, weights_with_recipe
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

SPACING = [1.0, 1.0, 2.0]


class Run:
    """A training in miniature: one weight that grows by one an epoch, judged by a given list of scores."""

    def __init__(self, folder: Path, scores: list[float], epochs: int, resume: bool | str = False) -> None:
        self.network = nn.Linear(1, 1)
        nn.init.zeros_(self.network.weight)
        self.optimizer = torch.optim.SGD(self.network.parameters(), lr=0.1, momentum=0.9)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1)
        self.evaluator = Engine(lambda *_: None)
        self.evaluator.state.best_metric, self.evaluator.state.best_metric_epoch = -1, -1
        recipe = Recipe(["t1", "flair"], SPACING, self.network)
        state = {"optimizer": self.optimizer, "lr_scheduler": self.schedule}
        saver = SaveCheckpoints(folder, recipe, self.network, self.evaluator, state, resume=resume)
        self.epochs: list[int] = []

        def train(engine: Engine, _: Any) -> None:
            self.network.weight.data += 1
            self.optimizer.step()
            self.schedule.step()
            self.epochs.append(engine.state.epoch)

        def validate(engine: Engine) -> None:
            score, state = scores[engine.state.epoch - 1], self.evaluator.state
            if score > state.best_metric:
                state.best_metric, state.best_metric_epoch = score, engine.state.epoch

        self.trainer = Engine(train)
        self.trainer.state.rank = 0
        self.trainer.add_event_handler(Events.EPOCH_COMPLETED, validate)
        saver.attach(self.trainer)
        self.trainer.run([0], max_epochs=epochs)


def weight(path: Path) -> float:
    return float(read_checkpoint(path)["network"]["weight"])


def test_model_is_the_best_and_last_is_the_last(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1, 0.9, 0.5], epochs=3)
    assert weight(tmp_path / "model.pt") == 2
    assert weight(tmp_path / "last.pt") == 3


@pytest.mark.parametrize("switch", ["true", True])
def test_resume_goes_on_after_the_last_epoch_and_keeps_the_best(tmp_path: Path, switch: str | bool) -> None:
    Run(tmp_path, scores=[0.1, 0.9], epochs=2)
    second = Run(tmp_path, scores=[0, 0, 0.5, 0.4], epochs=4, resume=switch)
    assert second.epochs == [3, 4]
    assert second.schedule.last_epoch == 4
    assert weight(tmp_path / "last.pt") == 4
    assert weight(tmp_path / "model.pt") == 2, "a worse model after resuming must not replace the best"


@pytest.mark.parametrize("switch", ["false", False])
def test_without_resume_an_earlier_training_is_set_aside(tmp_path: Path, switch: str | bool) -> None:
    Run(tmp_path, scores=[0.1, 0.9], epochs=2)
    again = Run(tmp_path, scores=[0.3], epochs=1, resume=switch)
    assert again.epochs == [1]
    assert weight(tmp_path / "model.pt") == 1
    assert [weight(path) for path in tmp_path.glob("model_*.pt")] == [2]


def test_resuming_nothing_starts_from_the_first_epoch(tmp_path: Path) -> None:
    assert Run(tmp_path, scores=[0.1], epochs=1, resume=True).epochs == [1]


def test_a_finished_training_trains_no_further(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1, 0.2], epochs=2)
    assert Run(tmp_path, scores=[0.1, 0.2], epochs=2, resume=True).epochs == []


def test_model_is_a_plain_state_dictionary_that_any_program_loads(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1], epochs=1)
    weights = torch.load(tmp_path / "model.pt", weights_only=True)
    assert set(weights) == {"weight", "bias"}
    network = nn.Linear(1, 1)
    network.load_state_dict(weights, strict=True)
    assert network.weight.item() == 1
    assert "recipe" not in network.state_dict()._metadata[""], "a recipe must not travel into another training"


def test_monai_copies_every_weight_of_a_model(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1], epochs=1)
    network = nn.Linear(1, 1)
    _, changed, unchanged = copy_model_state(network, torch.load(tmp_path / "model.pt", weights_only=True))
    assert (set(changed), set(unchanged)) == ({"weight", "bias"}, set())
    assert network.weight.item() == 1


@pytest.mark.parametrize("name", ["model.pt", "last.pt"])
def test_either_file_gives_recipe_and_weights(tmp_path: Path, name: str) -> None:
    Run(tmp_path, scores=[0.1], epochs=1)
    content = read_checkpoint(tmp_path / name)
    assert content["recipe"] == {"modalities": ["t1", "flair"], "spacing": SPACING, "network": "Linear"}
    assert set(content["network"]) == {"weight", "bias"}


def test_a_model_of_the_earlier_nested_form_still_loads(tmp_path: Path) -> None:
    network = nn.Linear(1, 1)
    recipe = Recipe(["t1", "flair"], SPACING, network)
    torch.save({"recipe": recipe.state_dict(), "network": network.state_dict()}, tmp_path / "model.pt")
    other = nn.Linear(1, 1)
    load(tmp_path / "model.pt", other, ["t1", "flair"])
    assert torch.equal(other.weight, network.weight)


def test_spacing_is_kept_with_the_weights(tmp_path: Path) -> None:
    Run(tmp_path, scores=[0.1], epochs=1)
    assert trained_spacing(tmp_path / "model.pt") == SPACING


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    Run(tmp_path, scores=[0.1], epochs=1)
    return tmp_path / "model.pt"


def load(path: Path, network: nn.Module, modalities: list[str]) -> None:
    LoadCheckpoint(path, network, Recipe(modalities, None, network))(Engine(lambda *_: None))


def test_loading_restores_the_weights(checkpoint: Path) -> None:
    network = nn.Linear(1, 1)
    load(checkpoint, network, ["t1", "flair"])
    assert network.weight.item() == 1


def test_other_modalities_are_refused_with_the_knob_to_pass(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"--modalities \"\['t1', 'flair'\]\""):
        load(checkpoint, nn.Linear(1, 1), ["t1"])


def test_another_architecture_is_refused_by_name(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"network='Linear'.*'Conv1d'"):
        load(checkpoint, nn.Conv1d(1, 1, 1), ["t1", "flair"])


def test_other_widths_are_refused_with_both_shapes(checkpoint: Path) -> None:
    with pytest.raises(CheckpointError, match=r"\(1, 1\), expected \(2, 1\)"):
        load(checkpoint, nn.Linear(1, 2), ["t1", "flair"])


def test_an_absent_checkpoint_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No checkpoint at"):
        trained_spacing(tmp_path / "model.pt")


def test_a_truncated_checkpoint_is_told(checkpoint: Path) -> None:
    checkpoint.write_bytes(checkpoint.read_bytes()[:200])
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_spacing(checkpoint)


def test_an_empty_checkpoint_is_told(checkpoint: Path) -> None:
    checkpoint.write_bytes(b"")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_spacing(checkpoint)


def test_foreign_weights_are_told(tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"\['weight', 'bias'\].*not written by scanfill"):
        trained_spacing(tmp_path / "model.pt")


def test_a_foreign_checkpoint_is_told(tmp_path: Path) -> None:
    torch.save({"state_dict": {}}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"\['state_dict'\].*not written by scanfill"):
        trained_spacing(tmp_path / "model.pt")


def recipe_for_flair(network: nn.Module, target: str = "flair", sources: tuple[str, ...] = ("t2",)) -> Recipe:
    """A recipe with everything that a bundle may put into it."""
    training = [{"case_id": name, "patient": name[0], "t2": f"/somewhere/{name}"} for name in ("b1", "a2", "a1")]
    return Recipe(
        list(sources),
        SPACING,
        network,
        inputs="sources",
        settings={"target": target},
        facts={"reference": {"intensities": [1.0, 2.0, 3.0]}},
        training=training,
    )


def save_flair(folder: Path) -> tuple[Path, nn.Module]:
    network = nn.Linear(2, 1)
    weights = weights_with_recipe(network.state_dict(), recipe_for_flair(network).state_dict())
    torch.save(weights, folder / "model.pt")
    return folder / "model.pt", network


def test_a_checkpoint_keeps_its_training_list_and_what_a_run_must_know(tmp_path: Path) -> None:
    path, _ = save_flair(tmp_path)
    recipe = read_recipe(path)
    assert recipe["training"] == {"cases": ["a1", "a2", "b1"], "patients": ["a", "b"]}
    assert recipe["target"] == "flair"
    assert trained_fact(path, "reference") == {"intensities": [1.0, 2.0, 3.0]}
    assert "somewhere" not in str(recipe), "no path of a machine travels with weights"
    with pytest.raises(CheckpointError, match=r"says nothing of average, only of modalities, .* reference"):
        trained_fact(path, "average")


def test_which_axes_were_flipped_is_known_or_none(tmp_path: Path) -> None:
    path, network = save_flair(tmp_path)
    assert trained_flips(path) is None
    assert trained_flips(tmp_path / "absent.pt") is None
    torch.save(weights_with_recipe(network.state_dict(), {**read_recipe(path), "flipped_axes": [0, 2]}), path)
    assert trained_flips(path) == [0, 2]
    path.write_bytes(b"no checkpoint")
    with pytest.raises(CheckpointError, match="cannot be read"):
        trained_flips(path)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"sources": ("t1", "t2")}, r"""sources=\['t2'\], this run builds \['t1', 't2'\]. Pass --sources "\['t2'\]"""),
        ({"target": "t1ce"}, "target='flair', this run builds 't1ce'. Pass --target flair"),
    ],
)
def test_a_checkpoint_for_another_pair_is_refused(tmp_path: Path, other: dict[str, Any], message: str) -> None:
    path, network = save_flair(tmp_path)
    LoadCheckpoint(path, network, recipe_for_flair(network))(Engine(lambda *_: None))
    with pytest.raises(CheckpointError, match=message):
        LoadCheckpoint(path, network, recipe_for_flair(network, **other))(Engine(lambda *_: None))


def test_a_checkpoint_that_does_not_say_a_setting_is_refused(tmp_path: Path) -> None:
    network = nn.Linear(2, 1)
    plain = Recipe(["t2"], SPACING, network)
    torch.save(weights_with_recipe(network.state_dict(), plain.state_dict()), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="target=None, this run builds 'flair'"):
        LoadCheckpoint(tmp_path / "model.pt", network, recipe_for_flair(network))(Engine(lambda *_: None))
