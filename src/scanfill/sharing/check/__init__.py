"""Look for what goes wrong in a pipeline without an error message, by reading its config and running none of it."""

from .finding import Fault, Finding, Rule
from .look import Checked, check
from .output import as_json, as_text
from .rules import RULES

__all__ = ["RULES", "Checked", "Fault", "Finding", "Rule", "as_json", "as_text", "check"]
