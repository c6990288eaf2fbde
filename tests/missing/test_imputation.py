"""What cases lack is made first, into folders that are whole cases."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill import __version__
from scanfill.checksums import file_checksum
from scanfill.data.cases import find_cases
from scanfill.data.provenance import Origin, is_synthetic, synthetic_path, write_synthetic
from scanfill.data.read import ReadCased
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.missing import imputation
from scanfill.missing.imputation import Imputation
from tiny_cases import AFFINE, MODALITIES, SHAPE, brain, image, save, save_by_hand, save_case

if TYPE_CHECKING:
    from collections.abc import Iterator

Case = dict[str, Any]


@dataclass(eq=False)
class Painter:
    """Stands in for a bundle: paints ten times the modality's index plus the number of sources, and counts."""

    folder: Path
    output_dir: Path
    sources: tuple[str, ...] = MODALITIES
    target: str | None = None
    option: str = "completion_bundle"
    training: dict[str, list[str]] | None = None
    fails_on: str = ""
    made: list[str] = field(default_factory=list)

    @property
    def record(self) -> dict[str, Any]:
        inputs = "modalities" if self.target is None else "sources"
        own = {"inputs": {inputs: list(self.sources)}, "training": self.training}
        return own if self.target is None else own | {"target": self.target}

    @property
    def checkpoint(self) -> Path:
        return self.folder / "model.pt"

    def sources_of(self, case: Case) -> list[str]:
        return [name for name in self.sources if case.get(name) and name not in case["synthetic"]]

    def makes(self, target: str) -> bool:
        return target == self.target if self.target else target in self.sources

    @property
    def identity(self) -> dict[str, str]:
        return {"version": "0.1.0", "scanfill": __version__, "sha256": file_checksum(self.checkpoint)}

    def make(self, case: Case) -> None:
        self.made.append(case["case_id"])
        if case["case_id"] == self.fails_on:
            msg = "the network ran out of memory"
            raise CaseError(msg)
        given = self.sources_of(case)
        inputs = {name: case[name] for name in given}
        origin = Origin("painter", "0.1.0", self.checkpoint, inputs)
        for target in [self.target] if self.target else [name for name in self.sources if name not in given]:
            painted = np.where(brain(), np.float32(10 * MODALITIES.index(target) + len(given)), np.float32(0))
            write_synthetic(painted, AFFINE, synthetic_path(self.output_dir, case["case_id"], target), origin)


@pytest.fixture
def painters(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Painter]]:
    """What bundles were opened, by option."""
    opened: dict[str, Painter] = {}
    sources = {
        "synthesis_bundles['flair']": ("t2",),
        "synthesis_bundles['t1ce']": ("t1", "t2"),
        "synthesis_bundles['t1']": ("t2",),
    }

    def open_painter(
        folder: str, strategy: str, option: str, *, output_dir: Path, target: str | None, **_: Any
    ) -> Painter:
        bundle = Path(folder)
        bundle.mkdir(exist_ok=True)
        if not (bundle / "model.pt").exists():
            (bundle / "model.pt").write_text(option)
        assert strategy == ("complete" if target is None else "synthesize")
        opened[option] = Painter(bundle, output_dir, sources.get(option, MODALITIES), target, option)
        return opened[option]

    monkeypatch.setattr(imputation, "open_generator", open_painter)
    yield opened
    assert all(painter.option == option for option, painter in opened.items())


def cases_without(folder: Path, *lacking: str, cases: int = 1, **options: Any) -> list[Case]:
    for index in range(cases):
        path = save_case(folder / f"c{index + 1}")
        for name in lacking:
            (path / f"{name}.nii.gz").unlink()
    return find_cases(folder, labels="none", synthetic=True, **options, schema=SCHEMA)


def complete(tmp_path: Path, cases: list[Case], **options: Any) -> list[Case]:
    return Imputation("complete", tmp_path / "out", completion_bundle=tmp_path / "bundle", schema=SCHEMA).run(
        cases, MODALITIES, **options
    )


def synthesize(tmp_path: Path, cases: list[Case], *targets: str) -> list[Case]:
    bundles = {target: tmp_path / f"bundle_{target}" for target in targets}
    return Imputation("synthesize", tmp_path / "out", synthesis_bundles=bundles, schema=SCHEMA).run(cases, MODALITIES)


