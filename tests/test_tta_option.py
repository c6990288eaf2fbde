"""The option `tta` of segmentation bundles: train, evaluate and inference wrap the same inferer in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.inferers import Inferer, SlidingWindowInferer

from conftest import REPO, TrainedBundle
from scanfill.engines.checkpoint_files import read_checkpoint, weights_with_record
from scanfill.engines.mistakes import find_mistake
from scanfill.errors import UsageError
from scanfill.inferers import DenseInferer, FlipInferer

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = REPO / "bundles" / "brain_tumor_segmentation"
OVERLAYS = {(): (0,), ("unet.yaml", "modern.yaml"): (0, 1, 2), ("segresnet.yaml",): (0,)}
"""Overlays -> the axes flipped in their training."""

on_trained = pytest.mark.parametrize("trained", [BUNDLE], ids=[BUNDLE.name], indirect=True)
overlays = pytest.mark.parametrize("names", OVERLAYS, ids=lambda names: "+".join(names) or "deepmedic")


def inferer(file: str, names: tuple[str, ...], tta: str) -> Inferer:
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / name) for name in (file, *names)])
    if file == "inference.yaml":
        parser["patch_size"] = [64, 64, 64]  # set by an overlay in training; an option in inference
        parser["flipped_axes"] = list(OVERLAYS[names])  # recorded in the checkpoint
    parser["tta"] = tta
    return parser.get_parsed_content("evaluator#inferer" if file == "inference.yaml" else "validate#inferer")


@overlays
@pytest.mark.parametrize("file", ["train.yaml", "inference.yaml"])
def test_the_option_wraps_the_bundles_own_inferer(file: str, names: tuple[str, ...]) -> None:
    own = DenseInferer if not names else SlidingWindowInferer
    assert type(inferer(file, names, "none")) is own
    wrapped = inferer(file, names, "flips")
    assert type(wrapped) is FlipInferer
    assert type(wrapped.inferer) is own
    assert wrapped.axes == OVERLAYS[names]


@overlays
def test_test_time_flips_are_those_of_training(names: tuple[str, ...]) -> None:
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / name) for name in ("train.yaml", *names)])
    flips = [step["spatial_axis"] for step in parser["augmentation"] if step["_target_"] == "RandFlipd"]
    assert flips == list(OVERLAYS[names])
    assert parser.get_parsed_content("record#facts")["flipped_axes"] == flips


@pytest.mark.parametrize("preset", ["nnunet", "none"])
def test_the_flips_of_a_preset_are_those_of_the_test(preset: str) -> None:
    parser = ConfigParser()
    presets = REPO / "configs" / "augmentation"
    parser.read_config([str(BUNDLE / "configs" / "train.yaml"), str(presets / f"{preset}.yaml")])
    parser["tta"] = "flips"
    if preset == "nnunet":
        assert parser.get_parsed_content("validate#inferer").axes == (0, 1, 2)
        return
    with pytest.raises(RuntimeError) as raised:
        parser.get_parsed_content("validate#inferer")
    assert "training flipped none" in str(find_mistake(raised.value))


@on_trained
def test_evaluation_flips_what_the_checkpoint_was_trained_with(trained: TrainedBundle) -> None:
    parser = ConfigParser()
    parser.read_config(trained.configs("train.yaml", "evaluate.yaml"))
    parser.update({"bundle_root": str(trained.root), "dataset_dir": str(trained.dataset_dir), "tta": "flips"})
    parser["augmentation"] = []  # the augmentation of this run is irrelevant
    assert parser.get_parsed_content("evaluator").inferer.axes == (0,)


@on_trained
def test_a_checkpoint_that_does_not_say_what_was_flipped_is_used_as_asked(
    trained: TrainedBundle, tmp_path: Path
) -> None:
    content = read_checkpoint(trained.root / "models" / "model.pt")
    record = {name: value for name, value in content["record"].items() if name != "flipped_axes"}
    torch.save(weights_with_record(content["network"], record), tmp_path / "older.pt")
    parser = ConfigParser()
    parser.read_config(trained.configs("inference.yaml"))
    parser.update({"dataset_dir": str(trained.dataset_dir), "checkpoint": str(tmp_path / "older.pt")})
    assert type(parser.get_parsed_content("evaluator").inferer) is DenseInferer
    parser.update({"tta": "flips", "tta_axes": [1]})
    parser.parse(reset=True)
    assert parser.get_parsed_content("evaluator").inferer.axes == (1,)
    parser["tta_axes"] = None
    parser.parse(reset=True)
    with pytest.raises(RuntimeError) as raised:
        parser.get_parsed_content("evaluator")
    assert "axes flipped in training are unknown" in str(find_mistake(raised.value))


@on_trained
def test_inference_takes_the_option_and_refuses_what_there_is_not(trained: TrainedBundle, tmp_path: Path) -> None:
    case = min(path for path in trained.new_cases.iterdir() if path.is_dir())
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(case)}

    def predict(tta: str, **more: Any) -> np.ndarray:
        output = tmp_path / tta
        asked = {**knobs, "tta": tta, "output_dir": str(output), **more}
        run = ConfigWorkflow(trained.configs("inference.yaml"), logging_file=False, **asked)
        run.initialize()
        run.run()
        return np.asarray(nib.load(output / case.name / f"{case.name}_seg.nii.gz").dataobj)

    none, flips = predict("none"), predict("flips")
    assert none.shape == flips.shape
    assert (none != flips).any()
    for wrong, said in (
        ({"tta": "flip"}, "'flip'; --tta must be one of none, flips."),
        ({"tta": "adaptive"}, "--tta adaptive was removed in 0.2.0"),
        ({"tta": "flips", "tta_axes": [3]}, "`tta_axes` (=[3]) must be different axes from [0, 1, 2]"),
    ):
        with pytest.raises(RuntimeError) as raised:
            predict(**wrong)
        mistake = find_mistake(raised.value)
        assert isinstance(mistake, UsageError)
        assert said in str(mistake)
