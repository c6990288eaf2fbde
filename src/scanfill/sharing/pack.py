"""Pack a bundle: one zip file with its configs in YAML and JSON, the presets, its weights, and scanfill itself.

The archive runs with ``python -m monai.bundle run`` where scanfill is not installed, because MONAI finds the copy of
the package that lies beside ``configs/``. Its metadata say of which scanfill and which commit it was made.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai.bundle import ConfigParser

import scanfill
from scanfill.checksums import file_checksum
from scanfill.engines import is_true
from scanfill.engines.training_record import input_names, spacing_of
from scanfill.errors import UsageError

from .archive import check_free, deliver, write_zip
from .contents import copy_sources
from .description import choose_channels, read_metadata, stamp, write_metadata
from .overlay import bake
from .settings import BAKED, find_overlays, read_settings
from .twins import write_twins
from .weights import PLACE, add_weights, check_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .contents import Origin
    from .settings import Setting


@dataclass(frozen=True)
class PackedBundle:
    """What was packed; printed, it is the summary for a person.

    Attributes:
        archive: The zip file.
        weights: Weights too large for it, beside it; else None.
        facts: What there is to say, in order.
    """

    archive: Path
    weights: Path | None
    facts: dict[str, str]

    def __str__(self) -> str:
        """One fact a line."""
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
    **knobs: Any,
) -> PackedBundle:
    """Write ``NAME_vVERSION.zip``, byte for byte the same from the same commit and weights.

    Args:
        bundle: Name or folder of a bundle.
        weights: ``models/model.pt`` of a training. An archive without weights has to be trained by who unpacks it.
        output: Folder of the archive.
        overlays: Those that the weights were trained with, by name (of the bundle or a preset) or path; they become
            part of the archive's ``train.yaml`` and ``inference.yaml``.
        vendor: Bring scanfill along; without it, it is a required package of the archive.
        weights_url: Address of the folder where weights beyond 25 MB will lie.
        knobs: Those that the weights were trained with, such as ``modalities`` and ``patch_size``; become part of the
            configs, too.

    Raises:
        FileNotFoundError: No such bundle.
        CheckpointError: The weights do not fit the network that the archive builds.
        UsageError: No metadata, licence or changelog; an unknown overlay or knob; another archive of the same version.
    """
    folder = scanfill.bundle_path(str(bundle)).resolve()
    metadata = read_metadata(folder)
    vendor = is_true(vendor)
    settings = read_settings(find_overlays(folder, overlays), knobs)
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary) / folder.name
        origin = copy_sources(folder, root, vendor=vendor)
        baked = _bake(root / "configs", settings)
        metadata = choose_channels(metadata, _modalities(folder), _modalities(root))
        write_metadata(root / "configs" / "metadata.json", stamp(metadata, origin, baked, vendor=vendor))
        record = None if weights is None else check_weights(Path(weights), root / "configs" / "inference.yaml")
        for configs in (root / "configs", root / "presets"):
            write_twins(configs)
        name = f"{folder.name}_v{metadata['version']}"
        large = None if weights is None else add_weights(Path(weights), root, f"{name}_model.pt", weights_url)
        made = root.parent / f"{name}.zip"
        write_zip(root, made, origin.time)
        finished = [file for file in (made, large) if file is not None]
        for file in finished:  # both before either is written
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


def _bake(configs: Path, settings: Sequence[Setting]) -> list[str]:
    """Write settings into the configs that stand alone and list them by overlay and knob.

    Raises:
        UsageError: No config has, or refers to, what a setting sets.
    """
    files = [configs / name for name in BAKED if (configs / name).is_file()]
    used = set().union(*(bake(file, settings) for file in files)) if settings else set()
    for setting in settings:
        if setting.path[0] not in used:
            where = " nor ".join(file.name for file in files) or "no config"
            kind = "Overlay" if setting.text else "Unknown knob"
            msg = (
                f"{kind} {setting.origin}: neither {where} has or refers to {setting.name!r}, so it would change "
                "nothing. Correct its name (the top of train.yaml lists the knobs), or leave it out."
            )
            raise UsageError(msg)
    return list(dict.fromkeys(setting.origin for setting in settings))


def _modalities(bundle: Path) -> list[str]:
    """Read which modalities a bundle takes; none if it has no such knob."""
    file = bundle / "configs" / "inference.yaml"
    found = ConfigParser.load_config_file(str(file)).get("modalities") if file.is_file() else None
    return found if isinstance(found, list) else []


def _about_file(file: Path, new: bool) -> str:
    size = file.stat().st_size
    return f"{file} ({size / 1e6:.1f} MB{'' if new else ', the same was there already'})"


def _about_contents(metadata: dict[str, Any], origin: Origin, baked: Sequence[str], *, vendor: bool) -> dict[str, str]:
    same = origin.bundle == origin.package
    return {
        "version": metadata["version"],
        "commit": origin.bundle if same else f"{origin.bundle}; of scanfill {origin.package}",
        "scanfill": f"{scanfill.__version__}, {'inside' if vendor else 'not inside: a required package'}",
        "baked in": ", ".join(baked) or "no overlay, no knob",
    }


def _about_weights(record: dict[str, Any] | None, bundle: Path) -> str:
    if record is not None:
        inputs, spacing = ", ".join(input_names(record)), spacing_of(record)
        channels, size = f" for {inputs}" if inputs else "", f" at {spacing} mm" if spacing else ""
        return f"{record['network']}{channels}{size}"
    own = bundle / PLACE
    hint = f" Those at {own} go in with --weights {own}." if own.is_file() else ""
    return f"NONE: who unpacks the archive must train before it predicts anything.{hint}"
