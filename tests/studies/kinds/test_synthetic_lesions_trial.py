"""The trial of synthetic lesions: what it trains, paints and refuses, and what its page says."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from monai.bundle import ConfigParser

import scanfill
from made_up_study import write_study
from scanfill.data import find_cases, read_list, write_split
from scanfill.data.image import read_image
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError, UsageError
from scanfill.studies import commands
from scanfill.studies.kinds.synthetic_augmentation.jobs import find_models, find_predictions, find_steps
from scanfill.studies.kinds.synthetic_augmentation.new_cases import read_painted
from scanfill.studies.kinds.synthetic_augmentation.page import judge_primary
from scanfill.studies.kinds.synthetic_augmentation.painting import describe, paint_lesions
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import read_study
from scanfill.studies.report import write_study_report
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.study_scores import Cell, read_study_scores
from scanfill.studies.tables.comparisons import Methods
from scanfill.studies.tables.effects import judge_effects
from stand_in_study import StandInStudy

if TYPE_CHECKING:
    from pathlib import Path

FILE = studies_folder() / "synthetic_augmentation.yaml"
QUICK = Methods(Bootstrap(draws=100))


def trial_with(*settings: str, smoke: bool = False) -> dict[str, Any]:
    return read_study(FILE, settings, smoke=smoke)


def test_there_is_one_segmenter_per_arm_and_one_network_that_paints() -> None:
    models = find_models(trial_with())
    assert list(models) == ["real", "inpainter", "inpainted", "lesion_mixing", "blob"]
    assert models["inpainter"]["bundle"] == "lesion_inpainting"
    assert models["inpainter"]["cases"] == "outer"
    assert {model["bundle"] for name, model in models.items() if name != "inpainter"} == {"brain_tumor_segmentation"}


def test_segmenters_have_the_same_network_augmentation_and_steps() -> None:
    study = trial_with("segmentation.max_epochs=3", "segmentation.batch_size=4", "augmentation=nnunet")
    models = [model for name, model in find_models(study).items() if name != "inpainter"]
    assert all(model["overlays"] == ["unet.yaml", "modern.yaml"] for model in models)
    assert all(model["more"][0] == "configs/augmentation/nnunet.yaml" for model in models)
    own = [{name: value for name, value in model["options"].items() if name != "real_share"} for model in models]
    assert own == [{"max_epochs": 3, "epoch_length": 2000, "batch_size": 4}] * len(models)


def test_only_the_reference_has_no_share_of_synthetic_patches() -> None:
    models = find_models(trial_with("real_share=0.7"))
    shares = {name: model["options"].get("real_share") for name, model in models.items() if name != "inpainter"}
    assert shares == {"real": None, "inpainted": 0.7, "lesion_mixing": 0.7, "blob": 0.7}


def test_two_arms_are_trained_on_the_list_of_their_own_step() -> None:
    study = trial_with()
    models, steps = find_models(study), find_steps(study)
    assert models["inpainted"]["made_list"] == "painted_by_network/seed_{seed}/{fold}/list.json"
    assert models["blob"]["made_list"] == "painted_by_blob/seed_{seed}/{fold}/list.json"
    assert not {"made_list"} & (set(models["real"]) | set(models["lesion_mixing"]) | set(models["inpainter"]))
    assert {name: "list.json" in step["results"] for name, step in steps.items()} == {
        "painted_by_network": True,
        "painted_by_blob": True,
    }


def test_the_blob_gets_the_same_lesions_as_the_network() -> None:
    network, blob = find_steps(trial_with("painting.masks=deformed", "painting.copies=2")).values()
    assert (network["options"].pop("filled_by"), blob["options"].pop("filled_by")) == ("network", "blob")
    assert network == blob
    assert blob["options"]["painting"]["masks"] == "deformed"
    assert commands.filled(blob["options"], "fold_1", 2)["bundle"] == "models/inpainter/seed_2/fold_1"


def test_without_painted_arms_nothing_is_painted() -> None:
    study = trial_with("subset.arms=[lesion_mixing]")
    assert list(find_models(study)) == ["real", "lesion_mixing"]
    assert find_steps(study) == {}


def test_an_arm_with_painted_lesions_costs_the_network_that_paints() -> None:
    predictions = find_predictions(trial_with())
    assert list(predictions) == ["real", "inpainted", "lesion_mixing", "blob"]
    costs = {name: prediction["tasks"][0]["models"] for name, prediction in predictions.items()}
    assert costs["inpainted"] == ["inpainted", "inpainter"]
    assert costs["real"] == ["real"]
    assert all(prediction["tasks"][0]["model"] == name for name, prediction in predictions.items())


def test_mixed_lesions_come_before_the_augmentation_of_all_arms() -> None:
    configs = scanfill.bundle_path("brain_tumor_segmentation") / "configs"
    files = [configs / name for name in ("train.yaml", "unet.yaml", "modern.yaml")]
    files += [studies_folder().with_name("augmentation") / "mri.yaml", studies_folder() / "mix_lesions.yaml"]
    parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in files]))
    assert parser["cropping"][-1]["_target_"] == "scanfill.transforms.RandMixLesionsd"
    assert "RandMixLesionsd" not in str(parser["augmentation"])
    assert "@cropping + @augmentation" in parser["train#preprocessing#transforms"]
    assert "@cropping" not in str(parser["validate"])


def test_the_mixing_is_that_of_the_preset() -> None:
    mixing = yaml.safe_load((studies_folder() / "mix_lesions.yaml").read_text())["+cropping"][0]
    preset = yaml.safe_load((studies_folder().with_name("augmentation") / "lesion_mixing.yaml").read_text())
    assert {**mixing, "prob": 0.5} == preset["augmentation"][0]


def test_real_and_synthetic_cases_are_drawn_as_often_as_asked() -> None:
    overlay = yaml.safe_load((studies_folder() / "synthetic_cases.yaml").read_text())
    cases = [{"synthetic": []}] * 3 + [{"synthetic": ["t1"]}]
    config = {"cases": {"training": cases}, "real": overlay["real"], "real_share": 0.6}
    parser = ConfigParser(config | {"weights": overlay["train#sampler"]["weights"]})
    assert parser.get_parsed_content("weights") == pytest.approx([0.2, 0.2, 0.2, 0.4])


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("subset.arms=[inpaint]", "did you mean 'inpainted'"),
        ("subset.arms=[]", "must be all"),
        ("segmenter=nnunet", "segmenter"),
        ("augmentation=lesion_mixing", "augmentation"),
        ("augmentation=xray", "augmentation"),
        ("real_share=1", "real_share"),
        ("real_share=0.0", "real_share"),
        ("painting.masks=move", "moved, deformed, drawn, own"),
        ("painting.copies=0", "painting.copies"),
        ("painting.steps=1", "painting.steps"),
        ("painting.distance=-1", "mm"),
        ("painting.seed=1", "unknown option painting"),
        ("generation.overlays=[removal.yaml]", "remove lesions"),
        ("generation.overlays=[unet.yaml]", "has no overlay"),
        ("generation.datalist=x", "set by the study"),
        ("segmentation.augmentation=[]", "set by the study"),
        ("segmentation.real_share=0.5", "has no option"),
        ("regions=[NC, ED]", "must include WT"),
        ("judged=[kid]", "leaves no figures"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(setting: str, told: str) -> None:
    with pytest.raises(UsageError, match=told):
        trial_with(setting)


def test_regions_are_free_without_the_primary_contrast() -> None:
    assert trial_with("regions=[ED]", "subset.arms=[blob]")["regions"] == ["ED"]


def test_a_folder_of_masks_is_the_same_in_every_job(tmp_path: Path) -> None:
    assert trial_with(f"painting.masks={tmp_path}")["painting"]["masks"] == str(tmp_path.resolve())


def test_a_small_study_is_a_study_of_this_kind() -> None:
    study = read_study("synthetic_augmentation_small.yaml")
    assert (study["held_out"], study["folds"], study["seeds"]) == (0, 3, [0])


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> StandInStudy:
    """A trial whose jobs were stood in for."""
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    study = StandInStudy(tmp_path_factory.mktemp("study"), FILE)
    code, study.first = study.go()
    assert code == 0
    return study


def test_lesions_are_painted_after_the_painter_and_before_the_segmenter(finished: StandInStudy) -> None:
    order = [
        finished.first.index(f"{place}/seed_0/fold_0")
        for place in ("models/inpainter", "painted_by_network", "models/inpainted", "predictions/inpainted")
    ]
    assert order == sorted(order)


def test_the_painter_learns_from_the_training_patients_of_the_fold_alone(finished: StandInStudy) -> None:
    told = {
        name: json.loads((finished.folder / "models" / name / "seed_0/fold_1/receipt.json").read_text())["datalist"]
        for name in ("inpainter", "real", "inpainted")
    }
    assert told["inpainter"] == told["real"] == "folds/fold_1_outer.json"
    assert told["inpainted"] == "painted_by_network/seed_0/fold_1/list.json"
    painted = json.loads((finished.folder / "painted_by_blob/seed_0/fold_1/painted.json").read_text())
    assert painted["datalist"] == "folds/fold_1_outer.json"
    assert painted["filled_by"] == "blob"


def test_other_lesions_train_only_the_arms_that_have_them(finished: StandInStudy) -> None:
    assert finished.go() == (0, [])
    code, made = finished.go("painting.copies=2")
    assert code == 0
    assert {place.split("/")[1] for place in made if place.startswith("models/")} == {"inpainted", "blob"}


@pytest.fixture(scope="module")
def painter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle that paints noise, as a training leaves it."""
    folder = tmp_path_factory.mktemp("painter") / "bundle"
    source = scanfill.bundle_path("lesion_inpainting") / "configs"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    shutil.copyfile(source / "metadata.json", folder / "configs" / "metadata.json")
    parser = ConfigParser(
        ConfigParser.load_config_files([str(source / name) for name in ("inference.yaml", "small.yaml")])
    )
    ConfigParser.export_config_file(parser.get(), str(folder / "configs" / "inference.yaml"), fmt="yaml")
    torch.manual_seed(0)
    network, record = parser.get_parsed_content("network_def"), parser.get_parsed_content("record")
    stated = TrainingRecord(
        record.inputs, network, settings=record.settings, facts={"spacing": [5.0, 5.0, 5.0]}, training=[]
    )
    torch.save(weights_with_record(network.state_dict(), stated.state_dict()), folder / "models" / "model.pt")
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of four phantoms."""
    folder = tmp_path_factory.mktemp("few")
    brain_cohort(folder / "data", cases=4, size=32)
    cases = find_cases(folder / "data", MODALITIES, schema=SCHEMA)
    return write_split({"training": cases}, folder / "list.json", schema=SCHEMA)


def test_painted_cases_are_listed_after_the_real_ones(
    painter: Path, few: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lists = {}
    for filler in ("network", "blob"):
        folder = tmp_path / filler
        paint_lesions(few, folder, dataset_dir=few.parent, bundle=painter, filled_by=filler, painting={"steps": 2})
        lists[filler] = read_list(folder / "list.json", schema=SCHEMA)["training"]
        told = json.loads((folder / "painted.json").read_text())
        assert told["requested"] == 4
        assert told["made"] == [case["case_id"] for case in lists[filler] if case["synthetic"]]
        assert f"Step: {len(told['made'])} of 4 new cases were made" in capsys.readouterr().out
    for cases in lists.values():
        assert [bool(case["synthetic"]) for case in cases[:4]] == [False] * 4
        assert {case["patient"] for case in cases[4:]} <= {case["patient"] for case in cases[:4]}
    names = [{case["case_id"] for case in cases} for cases in lists.values()]
    assert names[0] == names[1]
    labels = [[read_label(case) for case in cases[4:]] for cases in lists.values()]
    assert all(torch.equal(*pair) for pair in zip(*labels, strict=True)), "the same lesions in the same places"


def read_label(case: dict[str, Any]) -> torch.Tensor:
    return torch.as_tensor(read_image(case["label"], "label"))


def test_it_is_an_error_if_no_lesion_fits_anywhere(painter: Path, few: Path, tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="No new case could be made of any of 4 training cases"):
        paint_lesions(
            few, tmp_path / "none", dataset_dir=few.parent, bundle=painter, painting={"steps": 2, "distance": 1000}
        )
    assert not (tmp_path / "none" / "list.json").exists()


def test_a_patient_without_a_new_lesion_is_named_with_the_reason() -> None:
    requests = [{"case_id": f"{name}-lesion{copy}", "patient": name} for name in ("a", "b") for copy in (1, 2)]
    failures = {"a-lesion1": "no place", "b-lesion1": "no place", "b-lesion2": "too large"}
    assert describe(requests, [requests[1]], failures) == [
        "1 of 4 new cases were made",
        "patient b has no new case, only real ones: no place; too large",
    ]


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scores that are made up: inpainted gains 0.05 in Dice, blob loses as much, lesion_mixing changes nothing."""
    options = ("folds=3", "seeds=[0, 1, 2]", "held_out=0")
    return write_study(tmp_path_factory.mktemp("trial"), *options, patients=15, file=FILE.name)


