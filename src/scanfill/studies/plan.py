"""Read a study file and check it before anything is trained.

A study file states only the differences from the full protocol of its kind, ``configs/studies/<kind>.yaml``, which
lists all options. Its option ``name`` states the kind.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from scanfill.errors import UsageError

from .checks import check_bundle_option, check_name, check_study
from .kind import Kind
from .kinds import default_kind, find_kinds, kind_of_study
from .places import studies_folder

Study = dict[str, Any]

REPLACED = {"margins"}
"""Options that are mappings, not blocks of options: a study file replaces them."""


def read_study(file: str | Path, settings: Sequence[str] = (), *, smoke: bool = False) -> Study:
    """Read a study: the full protocol, overridden by the study file, the smoke settings, and single options.

    Args:
        file: YAML file; or the name of one provided by scanfill, such as ``augmentation.yaml``.
        settings: ``OPTION=VALUE`` or ``BLOCK.OPTION=VALUE``, the value in YAML.
        smoke: Whether to shrink it with the smoke file of its kind, or its option ``smoke_file``; a study file can also
            set this.

    Returns:
        Every option of the protocol, checked.

    Raises:
        UsageError: The file does not exist; an option or a name is unknown; or a value is out of range. The message
            gives the nearest valid name or the allowed values.
    """
    folder = studies_folder()
    own = read_yaml(next((path for path in (Path(file), folder / file) if path.is_file()), Path(file)))
    kind = kind_of_study({"name": default_kind()} | own, str(file))
    changes = [(f"--set {text}", parse_setting(text)) for text in settings]
    small = smoke or own.get("smoke") or any(change.get("smoke") for _, change in changes)
    smoke_file = str(own.get("smoke_file", kind.smoke))
    layers = [(str(file), own), *([(smoke_file, read_yaml(folder / smoke_file))] if small else []), *changes]
    study = read_yaml(folder / f"{kind.name}.yaml")
    for where, layer in layers:
        merge(study, layer, where, kind)
    if study["name"] != kind.name:
        msg = f"name (={study['name']!r}) differs from that of {file}, {kind.name!r}: pass a study file of that kind."
        raise UsageError(msg)
    check_study(study, kind)
    return study


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file that contains a mapping."""
    if not path.is_file():
        folder = studies_folder()
        known = ", ".join(str(folder / f"{name}.yaml") for name in find_kinds())
        msg = f"There is no study file {path}. Use {known}, or write your own file with the differences from one."
        raise UsageError(msg)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        msg = f"The study file {path} is not valid YAML in UTF-8: {error}"
        raise UsageError(msg) from error
    if not isinstance(content or {}, dict):
        msg = f"The study file {path} contains a {type(content).__name__}; expected options, such as `folds: 5`."
        raise UsageError(msg)
    return dict(content or {})


def parse_setting(text: str) -> dict[str, Any]:
    """Read ``subset.folds=[0]`` as ``{"subset": {"folds": [0]}}``.

    Raises:
        UsageError: There is no ``=``, or the value is not valid YAML.
    """
    name, equals, value = str(text).partition("=")
    try:
        content: Any = yaml.safe_load(value)
    except yaml.YAMLError:
        equals = ""
    if not equals or not name:
        msg = (
            f"--set {text}: expected OPTION=VALUE with a value in YAML, such as --set folds=3 seeds=[0] "
            f"subset.folds=[0]."
        )
        raise UsageError(msg)
    for part in reversed(name.strip().split(".")):
        content = {part: content}
    return dict(content)


def merge(study: Study, layer: Mapping[str, Any], where: str, kind: Kind) -> None:
    """Override options of a study, in place; blocks of options are merged, everything else is replaced.

    Raises:
        UnknownOptionError: The study has no such option.
    """
    for name in layer:
        check_name(name, study, f"{where}: unknown option")
    both = {name: _merged(study[name], layer.get(name, study[name])) for name in study}
    bundles, options = kind.find_bundles(both), kind.find_options(both)
    for name, value in layer.items():
        if not isinstance(study[name], dict) or (name in REPLACED | kind.replaced and isinstance(value, dict)):
            study[name] = value
            continue
        if not isinstance(value, dict):
            msg = f"{where}: {name} (={value!r}) is a block of options: {', '.join(study[name])}."
            raise UsageError(msg)
        for key in value:
            if name in bundles:
                check_bundle_option(f"{name}.{key}", bundles[name], kind.set_by_study, where)
            else:
                check_name(key, options.get(name, study[name]), f"{where}: unknown option {name}.")
        study[name] = study[name] | value


def _merged(old: Any, new: Any) -> Any:
    return old | new if isinstance(old, dict) and isinstance(new, dict) else new
