"""Check a pipeline's config for silent errors, without running any of it."""

from .finding import Fault, Finding, Rule
from .look import Checked, check
from .output import as_json, as_text
from .rules import RULES

__all__ = ["RULES", "Checked", "Fault", "Finding", "Rule", "as_json", "as_text", "check"]
