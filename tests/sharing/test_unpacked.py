"""An archive works elsewhere: without scanfill, from a foreign working directory, as MONAI downloads and loads it."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import monai.bundle
import nibabel as nib
import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser

import scanfill
from archives import NAME
from conftest import REPO, small_steps, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives import Environment
    from conftest import TrainedBundle
    from scanfill.sharing import PackedBundle

pytest_plugins = ("archive_fixtures",)


def on(*names: str) -> pytest.MarkDecorator:
    """Each process costs ten seconds: the first bundle in `make test`, the others among the slow tests."""
    bundles = [
        pytest.param(REPO / "bundles" / name, marks=() if name == names[0] else pytest.mark.slow, id=name)
        for name in names
    ]
    return pytest.mark.parametrize("trained", bundles, indirect=True)


LOAD = """
import sys, torch, monai.bundle
name, folder, image, result = sys.argv[1:]
network = monai.bundle.load(name, bundle_dir=folder, workflow_type="inference", device="cpu").eval()
import scanfill
with torch.no_grad():
    output = network(torch.load(image, weights_only=True))
torch.save({"weights": dict(network.state_dict()), "output": output, "scanfill": scanfill.__file__}, result)
"""


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """MONAI sets logging up from the bundle's file, for the stream of this test only."""
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture(scope="session")
def downloaded(trained_archive: PackedBundle, bare: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle's folder after ``python -m monai.bundle download``, where there is no scanfill."""
    folder, name = tmp_path_factory.mktemp("downloaded"), trained_archive.archive.name.partition("_v")[0]
    where = ("--url", trained_archive.archive.as_uri(), "--name", name, "--bundle_dir", str(folder))
    bare.run("-m", "monai.bundle", "download", *where)
    return folder / name


@pytest.fixture(scope="session")
def image(trained: TrainedBundle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random input with as many channels as the bundle takes."""
    metadata = json.loads((trained.source / "configs" / "metadata.json").read_text())
    channels = metadata["network_data_format"]["inputs"]["image"]["num_channels"]
    file = tmp_path_factory.mktemp("image") / "image.pt"
    torch.save(torch.randn(1, channels, 24, 24, 24, generator=torch.Generator().manual_seed(0)), file)
    return file


def assert_trained(network: dict[str, torch.Tensor], trained: TrainedBundle) -> None:
    weights = torch.load(trained.root / "models" / "model.pt", weights_only=True)
    assert set(network) == set(weights)
    assert all(torch.equal(network[name], weights[name]) for name in weights)


@on(NAME, "mri_modality_synthesis")
def test_it_predicts_without_scanfill_what_the_bundle_predicts(
    trained_unpacked: Path, trained: TrainedBundle, bare: Environment, tmp_path: Path
) -> None:
    config = trained_unpacked / "configs" / "inference.yaml"
    bare.run(
        *("-m", "monai.bundle", "run", "--bundle_root", str(trained_unpacked), "--config_file", str(config)),
        *words({"dataset_dir": trained.new_cases, "output_dir": tmp_path, **small_steps(str(config))}),
    )
    theirs = sorted(tmp_path.glob("*/*.nii.gz"))
    ours = [trained.root / "eval" / "predictions" / file.relative_to(tmp_path) for file in theirs]
    assert len(theirs) == len([path for path in trained.new_cases.iterdir() if path.is_dir()])
    for one, other in zip(theirs, ours, strict=True):
        first, second = nib.load(one), nib.load(other)
        # between two classes that are as likely, the last digit decides, and it depends on how many threads add up
        assert np.mean(np.asarray(first.dataobj) == np.asarray(second.dataobj)) > 0.999
        np.testing.assert_array_equal(first.affine, second.affine)
    assert not list(bare.folder.iterdir()), "nothing is written to the working directory"


@on(NAME)
def test_its_json_twin_trains_without_scanfill(
    downloaded: Path, trained: TrainedBundle, bare: Environment, tmp_path: Path
) -> None:
    configs = [str(downloaded / "configs" / "train.json"), str(downloaded / "presets" / "smoke.json")]
    bare.run(
        *("-m", "monai.bundle", "run", "--bundle_root", str(downloaded), "--config_file", str(configs)),
        *("--dataset_dir", str(trained.dataset_dir), "--ckpt_dir", str(tmp_path / "models")),
        *("--output_dir", str(tmp_path / "eval"), "--max_epochs", "1", "--epoch_length", "1"),
    )
    weights = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    assert set(weights) == set(torch.load(downloaded / "models" / "model.pt", weights_only=True))


@on(NAME)
def test_a_notebook_without_scanfill_loads_it_with_its_folder_on_the_path(
    downloaded: Path, trained: TrainedBundle, bare: Environment, image: Path, tmp_path: Path
) -> None:
    result = tmp_path / "result.pt"
    words = (downloaded.name, str(downloaded.parent), str(image), str(result))
    bare.run("-c", LOAD, *words, path=downloaded)
    found = torch.load(result, weights_only=True)
    assert found["scanfill"] == str(downloaded / "scanfill" / "__init__.py")
    assert_trained(found["weights"], trained)
    network = ConfigParser(ConfigParser.load_config_files(trained.configs("inference.yaml")))
    own = network.get_parsed_content("network_def").eval()
    own.load_state_dict(torch.load(trained.root / "models" / "model.pt", weights_only=True))
    with torch.no_grad():
        torch.testing.assert_close(found["output"], own(torch.load(image, weights_only=True)))


@on(NAME)
@pytest.mark.usefixtures("logging_restored")
def test_a_notebook_with_scanfill_loads_it_as_it_is(trained_unpacked: Path, trained: TrainedBundle) -> None:
    network = monai.bundle.load(
        trained_unpacked.name, bundle_dir=trained_unpacked.parent, workflow_type="inference", device="cpu"
    )
    assert not scanfill.__file__.startswith(str(trained_unpacked))
    assert_trained(network.state_dict(), trained)


@on(NAME)
def test_monai_verifies_and_exports_it(trained_unpacked: Path, tmp_path: Path) -> None:
    configs = trained_unpacked / "configs"
    files = {"meta_file": str(configs / "metadata.json"), "config_file": str(configs / "inference.json")}
    monai.bundle.verify_net_in_out(net_id="network_def", device="cpu", n=4, **files)
    weights = str(trained_unpacked / "models" / "model.pt")
    monai.bundle.ckpt_export(filepath=str(tmp_path / "model.ts"), ckpt_file=weights, **files)
    exported, given = torch.jit.load(tmp_path / "model.ts").state_dict(), torch.load(weights, weights_only=True)
    assert all(torch.equal(exported[name], given[name]) for name in given)
