"""Find the sets of files to check together: a bundle's configs with their overlays, or the given files."""

import json
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scanfill import bundle_path
from scanfill.errors import UsageError

from .config import Config
from .document import Document, Node, read_file
from .expression import REFERENCE

SUFFIXES = (".yaml", ".yml", ".json")
NOT_CONFIGS = ("metadata.json",)
LIST_KEYS = {"training", "numTraining"}
"""Entries of a case list, which some bundles have among their configs."""
MOST_FILES = 200
MOST_BYTES = 20_000_000
"""Maximum number and size of the YAML and JSON files in an archive; a packed bundle has 60 with 0.3 MB."""


@dataclass(eq=False)
class Source:
    """A source of configs.

    Attributes:
        sets: Files to merge, in order; each set is checked separately.
        metadata: Metadata of the bundle, if there is one.
        folders: Folders that paths in the configs may be relative to.
    """

    sets: list[list[Document]]
    metadata: dict[str, Any] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)

    def configs(self) -> Iterator[Config]:
        """Yield each set, merged."""
        for documents in self.sets:
            yield Config(documents, self.metadata, self.folders)


@contextmanager
def open_source(paths: Sequence[str]) -> Iterator[Source]:
    """Read the bundle or the configs given by the user.

    Args:
        paths: A bundle (name, folder, zip file), optionally followed by overlays; or configs to be merged.

    Raises:
        UsageError: A file does not exist, or is not a config.
    """
    first, *overlays = map(Path, paths)
    if first.suffix.lower() == ".zip":
        with TemporaryDirectory() as folder:
            yield _read_bundle(_unpack(first, Path(folder)), first.name, overlays)
        return
    if not first.suffix or first.is_dir():
        yield _read_bundle(_find_bundle(str(first)), str(first), overlays)
        return
    documents = [_read(path, str(path)) for path in (first, *overlays)]
    home = first.resolve().parent
    bundle = home.parent if home.name in ("configs", "extra") else home
    yield Source([documents], _metadata(home), [Path(), bundle, home])


def _find_bundle(name: str) -> Path:
    if Path(name).is_dir():
        return Path(name)
    try:
        return bundle_path(name)
    except FileNotFoundError as error:
        msg = f"There is nothing to check at {name!r}: pass a config (.yaml, .json), a bundle or its zip file. {error}"
        raise UsageError(msg) from None


def _unpack(archive: Path, folder: Path) -> Path:
    """Unpack only the configs of a packed bundle."""
    try:
        with zipfile.ZipFile(archive) as opened:
            inside = [
                name for name in opened.namelist() if name.lower().endswith(SUFFIXES) and ".." not in Path(name).parts
            ]
            size = sum(opened.getinfo(name).file_size for name in inside)  # zipfile unpacks no more than this
            if len(inside) > MOST_FILES or size > MOST_BYTES:
                msg = f"{archive} is not a packed bundle: it contains {len(inside)} YAML and JSON files of together "
                msg += f"{size / 1e6:.1f} MB; the limits are {MOST_FILES} and {MOST_BYTES / 1e6:g} MB."
                raise UsageError(msg)
            opened.extractall(folder, inside)
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, RuntimeError) as error:  # RuntimeError: a password
        msg = f"{archive} cannot be read as a packed bundle ({error}): pass the zip file that `pack` wrote."
        raise UsageError(msg) from error
    homes = sorted((path for path in folder.rglob("configs") if path.is_dir()), key=lambda path: len(path.parts))
    if not homes:
        msg = f"{archive} contains no folder `configs`: it is not a MONAI bundle."
        raise UsageError(msg)
    return homes[0].parent


def _read_bundle(folder: Path, name: str, overlays: Sequence[Path]) -> Source:
    home = folder / "configs" if (folder / "configs").is_dir() else folder
    files = sorted(path for path in home.iterdir() if _is_config(path))
    twins = {path.stem for path in files if path.suffix != ".json"}  # `pack` also writes each YAML file as JSON
    files = [path for path in files if path.suffix != ".json" or path.stem not in twins]
    within = Path(name) / home.relative_to(folder)
    documents = [document for path in files if (document := _read_config(path, str(within / path.name)))]
    if not documents:
        msg = f"{name} contains no config: there is no {', '.join(f'*{suffix}' for suffix in SUFFIXES)} in {within}."
        raise UsageError(msg)
    more = [_read(path if path.is_file() else home / path, str(path)) for path in overlays]
    sets = [[*documents, *more] for documents in combine(documents)]
    return Source(sets, _metadata(home), [Path(), folder, home])


