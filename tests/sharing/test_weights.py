"""Only weights that fit are packed; large ones lie beside the archive and come back through MONAI."""

from __future__ import annotations

import ast
import hashlib
from typing import TYPE_CHECKING, Any

import monai.bundle
import pytest
import torch
import yaml
from monai.bundle import ConfigParser
from torch import nn

from archives import NAME, Copy, unpack
from conftest import REPO
from scanfill.engines.checkpoint_files import read_checkpoint, weights_with_record
from scanfill.errors import CheckpointError, UsageError
from scanfill.sharing import weights

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("archive_fixtures",)


def train(repository: Copy, file: Path, *overlays: str, nested: bool = False, **knobs: Any) -> Path:
    """Weights as a training with these overlays and knobs would leave them."""
    configs = [str(repository.bundle / "configs" / name) for name in ("inference.yaml", *overlays)]
    parser = ConfigParser(ConfigParser.load_config_files(configs))
    parser.update(knobs)
    network, record = parser.get_parsed_content("network_def"), parser.get_parsed_content("record").state_dict()
    record["spacing"] = [1.0, 1.0, 3.0]
    if nested:
        torch.save({"record": record, "network": network.state_dict(), "optimizer": {}}, file)
    else:
        torch.save(weights_with_record(network.state_dict(), record), file)
    return file


