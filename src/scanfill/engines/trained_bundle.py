"""Write the bundle of a training: its weights, and configs that no longer need any overlay or option.

``--bundle_root runs/NAME`` contains ``configs`` (the bundle's own, with everything that the weights depend on written
into them), ``docs``, ``LICENSE`` and ``models``. If ``bundle_root`` is the folder that the configs come from, they stay
unchanged; the checkpoint records the changes, and ``python -m scanfill pack`` writes them into the archive.
"""

import filecmp
import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import ignite.distributed as idist
from monai.bundle import ConfigParser
from monai.bundle.utils import merge_kv

import scanfill
from scanfill.errors import CheckpointError, UsageError

from .bake import bake, references
from .checkpoint_files import read_record
from .command_line import CommandLine, is_true, meant_options, read_command_line
from .network_channels import describe_channels
from .overrides import STANDALONE, Override, expand_macros, find_overlays, is_workflow, read_overrides

logger = logging.getLogger(__name__)

NEVER_BAKED = frozenset(
    {
        "bundle_root",
        "dataset_dir",
        "datalist",
        "cases",
        "ckpt_dir",
        "output_dir",
        "device",
        "num_workers",
        "cache_num",
        "resume",
        "pretrained",
    }
)
"""Ids that set where and how a network is trained; its weights do not depend on them."""

MAY_CHANGE = NEVER_BAKED | {"max_epochs", "val_interval", "tta", "tta_axes"}
"""Ids that may differ when a training is resumed."""

DATASET_DIR = Override(
    name="dataset_dir",
    value=None,
    origin="",
    text="dataset_dir: null                    # required: a case, or a folder with one subfolder per case\n",
)
"""Entry for the dataset folder in the configs of a bundle that was trained on real data."""

COPIED = ("docs", "LICENSE", "configs/logging.conf", "scanfill", "presets")
"""Files copied unchanged if the source has them: documents, and in an archive the package and the presets."""


