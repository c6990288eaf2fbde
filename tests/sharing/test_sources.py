"""What is packed is what git tracks, or, without git, what use has not made."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from archives import git
from scanfill.errors import UsageError
from scanfill.sharing.archive import write_zip
from scanfill.sharing.sources import Sources, commit_of, find_sources, untracked_modules


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working copy with one file tracked, one staged, one ignored, one unknown."""
    git(tmp_path, "init", "--quiet")
    for name in ("tracked.py", "staged.py", "unknown.py", "left/out.py", "ignored.log"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / ".gitignore").write_text("*.log\n")
    git(tmp_path, "add", "tracked.py", "left/out.py")
    git(tmp_path, "commit", "--quiet", "--message", "One")
    git(tmp_path, "add", "staged.py")
    return tmp_path


def test_tracked_and_staged_files_are_sources(folder: Path) -> None:
    found = find_sources(folder, leave_out=("left",))
    assert found.files == [Path("staged.py"), Path("tracked.py")]
    assert found.commit == git(folder, "rev-parse", "HEAD") + "-dirty"
    assert found.time == 1767323046  # 2026-01-02 03:04:06 UTC
    assert untracked_modules(folder) == ["unknown.py"]


def test_a_file_that_git_does_not_know_leaves_the_commit_clean(folder: Path) -> None:
    git(folder, "commit", "--quiet", "--message", "Two")
    assert find_sources(folder).commit == git(folder, "rev-parse", "HEAD")


def test_a_change_elsewhere_in_the_working_copy_does_not_count(folder: Path) -> None:
    git(folder, "commit", "--quiet", "--message", "Two")
    (folder / "tracked.py").write_text("changed")
    assert find_sources(folder / "left").commit == git(folder, "rev-parse", "HEAD")
    (folder / "left" / "out.py").unlink()
    assert find_sources(folder / "left").commit.endswith("-dirty")


def test_a_repository_without_a_commit_has_none_to_name(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    (tmp_path / "staged.py").touch()
    git(tmp_path, "add", ".")
    assert find_sources(tmp_path) == Sources(tmp_path, [Path("staged.py")])


@pytest.mark.parametrize("there", [True, False])
def test_without_git_all_but_hidden_files_and_caches_are_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    for name in ("a.py", "b/c.txt", "b/__pycache__/c.pyc", ".hidden", ".git2/config", "left/out"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    if not there:
        monkeypatch.setenv("PATH", str(tmp_path))
    assert find_sources(tmp_path, leave_out=("left",)) == Sources(tmp_path, [Path("a.py"), Path("b/c.txt")])
    assert untracked_modules(tmp_path) == []


def test_a_git_that_refuses_is_told_not_passed_over(folder: Path) -> None:
    (folder / ".git" / "config").write_text("[core\n")
    with pytest.raises(UsageError, match=r"git cannot list.*bad config"):
        find_sources(folder)


def test_a_hook_of_another_repository_does_not_mislead(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert len(find_sources(folder).files) == 3


def test_a_commit_is_dirty_if_any_part_of_it_is() -> None:
    clean, dirty, unknown = (Sources(Path(), [], commit) for commit in ("abc", "abc-dirty", "unknown"))
    assert commit_of(clean, clean) == "abc"
    assert commit_of(clean, dirty) == commit_of(dirty, clean) == "abc-dirty"
    assert commit_of(unknown, dirty) == "unknown"


@pytest.mark.parametrize(("time", "expected"), [(1767323046, (2026, 1, 2, 3, 4, 6)), (None, (1980, 1, 1, 0, 0, 0))])
def test_a_zip_file_says_nothing_of_this_machine(tmp_path: Path, time: int | None, expected: tuple[int, ...]) -> None:
    folder = tmp_path / "name"
    for name in ("b", "a/c", "a/B"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "b").chmod(0o700)
    write_zip(folder, tmp_path / "file.zip", time)
    with zipfile.ZipFile(tmp_path / "file.zip") as archive:
        entries = archive.infolist()
        assert archive.testzip() is None
    assert [entry.filename for entry in entries] == ["name/a/B", "name/a/c", "name/b"]
    assert {entry.date_time for entry in entries} == {expected}
    assert {(entry.external_attr >> 16, entry.create_system, entry.compress_type) for entry in entries} == {
        (0o100644, 3, 0)
    }
