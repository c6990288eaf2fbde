"""Every augmentation preset trains on the data it is meant for, and does what it claims."""

from __future__ import annotations

import importlib.util
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from monai.transforms import Compose
from monai.utils import set_determinism

from conftest import BUNDLES, REPO
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.errors import UsageError
from scanfill.presets import MADE_FOR, NEEDS
from untrained_bundles import COMPLETION, NETWORKS, SYNTHESIS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PRESETS = sorted((REPO / "configs" / "augmentation").rglob("*.yaml"))
SINGLE = [path for path in PRESETS if path.parent.name == "single"]
CONTRACTS = REPO / "tests" / "contracts"
CT = [CONTRACTS / "ct.yaml"]
XRAY = [*CT, CONTRACTS / "xray.yaml"]
CLASSIFICATION = [*CT, CONTRACTS / "xray_classification.yaml"]
SEGMENTATION = "brain_tumor_segmentation"
TINY: dict[str, dict[str, Any]] = {
    SEGMENTATION: {
        "network_def": {
            "_target_": "UNet",
            "spatial_dims": 3,
            "in_channels": 4,
            "out_channels": 4,
            "channels": [4, 8],
            "strides": [2],
        },
        "loss": {"_target_": "DiceCELoss", "to_onehot_y": True, "softmax": True},
        "context": 0,
        "network_inputs": [],
    },
    SYNTHESIS: {
        "network_def": NETWORKS[SYNTHESIS],
        "discriminator_def#channels": 4,
        "discriminator_def#num_layers_d": 1,
    },
    COMPLETION: {"network_def": NETWORKS[COMPLETION], "ssim_weight": 0},
}
MRI = [path for path in PRESETS if path not in SINGLE and not path.stem.startswith(("ct", "xray", "geometric"))]
ANY = [path for path in PRESETS if path.stem in {"none", "strong_elastic", "nnunet"}]


def named(path: Path) -> str:
    return path.stem


@pytest.fixture(autouse=True)
def _leave_global_generators_alone() -> Iterator[None]:
    yield
    set_determinism(None)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("phantoms")
    brain_cohort(folder, cases=3, size=24, seed=0)
    return folder


def certain(steps: Any) -> Any:
    """The same steps with every probability 1: two steps of training would see few of them otherwise."""
    if isinstance(steps, list):
        return [certain(step) for step in steps]
    if isinstance(steps, dict):
        return {key: 1.0 if key in {"prob", "prob_per_channel"} else certain(value) for key, value in steps.items()}
    return steps


def train(files: list[Path], **knobs: Any) -> Any:
    """Two steps of a training, in this process, without what judges and saves; everything that may happen happens."""
    parser = ConfigParser()
    parser.read_config([str(file) for file in files])
    parser.update({"max_epochs": 1, "epoch_length": 2, "train#trainer#train_handlers": [], **knobs})
    parser.update({key: certain(parser.config[key]) for key in ("augmentation", "raw_augmentation")})
    set_determinism(0)
    trainer = parser.get_parsed_content("train#trainer")
    trainer.run()
    return trainer


def train_bundle(name: str, preset: Path, cohort: Path, **knobs: Any) -> Any:
    if "mri_artifacts" in preset.name and importlib.util.find_spec("torchio") is None:
        pytest.skip("TorchIO is an extra, scanfill[mri-artifacts], and is not installed")
    small = {"dataset_dir": str(cohort), "batch_size": 1, "patch_size": [16, 16, 16], "cache_num": 0, "device": "cpu"}
    train_yaml = REPO / "bundles" / name / "configs" / "train.yaml"
    return train([train_yaml, preset], **small, **TINY[name], **knobs)


def finite(trainer: Any) -> bool:
    output = trainer.state.output[0]
    losses = [value for value in output.values() if isinstance(value, (torch.Tensor, float)) and np.size(value) == 1]
    return bool(losses) and all(np.isfinite(float(value)) for value in losses)


@pytest.mark.parametrize("preset", PRESETS, ids=named)
def test_every_preset_trains_what_it_is_for(preset: Path, cohort: Path) -> None:
    homes = {"ct": CT, "geometric": CT, "xray": XRAY, "xray_classification": CLASSIFICATION}
    home = XRAY if preset in SINGLE else homes.get(preset.stem, homes.get(preset.stem.partition("_")[0]))
    assert finite(train_bundle(SEGMENTATION, preset, cohort) if home is None else train([*home, preset]))


@pytest.mark.slow
@pytest.mark.parametrize("preset", MRI, ids=named)
@pytest.mark.parametrize("bundle", [path for path in BUNDLES if path.name in (SYNTHESIS, COMPLETION)], ids=named)
def test_a_preset_for_mri_trains_the_other_bundles(bundle: Path, preset: Path, cohort: Path) -> None:
    if bundle.name == COMPLETION and preset.stem == "lesion_mixing":
        pytest.skip("the completion's truth is made after the crop, so donors have none; the next test sees the error")
    assert finite(train_bundle(bundle.name, preset, cohort))