@pytest.mark.usefixtures("painters")
def test_a_completed_folder_is_a_whole_case_for_any_program(tmp_path: Path) -> None:
    cases = cases_without(tmp_path / "in", "flair", "t1")
    save(tmp_path / "in" / "c1" / "mask.nii.gz", brain().astype(np.uint8))
    cases = find_cases(tmp_path / "in", labels="none", synthetic=True, schema=SCHEMA)
    (case,) = complete(tmp_path, cases)
    folder = tmp_path / "out" / "completed" / "c1"
    assert case["synthetic"] == ["t1", "flair"]
    for name in ("t1ce", "t2", "mask"):
        assert Path(case[name]).read_bytes() == (tmp_path / "in" / "c1" / f"{name}.nii.gz").read_bytes()
        assert Path(case[name]) == folder / f"c1_{name}.nii.gz"
    for name in ("t1", "flair"):
        assert Path(case[name]) == folder / f"c1_synthetic_{name}.nii.gz"
        assert is_synthetic(case[name])
    (found,) = find_cases(tmp_path / "out" / "completed", labels="none", synthetic=True, schema=SCHEMA)
    assert {key: found[key] for key in (*MODALITIES, "mask", "case_id")} == {
        key: case[key] for key in (*MODALITIES, "mask", "case_id")
    }
    assert sorted(path.name for path in (tmp_path / "in" / "c1").iterdir()) == [
        "mask.nii.gz",
        "t1ce.nii.gz",
        "t2.nii.gz",
    ]
    assert ReadCased(MODALITIES, schema=SCHEMA)(case)["flair"].max() == 32


@settings(deadline=None, max_examples=15)
@given(lacking=st.sets(st.sampled_from(MODALITIES), max_size=3))
def test_every_case_that_has_something_becomes_whole(
    tmp_path_factory: pytest.TempPathFactory, lacking: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("case")
    with pytest.MonkeyPatch.context() as patch:

        def open_painter(path: Path, *_: Any, output_dir: Path, **__: Any) -> Painter:
            path.mkdir()
            (path / "model.pt").write_text("weights")
            return Painter(path, output_dir)

        patch.setattr(imputation, "open_generator", open_painter)
        cases = cases_without(folder / "in", *lacking)
        (case,) = complete(folder, cases)
    assert set(case["synthetic"]) == lacking
    assert all(Path(case[name]).is_file() for name in MODALITIES)
    assert {name for name in MODALITIES if is_synthetic(case[name])} == lacking
    if not lacking:
        assert case == cases[0]


def test_nothing_is_opened_where_nothing_lacks(painters: dict[str, Painter], tmp_path: Path) -> None:
    cases = cases_without(tmp_path / "in")
    assert Imputation("complete", tmp_path / "out", schema=SCHEMA).run(cases, MODALITIES) == cases
    assert not painters
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("strategy", "option"), [("complete", "completion_bundle"), ("synthesize", "synthesis_bundles")]
)
def test_a_strategy_whose_bundle_was_not_named_says_which_and_how_to_make_it(
    tmp_path: Path, strategy: str, option: str
) -> None:
    with pytest.raises(UsageError, match=rf"needs --{option} .*python -m scanfill pack mri_modality_"):
        Imputation(strategy, tmp_path / "out", schema=SCHEMA).run(cases_without(tmp_path / "in", "t1"), MODALITIES)


# --- one after the other ----------------------------------------------------------------------------------------------


def test_one_that_fails_does_not_stop_the_others(painters: dict[str, Painter], tmp_path: Path) -> None:
    cases = cases_without(tmp_path / "in", "flair", cases=3)
    run = Imputation("complete", tmp_path / "out", completion_bundle=tmp_path / "bundle", schema=SCHEMA)
    run._open("flair")  # to make it fail
    painters["completion_bundle"].fails_on = "c2"
    first, second, third = run.run(cases, MODALITIES)
    assert first["synthetic"] == third["synthetic"] == ["flair"]
    assert second["problem"] == "Case 'c2': flair could not be generated: the network ran out of memory"
    assert "flair" not in second


def test_a_case_with_a_problem_is_passed_over(painters: dict[str, Painter], tmp_path: Path) -> None:
    bad = {"case_id": "c1", "patient": "c1", "t1": "t1.nii.gz", "problem": "two files for t2", "synthetic": []}
    assert complete(tmp_path, [bad]) == [bad]
    assert not painters


