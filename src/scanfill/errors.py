"""Errors caused by the user's input; their messages state what is wrong, the value seen, where, and what to do."""


class UsageError(ValueError):
    """A mistake that the user can fix; the message says how, so no traceback is shown."""


class CaseError(UsageError):
    """A case or a cohort of cases cannot be used as it is; the message gives the case, file, value and remedy."""


class CheckpointError(UsageError):
    """A checkpoint is missing, is damaged, or does not fit the network being built."""


class UnknownOptionError(UsageError):
    """An option, or an entry of an overlay, is not read by anything."""