def _is_config(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and path.name not in NOT_CONFIGS and path.is_file()


def _read_config(path: Path, name: str) -> Document | None:
    """Read a file in a bundle's folder; None for a case list, which some bundles have there."""
    content = json_content(path) if path.suffix.lower() == ".json" else None
    if not isinstance(content, dict | None) or (content and set(content) >= LIST_KEYS):
        return None
    document = _read(path, name)
    return None if set(document.root.value) >= LIST_KEYS else document


def json_content(path: Path) -> Any:
    """Return the content of a JSON file; None if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError):
        return None


def _read(path: Path, name: str) -> Document:
    if not path.is_file():
        near = get_close_matches(path.name, [other.name for other in path.parent.glob("*")], n=3)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        msg = f"There is no config {name}.{hint}"
        raise UsageError(msg)
    if path.suffix.lower() not in SUFFIXES:
        msg = f"{name} is not a config: MONAI reads {', '.join(SUFFIXES)}."
        raise UsageError(msg)
    return read_file(path, name)


def _metadata(home: Path) -> dict[str, Any]:
    content = json_content(home / "metadata.json")
    return content if isinstance(content, dict) else {}


def combine(documents: Sequence[Document]) -> list[list[Document]]:
    """Group files into standalone configs and the overlays on them.

    A standalone file runs something and sets every id that it refers to. Any other file is an overlay: it is checked on
    top of each standalone file that sets an id which the overlay sets or reads. If ids are still missing, another
    overlay is merged between the two.

    Returns:
        The sets of files, base first.
    """
    closed = [document for document in documents if _describes(document) and not _lacking([document])]
    bases = [document for document in closed if _has_engine(document)] or closed or list(documents)
    sets = [[base] for base in bases]
    overlays = [document for document in documents if document not in bases]
    for overlay in overlays:
        on = [[base, overlay] for base in bases if _touches(base, overlay)] or [[overlay]]
        whole = [merged for merged in on if not _lacking(merged)]
        if not whole:
            between = (other for other in overlays if other is not overlay)
            deeper = [[base, other, overlay] for other in between for base in bases]
            whole = [merged for merged in deeper if not _lacking(merged)] or on
        sets += whole
    judged = [merged for merged in sets if len(merged) == 2 and _has_engine(merged[1])]
    sets += [[*under, top] for under in judged for top in overlays if top is not under[1] and not _has_engine(top)]
    return sets


def _describes(document: Document) -> bool:
    return any(name == "_target_" for name, _ in _entries(document.root))


def _has_engine(document: Document) -> bool:
    return any(name.endswith("_data_loader") for name, _ in _entries(document.root))


def _entries(node: Node) -> Iterator[tuple[str, Node]]:
    """Yield every entry of every dictionary, with its own name."""
    for name, child in node.children():
        yield name, child
        yield from _entries(child)


def _names_read(document: Document) -> set[str]:
    """Return the top-level ids that a file refers to."""
    texts = [node.value for _, node in _entries(document.root) if isinstance(node.value, str)]
    found = {name for text in texts if text[:1] in "@$" for name in REFERENCE.findall(text.replace("#", "::"))}
    return {name.split("::")[0] for name in found if name and not name.startswith("::")}


def _names_set(document: Document) -> set[str]:
    return {name.removeprefix("+").replace("#", "::").split("::")[0] for name in document.root.value}


def _lacking(documents: Sequence[Document]) -> set[str]:
    """Return ids that are read but not set; setting part of an entry, such as ``train#trainer``, does not count."""
    whole = {name for document in documents for name in document.root.value if name.isidentifier()}
    parts = {name for document in documents for name in _names_set(document)} - whole
    return ({name for document in documents for name in _names_read(document)} - whole - {"_meta_"}) | parts


def _touches(base: Document, overlay: Document) -> bool:
    return bool(_names_set(base) & (_names_set(overlay) | _names_read(overlay)))
