"""An archive holds what it should, says what it is, and is the same from the same commit."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tomllib
from typing import TYPE_CHECKING, Any

import monai.bundle
import pytest
from monai.bundle import ConfigParser, ConfigWorkflow

import scanfill
from archives import NAME, Copy, git, unpack
from conftest import BUNDLES, REPO, TrainedBundle
from scanfill.engines.mistakes import find_mistake
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("archive_fixtures",)

SCHEMA = REPO.parent / "shared" / "schemas" / "meta_schema_20240725.json"


def metadata(bundle: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((bundle / "configs" / "metadata.json").read_text())
    return content


def change_metadata(bundle: Path, **entries: Any) -> None:
    content = metadata(bundle) | entries
    (bundle / "configs" / "metadata.json").write_text(json.dumps(content))


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_it_holds_bundle_presets_and_package(weightless: Path, repository: Copy) -> None:
    found = files(weightless)
    assert found >= files(repository.bundle)
    assert {name for name in found if name.startswith("presets/") and name.endswith(".yaml")} == {
        f"presets/{name}" for name in files(repository.root / "configs") if not name.startswith("studies/")
    }
    assert {name for name in found if name.startswith("scanfill/")} == {
        f"scanfill/{name}" for name in files(repository.package) if not name.endswith(".pyc")
    }
    assert not [name for name in found if name.endswith((".pt", ".pyc"))]


@pytest.mark.parametrize("folder", ["configs", "presets"])
def test_each_config_has_a_json_twin_with_what_monai_reads(weightless: Path, folder: str) -> None:
    configs = sorted((weightless / folder).glob("*.yaml"))
    assert configs
    for config in configs:
        twin = ConfigParser.load_config_file(str(config.with_suffix(".json")))
        assert twin == ConfigParser.load_config_file(str(config))


def test_without_overlays_the_configs_are_as_they_were(weightless: Path, repository: Copy) -> None:
    for config in repository.bundle.glob("configs/*.yaml"):
        assert (weightless / "configs" / config.name).read_bytes() == config.read_bytes()


def test_two_clones_give_the_same_bytes(repository: Copy, clone: Copy, tmp_path: Path) -> None:
    for path in clone.root.rglob("*.yaml"):
        os.utime(path, (0, 0))
        path.chmod(0o600)
    first, second = repository.pack(tmp_path / "a"), clone.pack(tmp_path / "b")
    assert first.archive.read_bytes() == second.archive.read_bytes()


def test_what_git_does_not_track_stays_out(clone: Copy, weightless: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "configs/mine.yaml", "models/model.pt", "eval/scores.csv", ".hidden"):
        (clone.bundle / name).parent.mkdir(exist_ok=True)
        (clone.bundle / name).write_text("a: 1")
    assert files(unpack(clone.pack(tmp_path / "dist").archive, tmp_path)) == files(weightless)


def test_commit_and_version_are_stamped(weightless: Path, repository: Copy) -> None:
    commit = git(repository.root, "rev-parse", "HEAD")
    stamped = {"version": scanfill.__version__, "commit": commit, "bundle_commit": commit, "baked_in": []}
    said = metadata(repository.bundle)
    assert metadata(weightless)["scanfill"] == {**said["scanfill"], **stamped}, "what the bundle says of itself stays"
    assert metadata(weightless) | {"scanfill": said["scanfill"]} == said


@pytest.mark.parametrize("changed", ["src/scanfill/errors.py", f"bundles/{NAME}/LICENSE", "configs/smoke.yaml"])
def test_a_changed_file_makes_the_commit_dirty(clone: Copy, tmp_path: Path, changed: str) -> None:
    with (clone.root / changed).open("a") as file:
        file.write("# changed\n")
    done = clone.pack(tmp_path / "dist")
    commit = git(clone.root, "rev-parse", "HEAD")
    assert f"{commit}-dirty" in str(done)
    assert f"{commit}-dirty" in json.dumps(metadata(unpack(done.archive, tmp_path))["scanfill"])


def test_without_git_the_same_is_packed_and_the_commit_is_unknown(
    clone: Copy, weightless: Path, tmp_path: Path
) -> None:
    shutil.rmtree(clone.root / ".git")
    for name in ("data/phantoms/image.nii.gz", "models/model.pt", "eval/scores.csv"):
        (clone.bundle / name).parent.mkdir(parents=True)
        (clone.bundle / name).write_text("made by use")
    (clone.package / "__pycache__").mkdir()
    (clone.package / "__pycache__" / "losses.cpython-311.pyc").write_bytes(b"")
    done = clone.pack(tmp_path / "dist")
    assert files(unpack(done.archive, tmp_path)) == files(weightless)
    assert metadata(tmp_path / NAME)["scanfill"]["commit"] == "unknown"
    assert "unknown" in done.facts["commit"]


def test_an_installed_wheel_packs_the_same_files(clone: Copy, weightless: Path, tmp_path: Path) -> None:
    site = Copy(tmp_path / "site")
    shutil.copytree(clone.package, site.package)
    for name in ("bundles", "configs"):
        shutil.copytree(clone.root / name, site.package / name)
    assert files(unpack(site.pack(tmp_path / "dist").archive, tmp_path)) == files(weightless)


def test_an_unpacked_archive_can_be_packed_again(weightless: Path, clone: Copy, tmp_path: Path) -> None:
    again = clone.pack(tmp_path / "dist", bundle=weightless, modalities=["t1", "flair"])
    assert files(unpack(again.archive, tmp_path)) == files(weightless)
    assert metadata(tmp_path / NAME)["scanfill"]["baked_in"] == ["modalities=['t1', 'flair']"]


def test_it_says_that_it_has_no_weights_and_where_some_are(clone: Copy, tmp_path: Path) -> None:
    assert "NONE" in clone.pack(tmp_path / "dist").facts["weights"]
    model = clone.bundle / "models" / "model.pt"
    model.parent.mkdir()
    model.write_bytes(b"")
    assert f"--weights {model}" in str(clone.pack(tmp_path / "dist"))


def test_the_same_archive_again_is_said_to_be_there(repository: Copy, tmp_path: Path) -> None:
    first = repository.pack(tmp_path)
    assert "already" not in str(first)
    assert "already" in str(repository.pack(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == [f"{NAME}_v0.2.0.zip"]


def test_another_archive_of_the_same_version_is_kept(repository: Copy, tmp_path: Path) -> None:
    before = repository.pack(tmp_path).archive.read_bytes()
    with pytest.raises(UsageError, match=r"v0\.2\.0\.zip already exists.*Raise the version"):
        repository.pack(tmp_path, modalities=["t1"])
    assert repository.pack(tmp_path).archive.read_bytes() == before


def test_without_the_package_scanfill_is_a_requirement(repository: Copy, tmp_path: Path) -> None:
    done = repository.pack(tmp_path / "dist", vendor="false")
    bundle = unpack(done.archive, tmp_path)
    assert not (bundle / "scanfill").exists()
    required = metadata(bundle)["required_packages_version"]
    assert required == metadata(repository.bundle)["required_packages_version"] | {"scanfill": scanfill.__version__}
    assert "not included" in done.facts["scanfill"]


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_metadata_require_what_the_package_inside_needs(bundle: Path) -> None:
    project = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[<>=]", line)[0] for line in project["dependencies"]}
    stated_apart = {"torch", "monai", "numpy"}  # pytorch_version, monai_version, numpy_version
    assert needed - stated_apart <= set(metadata(bundle)["required_packages_version"])


@pytest.mark.parametrize("chosen", [["t1ce", "flair"], ("flair", "t1", "t2"), ["t2"]])
def test_metadata_describe_the_chosen_modalities(repository: Copy, tmp_path: Path, chosen: list[str]) -> None:
    bundle = unpack(repository.pack(tmp_path / "dist", modalities=chosen).archive, tmp_path)
    image = metadata(bundle)["network_data_format"]["inputs"]["image"]
    assert image["num_channels"] == len(chosen)
    assert image["channel_def"] == {str(place): name.upper() for place, name in enumerate(chosen)}
    files = {"meta_file": str(bundle / "configs" / "metadata.json"), "device": "cpu", "n": 4}
    for config in ("train.yaml", "inference.json"):
        monai.bundle.verify_net_in_out(net_id="network_def", config_file=str(bundle / "configs" / config), **files)


@pytest.mark.skipif(not SCHEMA.exists(), reason="MONAI's metadata schema is not at hand")
def test_stamped_metadata_fit_the_schema(repository: Copy, tmp_path: Path) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    bundle = unpack(repository.pack(tmp_path / "d", modalities=["t1"], vendor=False).archive, tmp_path)
    jsonschema.validate(metadata(bundle), json.loads(SCHEMA.read_text()))


@pytest.mark.parametrize("name", ["LICENSE", "configs/metadata.json"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_bundle_without_licence_or_metadata_is_refused(clone: Copy, tmp_path: Path, name: str, empty: bool) -> None:
    (clone.bundle / name).unlink()
    if empty:
        (clone.bundle / name).touch()
    with pytest.raises(UsageError, match=rf"{NAME} has no {name}"):
        clone.pack(tmp_path / "dist")
    assert not (tmp_path / "dist").exists()


def test_unreadable_metadata_are_refused_with_the_place(clone: Copy, tmp_path: Path) -> None:
    (clone.bundle / "configs" / "metadata.json").write_text('{"version": "1",}')
    with pytest.raises(UsageError, match=r"metadata\.json is not valid JSON.*line 1"):
        clone.pack(tmp_path / "dist")


@pytest.mark.parametrize("version", [None, "", "1/2", 1])
def test_a_version_that_cannot_name_a_file_is_refused(clone: Copy, tmp_path: Path, version: object) -> None:
    change_metadata(clone.bundle, version=version)
    with pytest.raises(UsageError, match=f"version={version!r}"):
        clone.pack(tmp_path / "dist")


def test_a_version_without_changelog_is_refused(clone: Copy, tmp_path: Path) -> None:
    change_metadata(clone.bundle, version="0.3.0")
    with pytest.raises(UsageError, match=r"'0\.3\.0'.*changelog has \['0\.2\.0', '0\.1\.0'\]"):
        clone.pack(tmp_path / "dist")


def test_an_unknown_bundle_is_told_with_those_there_are(repository: Copy, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=f"'brain'.*{NAME}"):
        repository.pack(tmp_path, bundle="brain")


def test_an_unknown_overlay_is_told_with_those_there_are(repository: Copy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"'unett\.yaml'.*smoke\.yaml.*unet\.yaml"):
        repository.pack(tmp_path, overlays="modern.yaml,unett.yaml")


def test_an_overlay_that_says_what_is_run_is_refused(repository: Copy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"evaluate\.yaml defines what is run"):
        repository.pack(tmp_path, overlays="evaluate.yaml")


def test_an_unknown_knob_is_refused_and_nothing_is_written(repository: Copy, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"Unknown option patchsize=\[48, 48\].*train\.yaml nor inference\.yaml"):
        repository.pack(tmp_path / "dist", patchsize=(48, 48))
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize("chosen", [["t1", "pd"], ["t1", "t1"], []])
def test_unknown_or_doubled_modalities_are_refused(repository: Copy, tmp_path: Path, chosen: list[str]) -> None:
    with pytest.raises(UsageError, match=r"choose each at most once from \['t1', 't1ce', 't2', 'flair'\]"):
        repository.pack(tmp_path, modalities=chosen)


def test_a_run_with_another_scanfill_is_stopped(
    weightless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = shutil.copytree(weightless, tmp_path / NAME)
    change_metadata(bundle, scanfill={"version": "9.8.7"})
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    for name in ("train.json", "inference.yaml"):
        workflow = ConfigWorkflow(str(bundle / "configs" / name), logging_file=False, bundle_root=str(bundle))
        workflow.initialize()
        with pytest.raises(RuntimeError) as raised:
            workflow.run()
        assert re.search(rf"9\.8\.7.*{scanfill.__version__}", str(find_mistake(raised.value)))
        assert not (bundle / "eval").exists()


def test_a_new_module_that_git_does_not_track_is_told(clone: Copy, tmp_path: Path) -> None:
    (clone.package / "novel.py").touch()
    with pytest.raises(UsageError, match=r"does not track novel\.py"):
        clone.pack(tmp_path / "dist")
    git(clone.root, "add", "src/scanfill/novel.py")
    bundle = unpack(clone.pack(tmp_path / "dist").archive, tmp_path)
    assert (bundle / "scanfill" / "novel.py").exists()
    assert metadata(bundle)["scanfill"]["commit"].endswith("-dirty")


def left_by_training(tmp_path: Path, trained: TrainedBundle) -> Path:
    """A folder that a training has left, with what a person keeps there besides."""
    bundle = shutil.copytree(trained.root, tmp_path / "mine", ignore=shutil.ignore_patterns("data"))
    for name in ("data/case_1/t1.nii.gz", "notes.txt", "configs/.hidden"):
        (bundle / name).parent.mkdir(parents=True, exist_ok=True)
        (bundle / name).write_text("private")
    return bundle


def test_of_a_training_only_what_a_bundle_is_made_of_is_packed(
    repository: Copy, trained: TrainedBundle, tmp_path: Path
) -> None:
    bundle = left_by_training(tmp_path, trained)
    found = files(unpack(repository.pack(tmp_path / "dist", bundle=bundle).archive, tmp_path / "theirs"))
    own = {name for name in found if not name.startswith(("scanfill/", "presets/"))}
    assert own == {
        *(f"configs/{name}.{kind}" for name in ("train", "inference", "evaluate") for kind in ("yaml", "json")),
        *{name for name in own if name.startswith("configs/multi_gpu_train.")},
        "configs/logging.conf",
        "configs/metadata.json",
        *(f"docs/{path.name}" for path in (trained.source / "docs").iterdir()),
        "LICENSE",
        "models/model.pt",
    }


def test_a_training_is_packed_where_there_is_no_git(
    repository: Copy, trained: TrainedBundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = left_by_training(tmp_path, trained)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert repository.pack(tmp_path / "dist", bundle=bundle).archive.is_file()


def test_weights_say_with_which_overlays_they_were_trained(
    repository: Copy, trained: TrainedBundle, tmp_path: Path
) -> None:
    source = repository.root / "bundles" / trained.source.name
    done = repository.pack(tmp_path / "dist", bundle=source, weights=trained.root / "models" / "model.pt")
    bundle = unpack(done.archive, tmp_path / "theirs")
    for name in ("train.yaml", "inference.yaml"):
        packed, left = (ConfigParser.load_config_file(str(root / "configs" / name)) for root in (bundle, trained.root))
        assert packed["network_def"] == left["network_def"]
        assert packed.get("patch_size") == left.get("patch_size")