@pytest.mark.slow
@pytest.mark.parametrize("preset", ANY, ids=named)
@pytest.mark.parametrize("home", [CT, XRAY], ids=["ct", "xray"])
def test_a_preset_for_anything_trains_ct_in_3d_and_xrays_in_2d(home: list[Path], preset: Path) -> None:
    assert finite(train([*home, preset]))


def test_what_a_bundle_cannot_take_is_told_and_not_done(cohort: Path) -> None:
    mixing, boxes = (
        REPO / "configs" / "augmentation" / f"{name}.yaml" for name in ("lesion_mixing", "xray_classification")
    )
    with pytest.raises(RuntimeError) as error:
        train_bundle(COMPLETION, mixing, cohort, seed=0)
    assert "has no target" in innermost(error.value)
    with pytest.raises(RuntimeError) as error:
        train_bundle(SEGMENTATION, boxes, cohort)
    assert "give it an empty list of boxes" in innermost(error.value)


def innermost(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error)


def test_a_preset_trains_a_bundle_without_labels(cohort: Path) -> None:
    preset = REPO / "configs" / "augmentation" / "mri.yaml"
    assert finite(train_bundle(SYNTHESIS, preset, cohort, labels="none"))


def test_lesion_mixing_without_labels_says_so(cohort: Path) -> None:
    with pytest.raises(RuntimeError) as error:
        train_bundle(SYNTHESIS, REPO / "configs" / "augmentation" / "lesion_mixing.yaml", cohort, labels="none")
    assert "`label_key` is null" in innermost(error.value)
    assert isinstance(error.value.__cause__, UsageError)


@pytest.mark.parametrize("preset", PRESETS, ids=named)
def test_a_preset_sets_the_two_ids_of_augmentation_and_says_what_it_is_for(preset: Path) -> None:
    ids = set(ConfigParser.load_config_file(str(preset)))
    assert ids - {NEEDS} == {"augmentation", "raw_augmentation", MADE_FOR}


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_raw_augmentation_comes_before_normalisation_and_in_training_only(bundle: Path) -> None:
    config = ConfigParser.load_config_file(str(bundle / "configs" / "train.yaml"))
    if "augmentation" not in config:
        pytest.skip("its images are not augmented: a generator would learn the augmentation, too")
    chain = config["train"]["preprocessing"]["transforms"]
    more = r"( \+ @\w+)*"  # such as drawing a slice of a volume
    order = rf"@reading{more} \+ @raw_augmentation \+ @normalization{more} \+ @cropping.* @augmentation"
    assert re.search(order, chain)
    assert "augmentation" not in str(config["validate"])
    assert config["preprocessing"] == "$@reading + @normalization"


def test_a_raw_change_of_unit_is_undone_by_normalisation(cohort: Path) -> None:
    images = []
    for raw in ([], [{"_target_": "Lambdad", "keys": "@raw_keys", "func": "$lambda image: image * 7"}]):
        parser = ConfigParser()
        parser.read_config(str(REPO / "bundles" / SEGMENTATION / "configs" / "train.yaml"))
        parser.update({"dataset_dir": str(cohort), "patch_size": [16, 16, 16], "cache_num": 0, **TINY[SEGMENTATION]})
        parser.update({"raw_augmentation": raw, "augmentation": []})
        set_determinism(0)
        dataset = parser.get_parsed_content("train#dataset")
        images.append(dataset.transform.set_random_state(0)(dataset.data[0])[0]["image"])
    torch.testing.assert_close(images[0], images[1], atol=1e-4, rtol=1e-4)


def test_rician_noise_keeps_the_brain_mask_and_has_no_sign() -> None:
    steps = ConfigParser.load_config_file(str(REPO / "configs" / "augmentation" / "mri_artifacts.yaml"))
    parser = ConfigParser({"raw_keys": ["t1", "t2", "flair"], "noise": certain(steps["raw_augmentation"][-1])})
    noise = parser.get_parsed_content("noise").set_random_state(0)
    brain = torch.zeros(1, 24, 24, 24, dtype=torch.bool)
    brain[:, 4:20, 4:20, 4:20] = True
    scan = torch.where(brain, 300 + 20 * torch.randn(brain.shape, generator=torch.Generator().manual_seed(0)), 0)
    scan[:, 4:8] = torch.where(brain[:, 4:8], 1e-3, 0)  # nearly no signal, where noise alone is seen
    noisy = noise({"t1": scan, "t2": scan.clone()})  # without FLAIR, as an incomplete case
    for image in noisy.values():
        assert torch.equal(image != 0, brain)
        assert (image >= 0).all()
        spread = image[:, 4:8][brain[:, 4:8]].square().mean().div(2).sqrt()  # Rayleigh where there is no signal
        assert 0 < spread < 0.25 * scan.std()
        rest = (image - scan)[:, 8:][brain[:, 8:]]
        assert rest.std().item() == pytest.approx(spread.item(), rel=0.1), "Gaussian where there is much"
    assert not torch.equal(noisy["t1"], noisy["t2"])


