"""Fixtures for the preparation tests, as a plugin: one prepared case for all, since registration takes seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from moved_phantoms import write_moved_case
from scanfill.domains.brain_mri.prepare import originals, preparation

if TYPE_CHECKING:
    from pathlib import Path

    from scanfill.domains.brain_mri.prepare.geometry import Pose


@pytest.fixture(scope="session")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Pose]]:
    """A folder with one case as scanned, ``p0``, and the poses of its images."""
    source = tmp_path_factory.mktemp("scanned")
    return source, write_moved_case(source / "p0")


@pytest.fixture(scope="session")
def prepared(scanned: tuple[Path, dict[str, Pose]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same case prepared at 4 mm; do not modify it."""
    output = tmp_path_factory.mktemp("prepared")
    result = preparation.prepare_folder(scanned[0], output, spacing=4)
    assert result.prepared == ["p0"], result
    return output


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip registration and the skull check, for tests of the other steps."""
    from scanfill.domains.brain_mri.prepare import agreement  # noqa: PLC0415
    from scanfill.domains.brain_mri.prepare.agreement import Agreement  # noqa: PLC0415
    from scanfill.domains.brain_mri.prepare.geometry import Pose  # noqa: PLC0415

    monkeypatch.setattr(originals, "suspect_skull", lambda _: None)
    monkeypatch.setattr(agreement, "register", lambda *_: Pose())
    monkeypatch.setattr(agreement, "judge", lambda *_: Agreement(0.1, 1.0, 0.3, 0.7, 0.4, 0.9, 0.95, 1.0))
