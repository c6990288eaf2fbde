"""An archive's ``metadata.json``: checked before packing, then stamped with its origin."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import scanfill
from scanfill.errors import UsageError

from .contents import Origin
from .declaration import read_declaration


def read_metadata(bundle: Path) -> dict[str, Any]:
    """Read a bundle's metadata and check that it has what an archive requires.

    Raises:
        UsageError: The metadata, the license, a valid version, its changelog, or the task or schema is missing, or the
            JSON is unreadable; see also :py:func:`~scanfill.sharing.declaration.read_declaration`.
    """
    file = bundle / "configs" / "metadata.json"
    for needed, purpose in ((file, "a description of the bundle"), (bundle / "LICENSE", "its terms of use")):
        if not needed.is_file() or not needed.stat().st_size:
            msg = f"Bundle {bundle} has no {needed.relative_to(bundle)}: add {purpose} before packing."
            raise UsageError(msg)
    try:
        metadata = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        msg = f"{file} is not valid JSON ({error}): correct it before packing."
        raise UsageError(msg) from error
    version = metadata.get("version") if isinstance(metadata, dict) else None
    if not isinstance(version, str) or not re.fullmatch(r"\w[\w.+-]*", version):
        msg = f'{file} has version={version!r}: set one such as "version": "0.2.0"; the archive is named after it.'
        raise UsageError(msg)
    if version not in (changelog := metadata.get("changelog") or {}):
        msg = f"{file} has version {version!r}, but its changelog has {list(changelog)}: add an entry for {version}."
        raise UsageError(msg)
    read_declaration(metadata, str(file))
    found: dict[str, Any] = metadata
    return found


def stamp(metadata: dict[str, Any], origin: Origin, baked: Sequence[str], *, vendor: bool) -> dict[str, Any]:
    """Add under ``scanfill`` what the archive was made from; MONAI's schema allows additional keys.

    Args:
        metadata: As read; not changed.
        origin: The commits.
        baked: Overlays and options that are written into the configs; added to those of an earlier packing.
        vendor: Whether scanfill is included; otherwise it becomes a required package.
    """
    earlier = metadata.get("scanfill", {})
    stamped = {
        **metadata,
        "scanfill": {
            **earlier,
            "version": scanfill.__version__,
            "commit": origin.package,
            "bundle_commit": origin.bundle,
            "baked_in": list(dict.fromkeys([*earlier.get("baked_in", []), *baked])),
        },
    }
    if not vendor:
        required = metadata.get("required_packages_version", {})
        stamped["required_packages_version"] = {**required, "scanfill": scanfill.__version__}
    return stamped


def is_trained(metadata: Mapping[str, Any]) -> bool:
    """Return whether a bundle was written by a training, so that its folder contains more than sources."""
    return "trained_from" in metadata.get("scanfill", {})


def write_metadata(file: Path, metadata: dict[str, Any]) -> None:
    """Write metadata as readable, indented JSON."""
    file.write_text(json.dumps(metadata, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
