"""The kinds of studies: each is a folder here, with its ``KIND``, and its results page in the module ``page``.

The scheduler and the verb ``study`` read the ``KIND`` before anything heavy is imported.
"""

import pkgutil
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from scanfill.studies.checks import check_name
from scanfill.studies.kind import Kind


@cache
def find_kinds() -> dict[str, Kind]:
    """Find every kind of study: option ``name`` of a study file, which is its folder's name -> its kind."""
    names = [module.name for module in pkgutil.iter_modules(__path__) if module.ispkg]
    return {name: import_module(f"{__name__}.{name}").KIND for name in names}


def default_kind() -> str:
    """Return the kind of a study file that does not state it."""
    return next(name for name, kind in find_kinds().items() if kind.default)


def kind_of_study(study: Mapping[str, Any], where: str = "The study") -> Kind:
    """Find the kind of a study.

    Args:
        study: The study, with the option ``name``.
        where: Start of the message.

    Raises:
        UnknownOptionError: There is no such kind.
    """
    kinds = find_kinds()
    check_name(study["name"], kinds, f"{where}: name is not a kind of study:")
    return kinds[study["name"]]