def test_the_primary_contrast_is_a_single_test(scored: Path) -> None:
    judged = judge_primary(read_study_scores(scored), "cross_validation", QUICK)
    assert list(judged.judged) == [(Cell("inpainted"), "WT")]
    assert judged.family.size == 1
    (found,) = judged.judged.values()
    assert found.verdict == "better"
    assert found.t_test.holm == found.comparison.t_test.p


def test_all_arms_and_regions_are_one_family_beside_the_primary_contrast(scored: Path) -> None:
    judged = judge_effects(read_study_scores(scored), "cross_validation", "real", "empty", QUICK)
    assert judged.family.size == 12
    verdicts = {cell.strategy: found.verdict for (cell, region), found in judged.judged.items() if region == "WT"}
    assert verdicts == {"inpainted": "better", "lesion_mixing": "undecided", "blob": "worse"}


def test_the_page_begins_with_the_primary_contrast(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    assert page.index("Dice of WT, inpainted minus real, in cross-validation: +0.0") < page.index("12 comparisons")
    assert "Every segmenter had 300 steps." in page
    assert "exploratory" in page
    for name in ("primary", "effects"):
        found = {path.suffix for path in (folder / "tables").glob(f"{name}_cross_validation.*")}
        assert found == {".csv", ".md", ".tex"}


def test_without_its_arm_there_is_no_primary_contrast(tmp_path: Path) -> None:
    options = ("folds=3", "seeds=[0]", "held_out=0", "subset.arms=[blob]")
    folder = write_study(tmp_path / "trial", *options, file=FILE.name)
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    assert "This study has no arm inpainted, so every result is exploratory." in page


def test_the_page_counts_painted_lesions_and_says_why_some_failed(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    place = folder / "painted_by_network" / "seed_0" / "fold_1"
    place.mkdir(parents=True)
    told = {"requested": 10, "made": ["a-lesion1"], "failures": {"b-lesion1": "Case b has no place."}, "seconds": 5.0}
    (place / "painted.json").write_text(json.dumps(told))
    assert [row[:3] for row in read_painted(read_study_scores(folder))] == [("inpainted", 0, 1)]
    assert "Case b has no place." in write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_trial_runs_on_phantoms(tmp_path: Path) -> None:
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    verb = [sys.executable, "-m", "scanfill", "study", str(FILE), "--smoke", "--out", str(tmp_path / "out")]
    words = [*verb, "--cores", "2", "--set", "subset.folds=[0]", "checkpoint=best", "inner_validation=0.3"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "out" / "scores" / "seed_0" / "fold_0.csv").open(newline="") as file:
        found = {row["strategy"] for row in csv.DictReader(file)}
    assert found == {"real", "inpainted", "lesion_mixing", "blob", "empty"}
    listed = json.loads((tmp_path / "out" / "painted_by_network/seed_0/fold_0/list.json").read_text())
    assert listed["validation"]
    assert not any(case.get("synthetic") for case in listed["validation"])
    assert (tmp_path / "out" / "report.html").is_file()
