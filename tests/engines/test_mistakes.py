"""A person's mistake is shown as one paragraph."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import pytest

from scanfill.engines.mistakes import explain_mistakes
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from collections.abc import Iterator


def wrapped(cause: Exception) -> RuntimeError:
    error = RuntimeError("Failed to evaluate ConfigExpression")
    error.__cause__ = cause
    return error


@pytest.fixture(autouse=True)
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "excepthook", sys.__excepthook__)
    factory = logging.getLogRecordFactory()
    explain_mistakes()
    yield
    logging.setLogRecordFactory(factory)


@pytest.mark.parametrize("cause", [CaseError("Case 'c1' has no t2"), OSError(28, "No space left on device")])
def test_a_mistake_is_shown_without_traceback(cause: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    error = wrapped(cause)
    sys.excepthook(type(error), error, error.__traceback__)
    assert capsys.readouterr().err == f"\nStopped: {cause}\n"


def test_a_programs_error_keeps_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError) as raised:
        {}["image"]
    sys.excepthook(raised.type, raised.value, raised.tb)
    shown = capsys.readouterr().err
    assert shown.startswith("Traceback")
    assert "Stopped" not in shown


def test_an_interruption_is_told_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    shown = capsys.readouterr().err.strip()
    assert shown.startswith("Stopped.")
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("error", "told"), [(CaseError("no t2"), False), (KeyboardInterrupt(), False), (KeyError("image"), True)]
)
def test_engines_log_the_traceback_of_a_program_error_only(
    error: BaseException, told: bool, caplog: pytest.LogCaptureFixture
) -> None:
    logging.getLogger("engine").error("Exception: it stopped", exc_info=error)
    assert "it stopped" in caplog.text
    assert (type(error).__name__ in caplog.text) is told
