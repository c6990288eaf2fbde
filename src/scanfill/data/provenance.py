"""Mark what a network has made, so that it is always identifiable as synthetic (decision 6).

A synthetic image carries three marks, because other tools overwrite headers and leave sidecars behind, and people
rename files: its name (``*_synthetic_<modality>.nii.gz``), its NIfTI header (description and intent name), and a JSON
sidecar of the same name. Any one of them is enough for :py:func:`is_synthetic`.
"""

from __future__ import annotations

import glob
import gzip
import json
import re
import zlib
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError

from scanfill import __version__
from scanfill.checksums import checksum, file_checksum
from scanfill.data.image import volume_suffix
from scanfill.errors import CaseError
from scanfill.files import writing

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

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
    """Say by which mark a file is identified as synthetic; None where it bears no mark.

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


def refuse_unlisted(name: str, key: str, files: str | Sequence[str]) -> None:
    """Refuse a file, or one of several, that is marked as synthetic but given as an ordinary one.

    Args:
        name: Begins the error message.
        key: Under which the case has it.
        files: Its path or paths; empty ones are passed over.

    Raises:
        CaseError: Naming the file and how it is identified as synthetic.
    """
    if mark := find_mark(files):
        path, reason = mark
        msg = (
            f"{name}: {key} ({path}) is synthetic ({reason}), but stands there as an ordinary file. Take the file that "
            f"was acquired, leave {key} out, or list {key!r} under the case's 'synthetic'."
        )
        raise CaseError(msg)


def find_mark(files: str | Sequence[str] | None) -> tuple[str, str] | None:
    """Find the first of some files that is marked as synthetic, and say by which mark; empty paths are passed over."""
    paths = [files] if isinstance(files, str) else files or ()
    return next(((path, reason) for path in paths if path and (reason := synthetic_reason(path))), None)


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


INPUTS = "inputs"
"""Where a predicted case keeps what each input was: ``acquired``, ``absent``, ``synthetic``, or ``unusable``."""

LEGEND = "legend"
"""Where a predicted case keeps what its labels are called, label -> short name, if its schema calls them otherwise."""

PROVENANCE = "provenance"
"""Where a case keeps what made its synthetic inputs: generator, its version, the checksum of its weights, ..."""

OUTPUT_NAME = re.compile(r"(?P<case>.+)_synthetic_(?P<modality>[^_]+)")


@dataclass(frozen=True)
class Origin:
    """What a synthetic image was made by and from.

    Args:
        generator: Name of the bundle.
        version: Version of the bundle.
        checkpoint: The weights.
        inputs: Key (modality, label, ...) -> file that the generator was given.
        seed: Of whatever was drawn at random; None where nothing was.
        training_list: The cases that the generator was trained on, where known: a file, or what its checkpoint keeps
            (``cases`` and ``patients``), of which the sidecar gets the checksum and the numbers.
        scale: What the intensities mean, such as ``"reference, not patient"``.
    """

    generator: str
    version: str
    checkpoint: Path | str
    inputs: Mapping[str, Path | str]
    seed: int | None = None
    training_list: Path | str | Mapping[str, Sequence[str]] | None = None
    scale: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further entries for the sidecar."""


def synthetic_path(folder: str | Path, case_id: str, modality: str) -> Path:
    """Say where the synthetic image of a case belongs: ``<folder>/<case>/<case>_synthetic_<modality>.nii.gz``."""
    return Path(folder) / case_id / f"{case_id}_synthetic_{modality}.nii.gz"


def write_synthetic(
    volume: npt.ArrayLike, affine: npt.ArrayLike, path: str | Path, origin: Origin, *, date: datetime | None = None
) -> Path:
    """Write a synthetic volume with all its marks; none of its files is ever there without them.

    Args:
        volume: ``(X, Y, Z)``, written with its own type.
        affine: Voxel indices to world coordinates (RAS, mm), ``(4, 4)``.
        path: See :py:func:`synthetic_path`.
        origin: What it was made by and from.
        date: By default now.

    Returns:
        ``path``.

    Raises:
        CaseError: The name is not a synthetic image's, or the folder is that of an input.
    """
    path = Path(path)
    modality = _check_output(path, origin.inputs.values())
    image = nib.Nifti1Image(np.asarray(volume), np.asarray(affine, dtype=np.float64))
    image.header.set_xyzt_units("mm")
    with writing(path) as temporary:
        nib.save(image, temporary)
        set_header(temporary, modality)
        _write_sidecar(path, _facts(origin, modality, temporary, date))
    return path


