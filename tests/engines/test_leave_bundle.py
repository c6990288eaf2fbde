"""A training leaves a bundle that needs no overlay any more."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

from conftest import REPO
from scanfill.engines import TrainingRecord, leave_bundle, leave_trained_bundle, training_overrides
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.engines.trained_bundle import NEVER_BAKED
from scanfill.errors import CheckpointError

if TYPE_CHECKING:
    from pathlib import Path

Train = "Callable[..., TrainingRecord]"
SEGMENTATION = REPO / "bundles" / "brain_tumor_segmentation"


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Begin a training as the command line would, with a network that learns nothing."""

    def begin(
        *overlays: Path | str,
        root: Path | None = None,
        bundle: Path = SEGMENTATION,
        resume: bool = False,
        **options: Any,
    ) -> TrainingRecord:
        files = [str(bundle / "configs" / "train.yaml")]
        files += [str(bundle / "configs" / file if isinstance(file, str) else file) for file in overlays]
        words = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        arguments = ["run", "--config_file", str(files), *words]
        monkeypatch.setattr("sys.argv", ["site-packages/monai/bundle/__main__.py", *arguments])
        folder = root or tmp_path / "run"
        leave_trained_bundle(folder, folder / "models", resume=resume)
        overrides = training_overrides(folder / "models", resume=resume)
        record = TrainingRecord({"modalities": ["t1"]}, torch.nn.Identity(), overrides=overrides)
        (folder / "models").mkdir(exist_ok=True)
        last = {"record": record.state_dict(), "network": {}}
        torch.save(last, folder / "models" / "last.pt")
        torch.save(weights_with_record({}, record.state_dict()), folder / "models" / "model.pt")
        return record

    return begin


def config(root: Path, name: str = "train.yaml") -> dict[str, Any]:
    content: dict[str, Any] = ConfigParser.load_config_file(str(root / "configs" / name))
    return content


def test_its_configs_say_what_the_overlays_and_options_said(train: Train, tmp_path: Path) -> None:
    overlays = ("unet.yaml", "modern.yaml", "modality_dropout.yaml")
    train(*overlays, patch_size=[16, 16, 16])
    for name in ("train.yaml", "inference.yaml"):
        files = [str(SEGMENTATION / "configs" / file) for file in (name, *overlays)]
        merged, left = (
            ConfigParser.load_config_files(files) | {"patch_size": [16, 16, 16]},
            config(tmp_path / "run", name),
        )
        assert left == {key: merged[key] for key in left}
    assert left["network_def"]["_target_"] == "UNet"


