"""The trial of synthetic cases for another kind of data: what it crosses, trains, refuses and says of kidneys in CT."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from monai.bundle import ConfigParser
from scipy import stats

import scanfill
from made_up_trial import write_trial
from scanfill.data import find_cases, load_schema, read_list, write_split
from scanfill.data.image import read_image
from scanfill.domains.kidney_ct.phantoms import write_abdomen_cohort
from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError, UsageError
from scanfill.studies import commands
from scanfill.studies.bundle_facts import networks_of, schema_of
from scanfill.studies.folds import divide
from scanfill.studies.kinds import kind_of_study
from scanfill.studies.kinds.synthetic_augmentation.arms import Combination, combinations, primary_of, references
from scanfill.studies.kinds.synthetic_augmentation.generator_quality import quality_table
from scanfill.studies.kinds.synthetic_augmentation.jobs import find_models, find_predictions, find_steps
from scanfill.studies.kinds.synthetic_augmentation.page import judge_arms, judge_primary
from scanfill.studies.kinds.synthetic_augmentation.painting import is_named, paint_lesions, refuse_used
from scanfill.studies.places import studies_folder
from scanfill.studies.plan import read_study
from scanfill.studies.prediction import as_given
from scanfill.studies.report import write_study_report
from scanfill.studies.run import check_scored
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.study_scores import Cell, read_study_scores
from scanfill.studies.tables.comparisons import Methods
from stand_in_study import StandInStudy

if TYPE_CHECKING:
    from pathlib import Path

FILE = studies_folder() / "synthetic_augmentation_kidney.yaml"
QUICK = Methods(Bootstrap(draws=100))
ONE = ("augmentation=geometric", "segmenter=small")


def trial_with(*settings: str, smoke: bool = False) -> dict[str, Any]:
    return read_study(FILE, settings, smoke=smoke)


def test_every_arm_is_crossed_with_every_augmentation_and_network() -> None:
    study = trial_with()
    found = combinations(study)
    assert len(found) == 5 * 2 * 4
    assert found["synthetic_only-none-heavy"] == Combination("synthetic_only", "none", "heavy", 1.0)
    assert list(found)[:2] == ["real-none-small", "synthetic-none-small"]
    assert references(study)["painted-geometric-fpn"] == "real-geometric-fpn"
    assert set(find_predictions(study)) == set(found)


def test_a_study_of_one_augmentation_and_network_is_named_by_its_arms() -> None:
    assert list(combinations(trial_with(*ONE))) == [
        "real",
        "synthetic",
        "synthetic_only",
        "painted",
        "lesion_mixing",
    ]


def test_a_curve_over_the_patients_has_a_generator_and_a_reference_of_its_own_at_each_point() -> None:
    study = trial_with(*ONE, "patients=[0.25, 1.0]", "subset.arms=[synthetic]")
    models = find_models(study)
    assert list(models) == ["real-p25", "generator_p25", "synthetic-p25", "real-p100", "generator", "synthetic-p100"]
    assert references(study) == {"synthetic-p25": "real-p25", "synthetic-p100": "real-p100"}
    assert models["generator_p25"]["patients"] == models["real-p25"]["patients"] == 0.25
    assert "patients" not in models["real-p100"]
    steps = find_steps(study)
    assert models["synthetic-p25"]["made_list"].startswith("painted_by_network_p25/")
    plan = {"study": study, "models": models, "predictions": find_predictions(study)}
    own = commands.case_list(plan, models["real-p25"], "fold_1", 2)
    assert own == commands.real_list(plan, steps["painted_by_network_p25"], "fold_1", 2)
    assert own == "folds/fold_1_p25_seed_2_outer.json"
    assert commands.fitted(plan) == ["real-p100", "synthetic-p100"]


def test_networks_are_trained_on_the_fold_or_its_new_cases_for_equally_many_steps() -> None:
    models = {name: model for name, model in find_models(trial_with()).items() if name != "generator"}
    assert {(model["options"]["max_epochs"], model["options"]["epoch_length"]) for model in models.values()} == {
        (30, 500)
    }
    assert {name for name, model in models.items() if "made_list" in model} == {
        name for name in models if name.startswith(("synthetic", "painted"))
    }
    for name, one in combinations(trial_with()).items():
        assert models[name]["overlays"] == networks_of("kidney_tumor_segmentation")[one.network]
        assert models[name]["more"][0] == f"configs/augmentation/{one.augmentation}.yaml"
    assert models["synthetic_only-none-small"]["options"]["real_share"] == 0
    assert models["synthetic_only-none-small"]["made_list"] == models["synthetic-none-small"]["made_list"]


def test_an_arm_may_have_a_generator_and_masks_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "masks").mkdir()
    arms = "arms={early: {filled_by: network, generation: {max_epochs: 1}}, far: {filled_by: network, "
    arms += f"painting: {{masks: {tmp_path / 'masks'}}}}}, synthetic: {{filled_by: network, real_share: 0.9}}}}"
    study = trial_with(*ONE, arms)
    models, steps = find_models(study), find_steps(study)
    assert models["generator_early"]["options"]["max_epochs"] == 1
    assert models["early"]["made_list"].startswith("painted_for_early/")
    assert steps["painted_for_early"]["options"]["bundle"].startswith("models/generator_early/")
    assert steps["painted_for_far"]["options"]["painting"] == {"masks": str(tmp_path / "masks"), "copies": 1}
    assert steps["painted_for_far"]["options"]["bundle"].startswith("models/generator/")
    assert models["synthetic"]["options"]["real_share"] == 0.9


def test_the_primary_contrast_is_stated_in_the_study_file() -> None:
    assert primary_of(trial_with()) == ("synthetic-geometric-small", "real-geometric-small", "tumor")
    assert primary_of(trial_with(*ONE)) == ("synthetic", "real", "tumor")
    assert primary_of(trial_with("augmentation=none")) is None
    assert primary_of(trial_with("subset.arms=[painted]")) is None


def test_both_bundles_have_the_schema_of_the_trial() -> None:
    study = trial_with()
    assert schema_of(kind_of_study(study).find_bundles(study).values()) == "kidney_ct"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        (["subset.arms=[synthetics]"], "did you mean 'synthetic"),
        (["segmenter=[small, havy]"], "segmenter .*small, light, heavy, fpn"),
        (["segmenter=[small, small]"], "list of different ones"),
        (["augmentation=[none, geometrc]"], "did you mean 'geometric'"),
        (["augmentation=mri"], "augmentation"),
        (["patients=[0, 1.0]"], "patients"),
        (["patients=[]"], "patients"),
        (["least_patients=-1"], "least_patients"),
        (["slices=maybe"], "slices"),
        (["arms={}"], "arms"),
        (["arms={real: {filled_by: network}}"], "always included"),
        (["arms={a-b: {filled_by: network}}"], "small letters"),
        (["arms={a: {filled_by: blob}}"], "cannot fill new cases by 'blob'"),
        (["arms={a: {}}"], "must state either"),
        (["arms={a: {filled_by: network, mixing: true}}"], "must state either"),
        (["arms={a: {filledby: network}}"], "did you mean 'filled_by'"),
        (["arms={a: {mixing: true, real_share: 0}}"], "no synthetic cases"),
        (["arms={a: {filled_by: network, real_share: 1.0}}"], "from 0 to below 1"),
        (["arms={a: {mixing: true, painting: {masks: own}}}"], "arms with new cases"),
        (["arms={a: {filled_by: network, generation: {epochs: 1}}}"], "has no option"),
        (["arms={a: {filled_by: network, generation: {seed: 1}}}"], "set by the study"),
        (["arms={a: {filled_by: network, painting: {copys: 1}}}"], "did you mean 'copies'"),
        (["arms={a: {filled_by: network, painting: {masks: nowhere}}}"], "folder with masks"),
        (["primary.arm=synthetics"], "did you mean"),
        (["primary.segmenter=tiny"], "primary.segmenter"),
        (["regions=[kidney]"], "must include tumor"),
        (["bundles.generation=hand_bone_segmentation"], "trial is not possible with"),
        (["bundles.segmentation=ct_label_to_image"], "trial is not possible with"),
        (["painting.filled_by=network"], "unknown option painting"),
        (["judged=[kit]"], "did you mean 'kid'"),
        (["judging.segmenter_step=1"], "did you mean 'segmenter_steps'"),
        (["judging.evaluate_on=training"], "unknown option judging"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(settings: list[str], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        trial_with(*settings)


def test_images_without_slices_cannot_be_scored_slice_by_slice() -> None:
    schema = load_schema("kidney_ct")
    flat = replace(schema, spatial_dims=2, single_slices=False)
    check_scored(trial_with(), schema)
    with pytest.raises(UsageError, match="only volumes have slices"):
        check_scored(trial_with(), flat)
    check_scored(trial_with("slices=false"), flat)


OPTIONS = {"folds": 3, "held_out": 0.2, "split_seed": 0, "inner_validation": 0.2, "checkpoint": "best"}


@given(st.integers(12, 30), st.integers(0, 3))
def test_shares_of_the_patients_are_nested_and_never_scored(patients: int, seed: int) -> None:
    cases = [{"case_id": f"p{number}_{visit}", "patient": f"p{number}"} for number in range(patients) for visit in "ab"]
    lists = divide(cases, OPTIONS | {"seeds": [seed], "patients": [0.25, 0.5, 1.0]})
    for fold in range(3):
        names = [f"fold_{fold}_p25_seed_{seed}_outer", f"fold_{fold}_p50_seed_{seed}_outer", f"fold_{fold}_outer"]
        quarter, half, every = ({case["case_id"] for case in lists[name]["training"]} for name in names)
        assert quarter < half < every
        assert abs(len(half) - len(every) / 2) <= 2  # whole patients, of two cases each
        inner = lists[f"fold_{fold}_p50_seed_{seed}_inner_share"]
        assert {case["case_id"] for part in inner.values() for case in part} == half


def test_a_new_case_with_the_mask_of_a_patient_to_be_evaluated_is_refused() -> None:
    judged = [{"case_id": "kits19_case_00108_slice_064", "patient": "case_00108"}]
    request = {"case_id": "a-drawn1", "patient": "case_00007", "mask_of": "/masks/case_00004_segmentation.nii.gz"}
    refuse_used(judged, [request], "/masks")
    with pytest.raises(CaseError, match=r"the mask case_00108_segmentation\.nii\.gz, who is to be evaluated"):
        refuse_used(judged, [request | {"mask_of": "/masks/case_00108_segmentation.nii.gz"}], "/masks")
    with pytest.raises(CaseError, match="patient 'case_00108', who is to be evaluated"):
        refuse_used(judged, [request | {"patient": "case_00108"}], "")


@pytest.mark.parametrize(
    ("name", "file", "named"),
    [
        ("case_1", "case_1_seg.nii.gz", True),
        ("case_1", "case_12_seg.nii.gz", False),
        ("case_1", "kits_case_1.png", True),
        ("1", "1/12.png", True),
        ("12", "1/12.png", False),
    ],
)
def test_a_name_is_found_in_that_of_a_file_as_a_whole(name: str, file: str, named: bool) -> None:
    assert is_named(name, file) is named


@pytest.fixture(scope="module")
def abdomens(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("abdomens")
    write_abdomen_cohort(folder / "data", cases=5, size=48, seed=0)
    return find_cases(folder / "data", ["ct"], schema=load_schema("kidney_ct"))


@pytest.fixture(scope="module")
def generator(abdomens: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An untrained bundle that draws noise, as a training on two of the patients leaves it, and lists of two folds."""
    patients = sorted({case["patient"] for case in abdomens})
    learned = [case for case in abdomens if case["patient"] in patients[:2]]
    others = [case for case in abdomens if case["patient"] not in patients[:2]]
    folder = tmp_path_factory.mktemp("generator") / "bundle"
    source = scanfill.bundle_path("ct_label_to_image") / "configs"
    (folder / "configs").mkdir(parents=True)
    (folder / "models").mkdir()
    shutil.copyfile(source / "metadata.json", folder / "configs" / "metadata.json")
    parser = ConfigParser(ConfigParser.load_config_file(str(source / "inference.yaml")))
    parser.update({"image_size": 128, "network_def#filters": 2})
    ConfigParser.export_config_file(parser.get(), str(folder / "configs" / "inference.yaml"), fmt="yaml")
    network, record = parser.get_parsed_content("network_def"), parser.get_parsed_content("record")
    stated = TrainingRecord(record.inputs, network, settings=record.settings, training=learned)
    torch.save(weights_with_record(network.state_dict(), stated.state_dict()), folder / "models" / "model.pt")
    schema = load_schema("kidney_ct")
    write_split({"training": learned}, folder / "fold_0_outer.json", schema=schema)
    write_split({"training": learned, "validation": others}, folder / "fold_0.json", schema=schema)
    write_split({"training": others, "validation": learned}, folder / "fold_1.json", schema=schema)
    return folder


