"""The augmentation trial: what it trains and refuses, what runs, and what its page says."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from made_up_study import write_study
from scanfill.data import read_list
from scanfill.domains.brain_mri.labels import REGIONS
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.metrics import score_case
from scanfill.studies import commands
from scanfill.studies.fold_scores import score_fold, truth_of, voxel_size
from scanfill.studies.kind import PROTOCOL
from scanfill.studies.kinds import default_kind, find_kinds
from scanfill.studies.kinds.augmentation import check_extras, find_models, find_predictions
from scanfill.studies.kinds.augmentation.page import draw_presets
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import read_study
from scanfill.studies.report import write_study_report
from scanfill.studies.run import run_study, write_plan
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.study_scores import read_study_scores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.effects import effect_tables, judge_effects
from stand_in_study import StandInStudy

if TYPE_CHECKING:
    from pathlib import Path

FILE = studies_folder() / "augmentation.yaml"
FOUR = "subset.presets=[mri, strong_elastic, nnunet]"
QUICK = Methods(Bootstrap(draws=100))


def trial_with(*settings: str, smoke: bool = False) -> dict[str, Any]:
    return read_study(FILE, [FOUR, *settings], smoke=smoke)


def test_every_kind_of_study_has_its_protocol_its_smoke_file_and_its_page() -> None:
    assert default_kind() == "missing_modality"
    for name, kind in find_kinds().items():
        assert import_module(f"scanfill.studies.kinds.{name}.page").LAYOUT.title
        assert kind.name == name
        study = read_study(f"{kind.name}.yaml", [FOUR] if kind.name == "augmentation" else [], smoke=True)
        assert {*PROTOCOL, *kind.incomparable} <= set(study)
        assert len(kind.find_models(study)) > 1


def test_all_stands_for_every_preset_that_the_bundle_can_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: True)
    study = read_study(FILE)
    expected = {"none", "mri", "mri_multisite", "mri_artifacts", "strong_elastic", "nnunet", "lesion_mixing"}
    assert set(study["subset"]["presets"]) == expected
    assert len(study["seeds"]) >= 3


def test_networks_differ_in_their_preset_alone() -> None:
    study = trial_with("steps=1000", "epochs=10", "segmentation.batch_size=3", "segmenter=segresnet")
    models = find_models(study)
    assert list(models) == ["none", "mri", "strong_elastic", "nnunet"]
    assert models["mri"]["more"] == ["configs/augmentation/mri.yaml"]
    assert models["mri"]["options"] == {"batch_size": 3, "max_epochs": 10, "epoch_length": 100}
    shared = [{key: value for key, value in model.items() if key != "more"} for model in models.values()]
    assert all(model == shared[0] for model in shared)
    files = commands.config_files(models["mri"])
    assert files[-2:] == ["configs/augmentation/mri.yaml", "configs/studies/training.yaml"]
    assert find_predictions(study)["mri"]["models"] == ["mri"]


def test_presets_are_trained_in_the_order_in_which_they_are_named() -> None:
    study = trial_with("subset.presets=[strong_elastic, none, mri, mri]")
    assert list(find_models(study)) == ["none", "strong_elastic", "mri"]


def test_a_preset_may_be_named_as_its_file() -> None:
    assert read_study(FILE, ["subset.presets=[mri.yaml]"])["subset"]["presets"] == ["mri"]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("subset.presets=[mri, ct]", "'ct' does not suit brain_tumor_segmentation, which uses MR"),
        ("subset.presets=[xray_classification]", "does not suit brain_tumor_segmentation"),
        ("subset.presets=[mrii]", "did you mean 'mri'"),
        ("subset.presets=[none]", "nothing to compare"),
        ("subset.presets=[]", "must be all"),
        ("segmenter=nnunet", "unet"),
        ("bundle=kidney", "bundle"),
        ("steps=7", "steps"),
        ("steps=0", "steps"),
        ("epochs=ten", "epochs"),
        ("segmentation.max_epochs=3", "set by the study"),
        ("segmentation.augmentation=[]", "set by the study"),
        ("segmentation.patchsize=3", "did you mean 'patch_size'"),
        ("most_missing=1", "unknown option"),
        ("synthesis={}", "unknown option"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(setting: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        trial_with(setting)


def test_a_preset_without_its_package_is_refused_before_anything_is_trained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"'mri_artifacts' needs TorchIO, .*scanfill\[mri-artifacts\]"):
        trial_with("subset.presets=[mri_artifacts]")
    check_extras(["mri", "nnunet"])


def test_an_unknown_kind_of_study_is_refused_with_those_there_are(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: augmentatoin\n")
    with pytest.raises(UsageError, match="did you mean 'augmentation'"):
        read_study(tmp_path / "mine.yaml")


def test_a_study_file_of_ones_own_says_what_kind_it_is_of(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("name: augmentation\nsubset: {presets: [mri]}\nsteps: 100\nepochs: 5\n")
    assert read_study(tmp_path / "mine.yaml")["steps"] == 100


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StandInStudy:
    """A trial whose jobs were stood in for."""
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    study = StandInStudy(tmp_path_factory.mktemp("study"), FILE)
    code, study.first = study.go()
    assert code == 0
    return study


def test_every_preset_is_trained_in_every_fold_on_its_training_patients(finished: StandInStudy) -> None:
    receipts = {
        str(path.parent.relative_to(finished.folder)): json.loads(path.read_text())
        for path in finished.folder.glob("models/*/*/*/receipt.json")
    }
    presets = ("none", "mri", "strong_elastic", "nnunet")
    assert set(receipts) == {f"models/{preset}/seed_0/fold_{fold}" for preset in presets for fold in (0, 1)}
    told = receipts["models/nnunet/seed_0/fold_1"]
    assert "configs/augmentation/nnunet.yaml" in told["config_file"]
    assert told["datalist"] == "folds/fold_1_outer.json"
    assert {(each["max_epochs"], each["epoch_length"]) for each in receipts.values()} == {("2", "3")}
    assert {place for place in finished.first if place.startswith("scores/")} == {
        "scores/seed_0/fold_0.csv",
        "scores/seed_0/fold_1.csv",
        "scores/seed_0/ensemble.csv",
    }
    assert not list(finished.folder.glob("folds/*_inner_[0-9]*.json"))


def test_the_presets_lie_in_the_folder_of_the_trial(finished: StandInStudy) -> None:
    own = finished.folder / "configs" / "augmentation" / "mri.yaml"
    assert own.read_bytes() == (studies_folder().with_name("augmentation") / "mri.yaml").read_bytes()


def test_scoring_is_told_of_the_empty_prediction(finished: StandInStudy) -> None:
    assert json.loads((finished.folder / "scores/seed_0/fold_0.csv").read_text())["empty"] == "empty"


def test_one_more_preset_trains_that_preset_alone(finished: StandInStudy) -> None:
    assert finished.go() == (0, [])
    code, made = finished.go("subset.presets=[mri, strong_elastic, nnunet, mri_multisite]")
    assert code == 0
    assert {place.split("/")[1] for place in made if place.startswith("models/")} == {"mri_multisite"}


def test_other_steps_are_another_trial(finished: StandInStudy) -> None:
    with pytest.raises(UsageError, match=r"another protocol: steps \(=6, now 8\)"):
        finished.plan("steps=8")


def test_a_dry_run_counts_the_trainings(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    study = StandInStudy(tmp_path, FILE)
    run_study(FILE, study.folder, dataset_dir=study.data, cores=1, dry_run=True, smoke=True)
    assert "Study augmentation: 8 trainings, 0 of them done" in capfd.readouterr().out


def test_the_empty_row_is_what_an_empty_label_map_scores(tmp_path: Path) -> None:
    data = tmp_path / "data"
    brain_cohort(data, cases=6, size=24)
    plan = write_plan(trial_with(smoke=True), tmp_path, data)
    fold, output = tmp_path / "folds" / "fold_0.json", tmp_path / "scores.csv"
    score_fold(fold, {}, output, dataset_dir=data, schema=plan["schema"], seed=0, fold=0, empty=plan["empty"])
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["strategy"], row["evaluation"]) for row in rows}
    assert found == {("empty", "cross_validation"), ("empty", "held_out")}
    case = next(
        one
        for one in read_list(fold, data, MODALITIES, schema=SCHEMA)["validation"]
        if one["case_id"] == rows[0]["case_id"]
    )
    truth = truth_of(case, SCHEMA)
    expected = score_case(np.zeros(truth.shape), truth, voxel_size(truth), REGIONS)
    assert float(rows[0]["dice_WT"]) == expected["dice_WT"] == 0
    assert float(rows[0]["hd95_WT"]) == pytest.approx(expected["hd95_WT"], rel=1e-5)


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores that are made up: mri gains 0.05 in Dice, strong_elastic loses as much, nnunet changes nothing."""
    options = (FOUR, "folds=3", "seeds=[0, 1, 2]", "held_out=0")
    return write_study(tmp_path_factory.mktemp("trial"), *options, patients=15, file=FILE.name)


