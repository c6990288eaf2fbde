"""The knob `tta` of segmentation bundles: train, evaluate and inference wrap the same inferer in the same way."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest
from monai.bundle import ConfigParser, ConfigWorkflow
from monai.inferers import Inferer, SlidingWindowInferer

from conftest import REPO, TrainedBundle
from scanfill.engines.mistakes import find_mistake
from scanfill.errors import UsageError
from scanfill.inferers import AdaptiveFlipInferer, DenseInferer, FlipInferer

if TYPE_CHECKING:
    from pathlib import Path

BUNDLE = REPO / "bundles" / "brain_tumor_segmentation"
OVERLAYS = {(): (0,), ("unet.yaml", "modern.yaml"): (0, 1, 2), ("segresnet.yaml",): (0,)}
"""Overlays -> the axes that their training flips."""

overlays = pytest.mark.parametrize("names", OVERLAYS, ids=lambda names: "+".join(names) or "deepmedic")


def inferer(file: str, names: tuple[str, ...], tta: str) -> Inferer:
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / name) for name in (file, *names)])
    if file == "inference.yaml":
        parser["patch_size"] = [64, 64, 64]  # an overlay sets it; of inference it is a knob
    parser["tta"] = tta
    return parser.get_parsed_content("evaluator#inferer" if file == "inference.yaml" else "validate#inferer")


@overlays
@pytest.mark.parametrize("file", ["train.yaml", "inference.yaml"])
def test_the_knob_wraps_the_bundles_own_inferer(file: str, names: tuple[str, ...]) -> None:
    own = DenseInferer if not names else SlidingWindowInferer
    assert type(inferer(file, names, "none")) is own
    for tta, kind in {"flips": FlipInferer, "adaptive": AdaptiveFlipInferer}.items():
        wrapped = inferer(file, names, tta)
        assert type(wrapped) is kind
        assert type(wrapped.inferer) is own
        assert wrapped.axes == OVERLAYS[names]


@overlays
def test_test_time_flips_are_those_of_training(names: tuple[str, ...]) -> None:
    parser = ConfigParser()
    parser.read_config([str(BUNDLE / "configs" / name) for name in ("train.yaml", *names)])
    flips = [step["spatial_axis"] for step in parser["augmentation"] if step["_target_"] == "RandFlipd"]
    assert flips == parser["tta_axes"]


@pytest.mark.parametrize("trained", [BUNDLE], ids=[BUNDLE.name], indirect=True)
def test_inference_takes_the_knob_and_refuses_another_word(trained: TrainedBundle, tmp_path: Path) -> None:
    case = min(path for path in trained.new_cases.iterdir() if path.is_dir())
    knobs = {"bundle_root": str(trained.root), "dataset_dir": str(case)}

    def predict(tta: str) -> np.ndarray:
        output = tmp_path / tta
        run = ConfigWorkflow(
            trained.configs("inference.yaml"), logging_file=False, tta=tta, output_dir=str(output), **knobs
        )
        run.initialize()
        run.run()
        return np.asarray(nib.load(output / case.name / f"{case.name}_seg.nii.gz").dataobj)

    labels = {tta: predict(tta) for tta in ("none", "flips", "adaptive")}
    assert labels["none"].shape == labels["flips"].shape == labels["adaptive"].shape
    assert (labels["none"] != labels["flips"]).any()
    with pytest.raises(RuntimeError) as raised:
        predict("flip")
    mistake = find_mistake(raised.value)
    assert isinstance(mistake, UsageError)
    assert "'flip'; --tta is one of none, flips, adaptive" in str(mistake)