def test_each_bundle_is_opened_once_and_only_those_that_are_needed(
    painters: dict[str, Painter], tmp_path: Path
) -> None:
    cases = cases_without(tmp_path / "in", "flair", cases=2)
    synthesize(tmp_path, cases, "flair", "t1ce")
    assert list(painters) == ["synthesis_bundles['flair']"]
    assert painters["synthesis_bundles['flair']"].made == ["c1", "c2"]


# --- pairwise synthesis -----------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("painters")
def test_each_modality_is_made_by_its_own_bundle(tmp_path: Path) -> None:
    (case,) = synthesize(tmp_path, cases_without(tmp_path / "in", "flair", "t1ce"), "flair", "t1ce")
    assert case["synthetic"] == ["t1ce", "flair"]
    values = {name: np.asarray(nib.load(case[name]).dataobj).max() for name in ("t1ce", "flair")}
    assert values == {"t1ce": 12, "flair": 31}


@pytest.mark.usefixtures("painters")
def test_a_modality_without_a_bundle_is_told_with_what_to_pass(tmp_path: Path) -> None:
    (case,) = synthesize(tmp_path, cases_without(tmp_path / "in", "flair", "t1"), "flair")
    assert "Case 'c1' has no t1 image; it has t1ce, t2." in case["problem"]
    assert "pass --synthesis_bundles \"{'t1': PATH}\"" in case["problem"]
    assert "(given: flair)" in case["problem"]
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("painters")
def test_a_case_without_the_source_is_told(tmp_path: Path) -> None:
    (case,) = synthesize(tmp_path, cases_without(tmp_path / "in", "t1", "t1ce"), "t1", "t1ce")  # t1 will be synthetic
    assert "generates it from t1, t2, of which t1 is missing" in case["problem"]


@pytest.mark.usefixtures("painters")
def test_nothing_is_made_from_a_synthetic_image(tmp_path: Path) -> None:
    save_case(tmp_path / "in" / "c1")
    for name in ("t2", "flair"):
        (tmp_path / "in" / "c1" / f"{name}.nii.gz").unlink()
    save(tmp_path / "in" / "c1" / "c1_synthetic_t2.nii.gz", image("t2", 1))
    (case,) = synthesize(tmp_path, find_cases(tmp_path / "in", labels="none", synthetic=True, schema=SCHEMA), "flair")
    assert "generates it from t2, of which t2 is synthetic" in case["problem"]


@pytest.mark.usefixtures("painters")
def test_a_synthetic_image_that_was_there_before_keeps_its_marks(tmp_path: Path) -> None:
    save_case(tmp_path / "in" / "c1")
    for name in ("t1", "flair"):
        (tmp_path / "in" / "c1" / f"{name}.nii.gz").unlink()
    save(tmp_path / "in" / "c1" / "c1_synthetic_t1.nii.gz", image("t1", 1))
    cases = find_cases(tmp_path / "in", labels="none", synthetic=True, schema=SCHEMA)
    (case,) = synthesize(tmp_path, cases, "flair")
    assert case["synthetic"] == ["t1", "flair"]
    assert Path(case["t1"]).parent == Path(case["flair"]).parent
    assert is_synthetic(case["t1"])
    assert np.array_equal(nib.load(case["t1"]).get_fdata(), nib.load(cases[0]["t1"]).get_fdata())


# --- again ------------------------------------------------------------------------------------------------------------


def again(tmp_path: Path, painters: dict[str, Painter], cases: list[Case]) -> tuple[list[Case], int]:
    painters.clear()
    results = complete(tmp_path, cases)
    return results, len(painters["completion_bundle"].made)


def test_what_was_made_from_the_same_files_by_the_same_weights_is_used_again(
    painters: dict[str, Painter], tmp_path: Path
) -> None:
    cases = cases_without(tmp_path / "in", "flair")
    first = complete(tmp_path, cases)
    assert again(tmp_path, painters, cases) == (first, 0)


