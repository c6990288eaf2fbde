"""Nothing in a folder gets lost."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from scanfill.data.folders import entries, not_a_file, subfolders, walk
from scanfill.errors import CaseError


@pytest.fixture
def closed(monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder name that may not be read, also where the tests run as root."""
    scan, listing = os.scandir, os.listdir

    def refuse(call: Any, path: Any) -> Any:
        if Path(path if path is not None else ".").name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return call(path)

    monkeypatch.setattr(os, "scandir", lambda path=".": refuse(scan, path))
    monkeypatch.setattr(os, "listdir", lambda path=".": refuse(listing, path))
    return Path("closed")


def test_an_unreadable_folder_is_an_error_or_reported(tmp_path: Path, closed: Path) -> None:
    (tmp_path / "open").mkdir()
    (tmp_path / closed).mkdir()
    for look in (lambda: list(walk(tmp_path)), lambda: subfolders(tmp_path), lambda: entries(tmp_path / closed)):
        with pytest.raises(
            CaseError, match=r"closed cannot be read \(Permission denied\), so cases in it would be missed"
        ):
            look()
    seen: list[Path] = []
    assert [place.name for place, _, _ in walk(tmp_path, lambda path, _: seen.append(path))] == [tmp_path.name, "open"]
    assert seen == [tmp_path / closed]


def test_a_dangling_link_to_a_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "anna").symlink_to("/not/mounted/anna")
    for look in (lambda: list(walk(tmp_path)), lambda: subfolders(tmp_path)):
        with pytest.raises(CaseError, match=r"anna is a link to /not/mounted/anna, which does not exist"):
            look()


def test_links_are_followed_once(tmp_path: Path) -> None:
    (tmp_path / "data" / "anna").mkdir(parents=True)
    (tmp_path / "data" / "anna" / "up").symlink_to(tmp_path / "data")
    (tmp_path / "linked").symlink_to(tmp_path / "data")
    assert [place.relative_to(tmp_path).as_posix() for place, _, _ in walk(tmp_path / "linked")] == [
        "linked",
        "linked/anna",
    ]


def test_hidden_and_system_folders_are_skipped(tmp_path: Path) -> None:
    for name in (".git", "__MACOSX", "lost+found", "anna"):
        (tmp_path / name).mkdir()
    assert [path.name for path in entries(tmp_path)] == ["anna"]
    assert next(folders for _, folders, _ in walk(tmp_path)) == ["anna"]


def test_what_is_no_file_is_described(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("gone")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "good").write_bytes(b"x")
    described = {
        name: not_a_file(tmp_path / name) for name in ("folder", "link", "loop", "empty", "pipe", "gone", "good")
    }
    assert described["folder"].startswith("is a folder")
    assert described["link"].startswith("is a link to gone, which does not exist")
    assert "symbolic links" in described["loop"]
    assert described["empty"].startswith("is empty (0 bytes)")
    assert described["pipe"].startswith("is a device or a pipe")
    assert described["gone"].startswith("does not exist")
    assert described["good"] == ""
