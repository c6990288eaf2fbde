"""Pack a bundle: one zip file with its configs in YAML and JSON, the presets, its weights, and scanfill itself.

The archive runs with ``python -m monai.bundle run`` where scanfill is not installed, because MONAI finds the copy of
the package next to ``configs/``. Its metadata record the scanfill version and the commit it was made from.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monai.bundle import ConfigParser

import scanfill
from scanfill.checksums import file_checksum
from scanfill.engines import is_true
from scanfill.engines.bake import bake
from scanfill.engines.checkpoint_files import read_record
from scanfill.engines.network_channels import chosen_images, describe_channels
from scanfill.engines.overrides import STANDALONE, Override, find_overlays, read_overrides
from scanfill.engines.training_record import input_names, spacing_of
from scanfill.errors import UsageError

from .archive import check_free, deliver, write_zip
from .contents import Origin, copy_sources
from .declaration import read_declaration
from .description import is_trained, read_metadata, stamp, write_metadata
from .twins import write_twins
from .weights import PLACE, add_weights, check_weights


@dataclass(frozen=True)
class PackedBundle:
    """Result of packing; its string is a summary.

    Attributes:
        archive: The zip file.
        weights: Weights too large for the archive, stored next to it; else None.
        facts: Entries of the summary, in order.
    """

    archive: Path
    weights: Path | None
    facts: dict[str, str]

    def __str__(self) -> str:
        """Return the summary, one fact per line."""
        width = max(map(len, self.facts))
        return "\n".join(f"{name:<{width}}  {value}" for name, value in self.facts.items())


def pack(
    bundle: str | Path,
    weights: str | Path | None = None,
    output: str | Path = "dist",
    overlays: str | Sequence[str] | None = None,
    *,
    vendor: bool | str = True,
    weights_url: str | None = None,
    **options: Any,
) -> PackedBundle:
    """Write ``NAME_vVERSION.zip``, byte for byte the same for the same commit and weights.

    The weights record which overlays and options changed the configs of their training; these changes are written into
    the archive's ``train.yaml`` and ``inference.yaml``.

    Args:
        bundle: Name or folder of a bundle, or the folder written by a training (``--bundle_root``).
        weights: ``models/model.pt`` of a training; by default, the weights in a folder written by a training. An
            archive without weights must be trained by its user.
        output: Output folder for the archive.
        overlays: Additional overlays, by name (of the bundle or a preset) or path; also those of a training with
            version 0.1.
        vendor: Whether to include scanfill; otherwise it is a required package of the archive.
        weights_url: URL of the folder where weights over 25 MB will be hosted.
        options: Additional config ids, such as ``modalities`` and ``patch_size``.

    Raises:
        FileNotFoundError: The bundle does not exist.
        CheckpointError: The weights do not fit the network that the archive builds.
        UsageError: The metadata, license or changelog is missing; an overlay or option is unknown; or a different
            archive of this version exists.
    """
    folder = scanfill.bundle_path(str(bundle)).resolve()
    metadata = read_metadata(folder)
    vendor = is_true(vendor)
    if weights is None and is_trained(metadata) and (folder / PLACE).is_file():
        weights = folder / PLACE
    given = read_overrides(find_overlays(folder, overlays), options)
    overrides = [*_those_of_training(weights), *given]
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / folder.name
        origin = copy_sources(folder, root, trained=is_trained(metadata), vendor=vendor)
        baked = _bake(root / "configs", overrides)
        metadata = _describe(metadata, folder / "configs", root / "configs")
        write_metadata(root / "configs" / "metadata.json", stamp(metadata, origin, baked, vendor=vendor))
        record = None if weights is None else check_weights(Path(weights), root / "configs" / "inference.yaml")
        for configs in (root / "configs", root / "presets"):
            write_twins(configs)
        name = f"{folder.name}_v{metadata['version']}"
        large = None if weights is None else add_weights(Path(weights), root, f"{name}_model.pt", weights_url)
        made = root.parent / f"{name}.zip"
        write_zip(root, made, origin.time)
        finished = [file for file in (made, large) if file is not None]
        for file in finished:  # check both before writing either
            check_free(file, Path(output) / file.name)
        new = [deliver(file, Path(output) / file.name) for file in finished]
    packed = [Path(output) / file.name for file in finished]
    facts = {"archive": _about_file(packed[0], new[0]), "sha256": file_checksum(packed[0])}
    facts |= _about_contents(metadata, origin, baked, vendor=vendor) | {"weights": _about_weights(record, folder)}
    if large:
        facts |= {
            "in a file": f"{_about_file(packed[1], new[1])}: put it at {weights_url}",
            "its sha256": file_checksum(packed[1]),
        }
    return PackedBundle(packed[0], packed[1] if large else None, facts)


def _those_of_training(weights: str | Path | None) -> list[Override]:
    """Read from weights the overrides of the configs in their training."""
    if weights is None or not Path(weights).is_file():
        return []
    return [Override(**override) for override in read_record(weights).get("overrides") or ()]


def _bake(configs: Path, overrides: Sequence[Override]) -> list[str]:
    """Write overrides into the standalone configs, and list the overlays and options they come from.

    Raises:
        UsageError: No config has, or refers to, an overridden id.
    """
    files = [configs / name for name in STANDALONE if (configs / name).is_file()]
    used = set().union(*(bake(file, overrides) for file in files)) if overrides else set()
    for override in overrides:
        if override.path[0] not in used:
            where = " nor ".join(file.name for file in files) or "no config"
            kind = "Overlay" if override.text else "Unknown option"
            msg = (
                f"{kind} {override.origin}: neither {where} has or refers to {override.name!r}, so it would change "
                "nothing. Correct its name (the top of train.yaml lists the options), or leave it out."
            )
            raise UsageError(msg)
    return list(dict.fromkeys(override.origin for override in overrides))


def _describe(metadata: dict[str, Any], before: Path, after: Path) -> dict[str, Any]:
    """Describe the channels of the network after overlays and options are applied.

    Raises:
        UsageError: They choose no image, an image twice, or one that this kind of data does not have.
    """
    name = next((name for name in reversed(STANDALONE) if (after / name).is_file()), None)
    if name is None:
        return metadata
    old, new = (ConfigParser.load_config_file(str(folder / name)) for folder in (before, after))
    known = read_declaration(metadata, "metadata.json").kind.image_keys
    images = [option for option, names in chosen_images(old).items() if names and set(names) <= set(known)]
    for option, names in chosen_images(new).items():
        if option not in images:  # a record also compares options that choose something else, such as classes
            continue
        wrong = [key for key in names if key not in known or names.count(key) > 1]
        if wrong or not names:
            msg = f"{option}={names} has {wrong or 'no entries'}: choose each at most once from {list(known)}."
            raise UsageError(msg)
    return describe_channels(metadata, old, new)


def _about_file(file: Path, new: bool) -> str:
    size = file.stat().st_size
    return f"{file} ({size / 1e6:.1f} MB{'' if new else ', already there and identical'})"


def _about_contents(metadata: dict[str, Any], origin: Origin, baked: Sequence[str], *, vendor: bool) -> dict[str, str]:
    same = origin.bundle == origin.package
    return {
        "version": metadata["version"],
        "commit": origin.bundle if same else f"{origin.bundle}; scanfill {origin.package}",
        "scanfill": f"{scanfill.__version__}, {'included' if vendor else 'not included: a required package'}",
        "baked in": ", ".join(baked) or "no overlay, no option",
    }


def _about_weights(record: dict[str, Any] | None, bundle: Path) -> str:
    if record is not None:
        inputs, spacing = ", ".join(input_names(record)), spacing_of(record)
        channels, size = f" for {inputs}" if inputs else "", f" at {spacing} mm" if spacing else ""
        return f"{record['network']}{channels}{size}"
    own = bundle / PLACE
    hint = f" To include {own}, pass --weights {own}." if own.is_file() else ""
    return f"NONE: the archive must be trained before it can predict.{hint}"
