"""Memory is compared before it is allocated."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scanfill.data import memory
from scanfill.errors import CaseError

if TYPE_CHECKING:
    from pathlib import Path


def meminfo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kilobytes: int, limit: str = "max") -> None:
    (tmp_path / "meminfo").write_text(f"MemTotal: 99999999 kB\nMemAvailable: {kilobytes} kB\n")
    (tmp_path / "limit").write_text(f"{limit}\n")
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "limit")


def test_what_fits_passes_and_one_voxel_more_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo(tmp_path, monkeypatch, 16)
    memory.check_memory((16, 16, 4), "x", "Crop it.")  # 4 copies of 4 KiB
    with pytest.raises(
        CaseError, match=r"^x has 1025 x 1 x 1 voxels: it needs about 0.0 GB .* are available. Crop it."
    ):
        memory.check_memory((1025, 1, 1), "x", "Crop it.")


def test_the_limit_of_a_container_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meminfo(tmp_path, monkeypatch, 10**6, "4096")
    assert memory.available_memory() == 4096


def test_a_system_that_does_not_say_refuses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MEMINFO", tmp_path / "none")
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "none")
    monkeypatch.setattr(memory, "_physical", list)
    memory.check_memory((10**6, 10**6, 10**6), "x", "Crop it.")
