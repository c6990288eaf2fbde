"""ConditionalGanTrainer: what one step does, that it learns, and that it resumes."""

from __future__ import annotations

import copy
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
import yaml
from ignite.engine import Events
from ignite.handlers import ProgressBar
from monai.bundle import ConfigParser
from monai.engines import SupervisedEvaluator
from monai.engines.utils import IterationEvents
from monai.handlers import MeanAbsoluteError, StatsHandler, TensorBoardStatsHandler, ValidationHandler, from_engine
from monai.networks.nets import MultiScalePatchDiscriminator, PatchDiscriminator
from monai.transforms import Lambdad
from monai.utils import set_determinism
from torch import nn
from torch.utils.data import DataLoader

from scanfill.engines import SaveCheckpoints, TrainingRecord
from scanfill.engines.checkpoint_files import read_checkpoint
from scanfill.engines.conditional_gan import ConditionalGanTrainer, frozen, loss_terms, verdict
from scanfill.engines.random_state import RandomState
from scanfill.engines.schedule import ConstantThenLinear
from scanfill.engines.trainable_network import TrainableNetwork
from scanfill.losses import DiscriminatorLoss, PairedGeneratorLoss
from scanfill.networks.pix2pix import ResNetGenerator, UNetGenerator

if TYPE_CHECKING:
    from pathlib import Path


