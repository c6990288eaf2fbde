"""Errors for the person who made the mistake: what is wrong, the value seen, where, what to do."""

from __future__ import annotations


class UsageError(ValueError):
    """Something that the person who runs scanfill can mend; the message says how, so no traceback is shown."""


class CaseError(UsageError):
    """A case, or a cohort of cases, cannot be used as it is; the message names case, file, value and remedy."""


class CheckpointError(UsageError):
    """A checkpoint that is not there, is damaged, or does not fit the network that is built."""


class UnknownOptionError(UsageError):
    """An option, or an entry of an overlay, that nothing reads."""
