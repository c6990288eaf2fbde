"""The trial of single augmentations for the bones of the hand: one training, three ways of scoring."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.data import MetaTensor
from monai.transforms import Flip, Rotate90d, SpatialPadd

from made_up_study import write_study
from scanfill.data import load_schema, read_list
from scanfill.data.pages import write_pages
from scanfill.domains.hand_xray.bones import BONES
from scanfill.domains.hand_xray.phantoms import write_hand_cohort
from scanfill.errors import CaseError, UsageError
from scanfill.studies import commands
from scanfill.studies.fold_scores import score_fold, truth_of
from scanfill.studies.kinds.augmentation import LEFT_BEHIND, find_models, find_predictions
from scanfill.studies.kinds.augmentation.curves import draw_curves, mean_curve, read_curves
from scanfill.studies.kinds.augmentation.labels_left_behind import LabelsLeftBehind, MovedImages
from scanfill.studies.kinds.augmentation.three_scorings import find_scorings, scoring_table
from scanfill.studies.plan import read_study
from scanfill.studies.report import write_study_report
from scanfill.studies.run import make_phantoms, write_plan
from scanfill.studies.statistics import Bootstrap
from scanfill.studies.study_scores import Cell, StudyScores, read_study_scores
from scanfill.studies.tables.comparisons import Methods

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE = "augmentation_hand.yaml"
SINGLE = ["center_crop", "noise", "blur", "contrast", "brightness_contrast", "clahe", "rotate", "shift_scale_rotate"]
SINGLE += ["flip", "sobel"]
QUICK = Methods(Bootstrap(draws=100))


@pytest.mark.parametrize("file", [FILE, "augmentation_hand_small.yaml"])
def test_ten_augmentations_are_compared_with_none_in_ten_contrasts(file: str) -> None:
    study = read_study(file)
    assert list(find_models(study)) == ["none", *SINGLE]
    assert (study["folds"], study["seeds"], study["regions"]) == (3, [0, 1], ["all"])
    plan = {"study": study, "models": find_models(study)}
    assert len(commands.trainings(plan)) == 66


def test_the_small_trial_has_three_hundred_steps_of_128_pixels() -> None:
    study = read_study("augmentation_hand_small.yaml")
    assert (study["steps"], study["segmentation"]["image_size"]) == (300, 128)


def test_seconds_a_step_are_of_the_networks_of_the_bundle() -> None:
    assert read_study(FILE, ["seconds_a_step.unetpp=0.2"])["seconds_a_step"]["unetpp"] == 0.2
    with pytest.raises(UsageError, match="unetpp"):
        read_study(FILE, ["seconds_a_step.deepmedic=1"])


def test_a_validation_curve_is_drawn_on_patients_that_are_not_trained_on_or_scored() -> None:
    study = read_study(FILE)
    plan = {"study": study, "models": find_models(study), "without_labels_option": ["hand_bone_segmentation"]}
    model = plan["models"]["rotate"]
    assert model["more"] == ["configs/augmentation/single/rotate.yaml"]
    assert commands.case_list(plan, model, "fold_1", 0) == "folds/fold_1_inner_share.json"
    options = commands.training_options(plan, "rotate", "fold_1", 0)
    assert (options["val_interval"], options["weights"]) == (5, "last")
    assert "validation" not in options
    assert "labels" not in options


def test_no_way_of_scoring_changes_a_training() -> None:
    alone = read_study(FILE, ["with_bug=false"])
    ways = read_study(FILE, ["with_bug=true", "other_dataset_dir=/data/others"])
    plans = [{"study": study, "models": find_models(study)} for study in (alone, ways)]
    assert plans[0]["models"] == plans[1]["models"]
    options = [commands.training_options(plan, "flip", "fold_0", 1) for plan in plans]
    assert options[0] == options[1]
    assert [len(find_predictions(study)["flip"]["tasks"]) for study in (alone, ways)] == [1, 2]


def test_only_validation_images_are_augmented_with_labels_left_behind() -> None:
    honest, bug = find_predictions(read_study(FILE))["rotate"]["tasks"]
    assert [commands.predicts(honest, part) for part in ("validation", "test")] == [True, True]
    assert [commands.predicts(bug, part) for part in ("validation", "test")] == [True, False]
    assert (honest["task"], bug["task"]) == ("", LEFT_BEHIND)
    assert honest["model"] == bug["model"] == "rotate"


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("validate_every=3", r"epochs \(=110\) must be a multiple of validate_every \(=3\)"),
        ("validate_every=0", "validate_every"),
        ("validate_every=often", "validate_every"),
        ("with_bug=yes please", "with_bug"),
        ("with_bug=1", "with_bug"),
        ("other_dataset_dir=3", r"other_dataset_dir \(=3\) must be a folder"),
        ("held_out=0.2 other_dataset_dir=/data", r"held_out \(=0.2\) must be 0"),
        ("segmenter=unet", "unetpp"),
        ("subset.presets=[rotat]", "did you mean 'rotate'"),
        ("subset.presets=[mri]", "does not suit hand_bone_segmentation"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(setting: str, told: str) -> None:
    settings = setting.split(" ") if " other" in setting else [setting]
    with pytest.raises(UsageError, match=told):
        read_study(FILE, settings)


def test_what_changes_images_before_normalization_cannot_be_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: True)
    with pytest.raises(UsageError, match=r"with_bug \(=true\): 'mri_artifacts' changes images before"):
        read_study("augmentation.yaml", ["subset.presets=[mri_artifacts, nnunet]", "with_bug=true"])


def test_all_presets_are_not_single_augmentations() -> None:
    study = read_study(FILE, ["subset.presets=all"])
    assert set(study["subset"]["presets"]) == {"none", "nnunet", "strong_elastic", "xray"}


@pytest.fixture(scope="module")
def hands(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Phantoms of six persons, and of two others who are taken otherwise."""
    folder = tmp_path_factory.mktemp("hands")
    write_hand_cohort(folder / "own", cases=6, size=64)
    write_hand_cohort(folder / "others", cases=2, size=64, seed=1000, randomized=True)
    return folder / "own", folder / "others"