def test_it_holds_what_a_bundle_needs_and_no_overlay_that_is_in_its_configs(train: Train, tmp_path: Path) -> None:
    train("unet.yaml")
    files = {path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert files == {
        "LICENSE",
        "docs/README.md",
        "docs/data_license.txt",
        *(f"configs/{name}.yaml" for name in ("train", "inference", "evaluate", "multi_gpu_train")),
        "configs/logging.conf",
        "configs/metadata.json",
        "models/last.pt",
        "models/model.pt",
    }


def test_where_and_how_it_was_trained_is_not_in_it(train: Train, tmp_path: Path) -> None:
    where = dict.fromkeys(NEVER_BAKED, "elsewhere") | {"device": "cpu", "cache_num": 5}
    where |= {"num_workers": 3, "resume": False, "val_interval": 7}
    train(**where)
    assert "elsewhere" not in (tmp_path / "run" / "configs" / "train.yaml").read_text()
    source = config(SEGMENTATION)
    left = config(tmp_path / "run")
    assert left.pop("dataset_dir") is None
    assert left == {name: value for name, value in source.items() if name != "dataset_dir"} | {"val_interval": 7}


@pytest.mark.parametrize("given", ["dataset_dir", "datalist"])
def test_after_real_data_the_folder_must_be_given(train: Train, tmp_path: Path, given: str) -> None:
    train(**{given: "/data/brats"})
    for name in ("train.yaml", "inference.yaml"):
        assert config(tmp_path / "run", name)["dataset_dir"] is None


def test_after_phantoms_it_makes_the_same_phantoms(train: Train, tmp_path: Path) -> None:
    train(**{"dataset_dir#cases": 3})
    assert config(tmp_path / "run")["dataset_dir"] == config(SEGMENTATION)["dataset_dir"] | {"cases": 3}


def test_a_task_of_its_own_and_its_options_are_not_in_it(train: Train, tmp_path: Path) -> None:
    job = REPO / "configs" / "studies" / "training.yaml"
    train(job, weights="best", about="{'seed': 1}")
    left = config(tmp_path / "run")
    assert "about" not in left
    assert left["run"] == config(SEGMENTATION)["run"]
    assert left["train"] == config(SEGMENTATION)["train"]


def test_sources_are_never_written_to(train: Train, tmp_path: Path) -> None:
    source = shutil.copytree(SEGMENTATION, tmp_path / "brain_tumor_segmentation")
    before = {path: path.read_bytes() for path in source.rglob("*") if path.is_file()}
    record = train("unet.yaml", root=source, bundle=source, patch_size=[8, 8, 8])
    assert {path: path.read_bytes() for path in before} == before
    assert not (set(source.rglob("*.yaml")) | set(source.rglob("*.json"))) - set(before)
    assert [override["name"] for override in record.overrides or ()][-1] == "patch_size"


def test_an_entry_of_another_file_is_put_in_place(train: Train, tmp_path: Path) -> None:
    other, overlay = tmp_path / "other.yaml", tmp_path / "overlay.yaml"
    other.write_text("net: {_target_: UNet, spatial_dims: 3}\n")
    overlay.write_text(f"network_def: '%{other}::net'\ninferer: {{_target_: Whole, layers: ['%{other}::net']}}\n")
    train(overlay, loss=f"%{other}::net")
    left = config(tmp_path / "run")
    net = {"_target_": "UNet", "spatial_dims": 3}
    assert (left["network_def"], left["loss"]) == (net, net)
    assert left["inferer"] == {"_target_": "Whole", "layers": [net]}


def test_what_an_overlay_adds_to_a_list_is_in_it_once_also_after_a_resume(train: Train, tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("+reading:\n  - {_target_: Mine}\n")
    mine = [*config(SEGMENTATION)["reading"], {"_target_": "Mine"}]
    train(overlay)
    assert config(tmp_path / "run")["reading"] == mine
    train(overlay, resume=True)
    assert config(tmp_path / "run")["reading"] == mine
    record = train(bundle=tmp_path / "run", resume=True)
    assert [override["value"] for override in record.overrides or ()] == [mine]


@pytest.mark.parametrize("options", [{"patch_size": [9, 9, 9]}, {"network_def#out_channels": 3}, {"seed": 1}])
def test_a_resume_with_another_value_that_the_weights_depend_on_is_refused(
    train: Train, tmp_path: Path, options: dict[str, Any]
) -> None:
    train("unet.yaml", patch_size=[16, 16, 16])
    before = config(tmp_path / "run")
    with pytest.raises(CheckpointError, match=rf"started with {next(iter(options)).partition('#')[0]}=.*this run has"):
        train("unet.yaml", resume=True, **{"patch_size": [16, 16, 16], **options})
    assert config(tmp_path / "run") == before
    with pytest.raises(CheckpointError, match="network_def"):
        train(resume=True, patch_size=[16, 16, 16])


@pytest.mark.parametrize("where", ["source", "left"])
def test_a_resume_may_be_longer_and_elsewhere(train: Train, tmp_path: Path, where: str) -> None:
    train("unet.yaml", patch_size=[16, 16, 16], max_epochs=2)
    longer = {"max_epochs": 3, "val_interval": 2, "device": "cuda:1", "cache_num": 1}
    if where == "source":
        train("unet.yaml", resume=True, patch_size=[16, 16, 16], **longer)
    else:
        train(bundle=tmp_path / "run", resume=True, **longer)
    record = train(bundle=tmp_path / "run", resume=True)
    names = [override["name"] for override in record.overrides or ()]
    assert {"patch_size", "max_epochs", "val_interval"} <= set(names)
    assert not {"device", "cache_num"} & set(names)


def test_another_program_leaves_no_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["notebook.py", "run", "--config_file", str(SEGMENTATION / "configs/train.yaml")])
    leave_trained_bundle(tmp_path / "run", tmp_path)
    assert not (tmp_path / "run").exists()
    record = TrainingRecord(None, torch.nn.Identity(), overrides=training_overrides(tmp_path))
    assert "overrides" not in record.state_dict()


def test_a_notebook_leaves_the_bundle_that_the_command_line_leaves(train: Train, tmp_path: Path) -> None:
    train("unet.yaml", dataset_dir="/data", patch_size=[16, 16, 16])
    options = {"dataset_dir": "/data", "patch_size": [16, 16, 16], "device": "cpu"}
    root = leave_bundle(tmp_path / "notebook", "brain_tumor_segmentation", "unet.yaml", options)
    for name in ("train.yaml", "inference.yaml", "metadata.json"):
        assert (root / "configs" / name).read_text() == (tmp_path / "run" / "configs" / name).read_text()


def channels(root: Path, side: str = "inputs", name: str = "image") -> list[str]:
    described = json.loads((root / "configs" / "metadata.json").read_text())["network_data_format"][side][name]
    assert described["num_channels"] == len(described["channel_def"])
    return list(described["channel_def"].values())


def test_metadata_describe_the_channels_of_the_network_that_was_trained(train: Train, tmp_path: Path) -> None:
    train("modality_dropout.yaml", modalities=["flair", "t1"])
    assert channels(tmp_path / "run") == ["FLAIR", "T1", "FLAIR is there", "T1 is there"]
    assert channels(tmp_path / "run", "outputs", "pred")[1] == "necrotic core"
    train(bundle=REPO / "bundles" / "mri_modality_synthesis", sources=["t1", "t1ce"], target="t2")
    assert channels(tmp_path / "run") == ["T1", "T1CE"]
    assert channels(tmp_path / "run", "outputs", "pred") == ["T2"]
    train(bundle=REPO / "bundles" / "mri_modality_completion", modalities=["t2", "t1"])
    assert channels(tmp_path / "run") == ["T2", "T1", "T2 is there", "T1 is there"]
    assert channels(tmp_path / "run", "outputs", "pred") == ["T2", "T1", "log-variance of T2", "log-variance of T1"]


def test_metadata_say_where_it_comes_from(train: Train, tmp_path: Path) -> None:
    train("unet.yaml", patch_size=[8, 8, 8])
    for _ in range(2):  # again from the bundle itself, which is then a source
        said = json.loads((tmp_path / "run" / "configs" / "metadata.json").read_text())["scanfill"]
        assert said["trained_from"] == "brain_tumor_segmentation"
        assert said["baked_in"] == ["unet.yaml", "patch_size=[8, 8, 8]"]
        train(bundle=tmp_path / "run")


def test_it_still_reads_as_a_story(train: Train, tmp_path: Path) -> None:
    train("unet.yaml")
    text = (tmp_path / "run" / "configs" / "train.yaml").read_text()
    assert text.startswith((SEGMENTATION / "configs" / "train.yaml").read_text().partition("\n\n")[0])
    assert "# This copy includes unet.yaml.\n" in text
    assert "# --- 1. which cases" in text
    assert yaml.safe_load(text)["context"] == 0
