"""The marks by which a file is known as synthetic: its name, its NIfTI header, its sidecar; any one is enough.

Other tools overwrite headers, leave sidecars behind, and people rename files: hence three.
"""

from __future__ import annotations

import glob
import gzip
import json
import re
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from scanfill.checksums import checksum
from scanfill.data.image import volume_suffix
from scanfill.files import writing

if TYPE_CHECKING:
    import numpy.typing as npt

DESCRIPTION = "scanfill synthetic"
"""How the NIfTI description of a synthetic image begins; the modality follows. A header has room for 79 letters."""

INTENT = "synthetic"
"""The NIfTI intent name, a field of its own that some tools keep when they overwrite the description."""

MARKED_NAME = re.compile(r"(?:^|[-_.])synthetic(?:[-_.]|$)")
"""What the name of a synthetic image holds; compared in lower case."""

UNREADABLE = (ImageFileError, OSError, EOFError, zlib.error, ValueError)
"""What nibabel raises for a file that is damaged or no NIfTI; whoever reads it as an image names the fault."""


def is_synthetic(path: str | Path) -> bool:
    """Tell whether a file is marked as synthetic; see :py:func:`synthetic_reason`."""
    return synthetic_reason(path) is not None


def synthetic_reason(path: str | Path) -> str | None:
    """Say by which mark a file is known as synthetic; None where it bears no mark.

    A file whose name and header were both overwritten is still known while the sidecar of its old name lies in the same
    folder, by the checksum of its voxels. A file that lost all three marks cannot be told from a scan.
    """
    path = Path(path)
    if MARKED_NAME.search(stem_of(path).lower()):
        return "its name says so"
    if read_sidecar(path) is not None:
        return f"its sidecar {sidecar_path(path).name} says so"
    if volume_suffix(path).lower().startswith(".nii") and path.is_file():
        try:
            header = nib.load(path).header
        except UNREADABLE:
            return None
        if _text(header["descrip"]).startswith(DESCRIPTION) or _text(header["intent_name"]) == INTENT:
            return "its NIfTI header says so"
        if orphans := _orphaned_sidecars(path.parent):
            voxels = voxels_checksum(path)
            for name, known in orphans.items():
                if known is not None and known == voxels:
                    return f"its voxels are those that {name} describes"
    return None


def sidecar_path(path: str | Path) -> Path:
    """Name the sidecar of an image: the same name, ``.json``."""
    path = Path(path)
    return path.with_name(stem_of(path) + ".json")


def read_sidecar(path: str | Path) -> dict[str, Any] | None:
    """Read what the sidecar of an image says; None where there is none that calls it synthetic."""
    try:
        facts = json.loads(sidecar_path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and facts.get("synthetic") is True else None


def set_header(path: Path, modality: str) -> None:
    """Write the marks into a NIfTI header where they stand, so that everything else stays bit for bit."""
    if not volume_suffix(path).lower().startswith(".nii"):
        return  # other formats have their name and sidecar
    fields = nib.load(path).header.template_dtype.fields
    packed = path.name.lower().endswith(".gz")
    content = bytearray(gzip.decompress(path.read_bytes()) if packed else path.read_bytes())
    for name, text in {"descrip": f"{DESCRIPTION} {modality}, research use only", "intent_name": INTENT}.items():
        kind, start = fields[name][:2]
        content[start : start + kind.itemsize] = text.encode().ljust(kind.itemsize, b"\0")[: kind.itemsize]
    with writing(path) as temporary:
        temporary.write_bytes(gzip.compress(content, compresslevel=6, mtime=0) if packed else content)


def voxels_checksum(path: Path) -> str | None:
    """Checksum of a NIfTI's shape and voxels, whatever type they are stored in."""
    if not volume_suffix(path).lower().startswith(".nii"):
        return None
    try:
        voxels = np.asarray(nib.load(path).dataobj, dtype="<f4")
    except UNREADABLE:
        return None
    return checksum(str(voxels.shape).encode() + voxels.tobytes())


def _orphaned_sidecars(folder: Path) -> dict[str, str | None]:
    """Find sidecars of synthetic images whose image is gone from the folder: name -> checksum of the voxels."""
    found = {}
    for path in sorted(folder.glob("*_synthetic_*.json")):
        facts = None if any(folder.glob(f"{glob.escape(path.stem)}.nii*")) else read_sidecar(path)
        if facts is not None:
            found[path.name] = facts.get("voxels_sha256")
    return found


def stem_of(path: Path) -> str:
    """Name without suffix, ``.nii.gz`` being one."""
    suffix = volume_suffix(path)
    return path.name.removesuffix(suffix) if suffix else path.stem


def _text(value: npt.NDArray[np.bytes_]) -> str:
    text: str = value.item().decode("ascii", "replace")
    return text
