"""Overlays, of one bundle and for any bundle, only set ids that are used."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from monai.bundle import ConfigParser

from conftest import BUNDLES, REPO
from scanfill.presets import is_about_the_file
from scanfill.sharing.declaration import PATCHES, read_declaration

if TYPE_CHECKING:
    from pathlib import Path

ENTRIES = {"initialize", "run", "finalize"}
STANDALONE = {"train.yaml", "inference.yaml"}
ON_TRAIN = {"evaluate.yaml", "multi_gpu_train.yaml"}
PRETRAIN = [REPO / "configs" / name for name in ("pretrain.yaml", "pretrain_ct.yaml")]
"""A config that stands alone, and an overlay on it."""
GENERIC = sorted(file for file in (REPO / "configs").glob("*.yaml") if file not in PRETRAIN)
PRESETS = sorted((REPO / "configs" / "augmentation").rglob("*.yaml"))
OWN = [
    file for bundle in BUNDLES for file in sorted((bundle / "configs").glob("*.yaml")) if file.name not in STANDALONE
]


def ids_of(config: Path) -> set[str]:
    """Top-level ids of a config, except its metadata."""
    return {name for name in map(str, ConfigParser.load_config_file(str(config))) if not is_about_the_file(name)}


def references(node: Any) -> set[str]:
    """Every id that a config refers to, with ``::`` between its levels."""
    if isinstance(node, dict):
        return set().union(*map(references, node.values())) if node else set()
    if isinstance(node, list):
        return set().union(*map(references, node)) if node else set()
    return {name.replace("#", "::") for name in re.findall(r"@([\w:#]+)", str(node))}


def unread_ids(overlay: Path, targets: list[list[Path]]) -> set[str]:
    """Ids of an overlay that no target refers to, enters by, or passes to a component."""
    ids = {name.replace("#", "::") for name in ids_of(overlay)}
    for target in targets:
        parser = ConfigParser()
        parser.read_config([str(file) for file in (*target, overlay)])
        read = references(parser.get()) | ENTRIES
        ids -= {name for name in ids if _is_read(name, read, parser)}
    return ids


def _is_read(name: str, read: set[str], parser: ConfigParser) -> bool:
    if any(reference == name or reference.startswith(name + "::") for reference in read):
        return True
    parent, _, _ = name.rpartition("::")
    return bool(parent) and "_target_" in parser[parent]


@pytest.mark.parametrize("overlay", [*GENERIC, *PRESETS], ids=lambda path: path.name)
@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_generic_overlay_sets_only_what_every_bundle_has_and_reads(overlay: Path, bundle: Path) -> None:
    metadata = bundle / "configs" / "metadata.json"
    if overlay in PRESETS and not read_declaration(json.loads(metadata.read_text()), bundle.name).contract >= PATCHES:
        pytest.skip("its images are not augmented: a generator would learn the augmentation, too")
    train = bundle / "configs" / "train.yaml"
    assert ids_of(overlay) <= ids_of(train)
    assert unread_ids(overlay, [[train]]) == set()


@pytest.mark.parametrize("overlay", OWN, ids=lambda path: f"{path.parts[-3]}-{path.name}")
def test_an_overlay_of_a_bundle_sets_only_what_is_read(overlay: Path) -> None:
    train, inference = overlay.with_name("train.yaml"), overlay.with_name("inference.yaml")
    targets = [[train], [train, overlay.with_name("evaluate.yaml")]]
    if overlay.name not in ON_TRAIN:
        targets.append([inference])
    assert unread_ids(overlay, targets) == set()


def test_the_overlay_for_pretraining_on_ct_sets_only_what_is_read() -> None:
    assert unread_ids(PRETRAIN[1], [PRETRAIN[:1]]) == set()


def test_an_id_that_nobody_reads_is_found(tmp_path: Path) -> None:
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text("max_epochs: 1\nmax_epoch: 1\nvalidate#sampler: 1\nvalidate#dataloader#sampler: 1\n")
    train = BUNDLES[0] / "configs" / "train.yaml"
    assert unread_ids(overlay, [[train]]) == {"max_epoch", "validate::sampler"}


@pytest.mark.parametrize(
    "file", [*OWN, *GENERIC, *PRESETS, *PRETRAIN], ids=lambda path: f"{path.parts[-3]}-{path.stem}"
)
def test_a_config_opens_with_its_purpose_and_command(file: Path) -> None:
    opening = file.read_text().split("\n\n")[0]
    assert opening.startswith("# ")
    assert "config_file" in opening


@pytest.mark.parametrize("bundle", BUNDLES, ids=lambda path: path.name)
def test_a_resumed_or_evaluated_training_keeps_its_split(bundle: Path) -> None:
    train, evaluate = (
        ConfigParser.load_config_file(str(bundle / "configs" / name)) for name in ("train.yaml", "evaluate.yaml")
    )
    assert (train["cases"]["ckpt_dir"], train["cases"]["resume"]) == ("@ckpt_dir", "@resume")
    assert [step for step in train["run"] if "scanfill.data.save_split" in str(step)]
    assert evaluate["cases#judged"] is True
