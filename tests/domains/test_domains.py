"""Domains are found by their folders."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import scanfill.domains
from conftest import REPO
from scanfill.data.phantoms import Phantoms
from scanfill.domains import find_domains, find_phantoms
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_each_folder_is_a_domain() -> None:
    folders = (REPO / "src" / "scanfill" / "domains").glob("*/__init__.py")
    assert find_domains() == sorted(path.parent.name for path in folders)


def test_a_domain_offers_its_phantoms_from_its_own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "foot_drawing" / "phantoms"
    home.mkdir(parents=True)
    (home.parent / "__init__.py").touch()
    text = "from scanfill.data.phantoms import Phantoms\nPHANTOMS = Phantoms('foot', 'drawings', write=print)\n"
    (home / "__init__.py").write_text(text)
    (tmp_path / "without_phantoms").mkdir()
    (tmp_path / "without_phantoms" / "__init__.py").touch()
    before = set(find_phantoms())
    monkeypatch.setattr(scanfill.domains, "__path__", [*scanfill.domains.__path__, str(tmp_path)])
    assert {"foot_drawing", "without_phantoms"} < set(find_domains())
    assert set(find_phantoms()) == before | {"foot"}
    assert find_phantoms()["foot"].write is print


def test_an_option_of_another_kind_is_refused() -> None:
    hand = Phantoms("hand", "drawings", write=print)
    hand.check_options({})
    with pytest.raises(UsageError, match=r"hand phantoms have no option --skull \(=True\).* they have none"):
        hand.check_options({"skull": True})


@pytest.mark.parametrize(
    "module",
    ["domains.brain_mri.modalities", "studies.bundle_facts", "studies.commands", "studies.kinds", "studies.plan"],
)
def test_what_a_scheduler_imports_brings_nothing_heavy(module: str) -> None:
    script = (
        f"import sys, scanfill.{module}; print(sorted({{'torch', 'monai', 'nibabel', 'numpy'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_finding_kinds_of_studies_and_domains_brings_nothing_heavy() -> None:
    script = (
        "import sys; from scanfill.domains import find_domains; from scanfill.studies.kinds import find_kinds; "
        "assert find_domains() and find_kinds(); print(sorted({'torch', 'monai', 'nibabel'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