@pytest.fixture(scope="module")
def small(repository: Copy, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(repository, tmp_path_factory.mktemp("small") / "model.pt", "small.yaml")


def test_weights_that_fit_go_in_byte_for_byte(repository: Copy, small: Path, tmp_path: Path) -> None:
    done = repository.pack(tmp_path / "dist", weights=small, overlays="small.yaml")
    packed = unpack(done.archive, tmp_path) / "models" / "model.pt"
    assert packed.read_bytes() == small.read_bytes()
    assert done.facts["weights"] == "DeepMedic for t1, t1ce, t2, flair at [1.0, 1.0, 3.0] mm"


def test_a_last_checkpoint_goes_in_as_plain_weights(repository: Copy, small: Path, tmp_path: Path) -> None:
    last = train(repository, tmp_path / "last.pt", "small.yaml", nested=True)
    done = [repository.pack(tmp_path / name, weights=last, overlays="small.yaml") for name in "ab"]
    assert done[0].archive.read_bytes() == done[1].archive.read_bytes()
    packed = unpack(done[0].archive, tmp_path) / "models" / "model.pt"
    content, given = torch.load(packed, weights_only=True), read_checkpoint(last)
    assert set(content) == set(given["network"]) == set(torch.load(small, weights_only=True))
    assert all(torch.equal(content[name], given["network"][name]) for name in content)
    assert read_checkpoint(packed)["record"] == given["record"]


def test_weights_of_another_network_are_refused_with_the_overlay_to_pass(repository: Copy, tmp_path: Path) -> None:
    model = train(repository, tmp_path / "model.pt", "unet.yaml", patch_size=[48, 48, 48])
    with pytest.raises(CheckpointError, match=r"'UNet'.*'DeepMedic'.*They fit with --overlays unet\.yaml\."):
        repository.pack(tmp_path / "dist", weights=model)
    assert not (tmp_path / "dist").exists()
    packed = repository.pack(tmp_path / "dist", weights=model, overlays=["unet.yaml"], patch_size=[48, 48, 48])
    assert packed.facts["baked in"] == "unet.yaml, patch_size=[48, 48, 48]"


def test_weights_of_other_widths_are_refused_with_the_overlay_to_pass(
    repository: Copy, small: Path, tmp_path: Path
) -> None:
    with pytest.raises(CheckpointError, match=r"has shape.*They fit with --overlays small\.yaml\."):
        repository.pack(tmp_path, weights=small)


def test_weights_of_other_modalities_are_refused_with_the_knob_to_pass(repository: Copy, tmp_path: Path) -> None:
    chosen = {"modalities": ["t1ce", "flair"]}
    model = train(repository, tmp_path / "model.pt", "small.yaml", **chosen)
    with pytest.raises(CheckpointError, match=r"--modalities \"\['t1ce', 'flair'\]\""):
        repository.pack(tmp_path / "dist", weights=model, overlays="small.yaml")
    done = repository.pack(tmp_path / "dist", weights=model, overlays="small.yaml", **chosen)
    files = {name: str(unpack(done.archive, tmp_path) / "configs" / name) for name in ("metadata.json", "train.json")}
    monai.bundle.verify_net_in_out("network_def", files["metadata.json"], files["train.json"], device="cpu", n=4)


def test_a_config_that_does_not_say_its_network_is_told(clone: Copy, small: Path, tmp_path: Path) -> None:
    (clone.bundle / "configs" / "inference.yaml").write_text("modalities: [t1, t1ce, t2, flair]\n")
    with pytest.raises(UsageError, match=r"inference\.yaml has no record and no network_def"):
        clone.pack(tmp_path / "dist", weights=small)


def test_absent_weights_are_told(repository: Copy, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no weights at .*nowhere"):
        repository.pack(tmp_path, weights=tmp_path / "nowhere.pt")


@pytest.mark.parametrize("content", [b"text", b""])
def test_a_file_that_holds_no_weights_is_told(repository: Copy, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(CheckpointError, match="cannot be read"):
        repository.pack(tmp_path, weights=tmp_path / "model.pt")


def test_weights_of_another_program_are_told(repository: Copy, tmp_path: Path) -> None:
    torch.save(nn.Linear(1, 1).state_dict(), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="not written by scanfill"):
        repository.pack(tmp_path, weights=tmp_path / "model.pt")


def test_a_pickle_that_runs_code_is_refused_unread(repository: Copy, tmp_path: Path) -> None:
    torch.save({"record": {}, "network": nn.Linear(1, 1)}, tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match="cannot be read"):
        repository.pack(tmp_path, weights=tmp_path / "model.pt")


@pytest.fixture
def hundred_kilobytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "LARGE", 100_000)


@pytest.mark.usefixtures("hundred_kilobytes")
def test_large_weights_need_an_address(repository: Copy, small: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=rf"MB; above 0\.1 MB.*--weights_url.*{NAME}_v0\.2\.0_model\.pt"):
        repository.pack(tmp_path / "dist", weights=small, overlays="small.yaml")
    assert not (tmp_path / "dist").exists()


@pytest.mark.usefixtures("hundred_kilobytes")
def test_large_weights_come_back_through_monai(repository: Copy, small: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    done = repository.pack(dist, weights=small, overlays="small.yaml", weights_url=dist.as_uri() + "/")
    assert done.weights == dist / f"{NAME}_v0.2.0_model.pt"
    assert done.weights.read_bytes() == small.read_bytes()
    bundle = unpack(done.archive, tmp_path)
    assert not (bundle / "models").exists()
    listed = yaml.safe_load((bundle / "large_files.yml").read_text())["large_files"]
    assert [entry["hash_val"] for entry in listed] == [hashlib.sha256(small.read_bytes()).hexdigest()]
    monai.bundle.download_large_files(str(bundle))
    assert (bundle / "models" / "model.pt").read_bytes() == small.read_bytes()


@pytest.mark.usefixtures("hundred_kilobytes")
def test_damaged_large_weights_are_refused_by_monai(repository: Copy, small: Path, tmp_path: Path) -> None:
    dist = tmp_path / "dist"
    done = repository.pack(dist, weights=small, overlays="small.yaml", weights_url=dist.as_uri())
    assert done.weights is not None
    done.weights.write_bytes(small.read_bytes()[:-1] + b"?")
    with pytest.raises(Exception, match="hash check of downloaded file failed"):
        monai.bundle.download_large_files(str(unpack(done.archive, tmp_path)))


@pytest.mark.usefixtures("hundred_kilobytes")
def test_other_large_weights_of_the_same_version_are_kept(repository: Copy, small: Path, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}_v0.2.0_model.pt").write_bytes(b"handed out before")
    with pytest.raises(UsageError, match=r"_model\.pt already exists"):
        repository.pack(tmp_path, weights=small, overlays="small.yaml", weights_url="https://example.org")
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}_v0.2.0_model.pt"]


def loads(tree: ast.AST) -> list[ast.Call]:
    """Calls of ``torch.load``."""
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [call for call in calls if ast.unparse(call.func) == "torch.load"]


OF_THIS_RUN = {"mapped.py"}
"""Modules that load only what the same run wrote into its own private folder: images with their metadata."""


def test_all_loading_of_weights_is_weights_only() -> None:
    found = {}
    for folder in ("src", "benchmarks"):
        for file in (file for file in (REPO / folder).rglob("*.py") if file.name not in OF_THIS_RUN):
            for call in loads(ast.parse(file.read_text(encoding="utf-8"))):
                found[f"{file.name}:{call.lineno}"] = {name.arg: ast.unparse(name.value) for name in call.keywords}
    assert found
    assert [place for place, words in found.items() if words.get("weights_only") != "True"] == []