def plan_of(out: Path, hands: tuple[Path, Path], *settings: str, other: bool = True) -> dict[str, Any]:
    others = [f"other_dataset_dir={hands[1]}"] if other else []
    return write_plan(read_study("augmentation_hand_small.yaml", [*others, *settings]), out, hands[0])


def test_the_other_data_set_is_the_test_of_every_fold(hands: tuple[Path, Path], tmp_path: Path) -> None:
    plan = plan_of(tmp_path, hands)
    assert plan["patients"] == {"training": 4, "validation": 2, "test": 2}
    for fold in range(3):
        split = read_list(tmp_path / "folds" / f"fold_{fold}.json", schema="hand_xray")
        assert {case["patient"] for case in split["test"]} == {"ID1000-001", "ID1000-002"}
        assert all(Path(case["xray"]).is_relative_to(hands[1]) for case in split["test"])
        assert len(split["validation"]) == 4
    assert "scores/seed_0/ensemble.csv" in commands.scores(plan)
    assert plan["without_labels_option"] == ["hand_bone_segmentation"]
    assert (tmp_path / "configs" / "augmentation" / "single" / "rotate.yaml").is_file()


def test_a_person_who_is_in_both_sets_is_refused(hands: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="ID001"):
        plan_of(tmp_path, (hands[0], hands[0]))


def test_another_data_set_may_be_added_to_a_study_but_not_exchanged(hands: tuple[Path, Path], tmp_path: Path) -> None:
    plan_of(tmp_path, hands, other=False)
    training = (tmp_path / "folds" / "fold_0_inner_share.json").stat().st_mtime_ns
    plan_of(tmp_path, hands)
    assert (tmp_path / "folds" / "fold_0_inner_share.json").stat().st_mtime_ns == training
    write_hand_cohort(tmp_path / "third", cases=2, size=64, seed=2000)
    with pytest.raises(UsageError, match="different other images"):
        plan_of(tmp_path, (hands[0], tmp_path / "third"))


def test_a_region_that_the_hand_does_not_have_is_refused(hands: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"hand_xray has no region 'WT'.*all"):
        plan_of(tmp_path, hands, "regions=[finger-1, WT]")


def test_phantoms_stand_for_the_other_data_set_of_a_smoke_study(tmp_path: Path) -> None:
    study = read_study(FILE, ["other_phantoms={seed: 1000, randomized: true, cases: 1}"], smoke=True)
    folder = make_phantoms(study, tmp_path / "other", study["other_phantoms"])
    assert sorted(path.name for path in folder.glob("DCM/*/*.png")) == ["ID1000-001_L.png", "ID1000-001_R.png"]
    with pytest.raises(UsageError, match=r"no option --pose"):
        make_phantoms(study, tmp_path / "third", {"pose": 1})


