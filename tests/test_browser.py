"""The browser that opens reports in tests sees what is wrong with a page, or its silence would mean nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from browser import needs_browser, visit

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = needs_browser

PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw=="


def save(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f'<!DOCTYPE html><html lang="en"><head><title>t</title></head><body>{body}</body></html>')
    return page


def test_a_page_that_holds_all_it_shows_is_silent(tmp_path: Path) -> None:
    seen = visit(save(tmp_path, f'<p>text</p><img alt="" src="{PIXEL}">'))
    assert (seen.errors, seen.requests) == ([], [])
    assert seen.screenshot.startswith(b"\x89PNG")


@pytest.mark.parametrize("script", ["console.error('wrong')", "setTimeout(() => { throw new Error('wrong') }, 50)"])
def test_what_a_script_complains_of_is_seen(tmp_path: Path, script: str) -> None:
    assert any("wrong" in error for error in visit(save(tmp_path, f"<script>{script}</script>")).errors)


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/logo.png", "other.png"])
def test_what_a_page_fetches_is_seen(tmp_path: Path, address: str) -> None:
    seen = visit(save(tmp_path, f'<img alt="" src="{address}">'))
    assert [request.endswith(address.rpartition("/")[2]) for request in seen.requests] == [True]
    assert seen.errors
