"""The browser check can fail."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser import needs_browser, visit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_browser


def page(folder: Path, body: str) -> Path:
    path = folder / "page.html"
    path.write_text(f"<!DOCTYPE html><html><head><title>A page</title></head><body>{body}</body></html>")
    return path


def test_a_quiet_page_is_quiet(tmp_path: Path) -> None:
    seen = visit(page(tmp_path, '<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=">'))
    assert (seen.title, seen.errors, seen.requests) == ("A page", [], [])


@pytest.mark.parametrize(
    "script", ["console.error('broken')", "throw new Error('broken')", "setTimeout(() => { broken() }, 100)"]
)
def test_an_error_in_the_console_is_seen(tmp_path: Path, script: str) -> None:
    seen = visit(page(tmp_path, f"<script>{script}</script>"))
    assert len(seen.errors) == 1
    assert "broken" in seen.errors[0]


@pytest.mark.parametrize(
    "body",
    [
        '<img src="http://127.0.0.1:9/a.png">',
        '<link rel="stylesheet" href="http://127.0.0.1:9/a.css">',
        "<style>body { background: url(http://127.0.0.1:9/b.png) }</style>",
        "<script>fetch('http://127.0.0.1:9/c')</script>",
    ],
)
def test_an_outside_request_is_seen(tmp_path: Path, body: str) -> None:
    seen = visit(page(tmp_path, body))
    assert any(address.startswith("http://127.0.0.1:9/") for address in seen.requests)