def predicted(folder: Path, data: Path, *, wrong: str = "") -> list[dict[str, str]]:
    """Score predictions that are the truth, except for one bone that is not found, in both tasks."""
    schema = load_schema("hand_xray")
    split = read_list(folder / "folds" / "fold_0.json", data, ["xray"], schema=schema)
    tasks = find_predictions(read_study(FILE))["none"]["tasks"]
    for part in ("validation", "test"):
        for case in split[part]:
            masks = np.asarray(truth_of(case, schema))
            masks = np.where(np.array([name == wrong for name in BONES])[:, None, None], 0, masks).astype(np.uint8)
            for task in tasks if part == "validation" else tasks[:1]:
                place = folder / "p" / task["folder"] / case["case_id"]
                place.mkdir(parents=True, exist_ok=True)
                write_pages(place / f"{case['case_id']}_seg.tif", masks)
    models = {"none": {"training": {"cases": [], "patients": []}}}
    (folder / "p" / "receipt.json").write_text(json.dumps({"models": models, "tasks": tasks}))
    out = folder / "scores.csv"
    where = {"dataset_dir": data, "schema": "hand_xray", "seed": 0, "fold": 0}
    score_fold(folder / "folds" / "fold_0.json", {"none": folder / "p"}, out, **where)
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_overlapping_bones_are_scored_with_their_mean(hands: tuple[Path, Path], tmp_path: Path) -> None:
    plan_of(tmp_path, hands)
    rows = predicted(tmp_path, hands[0], wrong="finger-3")
    assert sorted((row["evaluation"], row["task"]) for row in rows) == sorted(
        [("cross_validation", ""), ("cross_validation", LEFT_BEHIND)] * 4 + [("held_out", "")] * 4
    )
    for row in rows:
        assert {float(row[f"dice_{bone}"]) for bone in BONES if bone != "finger-3"} == {1.0}
        assert float(row["dice_finger-3"]) == 0
        assert float(row["dice_all"]) == pytest.approx(28 / 29, rel=1e-5)  # six digits in the file
        assert float(row["hd95_all"]) == pytest.approx(np.hypot(64, 64) / 29, rel=1e-5)


def moved(prob: float = 1.0, **changes: Any) -> MovedImages:
    return MovedImages([Rotate90d(keys=["image", "target"])] if prob else [], changes.get("keys", ["image"]), seed=0)


def test_nothing_but_values_tells_of_a_moved_image() -> None:
    image = Flip(0)(MetaTensor(torch.rand(1, 4, 4)))
    result = moved()({"image": image, "case_id": "a"})
    assert torch.equal(result["image"].as_tensor(), torch.rot90(image.as_tensor(), 1, (1, 2)))
    assert result["image"].applied_operations == image.applied_operations
    assert len(image.applied_operations) == 1
    assert torch.equal(result["image"].affine, image.affine)
    assert torch.equal(moved(prob=0)({"image": image})["image"], image)


def test_images_that_cannot_be_moved_are_told() -> None:
    with pytest.raises(UsageError, match="inference has no 't1'"):
        moved(keys=["t1"])({"image": torch.zeros(1, 4, 4)})
    wide = MovedImages([SpatialPadd("image", (6, 6))], ["image"], seed=0)
    with pytest.raises(UsageError, match=r"size of an image from \(1, 4, 4\) to \(1, 6, 6\)"):
        wide({"image": torch.zeros(1, 4, 4)})