@pytest.mark.parametrize("change", ["weights", "input", "mask", "copy", "image", "sidecar", "version"])
def test_it_is_made_again_when_anything_has_changed(painters: dict[str, Painter], tmp_path: Path, change: str) -> None:
    cases = cases_without(tmp_path / "in", "flair")
    (case,) = complete(tmp_path, cases)
    own, made = tmp_path / "in" / "c1", Path(case["flair"])
    if change == "weights":
        (tmp_path / "bundle" / "model.pt").write_text("others")
    elif change == "input":
        save(own / "t2.nii.gz", image("t2", 99))
    elif change == "mask":
        cases[0]["mask"] = str(save(own / "mask.nii.gz", brain().astype(np.uint8)))
    elif change == "copy":
        Path(case["t1"]).unlink()
    elif change == "image":
        save(made, np.zeros(SHAPE, np.float32))
    elif change == "sidecar":
        made.with_name("c1_synthetic_flair.json").unlink()
    else:
        sidecar = made.with_name("c1_synthetic_flair.json")
        facts = json.loads(sidecar.read_text())
        facts["generator"]["version"] = "0.0.9"
        sidecar.write_text(json.dumps(facts))
    (after,), count = again(tmp_path, painters, cases)
    assert count == 1
    assert np.array_equal(nib.load(after["flair"]).get_fdata(), np.where(brain(), 33, 0))
    assert again(tmp_path, painters, cases)[1] == 0


@pytest.mark.usefixtures("painters")
def test_an_acquired_image_that_was_taken_away_leaves_no_copy_behind(tmp_path: Path) -> None:
    complete(tmp_path, cases_without(tmp_path / "in", "flair"))
    (tmp_path / "in" / "c1" / "t1.nii.gz").unlink()
    (case,) = complete(tmp_path, find_cases(tmp_path / "in", labels="none", synthetic=True, schema=SCHEMA))
    assert case["synthetic"] == ["t1", "flair"]
    assert not (tmp_path / "out" / "completed" / "c1" / "c1_t1.nii.gz").exists()


# --- where it goes ----------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("painters")
def test_nothing_is_written_into_a_folder_of_scans(tmp_path: Path) -> None:
    """A case in its own completed folder that lacks something, and an output folder inside a case's."""
    folder = tmp_path / "out" / "completed"
    cases = cases_without(folder, "flair")
    before = sorted(folder.rglob("*"))
    (case,) = complete(tmp_path, cases)
    assert "is in" in case["problem"]
    run = Imputation("complete", folder / "c1" / "out", completion_bundle=tmp_path / "bundle", schema=SCHEMA)
    (case,) = run.run(cases, MODALITIES)
    assert "is in a folder with data" in case["problem"]
    assert sorted(folder.rglob("*.nii.gz")) == [path for path in before if path.suffix == ".gz"]


@pytest.mark.parametrize("suffix", [".mha", ".mhd", ".nrrd"])
@pytest.mark.usefixtures("painters")
def test_a_scan_of_another_file_type_keeps_it(tmp_path: Path, suffix: str) -> None:
    save_case(tmp_path / "in" / "c1", names=("t1", "t1ce", "t2"))
    (tmp_path / "in" / "c1" / "t2.nii.gz").unlink()
    save_by_hand(tmp_path / "in" / "c1" / f"t2{suffix}", image("t2", 5), AFFINE)
    cases = find_cases(tmp_path / "in", labels="none", synthetic=True, schema=SCHEMA)
    (case,) = complete(tmp_path, cases)
    assert case["t2"].endswith(f"c1_t2{suffix}")
    read = ReadCased(MODALITIES, schema=SCHEMA)(case)
    assert np.array_equal(read["t2"].numpy()[0], image("t2", 5))


# --- judged -----------------------------------------------------------------------------------------------------------


def test_a_generator_that_has_learned_from_a_case_to_judge_is_refused(
    painters: dict[str, Painter], tmp_path: Path
) -> None:
    cases = cases_without(tmp_path / "in", "flair", cases=2)
    run = Imputation("complete", tmp_path / "out", completion_bundle=tmp_path / "bundle", schema=SCHEMA)
    run._open("flair")  # to know what it was trained on
    painters["completion_bundle"].training = {"cases": ["c2"], "patients": ["c2"]}
    with pytest.raises(CaseError, match=r"completion_bundle \(=.*\) was trained on 1 of the 2 cases .*: c2"):
        run.run(cases, MODALITIES, judged=True)
    assert not (tmp_path / "out").exists()
    assert len(run.run(cases, MODALITIES)) == 2
    shutil.rmtree(tmp_path / "out")
    assert run.run(cases[:1], MODALITIES, judged=True)[0]["synthetic"] == ["flair"]
