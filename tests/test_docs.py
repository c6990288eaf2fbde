"""The commands in the guides run as written, in order."""

from __future__ import annotations

import re
import shlex
import shutil
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pytest

from archives import NAME
from conftest import REPO
from fork_server import run_module

if TYPE_CHECKING:
    from pathlib import Path

pytest_plugins = ("archive_fixtures",)

OTHER_PROGRAMS = {"dcm2niix", "hd-bet", "mri_synthstrip", "mv"}
"""What the guides name and the tests do not have, or have nothing to use on."""

BLOCK = re.compile(r"^```(?P<language>\w*)\n(?P<lines>.*?)^```$", flags=re.MULTILINE | re.DOTALL)


def commands(page: Path) -> list[list[str]]:
    """The shell commands of a page: every line of its code blocks that have no language."""
    blocks = [block["lines"] for block in BLOCK.finditer(page.read_text(encoding="utf-8")) if not block["language"]]
    lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.strip()]
    return [shlex.split(line, comments=True) for line in lines]


def run(page: Path, folder: Path) -> int:
    """Run our commands of a page in ``folder`` and count them."""
    ours = [words for words in commands(page) if words[0] not in OTHER_PROGRAMS]
    for words in ours:
        assert words[:2] == ["python", "-m"], f"{page.name}: {words[0]} is neither a module nor a program that we know"
        finished = run_module(*words[2:], cwd=folder)
        log = finished.stdout[-2000:] + finished.stderr[-3000:]
        assert finished.returncode == 0, f"$ {shlex.join(words)}\n{log}"
    return len(ours)


@pytest.mark.slow
@pytest.mark.parametrize("trained", [REPO / "bundles" / NAME], ids=[NAME], indirect=True)
def test_from_raw_scans_to_a_label_map_on_the_scan_it_came_from(trained_unpacked: Path, tmp_path: Path) -> None:
    made = run_module("scanfill", "phantoms", "brain", "raw", "--cases", "1", "--size", "32", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    shutil.copytree(trained_unpacked, tmp_path / "brain_tumor_segmentation")
    assert run(REPO / "docs" / "start" / "your_data.md", tmp_path) >= 5
    scan = nib.load(next(tmp_path.glob("raw/*_001/*_flair.nii.gz")))
    restored = nib.load(tmp_path / "BraTS20_Training_001_on_flair.nii.gz")
    assert restored.shape == scan.shape
    np.testing.assert_allclose(restored.affine, scan.affine, atol=1e-4)


def test_masks_are_written_checked_voted_on_scored_and_drawn(tmp_path: Path) -> None:
    page = REPO / "docs" / "how-to" / "run_length_encoding.md"
    assert run(page, tmp_path) == 6
    assert (tmp_path / "voted.csv").read_bytes() == (tmp_path / "truth.csv").read_bytes()
    examples = [block["lines"] for block in BLOCK.finditer(page.read_text()) if block["language"] == "python"]
    assert len(examples) == 1
    exec(examples[0], {})  # noqa: S102  it asserts what it says


def test_a_bundle_is_trained_packed_received_and_run(tmp_path: Path) -> None:
    assert run(REPO / "docs" / "how-to" / "share_a_bundle.md", tmp_path) >= 6
    assert len(list(tmp_path.glob("predictions/*/*_seg.nii.gz"))) == 5


def test_a_data_set_is_explored(tmp_path: Path) -> None:
    assert run(REPO / "docs" / "how-to" / "explore_a_data_set.md", tmp_path) == 2
    assert "What is in hands" in (tmp_path / "hands.html").read_text(encoding="utf-8")