def test_images_are_moved_for_the_task_of_labels_left_behind_alone(hands: tuple[Path, Path], tmp_path: Path) -> None:
    config = {"augmentation": [{"_target_": "Rotate90d", "keys": "@image_keys"}], "image_keys": ["image"]}
    config |= {"schema": {"_target_": "scanfill.data.load_schema", "name": "hand_xray"}}
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "train.yaml").write_text(json.dumps(config))
    predictor: Any = SimpleNamespace(
        model=SimpleNamespace(folder=tmp_path), dataset=SimpleNamespace(transform=lambda case: case)
    )
    plan_of(tmp_path, hands)
    cases = read_list(tmp_path / "folds" / "fold_0.json", hands[0], ["xray"], schema="hand_xray")["validation"]
    prepare, plain = LabelsLeftBehind("3"), predictor.dataset.transform
    assert prepare.seed == 3
    given = prepare(cases, {"task": ""}, predictor)
    assert predictor.dataset.transform is plain
    assert [case["case_id"] for case in given.cases] == [case["case_id"] for case in cases]
    assert not any("label" in case for case in given.cases)
    prepare(cases, {"task": LEFT_BEHIND}, predictor)
    image = torch.arange(4.0).reshape(1, 2, 2)
    assert torch.equal(predictor.dataset.transform({"image": image})["image"], torch.rot90(image, 1, (1, 2)))
    prepare.clear()
    assert predictor.dataset.transform is plain


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made-up trial: mri gains 0.05 in Dice, strong_elastic loses it, and with labels left behind both lose 0.3."""
    options = ("subset.presets=[mri, strong_elastic]", "folds=3", "seeds=[0, 1, 2]", "held_out=0", "validate_every=5")
    options += ("with_bug=true", "other_dataset_dir=/data/others")
    return write_study(tmp_path_factory.mktemp("trial"), *options, patients=15, file="augmentation.yaml")


def test_the_three_ways_of_scoring_stand_side_by_side(scored: Path) -> None:
    found = find_scorings(read_study_scores(scored), QUICK)
    assert [each.name for each in found] == ["honest", LEFT_BEHIND, "other data"]
    table = scoring_table(found)
    assert [row[0] for row in table.rows] == ["none", "mri", "strong_elastic"]
    verdicts = dict(zip(table.columns, table.rows[1], strict=True))
    assert verdicts["verdict, honest, WT"] == verdicts["verdict, other data, WT"] == "better"
    assert verdicts[f"verdict, {LEFT_BEHIND}, WT"] == "worse"
    assert all(each.judged.family.size == 8 for each in found), "two presets and four regions, each way for itself"


def test_the_page_begins_with_the_three_ways_and_shows_every_curve(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    page = write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")
    texts = ("scored in three ways", "Cross-validation: how to read it", "Validation curves")
    places = [page.index(text) for text in texts]
    assert places == sorted(places)
    assert "Check: the scores of none are identical with and without labels left behind." in page
    assert "These patients are those of another data set, /data/others." in page
    assert {"curves.svg", "scorings.svg"} <= {path.name for path in (folder / "figures").iterdir()}
    assert {"scorings.csv", "left_behind_cross_validation.csv"} <= {path.name for path in (folder / "tables").iterdir()}


def test_other_scores_of_the_network_without_augmentation_are_told(scored: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(scored, tmp_path / "copy")
    file = folder / "scores" / "seed_0" / "fold_0.csv"
    lines = file.read_text().splitlines()
    place = next(number for number, line in enumerate(lines) if f",none,{LEFT_BEHIND}," in line)
    values = lines[place].split(",")
    values[lines[0].split(",").index("dice_WT")] = "0.123"
    file.write_text("\n".join([*lines[:place], ",".join(values), *lines[place + 1 :]]) + "\n")
    assert "SOMETHING IS WRONG" in write_study_report(folder, methods=QUICK).read_text(encoding="utf-8")


def test_curves_are_of_every_training_and_their_mean_is_drawn(scored: Path) -> None:
    curves = read_curves(read_study_scores(scored))
    assert {name: len(own) for name, own in curves.items()} == {"none": 9, "mri": 9, "strong_elastic": 9}
    assert [step for step, _ in curves["mri"][0]] == [100.0, 200.0, 300.0]
    assert mean_curve([[(1, 0.2), (2, 0.4)], [(1, 0.4), (3, 1.0)]]) == [(1, pytest.approx(0.3))]
    figure = draw_curves(curves, "made up")
    assert [axis.get_title() for axis in figure.axes] == ["mri", "none", "strong_elastic"]


def scores_about(schema: str | Mapping[str, Any]) -> StudyScores:
    return StudyScores(Path(), {}, {"schema": schema}, [], (0,), (0,))


def test_distances_are_in_pixels_where_no_size_of_pixels_is_known() -> None:
    assert scores_about("hand_xray").distance_unit == "pixels"
    assert scores_about("brain_mri").distance_unit == scores_about("kidney_ct").distance_unit == "mm"


def test_a_task_of_validation_alone_is_not_missed_in_the_test(scored: Path) -> None:
    scores = read_study_scores(scored)
    bug = Cell("mri", LEFT_BEHIND)
    assert bug in scores.planned_in("cross_validation")
    assert bug not in scores.planned_in("held_out")
    assert not scores.absent
