"""Identify what a run computes, so that a later run can tell whether results on disk are its own."""

import json
from copy import deepcopy

from monai.bundle import ConfigParser
from monai.bundle.utils import merge_kv

import scanfill
from scanfill.checksums import checksum

from .command_line import read_command_line
from .trained_bundle import NEVER_BAKED

PLACES = NEVER_BAKED | {"checkpoint", "replace", "run", "handlers"}
"""Ids that do not change the result of a case; weights and input files are compared by their content."""


def run_settings() -> str | None:
    """Return the checksum of everything in the running config that the result of a case may depend on.

    Paths, the device and the like are left out; the version of scanfill is included.

    Returns:
        None if the running program is not ``python -m monai.bundle run``.
    """
    command = read_command_line()
    if command is None:
        return None
    config = ConfigParser(ConfigParser.load_config_files(list(command.files)))
    for name, value in command.options.items():
        merge_kv(config, name, deepcopy(value))
    kept = {name: value for name, value in config.get().items() if name not in PLACES}
    return checksum(json.dumps([scanfill.__version__, kept], sort_keys=True, default=str))
