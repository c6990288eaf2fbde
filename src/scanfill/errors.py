"""Errors for the person who made the mistake: what is wrong, the value seen, where, what to do."""

from __future__ import annotations


class CaseError(ValueError):
    """A case, or a cohort of cases, cannot be used as it is; the message names case, file, value and remedy."""
