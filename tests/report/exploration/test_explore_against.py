"""``explore --against``: two folders become one page."""

from __future__ import annotations

import html
import re
import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from browser import needs_browser, visit
from compared_sets import picture
from one_slice_files import save_picture
from scanfill.__main__ import main
from scanfill.errors import CaseError, UsageError
from scanfill.report.exploration.explore_page import write_exploration
from tiny_cases import save_case

if TYPE_CHECKING:
    from pathlib import Path


def write_pictures(folder: Path, number: int, seed: int, *, classes: tuple[str, ...] = ("hand", "head")) -> Path:
    """Write pictures into one folder per class, with names that no other set has."""
    for index in range(number):
        save_picture(folder / classes[index % len(classes)] / f"s{seed}_{index:02}.png", picture(1000 * seed + index))
    return folder


def text_of(page: Path) -> str:
    content = re.sub(r"<style.*?</style>", "", page.read_text(), flags=re.DOTALL)
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", content)))


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A training set, and a test set with a copy of one of its images."""
    folder = tmp_path_factory.mktemp("sets")
    train, test = write_pictures(folder / "train", 12, 0), write_pictures(folder / "test", 11, 1)
    shutil.copy(train / "hand" / "s0_02.png", test / "head" / "stolen.png")
    return train, test


@pytest.fixture(scope="module")
def page(sets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_exploration(
        sets[0], tmp_path_factory.mktemp("page") / "page.html", schema="images_2d", against=sets[1]
    )


def test_the_comparison_comes_after_the_summary_and_names_the_copy(page: Path) -> None:
    titles = re.findall("<h2>(.*?)</h2>", page.read_text())
    assert titles[:3] == ["Summary", "train against test", "Shifts of properties"]
    seen = text_of(page)
    assert "train: 12 cases of 12 patients. test: 12 cases of 12 patients." in seen
    assert "1 images of test are copies: head_stolen = hand_s0_02." in seen
    assert "head_stolen | hand_s0_02: r = 1.000, identical" in seen


@needs_browser
def test_a_browser_opens_it_without_error_or_outside_request(page: Path) -> None:
    seen = visit(page)
    assert (seen.title, seen.errors, seen.requests) == ("What is in train", [], [])


def test_two_sets_of_volumes_are_compared_by_every_image(tmp_path: Path) -> None:
    for folder, names in (("site_a", "abc"), ("site_b", "de")):
        for seed, name in enumerate(names):
            save_case(tmp_path / folder / name, seed=seed + 10 * len(names))
    page = write_exploration(tmp_path / "site_a", tmp_path / "p.html", schema="brain_mri", against=tmp_path / "site_b")
    seen = text_of(page)
    assert "Each case of site_b with its nearest neighbor in site_a, by t1, t1ce, t2, flair." in seen
    assert "too few patients" in seen


def test_the_command_line_takes_it(sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [
        "explore",
        str(sets[1]),
        "-o",
        str(tmp_path / "p.html"),
        "--schema",
        "images_2d",
        "--against",
        str(sets[0]),
    ]
    monkeypatch.setattr(sys, "argv", ["scanfill", *words])
    main()
    assert "test against train" in text_of(tmp_path / "p.html")


def test_the_same_folder_by_another_path_is_refused(sets: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sets[0])
    with pytest.raises(UsageError, match="would be compared with itself"):
        write_exploration(sets[0], tmp_path / "p.html", schema="images_2d", against=tmp_path / "link")
    assert not (tmp_path / "p.html").exists()


def test_a_folder_without_cases_of_this_kind_is_refused(sets: tuple[Path, Path], tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(CaseError, match="empty"):
        write_exploration(sets[0], tmp_path / "p.html", schema="images_2d", against=tmp_path / "empty")
    with pytest.raises(CaseError, match="does not exist"):
        write_exploration(sets[0], tmp_path / "p.html", schema="images_2d", against=tmp_path / "nowhere")
    assert not (tmp_path / "p.html").exists()