def test_nnunet_has_the_probabilities_of_nnunet() -> None:
    steps = ConfigParser.load_config_file(str(REPO / "configs" / "augmentation" / "nnunet.yaml"))["augmentation"]
    inner = [step.get("transform", step)["_target_"].rpartition(".")[2] for step in steps]
    stated = [(name, step["prob"], step.get("prob_per_channel", 1.0)) for name, step in zip(inner, steps, strict=True)]
    assert stated == [
        ("RandAffined", 0.2, 1.0),
        ("RandOneScaled", 0.2, 1.0),
        ("RandGaussianNoise", 0.1, 1.0),
        ("RandGaussianSmooth", 0.2, 0.5),
        ("RandScaleIntensity", 0.15, 1.0),
        ("RandScaleIntensityFixedMean", 0.15, 1.0),
        ("RandSimulateLowResolution", 0.25, 0.5),
        ("RandAdjustContrast", 0.1, 1.0),
        ("RandAdjustContrast", 0.3, 1.0),
        ("RandFlipd", 0.5, 1.0),
        ("RandFlipd", 0.5, 1.0),
        ("RandFlipd", 0.5, 1.0),
    ]
    assert all(step["transform"]["prob"] == 1 for step in steps if "transform" in step)


def single_steps(preset: Path, prob: float) -> Any:
    """The steps of a single augmentation, for an image and its label of 32 pixels."""
    steps = ConfigParser.load_config_file(str(preset))["augmentation"]
    ids = {"intensity_keys": ["image"], "spatial_keys": ["image", "label"], "spatial_modes": ["bilinear", "nearest"]}
    parser = ConfigParser({**ids, "patch_size": [32, 32], "steps": steps})
    for step in parser.config["steps"]:
        step["prob"] = prob
    return Compose(parser.get_parsed_content("steps")).set_random_state(0)


def picture() -> dict[str, torch.Tensor]:
    """A bright disk beside the center of a picture whose brightness increases, and its label."""
    x, y = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    label = ((x - 12) ** 2 + (y - 18) ** 2 < 49)[None].float()
    return {"image": 0.2 + x[None] / 100 + 0.5 * label, "label": label}


@pytest.mark.parametrize("preset", SINGLE, ids=named)
def test_a_single_augmentation_changes_half_of_the_images_and_moves_labels_with_them(preset: Path) -> None:
    assert all(step["prob"] == 0.5 for step in ConfigParser.load_config_file(str(preset))["augmentation"])
    plain = picture()
    changed = single_steps(preset, 1.0)(picture())
    assert changed["image"].shape == plain["image"].shape
    assert not torch.allclose(changed["image"], plain["image"], atol=1e-3)
    moves = preset.stem in {"center_crop", "rotate", "shift_scale_rotate", "flip"}
    assert torch.equal(changed["label"], plain["label"]) != moves
    inside, outside = (changed["image"][changed["label"] == value].mean() for value in (1, 0))
    if preset.stem != "sobel":
        assert inside > outside + 0.2, "the label is still on the disk"
    torch.testing.assert_close(single_steps(preset, 0.0)(picture()), plain)


def test_sobel_shows_the_outline_and_nothing_inside() -> None:
    changed = single_steps(SINGLE[[path.stem for path in SINGLE].index("sobel")], 1.0)(picture())["image"][0]
    assert (changed.min(), changed.max()) == (0, 1)
    assert changed[12, 18] < 0.2
    assert changed[12, 18 - 7] > 0.5


def test_presets_for_ct_and_xray_neither_flip_nor_turn_far() -> None:
    for preset in PRESETS:
        if preset.stem.startswith(("ct", "xray")):
            text = preset.read_text()
            assert "Flipd," not in text.replace("RandLateralFlipd", "")
            assert "Rotate90" not in text
            scales = [float(value) for line in re.findall(r"scale_range: \[(.*?)\]", text) for value in line.split(",")]
            assert scales
            assert max(scales) <= 0.3


def test_the_guide_names_every_preset_and_only_configs_that_exist() -> None:
    guide = (REPO / "docs" / "how-to" / "augmentation.md").read_text()
    named_files = set(re.findall(r"configs/[\w/]+\.yaml", guide))
    assert {str(preset.relative_to(REPO)) for preset in PRESETS} <= named_files
    assert "configs/pretrain.yaml" in named_files
    for file in named_files:
        assert (REPO / file).exists() or any((bundle / file).exists() for bundle in BUNDLES), file
