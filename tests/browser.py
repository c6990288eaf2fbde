"""Open a page in headless Chromium and see what a reader's browser would complain about or fetch.

It speaks the DevTools protocol (https://chromedevtools.github.io/devtools-protocol) over a pipe: JSON messages that end
with a zero byte.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the page in")

# A root user's container has no sandbox; the others keep Chromium itself from fetching anything.
SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--window-size=1200,2400",
    "--remote-debugging-pipe",
)


@dataclass
class Visit:
    """What happened while a page was open.

    Attributes:
        errors: Errors and warnings of the console, and exceptions of scripts.
        requests: Addresses that were asked for, but for the page itself and what it holds (``data:``).
        screenshot: The page as PNG.
    """

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    screenshot: bytes = b""


def visit(page: Path, seconds: float = 60) -> Visit:
    """Open a page from disk, wait until it has loaded, and tell what happened."""
    assert CHROMIUM is not None
    to_browser, from_us = _pipe()
    to_us, from_browser = _pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [CHROMIUM, *SWITCHES, f"--user-data-dir={profile}", "about:blank"]
        browser = subprocess.Popen(
            ["bash", "-c", f'exec "$0" "$@" 3<&{to_browser} 4>&{from_browser}', *command],
            pass_fds=(to_browser, from_browser),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(to_browser)
        os.close(from_browser)
        try:
            return _Session(from_us, to_us, time.monotonic() + seconds).visit(page.resolve().as_uri())
        finally:
            browser.kill()
            browser.wait()
            os.close(from_us)
            os.close(to_us)


def _pipe() -> tuple[int, int]:
    """Give both ends of a pipe numbers that the browser's own 3 and 4 do not collide with."""
    ends = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end in ends:
        os.close(end)
    return high[0], high[1]


class _Session:
    """One conversation with the browser."""

    def __init__(self, write: int, read: int, deadline: float) -> None:
        self.write, self.read, self.deadline = write, read, deadline
        self.numbers = count(1)
        self.unread = b""
        self.events: list[dict[str, Any]] = []

    def visit(self, address: str) -> Visit:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.ask(f"{domain}.enable", session)
        self.events.clear()
        self.ask("Page.navigate", session, url=address)
        self.wait(lambda: any(event["method"] == "Page.loadEventFired" for event in self.events))
        # Scripts that the page has started may still complain or fetch.
        self.ask("Runtime.evaluate", session, expression="new Promise(r => setTimeout(r, 300))", awaitPromise=True)
        shot = self.ask("Page.captureScreenshot", session, captureBeyondViewport=True)["data"]
        return Visit(self.errors(), self.requests(address), base64.b64decode(shot))

    def errors(self) -> list[str]:
        found = []
        for event in self.events:
            method, about = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                found.append(json.dumps(about["exceptionDetails"].get("exception", about["exceptionDetails"])))
            elif method == "Runtime.consoleAPICalled" and about["type"] in ("error", "warning", "assert"):
                found.append(" ".join(str(word.get("value", word)) for word in about["args"]))
            elif method == "Log.entryAdded" and about["entry"]["level"] in ("error", "warning"):
                found.append(about["entry"]["text"])
        return found

    def requests(self, address: str) -> list[str]:
        asked = [e["params"]["request"]["url"] for e in self.events if e["method"] == "Network.requestWillBeSent"]
        return [url for url in asked if url != address and not url.startswith(("data:", "blob:"))]

    def ask(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Send a command and return its result."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        os.write(self.write, json.dumps(message).encode() + b"\0")
        answers: list[dict[str, Any]] = []
        self.wait(lambda: bool(answers), lambda m: answers.append(m) if m.get("id") == number else None)
        assert "result" in answers[0], f"{method}: {answers[0]}"
        result: dict[str, Any] = answers[0]["result"]
        return result

    def wait(self, done: Callable[[], bool], see: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
        """Take messages until ``done``."""
        while not done():
            ready, _, _ = select.select([self.read], [], [], max(0.0, self.deadline - time.monotonic()))
            assert ready, "The browser did not answer in time."
            part = os.read(self.read, 1 << 20)
            assert part, "The browser has ended."
            *messages, self.unread = (self.unread + part).split(b"\0")
            for message in map(json.loads, messages):
                if "method" in message:
                    self.events.append(message)
                see(message)