def carry_mark(source: str | Path, output: str | Path, how: str) -> Path | None:
    """Keep the mark when an image was cropped, resampled or converted to another format.

    Call it after writing ``output``, whatever ``source`` is.

    Args:
        source: The image that was read.
        output: The image that was written from it.
        how: What was done, such as ``"resampled to 1 mm"``; it goes into the sidecar.

    Returns:
        The sidecar of ``output``; None where ``source`` is not synthetic.

    Raises:
        CaseError: The output's name does not say that it is synthetic.
    """
    source, output = Path(source), Path(output)
    if not is_synthetic(source):
        return None
    modality = _check_output(output, ())
    facts = read_sidecar(source) or {
        "synthetic": True,
        "modality": modality,
        "generator": None,
        "note": "the sidecar of the original was lost",
    }
    step = {"file": source.name, "sha256": file_checksum(source), "how": how}
    set_header(output, modality)
    facts |= {"derived_from": [*facts.get("derived_from", []), step], "voxels_sha256": voxels_checksum(output)}
    return _write_sidecar(output, facts)


def _facts(origin: Origin, modality: str, image: Path, date: datetime | None) -> dict[str, Any]:
    """Put together what the sidecar says; files by name and checksum, never by a path of this machine."""
    listed = origin.training_list
    return {
        "synthetic": True,
        "modality": modality,
        "generator": {
            "bundle": origin.generator,
            "version": origin.version,
            "scanfill": __version__,
            "checkpoint": _fingerprint(origin.checkpoint),
            "training_list": _about_training(listed),
        },
        "inputs": {key: _fingerprint(file) for key, file in origin.inputs.items()},
        "seed": origin.seed,
        "date": (date or datetime.now(UTC)).isoformat(timespec="seconds"),
        **({"scale": origin.scale} if origin.scale else {}),
        **origin.more,
        "voxels_sha256": voxels_checksum(image),
        "use": "Research use only. Not for diagnosis or treatment.",
    }


def _about_training(listed: Path | str | Mapping[str, Sequence[str]] | None) -> dict[str, Any] | None:
    """Identify a list of training cases without naming patients in every file."""
    if listed is None or isinstance(listed, (str, Path)):
        return None if listed is None else dict(_fingerprint(listed))
    content = json.dumps({name: list(members) for name, members in listed.items()}, sort_keys=True)
    counts = {name: len(members) for name, members in listed.items()}
    return {"file": "in the checkpoint", "sha256": checksum(content), **counts}


def _fingerprint(file: str | Path) -> dict[str, str]:
    try:
        return {"file": Path(file).name, "sha256": file_checksum(file)}
    except OSError as error:
        msg = (
            f"{file} cannot be read ({error.strerror}), so the origin of a synthetic image would be unknown. Name the "
            f"files that were used, where they still lie."
        )
        raise CaseError(msg) from error


def _check_output(path: Path, inputs: Iterable[Path | str]) -> str:
    """Return the modality that the name of a synthetic image states; refuse other names and the inputs' folders."""
    named = OUTPUT_NAME.fullmatch(stem_of(path))
    if not named:
        msg = (
            f"{path.name} does not say that the image is synthetic: other tools overwrite headers and leave sidecars "
            f"behind. Name it <case>_synthetic_<modality>.nii.gz, see synthetic_path."
        )
        raise CaseError(msg)
    folder = path.resolve().parent
    for file in inputs:
        if folder.is_relative_to(Path(file).resolve().parent):
            msg = (
                f"The synthetic image {path} would lie in the folder of an input ({file}), where it could be taken for "
                f"a scan. Choose another folder with --output_dir."
            )
            raise CaseError(msg)
    return named["modality"]


def _write_sidecar(path: Path, facts: Mapping[str, Any]) -> Path:
    sidecar = sidecar_path(path)
    with writing(sidecar) as temporary:
        temporary.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return sidecar
