"""Add trained weights to an archive, after checking that they fit the network of its ``inference.yaml``."""

import shutil
from pathlib import Path
from typing import Any

import yaml
from monai.bundle import ConfigParser

from scanfill.checksums import file_checksum
from scanfill.engines.checkpoint_files import (
    load_network,
    read_checkpoint,
    record_of,
    save,
    weights_to_use,
    weights_with_record,
)
from scanfill.errors import CheckpointError, UsageError

LARGE = 25_000_000
"""Bytes; larger weights are kept outside the archive, as in MONAI's model zoo."""
PLACE = "models/model.pt"


def check_weights(weights: Path, config: Path) -> dict[str, Any]:
    """Read weights and load them into the network that a config builds.

    Args:
        weights: ``model.pt`` or ``last.pt`` of a training.
        config: The archive's ``inference.yaml``, with overlays and options applied.

    Returns:
        The record of the weights.

    Raises:
        CheckpointError: The weights are missing, not from scanfill, or do not fit; the message says what to pass.
    """
    if not weights.is_file():
        msg = f"There are no weights at {weights}: pass the models/model.pt of a training as --weights."
        raise CheckpointError(msg)
    content = read_checkpoint(weights)
    record: dict[str, Any] = content["record"]
    try:
        _fit(content, weights, config)
    except CheckpointError as error:
        others = [
            file
            for file in sorted(config.parent.glob("*.yaml"))
            if file not in (config, config.with_name("train.yaml"))
        ]
        seen, _, _ = str(error).partition(". ")  # the rest is the remedy for a run
        fitting = [file.name for file in others if _fits_with(content, weights, config, file)]
        overlay = f" They fit with --overlays {' or '.join(fitting)}." if fitting else ""
        theirs = "".join(f', --{option} "{names}" (as in their training)' for option, names in _inputs(content).items())
        msg = (
            f"These weights do not fit the network that the archive's {config.name} would build. {seen}. To pack them, "
            f"pass the overlays and options of their training: --overlays NAME.yaml,...{theirs}.{overlay}"
        )
        raise CheckpointError(msg) from error
    return record


def add_weights(weights: Path, root: Path, beside: str, url: str | None) -> Path | None:
    """Copy checked weights into an archive's folder, or describe where to download them.

    Args:
        weights: The file.
        root: The archive's folder.
        beside: File name of weights that are kept outside.
        url: URL of the folder where this file will be hosted.

    Returns:
        Weights too large for the archive, named ``beside``, which ``large_files.yml`` now describes; else None.

    Raises:
        UsageError: The weights are too large for the archive, and there is no URL.
    """
    place = root / PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    content = read_checkpoint(weights)
    if record_of(content["network"]) is not None:
        shutil.copyfile(weights, place)
    else:
        save(weights_with_record(weights_to_use(content), content["record"]), place)
    size = place.stat().st_size
    if size <= LARGE:
        return None
    if url is None:
        msg = (
            f"The weights {weights} have {size / 1e6:.1f} MB; above {LARGE / 1e6:g} MB they are kept outside the "
            f"archive. Pass --weights_url URL, with the URL of the folder where you will host {beside}."
        )
        raise UsageError(msg)
    outside = root.parent / beside
    place.rename(outside)
    place.parent.rmdir()
    _describe(root / "large_files.yml", outside, url)
    return outside


def _describe(listing: Path, weights: Path, url: str) -> None:
    """List large weights in the format of ``monai.bundle download_large_files``; keep other files in the list."""
    others = yaml.safe_load(listing.read_text(encoding="utf-8"))["large_files"] if listing.is_file() else []
    entry = {
        "path": PLACE,
        "url": f"{url.rstrip('/')}/{weights.name}",
        "hash_val": file_checksum(weights),
        "hash_type": "sha256",
    }
    content = {"large_files": [*(other for other in others if other["path"] != PLACE), entry]}
    listing.write_text(yaml.safe_dump(content, sort_keys=False, width=float("inf")))


def _fit(content: dict[str, Any], weights: Path, *configs: Path, options: dict[str, Any] | None = None) -> None:
    """Load weights into the network of merged configs, or raise a CheckpointError."""
    parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in configs]))
    if missing := [name for name in ("record", "network_def") if name not in parser]:
        msg = (
            f"{configs[0].name} has no {' and no '.join(missing)}, so the weights cannot be checked: define them as in "
            "the inference.yaml of brain_tumor_segmentation, or pack without weights."
        )
        raise UsageError(msg)
    parser.update(options or {})
    parser.get_parsed_content("record").check(content["record"], weights)
    load_network(parser.get_parsed_content("network_def"), content, weights)


def _fits_with(content: dict[str, Any], weights: Path, config: Path, overlay: Path) -> bool:
    """Return whether the weights would fit with an overlay of the bundle, given their inputs."""
    if "network_def" not in ConfigParser.load_config_file(str(overlay)):
        return False
    try:
        _fit(content, weights, config, overlay, options=_inputs(content))
    except CheckpointError:
        return False
    return True


def _inputs(content: dict[str, Any]) -> dict[str, list[str]]:
    """Return the names of the input channels that weights were trained for, by the option that chooses them."""
    inputs: dict[str, list[str]] = content["record"].get("inputs", {})
    return inputs