def cases(number: int = 8, size: int = 16, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    """Two smooth sources, and a target that is a known function of them."""
    generator, made = torch.Generator().manual_seed(seed), []
    for _ in range(number):
        coarse = torch.rand(1, 2, 4, 4, 4, generator=generator) * 2 - 1
        sources = F.interpolate(coarse, size=(size, size, size), mode="trilinear")[0]
        target = torch.tanh(sources[1:].square() - sources[:1])
        made.append({"image": sources, "target": target, "label": (target > 0.2).long()})
    return made


def generator(norm: str = "instance") -> UNetGenerator:
    return UNetGenerator(3, 2, 1, filters=8, depth=2, norm=norm)


def discriminator() -> PatchDiscriminator:
    return PatchDiscriminator(spatial_dims=3, channels=8, in_channels=3, num_layers_d=2)


def player(network: nn.Module, rate: float = 2e-4, **options: Any) -> TrainableNetwork:
    return TrainableNetwork(network, torch.optim.Adam(network.parameters(), rate, betas=(0.5, 0.999)), **options)


def trainer(
    painter: TrainableNetwork, judge: TrainableNetwork | None, *, epochs: int = 1, number: int = 2, **options: Any
) -> ConditionalGanTrainer:
    loader = DataLoader(cases(number), batch_size=1)
    loss = options.pop("generator_loss", PairedGeneratorLoss())
    return ConditionalGanTrainer("cpu", epochs, loader, painter, judge, generator_loss=loss, **options)


def weights(network: nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(network.state_dict())


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(one[name], other[name]) for name in one)


# --- what one step does -----------------------------------------------------------------------------------------------


def test_three_steps_equal_those_written_by_hand() -> None:
    set_determinism(0)
    painter, judge = player(generator("batch")), player(discriminator())
    paint, assess = copy.deepcopy(painter.network), copy.deepcopy(judge.network)
    steps = [torch.optim.Adam(network.parameters(), 2e-4, betas=(0.5, 0.999)) for network in (paint, assess)]
    engine = trainer(painter, judge, number=3, generator_loss=PairedGeneratorLoss(region_weight=50))
    told: list[dict[str, float]] = []
    engine.add_event_handler(Events.ITERATION_COMPLETED, lambda: told.append(loss_terms(engine.state.output)))
    engine.run()
    for case, terms in zip(cases(3), told, strict=True):
        x, y, label = case["image"][None], case["target"][None], case["label"][None]
        z = paint(x)
        on_z, on_y = (assess(torch.cat([x, image], 1))[-1] for image in (z.detach(), y))
        on_real, on_painted = F.softplus(-on_y).mean(), F.softplus(on_z).mean()
        steps[1].zero_grad()
        (0.5 * (on_real + on_painted)).backward()
        steps[1].step()
        adversarial = F.softplus(-assess(torch.cat([x, z], 1))[-1]).mean()
        l1, tumour = (z - y).abs().mean(), (z - y)[label > 0].square().mean()
        loss = adversarial + 100 * l1 + 50 * tumour
        steps[0].zero_grad()
        loss.backward()
        length = torch.cat([weight.grad.flatten() for weight in paint.parameters() if weight.grad is not None]).norm()
        steps[0].step()
        by_hand = {"loss": loss, "adversarial": adversarial, "l1": l1, "region_mse": tumour}
        by_hand |= {"discriminator_real": on_real, "discriminator_painted": on_painted}
        by_hand |= {"discriminator": 0.5 * (on_real + on_painted), "generator_gradient": length}
        for name, value in by_hand.items():
            assert terms[name] == pytest.approx(value.item(), rel=1e-4), name
    for mine, theirs in ((paint, painter.network), (assess, judge.network)):
        for name, value in mine.state_dict().items():
            torch.testing.assert_close(theirs.state_dict()[name], value, rtol=1e-4, atol=2e-6)


def test_no_player_leaves_gradients_in_the_other() -> None:
    painter, judge = player(generator()), player(discriminator())
    engine = trainer(painter, judge, number=1)
    before = weights(judge.network)
    seen: dict[str, Any] = {}

    @engine.on(IterationEvents.LOSS_COMPLETED)  # the discriminator has stepped, the generator has not begun
    def look_at_the_generator() -> None:
        seen["generator"] = [weight.grad for weight in painter.network.parameters()]
        seen["discriminator"] = [weight.grad.clone() for weight in judge.network.parameters()]
        seen["stepped"] = weights(judge.network)

    @engine.on(IterationEvents.BACKWARD_COMPLETED)
    def look_at_the_discriminator() -> None:
        seen["after"] = [weight.grad for weight in judge.network.parameters()]

    engine.run()
    assert seen["generator"] == [None] * len(seen["generator"])
    assert all(torch.equal(a, b) for a, b in zip(seen["discriminator"], seen["after"], strict=True))
    assert not same(before, seen["stepped"])
    trained = dict(judge.network.named_parameters())
    assert all(torch.equal(trained[name], seen["stepped"][name]) for name in trained)
    assert all(weight.requires_grad for weight in trained.values())


def test_the_adversary_changes_what_the_generator_learns() -> None:
    results = []
    for judged in (True, False):
        set_determinism(0)
        painter = player(generator())
        set_determinism(1)
        trainer(painter, player(discriminator()) if judged else None).run()
        results.append(weights(painter.network))
    assert not same(*results)


@pytest.mark.parametrize("scales", [1, 2])
def test_discriminators_of_monai_and_plain_ones_are_understood(scales: int) -> None:
    options = {"spatial_dims": 3, "channels": 4, "in_channels": 3, "num_layers_d": 1, "minimum_size_im": 16}
    several = MultiScalePatchDiscriminator(num_d=scales, **options)
    for network, shapes in (
        (several, [several(torch.zeros(1, 3, 16, 16, 16))[0][scale].shape for scale in range(scales)]),
        (nn.Conv3d(3, 1, 4, 2), [(1, 1, 7, 7, 7)]),
        (discriminator(), [(1, 1, 2, 2, 2)]),
    ):
        logits = verdict(network(torch.zeros(1, 3, 16, 16, 16)))
        assert [each.shape for each in (logits if isinstance(logits, list) else [logits])] == shapes
        engine = trainer(player(generator()), player(network), number=1)
        engine.run()
        assert loss_terms(engine.state.output)["discriminator"] > 0


def test_frozen_keeps_what_was_already_frozen() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    network[0].weight.requires_grad = False
    with frozen(network):
        assert not any(weight.requires_grad for weight in network.parameters())
    assert [weight.requires_grad for weight in network.parameters()] == [False, True, True, True]


# --- that it learns ---------------------------------------------------------------------------------------------------


def linear_regression_error(known: list[dict[str, torch.Tensor]], unseen: list[dict[str, torch.Tensor]]) -> float:
    """Mean absolute error of the best linear function of the sources in each voxel."""

    def design(made: list[dict[str, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
        sources = torch.cat([F.pad(case["image"].flatten(1).T, (0, 1), value=1.0) for case in made])
        return sources, torch.cat([case["target"].flatten() for case in made])

    sources, target = design(known)
    coefficients = torch.linalg.lstsq(sources, target[:, None]).solution[:, 0]
    sources, target = design(unseen)
    return (sources @ coefficients - target).abs().mean().item()


@pytest.mark.parametrize(("judged", "norm"), [(True, "batch"), (False, "instance")], ids=["adversary", "l1"])
def test_learns_a_known_function_of_the_sources_better_than_linear_regression(judged: bool, norm: str) -> None:
    set_determinism(0)
    painter = player(generator(norm), rate=2e-3, average=0.98)
    trainer(painter, player(discriminator()) if judged else None, epochs=20, number=8).run()
    network, unseen = painter.network_to_save.eval(), cases(3, seed=1)
    with torch.no_grad():
        errors = [(network(case["image"][None])[0] - case["target"]).abs().mean().item() for case in unseen]
    assert sum(errors) / 3 < 0.8 * linear_regression_error(cases(8), unseen)


# --- evaluation -------------------------------------------------------------------------------------------------------


def evaluator(network: nn.Module) -> SupervisedEvaluator:
    batches = [{"image": case["image"], "label": case["target"]} for case in cases(2, seed=2)]
    metric = MeanAbsoluteError(output_transform=from_engine(["pred", "label"]))
    return SupervisedEvaluator("cpu", DataLoader(batches, batch_size=1), network, key_val_metric={"mae": metric})


def resnet(norm: str = "batch") -> ResNetGenerator:
    return ResNetGenerator(3, 2, 1, filters=4, depth=1, blocks=1, norm=norm, dropout=0.5)


@pytest.mark.parametrize("average", [None, 0.9])
def test_validation_has_no_dropout_and_leaves_batch_statistics_alone(average: float | None) -> None:
    set_determinism(0)
    painter = player(resnet(), average=average)
    painter.network.eval()  # as somebody may hand it over
    network = painter.network_to_save
    judge = evaluator(network)
    modes, statistics, scores = [], [], []
    judge.add_event_handler(Events.ITERATION_STARTED, lambda: modes.append("validation"))
    network.register_forward_pre_hook(lambda *_: modes.append({module.training for module in network.modules()}))
    judge.add_event_handler(Events.STARTED, lambda: statistics.append(weights(network)))
    judge.add_event_handler(Events.COMPLETED, lambda: statistics.append(weights(network)))
    judge.add_event_handler(Events.COMPLETED, lambda: scores.append(judge.state.metrics["mae"]))
    engine = trainer(painter, player(discriminator()), epochs=2, train_handlers=[ValidationHandler(1, judge)])
    training: list[bool] = []
    engine.add_event_handler(
        IterationEvents.FORWARD_COMPLETED, lambda: training.append(all(m.training for m in painter.network.modules()))
    )
    engine.run()
    judge.run()  # once more, on the same weights
    in_validation = [mode for before, mode in pairwise(modes) if before == "validation"]
    assert in_validation == [{False}] * 6
    assert training == [True] * 4  # also after the first validation
    assert same(statistics[0], statistics[1])
    assert not same(statistics[1], statistics[2])
    assert scores[1] == scores[2]


# --- resuming ---------------------------------------------------------------------------------------------------------


def saved_training(
    folder: Path, epochs: int, *, judged: bool, resume: bool
) -> tuple[TrainableNetwork, TrainableNetwork | None]:
    """Train with everything that has a state: dropout, random order, schedules, an average, checkpoints."""
    set_determinism(0)
    players = [
        player(network, average=0.9 if number == 0 else None)
        for number, network in enumerate([resnet(), discriminator()] if judged else [resnet()])
    ]
    for each in players:
        each.lr_scheduler = ConstantThenLinear(each.optimizer, 1, 3)
    if resume:
        torch.rand(7)  # random numbers have gone another way meanwhile
    painter, judge = players[0], players[1] if judged else None
    judged_by = evaluator(painter.network_to_save)
    state = {**dict(zip(["generator", "discriminator"], players, strict=False)), "random": RandomState()}
    record = TrainingRecord({"modalities": ["t1", "t2"]}, painter.bare)
    keep = SaveCheckpoints(folder, record, painter.network_to_save, judged_by, state, resume=resume)
    loader = DataLoader(cases(3), batch_size=1, shuffle=True)
    ConditionalGanTrainer(
        "cpu",
        epochs,
        loader,
        painter,
        judge,
        generator_loss=PairedGeneratorLoss(),
        train_handlers=[ValidationHandler(1, judged_by), keep],
    ).run()
    return painter, judge


@pytest.mark.parametrize("judged", [True, False], ids=["adversary", "l1"])
def test_resuming_equals_an_unbroken_training_bit_for_bit(judged: bool, tmp_path: Path) -> None:
    unbroken = saved_training(tmp_path / "unbroken", 4, judged=judged, resume=False)
    saved_training(tmp_path / "broken", 2, judged=judged, resume=False)
    resumed = saved_training(tmp_path / "broken", 4, judged=judged, resume=True)
    for one, other in zip(unbroken, resumed, strict=True):
        if one is not None and other is not None:
            assert same(weights(one.network), weights(other.network))
            assert same(weights(one.network_to_save), weights(other.network_to_save))
            assert one.optimizer.param_groups[0]["lr"] == other.optimizer.param_groups[0]["lr"]


def test_checkpoints_hold_state_dictionaries_only(tmp_path: Path) -> None:
    painter, judge = saved_training(tmp_path, 1, judged=True, resume=False)
    content = torch.load(tmp_path / "last.pt", weights_only=True)
    assert set(content) == {"record", "network", "generator", "discriminator", "random", "trainer"}
    assert set(content["generator"]) == {"network", "optimizer", "lr_scheduler", "scaler", "average"}
    assert same(content["network"], weights(painter.network_to_save))
    assert same(content["generator"]["network"], weights(painter.network))
    assert painter.average is not None
    assert same(content["generator"]["average"], painter.average.state_dict())
    assert not same(content["network"], content["generator"]["network"]), "averaged and raw weights, both"
    assert same(read_checkpoint(tmp_path / "model.pt")["network"], weights(painter.network_to_save))
    assert judge is not None
    assert same(content["discriminator"]["network"], weights(judge.network))


# --- in a bundle ------------------------------------------------------------------------------------------------------

CONFIG = """
generator_network: {_target_: scanfill.networks.pix2pix.UNetGenerator, spatial_dims: 3, in_channels: 2,
                    out_channels: 1, filters: 4, depth: 2, norm: instance}
discriminator_network: {_target_: PatchDiscriminator, spatial_dims: 3, in_channels: 3, channels: 4, num_layers_d: 2}
generator:
  _target_: scanfill.engines.trainable_network.TrainableNetwork
  network: "@generator_network"
  optimizer: {_target_: torch.optim.Adam, params: "$@generator_network.parameters()", lr: 2.0e-4, betas: [0.5, 0.999]}
  lr_scheduler: null
  clip_norm: 10.0
  average: 0.99
discriminator:
  _target_: scanfill.engines.trainable_network.TrainableNetwork
  network: "@discriminator_network"
  optimizer: {_target_: torch.optim.Adam, params: "$@discriminator_network.parameters()", lr: 2.0e-4}
network: "$@generator.network_to_save"
trainer:
  _target_: scanfill.engines.conditional_gan.ConditionalGanTrainer
  device: cpu
  max_epochs: 1
  train_data_loader: "@loader"
  generator: "@generator"
  discriminator: "@discriminator"
  generator_loss: {_target_: scanfill.losses.PairedGeneratorLoss, l1_weight: 100, region_weight: 10}
  prepare_batch: {_target_: scanfill.engines.pairs.PreparePair}
  inferer: {_target_: SimpleInferer}
"""


@pytest.mark.parametrize("overlay", [{}, {"discriminator": None}], ids=["adversary", "l1"])
def test_trains_from_a_config(overlay: dict[str, Any]) -> None:
    parser = ConfigParser({**yaml.safe_load(CONFIG), **overlay, "loader": DataLoader(cases(2), batch_size=1)})
    engine = parser.get_parsed_content("trainer")
    before = weights(parser.get_parsed_content("network"))
    engine.run()
    assert not same(before, weights(parser.get_parsed_content("network")))
    assert ("discriminator" in loss_terms(engine.state.output)) == (not overlay)


# --- what a person sees, and bad input --------------------------------------------------------------------------------


def test_every_term_reaches_the_log_the_progress_bar_and_tensorboard(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    handlers = [
        StatsHandler(output_transform=loss_terms, name="terms_of_a_gan"),
        TensorBoardStatsHandler(log_dir=str(tmp_path), output_transform=loss_terms),
    ]
    engine = trainer(player(generator()), player(discriminator()), train_handlers=handlers)
    ProgressBar(ncols=400).attach(engine, output_transform=loss_terms)
    engine.run()
    terms = loss_terms(engine.state.output)
    assert set(terms) >= {"loss", "l1", "adversarial", "discriminator", "discriminator_real", "discriminator_painted"}
    printed = capsys.readouterr()
    for name in terms:
        assert f"{name}: " in printed.out
        assert f"{name}=" in printed.err
    assert list(tmp_path.glob("events.out.tfevents.*"))


def test_postprocessing_and_training_metrics_work_as_in_monais_trainers() -> None:
    engine = trainer(
        player(generator()),
        None,
        postprocessing=Lambdad(keys="pred", func=lambda image: 0 * image + 7),
        key_train_metric={"mae": MeanAbsoluteError(output_transform=from_engine(["pred", "label"]))},
    )
    engine.run()
    assert len(engine.state.output) == 1
    assert (engine.state.output[0]["pred"] == 7).all()
    expected = sum((7 - case["target"]).mean().item() for case in cases(2)) / 2
    assert engine.state.metrics["mae"] == pytest.approx(expected, rel=1e-5)


def test_rates_follow_the_schedule_before_any_other_handler() -> None:
    painter = player(generator())
    painter.lr_scheduler = ConstantThenLinear(painter.optimizer, 1, 1)

    class Note:
        rates: list[float]

        def attach(self, engine: Any) -> None:
            self.rates = []
            engine.add_event_handler(Events.EPOCH_COMPLETED, self)

        def __call__(self, _: Any) -> None:
            self.rates.append(painter.optimizer.param_groups[0]["lr"])

    note = Note()
    trainer(painter, None, epochs=2, number=1, train_handlers=[note]).run()
    assert note.rates == pytest.approx([1e-4, 0])


def test_mixed_precision_without_a_gpu_is_refused() -> None:
    with pytest.raises(ValueError, match="amp=True needs a GPU, but the device is 'cpu'"):
        trainer(player(generator()), None, amp=True)


def test_mixed_precision_gives_the_same_losses_and_keeps_weights_in_float32() -> None:
    """On the CPU, with bfloat16, whose autocast rules are those of a GPU for these layers.

    Compared before any update: Adam's first step goes by the sign of the gradient, and where the gradient is near 0,
    bfloat16 decides that differently from one processor to the next. So the first step counts, and no discriminator
    moves in it.
    """
    set_determinism(0)
    painter, judge = player(generator("batch")), player(discriminator(), rate=0)
    before = weights(painter.network)
    engine = trainer(painter, judge)
    engine.amp = True
    for each in (painter, judge):
        each.scaler = torch.amp.GradScaler("cpu")
    copies = [copy.deepcopy(each.network) for each in (painter, judge)]
    full_precision = trainer(player(copies[0]), player(copies[1], rate=0))
    kinds, terms = [], []
    engine.add_event_handler(IterationEvents.FORWARD_COMPLETED, lambda: kinds.append(engine.state.output["pred"].dtype))
    for each in (engine, full_precision):
        first = Events.ITERATION_COMPLETED(once=1)
        each.add_event_handler(first, lambda run: terms.append(loss_terms(run.state.output)))
        each.run()
    assert kinds == [torch.bfloat16] * 2
    told, expected = terms
    for name in ("loss", "l1", "adversarial", "discriminator"):
        assert told[name] == pytest.approx(expected[name], rel=0.01), name  # bfloat16 keeps 8 bits: 0.4 % a rounding
    assert not same(before, weights(painter.network))
    assert {weight.dtype for each in (painter, judge) for weight in each.network.parameters()} == {torch.float32}


def test_a_generator_with_other_outputs_than_the_target_is_refused() -> None:
    painter = player(UNetGenerator(3, 2, 2, filters=8, depth=2))
    with pytest.raises(ValueError, match=r"prediction has shape \(1, 2, 16, 16, 16\), the target \(1, 1, 16, 16, 16\)"):
        trainer(painter, player(discriminator())).run()


def test_least_squares_is_an_option() -> None:
    set_determinism(0)
    painter, judge = player(generator()), player(discriminator())
    case = cases(1)[0]
    with torch.no_grad():
        network = copy.deepcopy(judge.network)
        on_real = network(torch.cat([case["image"], case["target"]])[None])[-1]
    engine = trainer(
        painter,
        judge,
        number=1,
        generator_loss=PairedGeneratorLoss("least_squares"),
        discriminator_loss=DiscriminatorLoss("least_squares"),
    )
    engine.run()
    told = loss_terms(engine.state.output)
    assert told["discriminator_real"] == pytest.approx((on_real - 1).square().mean().item(), rel=1e-4)
    assert told["loss"] == pytest.approx(100 * told["l1"] + told["adversarial"], rel=1e-5)


def test_a_generator_that_gives_more_shows_the_discriminator_a_part() -> None:
    set_determinism(0)
    wide = UNetGenerator(3, 2, 2, filters=8, depth=2, norm="instance")

    def loss(painted: torch.Tensor, target: torch.Tensor, **rest: Any) -> dict[str, torch.Tensor]:
        return PairedGeneratorLoss()(painted[:, :1], target, logits=rest["logits"])

    seen: list[tuple[int, ...]] = []

    def show(painted: torch.Tensor, _: torch.Tensor, **__: Any) -> torch.Tensor:
        seen.append(tuple(painted.shape))
        return painted[:, :1]

    trainer(player(wide), player(discriminator()), number=1, generator_loss=loss, show=show).run()
    assert seen == [(1, 2, 16, 16, 16)] * 2
    with pytest.raises(ValueError, match="shape"):
        trainer(player(wide), player(discriminator()), number=1, generator_loss=loss).run()
