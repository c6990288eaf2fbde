"""Show a user's mistake as one paragraph, without MONAI's long traceback."""

import sys
from collections.abc import Iterator
from types import TracebackType

from scanfill.errors import UsageError


def explain_mistakes() -> None:
    """From here on, report a user's mistake with its cause and remedy instead of a traceback.

    Other errors keep their traceback. A full disk or an unreadable file counts as a mistake.
    """
    if sys.excepthook is not _explain:
        sys.excepthook = _explain


def find_mistake(error: BaseException) -> BaseException | None:
    """Return the user's mistake in an error's chain of causes; None if it is a program error."""
    return next((cause for cause in _causes(error) if isinstance(cause, UsageError | OSError)), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    mistake = find_mistake(error)
    if mistake is None:
        sys.__excepthook__(kind, error, trace)
    else:
        print(f"\nStopped: {mistake}", file=sys.stderr)  # noqa: T201  the final output of the command line
