"""Look for what goes wrong in a pipeline without an error message, by reading its config and running none of it."""

from __future__ import annotations

from .finding import Fault, Finding, Rule
from .look import check, check_config
from .output import as_json, as_text
from .rules import RULES

__all__ = ["RULES", "Fault", "Finding", "Rule", "as_json", "as_text", "check", "check_config"]
