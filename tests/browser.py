"""Open a page in headless Chromium and report its errors and network requests.

Uses the DevTools protocol over Chromium's pipe (``--remote-debugging-pipe``): file descriptors 3 and 4, messages that
end with a zero byte. It needs no port, no driver and only the standard library.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from select import select
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-pipe",
)
PATIENCE = 60.0  # seconds for the browser to start and the page to load

# Moves the ends of the pipe to the descriptors that Chromium expects, via free numbers, and then executes Chromium.
PLUMBER = """
import fcntl, os, sys
ends = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
os.dup2(ends[0], 3), os.dup2(ends[1], 4)
os.execv(sys.argv[3], sys.argv[3:])
"""
OWN_SCHEMES = ("file:", "data:", "about:", "blob:")


@dataclass
class Visit:
    """What happened while a page was open.

    Attributes:
        errors: Exceptions and messages of level error in its console.
        requests: Requested addresses, except the page itself and its embedded content.
        title: Title of the page.
    """

    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    title: str = ""


class DevTools:
    """A running Chromium and its pipe."""

    def __init__(self, profile: str) -> None:
        assert CHROMIUM is not None
        read_here, write_there = os.pipe()
        read_there, write_here = os.pipe()
        self.reading, self.writing = read_here, write_here
        plumber = [sys.executable, "-c", PLUMBER, str(read_there), str(write_there)]
        self.process = subprocess.Popen(
            [*plumber, CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"],
            pass_fds=(read_there, write_there),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(read_there)
        os.close(write_there)
        self.buffer = b""
        self.number = 0
        self.events: list[dict[str, Any]] = []
        self.deadline = time.monotonic() + PATIENCE

    def receive(self) -> dict[str, Any]:
        """Wait for the next message."""
        while b"\0" not in self.buffer:
            ready, _, _ = select([self.reading], [], [], max(0.0, self.deadline - time.monotonic()))
            data = os.read(self.reading, 1 << 16) if ready else b""
            if not data:
                pytest.fail("Chromium " + ("closed its pipe." if ready else f"did not answer within {PATIENCE} s."))
            self.buffer += data
        line, self.buffer = self.buffer.split(b"\0", 1)
        message: dict[str, Any] = json.loads(line)
        return message

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Call a method and wait for its result, keeping the events that arrive in the meantime."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.events.append(answer)

    def wait_for(self, method: str) -> None:
        """Wait for an event."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(self.receive())

    def close(self) -> None:
        """Stop the browser and wait until it has exited."""
        os.close(self.writing)
        os.close(self.reading)
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def visit(page: Path) -> Visit:
    """Open a page from disk, wait until it has loaded, and report what happened."""
    profile = tempfile.mkdtemp(prefix="scanfill_browser_")
    browser = DevTools(profile)
    try:
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        session = browser.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            browser.call(f"{domain}.enable", session)
        browser.call("Page.navigate", session, url=page.resolve().as_uri())
        browser.wait_for("Page.loadEventFired")
        # After half a second, everything that the page starts while loading is in progress.
        settle = "new Promise(done => setTimeout(() => done(document.title), 500))"
        answer = browser.call("Runtime.evaluate", session, expression=settle, awaitPromise=True)
        return _summary(browser.events, str(answer["result"].get("value", "")))
    finally:
        browser.close()
        shutil.rmtree(profile, ignore_errors=True)


def _summary(events: list[dict[str, Any]], title: str) -> Visit:
    """Sort the events into errors and requests."""
    seen = Visit(title=title)
    for event in events:
        params = event.get("params", {})
        match event.get("method"):
            case "Runtime.exceptionThrown":
                seen.errors.append(json.dumps(params["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if params["type"] in ("error", "assert"):
                seen.errors.append(json.dumps(params["args"]))
            case "Log.entryAdded" if params["entry"]["level"] == "error":
                seen.errors.append(params["entry"]["text"])
            case "Network.requestWillBeSent" if not params["request"]["url"].startswith(OWN_SCHEMES):
                seen.requests.append(params["request"]["url"])
            case "Network.webSocketCreated":
                seen.requests.append(params["url"])
    return seen