def test_a_preset_that_gains_is_better_and_one_that_changes_nothing_undecided(scored: Path) -> None:
    scores = read_study_scores(scored)
    effects, tests, *_ = effect_tables(
        judge_effects(scores, "cross_validation", "none", "empty", QUICK), "none", "preset", "empty"
    )
    verdicts = {(row["preset"], row["label"]): row["verdict"] for row in tests.records()}
    assert verdicts["mri", "WT"] == "better"
    assert verdicts["strong_elastic", "WT"] == "worse"
    assert verdicts["nnunet", "WT"] == "undecided"
    assert not any(preset in ("none", "empty") for preset, _ in verdicts)
    assert [row[0] for row in effects.rows] == ["none", "mri", "strong_elastic", "nnunet", "empty"]
    assert effects.texts()[-1][1:5] == ["0.00"] * 4
    assert any("family of 12 tests" in note for note in effects.notes)
    assert not any("quivalence" in note for note in effects.notes)
    assert not {"p equivalence", "p < 0.0025"} & set(tests.columns), "neither is asked of a trial"


def test_the_page_of_a_trial_holds_tables_boxes_and_steps(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    for text in ("Which augmentation helps?", "Every training had 300 steps.", "strong_elastic", "not on this machine"):
        assert text in page
    assert (folder / "figures" / "boxes_cross_validation.svg").is_file()
    assert {path.suffix for path in (folder / "tables").glob("effects_cross_validation.*")} == {".csv", ".md", ".tex"}


def test_trainings_of_unequal_length_are_told(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    receipt = next(folder.glob("models/mri/*/*/receipt.json"))
    receipt.write_text(json.dumps(json.loads(receipt.read_text()) | {"steps": 10}))
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    assert "TRAININGS DIFFER IN THEIR STEPS: [10, 300]." in page


def test_the_sheet_shows_presets_on_a_training_case(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    data = tmp_path / "data"
    brain_cohort(data, cases=6, size=24)
    (folder / "study.json").unlink()
    study = trial_with("folds=3", "seeds=[0, 1, 2]", "held_out=0", "subset.presets=[mri]")
    write_plan(study, folder, data)
    sheet = draw_presets(read_study_scores(folder))
    assert sheet is not None
    assert sheet.read_bytes().startswith(b"\x89PNG")
