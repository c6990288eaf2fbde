"""Find the Snakemake profile of a study, and check that its executor is installed."""

import importlib.util
from pathlib import Path

import yaml

from scanfill.errors import UsageError

from .places import studies_folder

BUILT_IN = {"local", "dryrun", "touch"}
"""Executors that need no plugin."""


def find_profile(name: str) -> Path:
    """Return the folder of a profile.

    Args:
        name: Name of a profile that scanfill provides, or the folder of a Snakemake profile.

    Raises:
        UsageError: There is no such profile, its config cannot be read, or the plugin of its executor is not installed.
    """
    home = studies_folder() / "profiles"
    for folder in (home / name, Path(name).expanduser().resolve()):
        if configs := sorted(folder.glob("config*.yaml")):
            for config in configs:
                _check_executor(config)
            return folder
    known = ", ".join(sorted(path.name for path in home.iterdir() if path.is_dir()))
    msg = (
        f"There is no profile {name!r}: pass {known}, or a folder with a Snakemake profile (config.yaml; copy "
        f"{home / 'slurm'} to write your own)."
    )
    raise UsageError(msg)


def _check_executor(config: Path) -> None:
    try:
        content = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"The profile {config} is not valid YAML: {' '.join(str(error).split())}"
        raise UsageError(msg) from error
    executor = content.get("executor") if isinstance(content, dict) else None
    if executor is None or executor in BUILT_IN:
        return
    package = f"snakemake-executor-plugin-{executor}"
    if importlib.util.find_spec(package.replace("-", "_")) is None:
        extra = "'scanfill[studies]'" if executor == "slurm" else package
        msg = f"The profile {config} needs {package}, which is not installed: python -m pip install {extra}"
        raise UsageError(msg)
