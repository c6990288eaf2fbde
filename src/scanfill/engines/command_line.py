"""Read the command line of ``python -m monai.bundle run``, and reject options and overlays that nothing reads.

MONAI silently adds an id that nothing reads (``--max_epoch 5``, an overlay with a misspelled entry), passes
``--availability false`` on as the string ``"false"``, which is true in Python, and lets Fire guess the type of a value.
"""

import difflib
import importlib.util
import inspect
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fire
import fire.decorators
import fire.parser
import monai.bundle
from monai.bundle import ConfigParser
from monai.bundle.scripts import update_kwargs

from scanfill.errors import UnknownOptionError, UsageError
from scanfill.option_values import is_true, override_value
from scanfill.presets import check_installed, is_about_the_file

from .bake import references
from .overrides import STANDALONE, WORKFLOW, path_of
from .renamed_ids import RENAMED_IDS
from .running_config import change_running_config

__all__ = ["CommandLine", "check_overrides", "is_true", "meant_options", "option_values", "read_command_line"]

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
        options: Overrides of their entries, id -> value as Fire reads it, including those from ``--args_file``. MONAI
            ignores an override by None, and keeps the config's entry.
        tracking: Whether MONAI adds its own ids for experiment tracking.
        texts: The overrides as they were written on the command line, id -> text.
    """

    files: tuple[str, ...]
    options: Mapping[str, Any]
    tracking: bool = False
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def overlays(self) -> tuple[str, ...]:
        """All config files but the first."""
        return self.files[1:]


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
    given, texts = (
        fire.Fire({"run": read}, list(arguments), serialize=lambda _: []) for read in (_merge_arguments, _texts)
    )
    files = given.get("config_file")
    if not files:
        return None
    files = files.split(",") if isinstance(files, str) else files
    unset = {name: None for name, text in texts.items() if text == "None"}
    options = {name: value for name, value in (unset | given).items() if name not in OWN}
    return CommandLine(tuple(str(file).strip() for file in files), options, "tracking" in given, texts)


def _merge_arguments(*words: Any, **options: Any) -> dict[str, Any]:
    """Take the arguments of ``monai.bundle.run`` and merge them with its ``args_file`` as it does."""
    given = dict(zip(inspect.signature(monai.bundle.run).parameters, words, strict=False)) | options
    merged: dict[str, Any] = update_kwargs(args=given.pop("args_file", None), **given)
    return merged


@fire.decorators.SetParseFn(str)  # type: ignore[untyped-decorator]
def _texts(*_: str, **options: str) -> dict[str, str]:
    """Take the options as they were written, not as Fire reads them."""
    return options


def meant_options(command: CommandLine, merged: ConfigParser | None = None) -> dict[str, Any]:
    """Return the overrides of a command with the values that the configs' entries call for.

    Args:
        command: The command.
        merged: Its configs; by default, they are read.

    Raises:
        UsageError: See :py:func:`scanfill.option_values.override_value`.
    """
    config = ConfigParser(ConfigParser.load_config_files(list(command.files))) if merged is None else merged
    return {
        name: override_value(name, value, config[name], command.texts.get(name)) if name in config else value
        for name, value in command.options.items()
    }


def check_overrides(arguments: Sequence[str] | None = None) -> None:
    """Reject options and overlays that nothing reads, or whose value is not accepted; correct the values Fire misread.

    A path that looks like a number becomes text in the running config, and one name becomes a list where the config has
    a list.

    Args:
        arguments: The command line without the program; by default the running one. Other programs are not checked.

    Raises:
        UnknownOptionError: Nothing reads the option or the overlay's entry; the message suggests the id that was
            probably meant.
        UsageError: An option has another type than the config's entry or is out of range; it is ``false`` or ``null``,
            which would be passed as a string, and a string is true; or a package that the run needs is not installed.
    """
    command = read_command_line(arguments)
    if command is None:
        return
    _check_overlays(command)
    if command.tracking and importlib.util.find_spec("mlflow") is None:
        msg = "--tracking needs MLflow, which is not installed: python -m pip install 'scanfill[tracking]'"
        raise UsageError(msg)
    config = ConfigParser(ConfigParser.load_config_files(list(command.files)))
    allowed = TRACKING_IDS if command.tracking else ()
    _check_options(command.options, config, command.files, allowed=allowed)
    meant = meant_options(command, config)
    if arguments is None:
        change_running_config({name: value for name, value in meant.items() if _misread(value, command.options[name])})


def _misread(meant: Any, given: Any) -> bool:
    """Return whether MONAI does not get the value that is meant: it ignores None, and replaces ``#`` in a text."""
    return meant is None or type(meant) is not type(given) or bool(meant != given) or "#" in str(meant)


def option_values(texts: Mapping[str, str], files: Sequence[Path], verb: Iterable[str] = ()) -> dict[str, Any]:
    """Convert the text of options that a verb passes on to configs.

    Args:
        texts: Id -> text.
        files: The configs, merged in this order.
        verb: The verb's own options, one of which may have been meant.

    Raises:
        UnknownOptionError: No config has the id.
        UsageError: A value is not accepted; see :py:func:`scanfill.option_values.override_value`.
    """
    config = ConfigParser(ConfigParser.load_config_files(list(map(str, files))))
    values = {name: fire.parser.DefaultParseValue(text) for name, text in texts.items()}
    _check_options(values, config, files, more=verb)
    return {name: override_value(name, value, config[name], texts[name]) for name, value in values.items()}


def _check_options(
    options: Mapping[str, Any],
    config: ConfigParser,
    files: Iterable[Any],
    *,
    allowed: Iterable[str] = (),
    more: Iterable[str] = (),
) -> None:
    """Reject options that nothing reads, except ``allowed`` ones, and words that would be passed as strings."""
    for name, value in options.items():
        if name not in config and name not in allowed:
            hint = _what_was_meant(name, [*more, *map(str, config.get())], prefix="--")
            msg = f"Unknown option --{name} (={value!r}): there is no such id in {', '.join(map(str, files))}; {hint}"
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
        check_installed(content, file)
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
