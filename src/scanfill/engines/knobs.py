"""Knobs of the command line: a misspelt one is an error, and so is ``false`` where only ``False`` means false.

``python -m monai.bundle run --max_epoch 5`` silently adds an id that nobody reads, and hands ``--availability false``
over as the string ``"false"``, which is true in Python.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import monai.bundle
from monai.bundle import ConfigParser

from scanfill.errors import UnknownKnobError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS_OF_YAML = {"false": "False", "null": "None"}
"""What means nothing or no in a config, and how the command line says it."""


def is_true(value: bool | str | int | None) -> bool:
    """Read a switch as the command line or a config gives it.

    True are ``True``, 1, "true", "yes", "on"; false are ``False``, ``None``, 0, "false", "no", "off", "".

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


def check_knobs(arguments: Sequence[str] | None = None) -> None:
    """Refuse options of ``python -m monai.bundle run`` that its configs lack or that would not mean what they say.

    Args:
        arguments: The command line without the program; the running one by default. Other programs are left alone.

    Raises:
        UnknownKnobError: Names the option, the nearest ids, and the files that were looked in.
        UsageError: An option is ``false`` or ``null``, which arrives as a string, and a string is true.
    """
    if arguments is None:
        program = Path(sys.argv[0]).as_posix()
        if not program.endswith("monai/bundle/__main__.py"):
            return
        arguments = sys.argv[1:]
    options = _options(arguments)
    files = _config_files(options)
    if not files:
        return
    config = ConfigParser.load_config_files(files)
    parser = ConfigParser(config)
    own = set(inspect.signature(monai.bundle.run).parameters) | {"workflow_type", "workflow_name", "properties_path"}
    own |= _tracking_ids() if "tracking" in options else set()
    for name in options:
        if name not in own and name not in parser:
            near = difflib.get_close_matches(name, [str(key) for key in config], n=3, cutoff=0.5)
            hint = f"did you mean {' or '.join('--' + key for key in near)}?" if near else "see the top of the config."
            msg = f"Unknown knob --{name} (={options[name]!r}): no id of that name in {', '.join(files)}; {hint}"
            raise UnknownKnobError(msg)
    for name, value in options.items():
        if value in WORDS_OF_YAML:
            msg = (
                f"--{name} {value} would arrive as the string {value!r}, which is true: on MONAI's command line write "
                f"--{name} {WORDS_OF_YAML[value]}."
            )
            raise UsageError(msg)


def _options(arguments: Sequence[str]) -> dict[str, str]:
    """Read ``--name value`` and ``--name=value``, as Fire does."""
    options: dict[str, str] = {}
    words = list(arguments)
    for position, word in enumerate(words):
        if not word.startswith("--"):
            continue
        name, equals, value = word[2:].partition("=")
        following = words[position + 1] if position + 1 < len(words) else ""
        options[name.replace("-", "_")] = value if equals else following
    return options


def _config_files(options: dict[str, str]) -> list[str]:
    """List the config files of a command line, also of its ``--args_file``."""
    given = options.get("config_file")
    if given is None and "args_file" in options:
        given = ConfigParser.load_config_files(options["args_file"]).get("config_file")
    if given is None:
        return []
    if isinstance(given, str) and given.lstrip().startswith(("[", "(")):
        given = ast.literal_eval(given)
    return [str(file) for file in ([given] if isinstance(given, str) else given)]


def _tracking_ids() -> set[str]:
    """Ids that MONAI itself adds for experiment tracking, so they may be set though no config holds them."""
    return {"output_dir", "tracking_uri", "experiment_name", "run_name", "save_execute_config", "is_not_rank0"}
