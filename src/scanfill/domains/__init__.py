"""One folder a kind of data, with all that it alone needs. A domain is found by its folder; no list names it."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scanfill.data.phantoms import Phantoms


def find_domains() -> list[str]:
    """List the names of all domains, which are those of their folders; none is imported."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg)


def find_phantoms() -> dict[str, Phantoms]:
    """Find the phantoms that domains offer, by what the command line calls them."""
    homes = [f"{__name__}.{domain}.phantoms" for domain in find_domains()]
    offered: list[Phantoms] = [import_module(home).PHANTOMS for home in homes if find_spec(home)]
    return {phantoms.name: phantoms for phantoms in offered}
