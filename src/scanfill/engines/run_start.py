"""Checks at the start of every run of a bundle."""

from collections.abc import Mapping
from typing import Any

from .command_line import check_overrides
from .mistakes import explain_mistakes
from .running_config import tell_results_at_the_end
from .version import check_version


def start_run(metadata: Mapping[str, Any] | None = None) -> None:
    """Report mistakes without a traceback from here on, then check version, options and overlays.

    When the program ends, it says where its results are.

    Args:
        metadata: The bundle's ``metadata.json``, in a config ``@_meta_``; None for a config outside a bundle.

    Raises:
        UsageError: See :py:func:`~.version.check_version` and :py:func:`~.command_line.check_overrides`.
    """
    explain_mistakes()
    check_version(metadata or {})
    check_overrides()
    tell_results_at_the_end()
