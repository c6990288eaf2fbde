"""Read the command line of ``python -m monai.bundle run``, and reject options and overlays that nothing reads.

MONAI silently adds an id that nothing reads (``--max_epoch 5``, an overlay with a misspelled entry), and passes
``--availability false`` on as the string ``"false"``, which is true in Python.
"""

import difflib
import inspect
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fire
import monai.bundle
from monai.bundle import ConfigParser
from monai.bundle.scripts import update_kwargs

from scanfill.errors import UnknownOptionError, UsageError
from scanfill.presets import is_about_the_file

from .bake import references
from .overrides import STANDALONE, WORKFLOW, path_of
from .renamed_ids import RENAMED_IDS

YAML_WORDS = {"false": "False", "null": "None"}
"""YAML words for false and null, and how to write them on the command line."""

OWN = {*inspect.signature(monai.bundle.run).parameters, "workflow_type", "workflow_name", "properties_path"}
"""MONAI's own options, which do not override anything in a config."""

TRACKING_IDS = {"output_dir", "tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0"}
"""Ids that MONAI adds for experiment tracking; they may be set although no config contains them."""


@dataclass(frozen=True)
class CommandLine:
    """A run of MONAI's command line.

    Attributes:
        files: Config files in the order in which they are merged; the first one is complete by itself.
        options: Overrides of their entries, id -> value, including those from ``--args_file``.
        tracking: Whether MONAI adds its own ids for experiment tracking.
    """

    files: tuple[str, ...]
    options: Mapping[str, Any]
    tracking: bool = False

    @property
    def overlays(self) -> tuple[str, ...]:
        """All config files but the first."""
        return self.files[1:]


def is_true(value: bool | str | int | None) -> bool:
    """Convert a switch from the command line or a config to a boolean.

    ``True``, 1, "true", "yes" and "on" are true; ``False``, ``None``, 0, "false", "no", "off" and "" are false.

    Raises:
        ValueError: Anything else.
    """
    word = str(value).strip().lower()
    if word in {"true", "yes", "on", "1"}:
        return True
    if word in {"false", "no", "off", "0", "none", ""}:
        return False
    msg = f"A switch must be true or false, got {value!r}."
    raise ValueError(msg)


def read_command_line(arguments: Sequence[str] | None = None) -> CommandLine | None:
    """Read the command line of ``python -m monai.bundle run`` as MONAI does.

    Args:
        arguments: Arguments after the program's name; by default those of the running program.

    Returns:
        None if another program is running, such as a notebook, or if no config file is given.
    """
    if arguments is None:
        if not Path(sys.argv[0]).as_posix().endswith("monai/bundle/__main__.py"):
            return None
        arguments = sys.argv[1:]
    given: dict[str, Any] = fire.Fire({"run": _merge_arguments}, list(arguments), serialize=lambda _: [])
    files = given.get("config_file")
    if not files:
        return None
    files = files.split(",") if isinstance(files, str) else files
    options = {name: value for name, value in given.items() if name not in OWN}
    return CommandLine(tuple(str(file).strip() for file in files), options, tracking="tracking" in given)


def _merge_arguments(*words: Any, **options: Any) -> dict[str, Any]:
    """Take the arguments of ``monai.bundle.run`` and merge them with its ``args_file`` as it does."""
    given = dict(zip(inspect.signature(monai.bundle.run).parameters, words, strict=False)) | options
    merged: dict[str, Any] = update_kwargs(args=given.pop("args_file", None), **given)
    return merged


def check_overrides(arguments: Sequence[str] | None = None) -> None:
    """Reject options and overlays that nothing reads, or whose value would be misread.

    Args:
        arguments: The command line without the program; by default the running one. Other programs are not checked.

    Raises:
        UnknownOptionError: Nothing reads the option or the overlay's entry; the message suggests the id that was
            probably meant.
        UsageError: An option is ``false`` or ``null``, which would be passed as a string, and a string is true.
    """
    command = read_command_line(arguments)
    if command is None:
        return
    _check_overlays(command)
    config = ConfigParser.load_config_files(list(command.files))
    parser = ConfigParser(config)
    for name, value in command.options.items():
        if name not in parser and not (command.tracking and name in TRACKING_IDS):
            hint = _what_was_meant(name, [str(key) for key in config], prefix="--")
            msg = f"Unknown option --{name} (={value!r}): there is no such id in {', '.join(command.files)}; {hint}"
            raise UnknownOptionError(msg)
        if isinstance(value, str) and value in YAML_WORDS:
            msg = (
                f"--{name} {value} would be passed as the string {value!r}, which is true: write "
                f"--{name} {YAML_WORDS[value]} on MONAI's command line."
            )
            raise UsageError(msg)


def _check_overlays(command: CommandLine) -> None:
    """Reject an overlay with an entry that neither another overlay nor the bundle's standalone configs read."""
    first = Path(command.files[0])
    standalone = dict.fromkeys([first, *(first.with_name(name) for name in STANDALONE)])
    contents = [ConfigParser.load_config_file(str(file)) for file in standalone if file.is_file()]
    defined = {name for content in contents for name in content}
    overlays = {file: ConfigParser.load_config_file(file) for file in command.overlays}
    read = defined.union(WORKFLOW, *map(references, [*contents, *overlays.values()]))
    for file, content in overlays.items():
        for name in [path_of(name)[0] for name in content]:
            if name not in read and not is_about_the_file(name):
                hint = _what_was_meant(name, sorted(defined))
                msg = f"{file} sets {name!r}, which nothing in {', '.join(map(str, standalone))} reads; {hint}"
                raise UnknownOptionError(msg)
    added = {path_of(name)[0] for content in overlays.values() for name in content}
    for file, content in overlays.items():
        for name in sorted(references(content) & set(RENAMED_IDS) - defined - added):
            msg = f"{file} refers to @{name}, which was renamed in version 0.2: write @{RENAMED_IDS[name]}."
            raise UnknownOptionError(msg)


def _what_was_meant(name: str, known: Sequence[str], prefix: str = "") -> str:
    if (new := RENAMED_IDS.get(name)) in known:
        return f"it was renamed to {prefix}{new} in version 0.2."
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    return f"did you mean {' or '.join(prefix + key for key in near)}?" if near else "see the top of the config."