def test_network_and_painter_fill_the_same_masks_of_training_patients(generator: Path, tmp_path: Path) -> None:
    labels = []
    for filler in ("network", "painted"):
        told = {"evaluated": generator / "fold_0.json", "filled_by": filler, "painting": {"masks": "moved"}}
        place = {"dataset_dir": generator, "bundle": generator}
        paint_lesions(generator / "fold_0_outer.json", tmp_path / filler, **place, **told)
        cases = read_list(tmp_path / filler / "list.json", schema=load_schema("kidney_ct"))["training"]
        made = {case["case_id"]: case for case in cases if case["synthetic"]}
        real = [case for case in cases if not case["synthetic"]]
        assert cases[: len(real)] == real
        assert {case["patient"] for case in made.values()} <= {case["patient"] for case in real}
        labels.append(
            {
                name: torch.as_tensor(read_image(case["label"], "label", single_slices=True))
                for name, case in made.items()
            }
        )
    assert labels[0].keys() == labels[1].keys() != set()
    assert all(torch.equal(label, labels[1][name]) for name, label in labels[0].items())


def test_a_generator_that_knows_a_patient_to_be_evaluated_is_refused(generator: Path, tmp_path: Path) -> None:
    place = {"dataset_dir": generator, "bundle": generator, "evaluated": generator / "fold_1.json"}
    with pytest.raises(CaseError, match=r"Generator .* was trained on (\d) of the \1 cases to be evaluated"):
        paint_lesions(generator / "fold_0_outer.json", tmp_path / "made", **place)
    assert not (tmp_path / "made" / "list.json").exists()


