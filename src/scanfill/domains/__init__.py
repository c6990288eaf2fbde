"""One folder per kind of data, with everything specific to it. Domains are found by folder, not listed anywhere."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanfill.data.phantoms import Phantoms


def find_domains() -> list[str]:
    """List the names of all domains, which are their folder names; none is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def find_phantoms() -> dict[str, Phantoms]:
    """Return the phantoms of all domains, by their names on the command line."""
    homes = [f"{__name__}.{domain}.phantoms" for domain in find_domains()]
    offered: list[Phantoms] = [import_module(home).PHANTOMS for home in homes if find_spec(home)]
    return {phantoms.name: phantoms for phantoms in offered}