def leave_bundle(
    bundle_root: str | Path,
    bundle: str | Path,
    overlays: str | Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> Path:
    """Write the bundle of a training that was not started by ``python -m monai.bundle run``, such as one in a notebook.

    Args:
        bundle_root: Output folder; save the weights there as ``models/model.pt``.
        bundle: Name or folder of the bundle that was trained.
        overlays: Overlays of the training, by name or path.
        options: Other ids that the training set, id -> value. If they include ``dataset_dir`` or ``datalist``, users of
            the bundle must pass the folder of their cases.

    Returns:
        ``bundle_root``.

    Raises:
        FileNotFoundError: The bundle does not exist.
        UsageError: An overlay does not exist.
    """
    source = scanfill.bundle_path(str(bundle)).resolve()
    first = source / "configs" / STANDALONE[0]
    given = read_overrides(find_overlays(source, overlays), options or {})
    _write(Path(bundle_root), first, [*_those_of_weights(first, _macros(first) + given), *_no_phantoms(given)])
    return Path(bundle_root)


def leave_trained_bundle(bundle_root: str | Path, ckpt_dir: str | Path, *, resume: bool | str = False) -> None:
    """Write the bundle of the training that is starting.

    Every process of a training calls this function; only the first one writes.

    Args:
        bundle_root: Output folder. Nothing is written if its ``configs`` are the ones being run.
        ckpt_dir: Folder of ``last.pt``.
        resume: Whether the training resumes from ``last.pt``.

    Raises:
        CheckpointError: See :py:func:`training_overrides`.
        UsageError: The folder has configs or documents that no training has written.
    """
    command = read_command_line()
    overrides = training_overrides(ckpt_dir, resume=resume)
    if command is None or overrides is None:
        logger.info("No bundle was written to %s: call scanfill.engines.leave_bundle to write it.", bundle_root)
        return
    root, first = Path(bundle_root), Path(command.files[0])
    if idist.get_rank() == 0 and (root / "configs").resolve() != first.parent.resolve():
        _write(root, first, [*(Override(**override) for override in overrides), *_no_phantoms(_given(command))])
        logger.info("Trained bundle: %s (cd there; it needs no overlay)", root.resolve())


def training_overrides(ckpt_dir: str | Path, *, resume: bool | str = False) -> list[dict[str, Any]] | None:
    """List what overlays and options of the running command change in the configs that the weights depend on.

    Args:
        ckpt_dir: Folder of ``last.pt``.
        resume: Whether the training resumes from ``last.pt``, whose changes are then included.

    Returns:
        The fields of each :py:class:`~.overrides.Override`, for a checkpoint's record. None if the running program is
        not ``python -m monai.bundle run``.

    Raises:
        CheckpointError: The training to resume was started with a different value of something the weights depend on.
    """
    command = read_command_line()
    if command is None:
        return None
    first, last = Path(command.files[0]), Path(ckpt_dir) / "last.pt"
    overrides = _those_of_weights(first, _macros(first) + _given(command))
    if is_true(resume) and last.is_file():
        earlier = read_record(last).get("overrides")
        if earlier is not None:
            begun = [Override(**override) for override in earlier]
            _check_resumed(first, begun, overrides, last)
            overrides = [*begun, *(override for override in overrides if override not in begun)]
    return [vars(override) for override in overrides]


def _given(command: CommandLine) -> list[Override]:
    """List what a command's overlays and options set, without overlays that state what is run."""
    return read_overrides([file for file in command.overlays if not is_workflow(file)], meant_options(command))


def _those_of_weights(first: Path, overrides: Sequence[Override]) -> list[Override]:
    """Keep what the weights depend on: ids that ``train.yaml`` or ``inference.yaml`` reads, except where it was run.

    A merge (``+train#handlers``) is replaced by its result, so that it can be applied again.
    """
    configs = [ConfigParser.load_config_file(str(file)) for file in _standalone(first).values()]
    read = {name for config in configs for name in config}.union(*map(references, configs))
    read = read.union(*(references(override.value) for override in overrides))
    merged, kept = ConfigParser(configs[0]), []
    for override in overrides:
        merge_kv(merged, override.name, override.value)
        partly_phantoms = override.path[0] == "dataset_dir" and not override.whole
        if override.path[0] in read and (override.path[0] not in NEVER_BAKED or partly_phantoms):
            name = override.name.removeprefix("+")
            if name == override.name:
                kept.append(override)
            else:
                kept.append(Override(name, deepcopy(merged[name]), override.origin))
    return kept


def _no_phantoms(overrides: Sequence[Override]) -> list[Override]:
    """Make ``dataset_dir`` required after a training on real data, instead of generating phantoms by default."""
    real = any(override.name in ("dataset_dir", "datalist") and override.value for override in overrides)
    return [DATASET_DIR] if real else []


def _macros(config: Path) -> list[Override]:
    """List the entries that a config takes from other files, with their content."""
    content = ConfigParser.load_config_file(str(config))
    expanded = {name: expand_macros(value) for name, value in content.items()}
    return [Override(name, value, config.name) for name, value in expanded.items() if value != content[name]]


def _standalone(first: Path) -> dict[str, Path]:
    """Return the configs to bake, by name; the config that was run becomes the training config."""
    train, inference = STANDALONE
    files = {train: first, inference: first.with_name(inference)}
    return {name: file for name, file in files.items() if file.is_file()}


def _check_resumed(first: Path, begun: Sequence[Override], now: Sequence[Override], checkpoint: Path) -> None:
    """Check that a training is resumed with the overrides it was started with.

    Raises:
        CheckpointError: Something that the weights depend on differs.
    """
    config = ConfigParser.load_config_file(str(first))
    then, merged = ConfigParser(deepcopy(config)), ConfigParser(deepcopy(config))
    for parser, overrides in ((then, begun), (merged, now)):
        for override in overrides:
            merge_kv(parser, override.name, deepcopy(override.value))
    for name in {override.path[0]: None for override in [*begun, *now]}:
        old, new = then.get().get(name), merged.get().get(name)
        if name not in MAY_CHANGE and old != new:
            msg = (
                f"The training of {checkpoint} was started with {name}={old!r}; this run has {new!r}. Resume with the "
                "overlays and options that it was started with, or start over without --resume."
            )
            raise CheckpointError(msg)


def _write(root: Path, first: Path, overrides: Sequence[Override]) -> None:
    """Write the files of a bundle, each atomically; the metadata first, by which the folder is recognized.

    Raises:
        UsageError: The folder has other configs or documents.
    """
    source, place = first.parent.parent, root / "configs"
    _check_owned(root, source)
    place.mkdir(parents=True, exist_ok=True)
    workflows = {file.name: file for file in sorted(first.parent.glob("*.yaml")) if is_workflow(file)}
    standalone = _standalone(first)
    with TemporaryDirectory(dir=root, prefix=".configs_") as name:
        new = Path(name)
        for config, file in {**workflows, **standalone}.items():
            shutil.copyfile(file, new / config)
            if config in standalone:
                bake(new / config, overrides)
        _write_metadata(new, first, overrides)
        for file in sorted(new.iterdir(), key=lambda file: file.name != "metadata.json"):
            file.replace(place / file.name)
    for name in COPIED:
        if (source / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / name, root / name, dirs_exist_ok=True, ignore=ignored)
        elif (source / name).is_file():
            shutil.copyfile(source / name, root / name)


def _check_owned(root: Path, source: Path) -> None:
    """Refuse to replace configs and documents in a folder that no training has written.

    Raises:
        UsageError: With the first such file.
    """
    metadata = root / "configs" / "metadata.json"
    try:
        if "trained_from" in json.loads(metadata.read_text(encoding="utf-8"))["scanfill"]:
            return
    except (OSError, ValueError, KeyError, TypeError):
        pass
    ours = {path.relative_to(source): path for name in ("configs", *COPIED) for path in _files_below(source / name)}
    for name, original in ours.items():
        if (root / name).exists() and not filecmp.cmp(root / name, original, shallow=False):
            msg = (
                f"{root / name} already exists and was not written by a training, so no bundle is written to {root}. "
                f"Choose another --bundle_root, such as runs/NAME."
            )
            raise UsageError(msg)


def _files_below(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())


def _write_metadata(place: Path, first: Path, overrides: Sequence[Override]) -> None:
    """Describe the trained network, with the scanfill version, the bundle and the overrides of its training."""
    metadata = json.loads((first.parent / "metadata.json").read_text(encoding="utf-8"))
    before, after = (ConfigParser.load_config_file(str(config)) for config in (first, place / STANDALONE[0]))
    metadata = describe_channels(metadata, before, after)
    stated = metadata.get("scanfill", {})
    origins = list(dict.fromkeys(override.origin for override in overrides if override.origin))
    metadata["scanfill"] = {
        **stated,
        "version": scanfill.__version__,
        "trained_from": stated.get("trained_from", first.parent.parent.resolve().name),
        "baked_in": list(dict.fromkeys([*stated.get("baked_in", []), *origins])),
    }
    text = json.dumps(metadata, indent=2, ensure_ascii=False) + "\n"
    (place / "metadata.json").write_text(text, encoding="utf-8")