def test_a_patient_on_both_sides_of_a_fold_is_refused(abdomens: list[dict[str, Any]], tmp_path: Path) -> None:
    schema, (first, *_, last) = load_schema("kidney_ct"), abdomens
    write_split({"training": [first], "validation": [last]}, tmp_path / "apart.json", schema=schema)
    read_list(tmp_path / "apart.json", schema=schema)
    listed = json.loads((tmp_path / "apart.json").read_text())
    listed["validation"][0]["patient"] = listed["training"][0]["patient"]
    (tmp_path / "both.json").write_text(json.dumps(listed))
    with pytest.raises(CaseError, match=r"is in training .* and in validation"):
        read_list(tmp_path / "both.json", schema=schema)


def test_a_synthetic_slice_is_never_evaluated(abdomens: list[dict[str, Any]]) -> None:
    schema = load_schema("kidney_ct")
    assert as_given(abdomens[0], schema)["case_id"] == abdomens[0]["case_id"]
    with pytest.raises(CaseError, match="is synthetic"):
        as_given(abdomens[0] | {"synthetic": ["ct", "label"]}, schema)


def test_a_slice_gets_a_tumor_of_another_training_patient(abdomens: list[dict[str, Any]]) -> None:
    configs = scanfill.bundle_path("kidney_tumor_segmentation") / "configs"
    files = [configs / "train.yaml", studies_folder().with_name("augmentation") / "none.yaml"]
    parser = ConfigParser(ConfigParser.load_config_files([str(file) for file in files]))
    mixing = ConfigParser.load_config_file(str(studies_folder() / "mix_lesions.yaml"))
    parser.update({"cases": {"training": abdomens, "validation": []}, "real_share": 0.001})
    parser.update({"image_size": 48, "patch_size": [48, 48]})
    parser["cropping"] = [*parser["cropping"], *mixing["+cropping"]]
    parser["mixed"] = {"_target_": "Compose", "transforms": "$@cropping"}
    chain = str(parser["train#preprocessing#transforms"]).partition(" + @cropping")[0]
    parser["slices"] = {"_target_": "scanfill.data.MappedDataset", "data": "$@cases['training']"}
    parser["slices#transform"] = {"_target_": "Compose", "transforms": chain}
    slices, mixed = parser.get_parsed_content("slices"), parser.get_parsed_content("mixed")
    slices.transform.set_random_state(0)
    mixed.set_random_state(0)
    patients = {case["case_id"]: case["patient"] for case in abdomens}
    pasted = []
    for number in range(20):
        (before,) = slices[number % len(abdomens)]
        after = mixed(before)
        assert after["image"].shape == after["target"].shape == (1, 48, 48)
        record = after["pasted"]
        if record["voxels"]:
            assert patients[record["donor"]] != patients[after["case_id"]]
            assert not torch.equal(after["image"], before["image"])
            pasted.append(record["labels"])
    assert any("2" in labels.split() for labels in pasted)
    with pytest.raises(UsageError, match="not one of the 1 training cases"):
        mixed.transforms[-1].__class__(["image"], "target", parser.get_parsed_content("donors"), abdomens[:1])


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made-up scores: synthetic gains 0.05 in Dice of the tumor with any augmentation, painted loses as much."""
    settings = ("segmenter=[small, light]", "held_out=0", "folds=3")
    return write_trial(tmp_path_factory.mktemp("trial"), trial_with(*settings), patients=15)


def test_each_arm_is_compared_with_real_cases_of_the_same_augmentation_and_network(scored: Path) -> None:
    judged = judge_arms(read_study_scores(scored), "cross_validation", QUICK)
    assert judged.family.size == 4 * 2 * 2 * 2
    found = {cell.strategy: one for (cell, region), one in judged.judged.items() if region == "tumor"}
    assert len(found) == 16
    assert found["synthetic-none-light"].comparison.pairs.reference == "real-none-light"
    assert {found[name].verdict for name in found if name.startswith("synthetic-")} == {"better"}
    assert {found[name].verdict for name in found if name.startswith("painted")} == {"worse"}


def test_the_page_states_the_primary_contrast_and_explains_arms_and_regions(scored: Path) -> None:
    page = write_study_report(scored, methods=QUICK).read_text(encoding="utf-8")
    assert "Dice of tumor, synthetic-geometric-small minus real-geometric-small, in cross-validation: +0.0" in page
    assert "Smallest detectable difference: 0.0" in page
    assert "kidney and tumor: kidney and tumor." not in page
    assert "synthetic_only: new cases alone, by ct_label_to_image, trained on the same patients." in page
    assert "empty: the score of a prediction without any label" in page
    names = {path.name for path in (scored / "figures").glob("boxes_*.svg")}
    assert "boxes_cross_validation-geometric-light.svg" in names
    with (scored / "tables" / "effects_cross_validation.csv").open(newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [row["arm"] for row in rows[:2]] == ["real-none-small", "synthetic-none-small"]
    assert rows[-1]["arm"] == "empty"


def test_the_figures_of_a_generator_stand_beside_what_its_cases_add_in_each_fold(tmp_path: Path) -> None:
    study = trial_with(*ONE, "held_out=0", "folds=3", "seeds=[0, 1]", "subset.arms=[synthetic, painted]")
    folder = write_trial(tmp_path, study)
    for fold, seed in product(range(3), range(2)):
        place = folder / "judged_generator" / f"seed_{seed}" / f"fold_{fold}"
        place.mkdir(parents=True)
        rows = {"network": {"kid": 0.1 + fold, "dice_tumor": None}, "painted": {"kid": 2.0}}
        (place / "judgement.json").write_text(json.dumps({"rows": rows}))
    scores = read_study_scores(folder)
    (table,) = quality_table(scores, "cross_validation", QUICK)
    own = [row for row in table.rows if row[0] == "synthetic"]
    assert [row[:3] for row in own[:-2]] == [["synthetic", seed, fold] for seed in (0, 1) for fold in (0, 1, 2)]
    kid, gain = table.columns.index("kid"), len(table.columns) - 1
    assert [row[kid] for row in own[:3]] == [0.1, 1.1, 2.1]
    assert all(0.02 < row[gain] < 0.08 for row in own[:-1])  # what the scores were made with: 0.05
    assert own[-2][1] == "mean"
    assert own[-2][gain] == pytest.approx(sum(row[gain] for row in own[:6]) / 6)
    assert own[-1][1] == "correlation"
    assert own[-1][kid].value == pytest.approx(
        stats.spearmanr([0.1, 1.1, 2.1] * 2, [r[gain] for r in own[:6]]).statistic
    )
    assert own[0][table.columns.index("Dice of tumor drawn")] is None
    assert all(row[kid] == 2.0 for row in table.rows if row[0] == "painted" and row[1] in (0, 1))
    assert not quality_table(scores, "held_out", QUICK)


def test_a_generator_is_judged_on_the_patients_of_its_fold_and_the_page_needs_the_result() -> None:
    study = trial_with("patients=[0.5, 1.0]")
    steps = find_steps(study)
    judged = steps["judged_generator_p50"]
    assert judged["patients"] == 0.5
    assert judged["options"]["evaluated"] == "folds/{fold}.json"
    plan = {"study": study, "steps": steps, "models": find_models(study)}
    assert "judged_generator/seed_2/fold_4/judgement.json" in commands.scores(plan)
    assert not any(file.startswith("painted_") for file in commands.scores(plan))
    assert not any(name.startswith("judged") for name in find_steps(trial_with("judged=[]")))


def test_few_patients_get_no_verdict(tmp_path: Path) -> None:
    settings = (*ONE, "held_out=0", "folds=3")
    folder = write_trial(tmp_path / "trial", trial_with(*settings), patients=9)
    judged = judge_primary(read_study_scores(folder), "cross_validation", QUICK)
    assert judged is not None
    (found,) = judged.judged.values()
    assert found.verdict == "withheld"
    assert "9 different patients" in found.why
    every = judge_arms(read_study_scores(folder), "cross_validation", QUICK).judged.values()
    assert {one.verdict for one in every} == {"withheld"}
    folder = write_trial(tmp_path / "more", trial_with(*settings, "least_patients=9"), patients=9)
    judged = judge_primary(read_study_scores(folder), "cross_validation", QUICK)
    assert judged is not None
    assert next(iter(judged.judged.values())).verdict == "better"


def test_several_slices_of_a_patient_count_once(tmp_path: Path) -> None:
    folder = write_trial(tmp_path / "trial", trial_with(*ONE, "held_out=0", "folds=3"), patients=12)
    file = folder / "scores" / "seed_0" / "fold_0.csv"
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    patient = rows[0]["patient"]
    before = read_study_scores(folder)
    own = [row for row in rows if row["patient"] == patient]
    extra = [row | {"case_id": f"{row['case_id']}_{more}"} for row in own for more in "abc"]
    for seed in (0, 1, 2):
        path = folder / "scores" / f"seed_{seed}" / "fold_0.csv"
        with path.open("a", newline="") as opened:
            csv.DictWriter(opened, list(rows[0])).writerows([row | {"seed": seed} for row in extra])
    after = read_study_scores(folder)
    means = []
    for scores in (before, after):
        judged = judge_primary(scores, "cross_validation", QUICK)
        assert judged is not None
        means.append(judged.judged[Cell("synthetic"), "tumor"].comparison)
    assert len(means[0].pairs.patients) == len(means[1].pairs.patients) == 12
    assert means[1].values.mean == pytest.approx(means[0].values.mean, abs=0.02)


def test_the_plan_is_written_as_data() -> None:
    study = trial_with(smoke=True)
    plan = {"study": study, "models": find_models(study), "predictions": find_predictions(study)}
    assert json.loads(json.dumps(plan)) == plan
    files = commands.scores(plan)
    assert "slices/seed_0/fold_1.csv" in files
    assert "fit/seed_0/fold_1.csv" in files


def test_the_workflow_scores_slices_and_training_patients_and_trains_on_shares_of_them(tmp_path: Path) -> None:
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    settings = ("slices=true", "fit=true", "patients=[0.5, 1.0]", "subset.arms=[inpainted]", "subset.folds=[0]")
    study = StandInStudy(tmp_path, studies_folder() / "synthetic_augmentation.yaml", *settings)
    code, made = study.go()
    assert code == 0
    assert {place for place in made if place.startswith(("slices/", "fit/"))} == {
        "slices/seed_0/fold_0.csv",
        "fit/seed_0/fold_0.csv",
        "fit/predictions/real-p100/seed_0/fold_0",
        "fit/predictions/inpainted-p100/seed_0/fold_0",
    }
    lists = {
        name: json.loads((study.folder / place).read_text())["datalist"]
        for name, place in (
            ("inpainter_p50", "models/inpainter_p50/seed_0/fold_0/receipt.json"),
            ("real-p50", "models/real-p50/seed_0/fold_0/receipt.json"),
            ("painted", "painted_by_network_p50/seed_0/fold_0/painted.json"),
            ("fit", "fit/predictions/real-p100/seed_0/fold_0/receipt.json"),
        )
    }
    half = "folds/fold_0_p50_seed_0_outer.json"
    assert lists == {"inpainter_p50": half, "real-p50": half, "painted": half, "fit": "folds/fold_0_outer.json"}
    learned, every = (
        {case["patient"] for case in json.loads((study.folder / place).read_text())["training"]}
        for place in (half, "folds/fold_0_outer.json")
    )
    assert learned < every
    told = json.loads((study.folder / "fit/predictions/real-p100/seed_0/fold_0/receipt.json").read_text())
    assert told["parts"] == "['training']"
    assert "slices.yaml" in json.loads((study.folder / "slices/seed_0/fold_0.csv").read_text())["config_file"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_whole_trial_runs_on_phantoms_from_one_command(tmp_path: Path) -> None:
    pytest.importorskip("snakemake", reason="the extra `studies` is not installed")
    verb = [sys.executable, "-m", "scanfill", "study", str(FILE), "--smoke", "--out", str(tmp_path / "out")]
    words = [*verb, "--cores", "2", "--set", "subset.folds=[0]"]
    done = subprocess.run(words, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    arms = ("real", "synthetic", "synthetic_only", "painted", "lesion_mixing")
    strategies = {f"{arm}-{augmentation}" for arm in arms for augmentation in ("none", "geometric")}
    for folder, more in (("scores", {"empty"}), ("slices", {"empty"}), ("fit", set())):
        with (tmp_path / "out" / folder / "seed_0" / "fold_0.csv").open(newline="") as file:
            assert {row["strategy"] for row in csv.DictReader(file)} == strategies | more
    folders = [tmp_path / "out" / step / "seed_0" / "fold_0" for step in ("painted_by_network", "painted_by_painted")]
    listed = [json.loads((folder / "list.json").read_text())["training"] for folder in folders]
    made = [[case["case_id"] for case in cases if case.get("synthetic")] for cases in listed]
    assert made[0]
    assert made[0] == made[1]
    judgement = tmp_path / "out" / "judged_generator" / "seed_0" / "fold_0" / "judgement.json"
    assert json.loads(judgement.read_text())["rows"]["network"].keys() >= set(trial_with()["judged"])
    assert (tmp_path / "out" / "tables" / "generator_quality_cross_validation.csv").is_file()
    assert (tmp_path / "out" / "report.html").is_file()
