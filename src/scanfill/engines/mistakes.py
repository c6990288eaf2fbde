"""Show a person's mistake as one paragraph; MONAI buries it under a screen of its own calls."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from scanfill.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType


def explain_mistakes() -> None:
    """End a run that fails by a mistake with what is wrong and what to do, instead of a traceback.

    A program's error keeps its traceback. A full disk, or a file that may not be read, counts as a mistake.
    """
    if sys.excepthook is not _explain:
        sys.excepthook = _explain


def find_mistake(error: BaseException) -> BaseException | None:
    """Find the mistake among an error and all that caused it; None if it is a program's error."""
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
        print(f"\nStopped: {mistake}", file=sys.stderr)  # noqa: T201  the last word of the command line
