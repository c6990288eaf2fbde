"""Show a user's mistake as one paragraph, without MONAI's long traceback."""

import logging
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

from scanfill.errors import UsageError

STOPPED = "Stopped. Finished work is kept; a training resumes with --resume true."
_stopped: list[BaseException] = []


def explain_mistakes() -> None:
    """From here on, report a user's mistake with its cause and remedy instead of a traceback.

    Other errors keep their traceback. A full disk or an unreadable file counts as a mistake, and so does Ctrl-C.
    """
    if sys.excepthook is not _explain:
        sys.excepthook = _explain
        logging.setLogRecordFactory(_without_traceback)


def find_mistake(error: BaseException) -> BaseException | None:
    """Return the user's mistake in an error's chain of causes; None if it is a program error."""
    return next((cause for cause in _causes(error) if isinstance(cause, UsageError | OSError)), None)


def was_stopped() -> bool:
    """Return whether an error has ended the run."""
    return bool(_stopped)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _without_traceback(*words: Any, **options: Any) -> logging.LogRecord:
    """Make a log record; engines log each error that passes them with a traceback, also that of a mistake."""
    record = logging.LogRecord(*words, **options)
    error = record.exc_info[1] if record.exc_info else None
    if error is not None and (isinstance(error, KeyboardInterrupt) or find_mistake(error)):
        record.exc_info = None
    return record


def _explain(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    _stopped.append(error)
    mistake = find_mistake(error)
    if issubclass(kind, KeyboardInterrupt):
        print(f"\n{STOPPED}", file=sys.stderr)  # noqa: T201  the final output of the command line
    elif mistake is None:
        sys.__excepthook__(kind, error, trace)
    else:
        print(f"\nStopped: {mistake}", file=sys.stderr)  # noqa: T201  the final output of the command line
