"""Commands that would write over someone's work: what was there stays, and the message says what to do."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill import replacing
from scanfill.data import write_case_list, write_splits
from scanfill.domains.brain_mri.augmentation_sheet import make_sheet
from scanfill.domains.brain_mri.demo import run_demo
from scanfill.domains.brain_mri.phantoms import brain_cohort, write_brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines import leave_bundle
from scanfill.errors import CaseError, UsageError
from scanfill.missing.imputation import Imputation
from scanfill.studies.run import run_study
from tiny_cases import case_of, regions, save, save_case

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(autouse=True)
def another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_allowed", "_inputs", "_written"):
        monkeypatch.setattr(replacing, name, set())


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A real case with the name of the first phantom, among others."""
    for name in ("BraTS20_Training_001", "BraTS20_Training_002"):
        save_case(tmp_path / "data" / name, prefix=f"{name}_", label=regions((1, 2, 4)))
    return tmp_path / "data"


@pytest.mark.parametrize("write", [write_brain_cohort, brain_cohort])
@pytest.mark.parametrize("case", ["BraTS20_Training_001", "BraTS20_Training_002"])
def test_phantoms_never_replace_a_case_or_mix_with_it(
    real: Path, tmp_path: Path, write: Callable[..., object], case: str
) -> None:
    shutil.rmtree(tmp_path / "data" / ({"BraTS20_Training_001", "BraTS20_Training_002"} - {case}).pop())
    (real / case / f"{case}_flair.nii.gz").unlink()
    before = content(real)
    with pytest.raises(UsageError, match=rf"{case}_.*is not a phantom, so no phantom is written to its folder"):
        write(real, cases=2, size=24)
    assert content(real) == before


def test_phantoms_replace_phantoms(tmp_path: Path) -> None:
    write_brain_cohort(tmp_path, cases=1, size=24, seed=0)
    before = content(tmp_path)
    replacing._written.clear()
    write_brain_cohort(tmp_path, cases=1, size=24, seed=1)
    assert content(tmp_path).keys() == before.keys()
    assert content(tmp_path) != before


@pytest.mark.parametrize(
    "name", ["BraTS20_Training_001/BraTS20_Training_001_t1.nii.gz", "new.nii.gz", "list", "list.txt"]
)
def test_a_case_list_is_a_json_file(real: Path, name: str) -> None:
    before = content(real)
    with pytest.raises(UsageError, match=r"A list of cases is a JSON file: choose a name that ends with \.json"):
        write_case_list(real, real / name, schema=SCHEMA)
    assert content(real) == before


def test_a_case_list_replaces_no_other_json_not_even_a_read_only_one(real: Path, tmp_path: Path) -> None:
    for name, text, mode in (("a.json", '{"my": "results"}', 0o644), ("b.json", "{}", 0o644), ("c.json", "", 0o444)):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        with pytest.raises(UsageError, match="is not replaced"):
            write_case_list(real, path, schema=SCHEMA)
        assert path.read_text() == text


def test_a_list_that_was_corrected_by_hand_is_kept_beside_the_new_one(real: Path, tmp_path: Path) -> None:
    path = write_case_list(real, tmp_path / "cases.json", schema=SCHEMA)
    write_case_list(real, path, schema=SCHEMA)
    assert len(list(tmp_path.glob("cases*.json"))) == 1, "the same list is no other one"
    path.write_text(path.read_text().replace('"patient": "BraTS20_Training_002"', '"patient": "BraTS20_Training_001"'))
    corrected = path.read_bytes()
    write_case_list(real, path, schema=SCHEMA)
    (kept,) = tmp_path.glob("cases_*.json")
    assert kept.read_bytes() == corrected


def test_folds_that_were_corrected_by_hand_are_kept(real: Path, tmp_path: Path) -> None:
    cases = write_case_list(real, tmp_path / "cases.json", schema=SCHEMA)
    write_splits(cases, folds=2, test=0, schema=SCHEMA)
    fold = tmp_path / "fold_0.json"
    fold.write_text(fold.read_text() + "\n")
    write_splits(cases, folds=2, test=0, schema=SCHEMA)
    assert len(list(tmp_path.glob("fold_0_*.json"))) == 1
    assert not list(tmp_path.glob("fold_1_*.json"))


@pytest.mark.parametrize("name", ["scan.nii.gz", "scan.mha", "sheet", "sheet.jpg"])
def test_an_augmentation_sheet_is_a_png(tmp_path: Path, name: str) -> None:
    save(tmp_path / "scan.nii.gz", np.ones((3, 3, 3), np.float32))
    before = content(tmp_path)
    with pytest.raises(UsageError, match=r"choose a name that ends with \.png"):
        make_sheet(tmp_path / name, ["none"])
    assert content(tmp_path) == before


@pytest.mark.parametrize("place", [".", "results"])
def test_a_study_is_not_written_into_its_data(real: Path, place: str) -> None:
    before = content(real)
    with pytest.raises(UsageError, match="is in a folder with data"):
        run_study("missing_flair.yaml", real / place, dataset_dir=real)
    assert content(real) == before


def test_a_demo_needs_a_folder_of_its_own(tmp_path: Path) -> None:
    for name in ("dist", "elsewhere", "study"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "thesis.txt").write_text("years of work")
    before = content(tmp_path)
    with pytest.raises(UsageError, match="is not empty and not the folder of a demo"):
        run_demo(tmp_path)
    assert content(tmp_path) == before


@pytest.mark.parametrize("name", ["docs/README.md", "LICENSE", "configs/train.yaml", "configs/inference.yaml"])
def test_a_training_writes_no_bundle_over_other_files(tmp_path: Path, name: str) -> None:
    path = tmp_path / "project" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    with pytest.raises(UsageError, match=rf"{os.path.basename(name)} already exists and was not written by a training"):  # noqa: PTH119
        leave_bundle(tmp_path / "project", "brain_tumor_segmentation")
    assert content(tmp_path / "project") == {name: b"mine"}


def test_a_training_replaces_the_bundle_of_an_earlier_one(tmp_path: Path) -> None:
    leave_bundle(tmp_path / "run", "brain_tumor_segmentation")
    leave_bundle(tmp_path / "run", "brain_tumor_segmentation", "unet.yaml")
    assert "unet" in (tmp_path / "run" / "configs" / "metadata.json").read_text()


def test_a_completion_never_clears_a_folder_of_scans(tmp_path: Path) -> None:
    case = case_of(save_case(tmp_path / "data" / "c1"))
    mine = save_case(tmp_path / "out" / "completed" / "c1", prefix="c1_")
    before = content(mine)
    del case["flair"]
    run = Imputation("complete", tmp_path / "out", schema=SCHEMA, completion_bundle=tmp_path)
    with pytest.raises(CaseError, match=r"holds c1_.* but no synthetic image, so it is not a completed case"):
        run._complete(case, {})
    assert content(mine) == before
