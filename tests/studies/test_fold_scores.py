"""Scores of what was predicted: complete, on the truth's grid, and never of a patient who was learned from."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import nibabel as nib
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image

from scanfill.data import load_schema, write_split
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import CaseError, UsageError
from scanfill.studies.fold_scores import majority, score_ensemble, score_fold, score_fold_slices

if TYPE_CHECKING:
    from pathlib import Path

SHAPE = (6, 6, 6)
TASK = {"strategy": "zero", "task": "without flair", "folder": "flair", "model": "s"}


def save(path: Path, values: Any) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(values.astype(np.float32), np.eye(4)), path)
    return str(path)


def cube(label: int, start: int = 1) -> Any:
    values = np.zeros(SHAPE)
    values[start : start + 3, 1:4, 1:4] = label
    return values


def make_case(folder: Path, name: str) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    paths = {key: save(folder / name / f"{name}_{key}.nii.gz", rng.uniform(100, 200, SHAPE)) for key in MODALITIES}
    label = save(folder / name / f"{name}_seg.nii.gz", cube(2))
    about = {"label": label, "label_convention": "brats", "output_labels": "brats", "synthetic": []}
    return {"case_id": name, "patient": name, **paths, **about}


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """One fold with a patient in each part, predicted by one strategy."""
    cases = {name: make_case(tmp_path / "data", name) for name in ("learned", "judged", "held")}
    split = {"training": [cases["learned"]], "validation": [cases["judged"]], "test": [cases["held"]]}
    write_split(split, tmp_path / "fold_0.json", schema=SCHEMA)
    for fold in range(3):
        for name in ("judged", "held"):
            label = cube(2) if fold < 2 else cube(2, start=2)
            save(tmp_path / f"p{fold}" / "flair" / name / f"{name}_seg.nii.gz", label)
        write_receipt(tmp_path / f"p{fold}", ["learned"])
    return tmp_path


def write_receipt(folder: Path, patients: list[str]) -> None:
    models = {"s": {"sha256": "0", "training": {"cases": patients, "patients": patients}}}
    (folder / "receipt.json").write_text(json.dumps({"models": models, "tasks": [TASK]}))


def score(study: Path, prediction: str) -> list[dict[str, str]]:
    out = study / "scores.csv"
    where = {"dataset_dir": study / "data", "schema": "brain_mri", "seed": 4, "fold": 0}
    score_fold(study / "fold_0.json", {"zero": study / prediction}, out, **where)
    with out.open(newline="") as file:
        return list(csv.DictReader(file))


def test_each_evaluation_strategy_and_case_has_a_row(study: Path) -> None:
    rows = score(study, "p0")
    assert [(row["evaluation"], row["case_id"]) for row in rows] == [
        ("cross_validation", "judged"),
        ("held_out", "held"),
    ]
    assert {(row["strategy"], row["task"], row["seed"], row["fold"]) for row in rows} == {
        ("zero", "without flair", "4", "0")
    }
    assert [float(row["dice_ED"]) for row in rows] == [1, 1]


def test_a_shifted_prediction_scores_what_it_overlaps(study: Path) -> None:
    assert float(score(study, "p2")[0]["dice_ED"]) == pytest.approx(2 / 3)


def test_a_case_that_was_learned_from_is_refused_by_name(study: Path) -> None:
    write_receipt(study / "p0", ["learned", "held"])
    with pytest.raises(CaseError, match=r"Strategy zero: s was trained on 1 of the 2 .* held"):
        score(study, "p0")
    assert not (study / "scores.csv").exists()


def test_a_prediction_that_is_not_there_is_named(study: Path) -> None:
    (study / "p0" / "flair" / "held" / "held_seg.nii.gz").unlink()
    with pytest.raises(UsageError, match="held_seg"):
        score(study, "p0")


def test_the_ensemble_is_the_vote_of_the_folds_on_those_held_out(study: Path) -> None:
    folders = {"zero": [study / f"p{fold}" for fold in range(3)]}
    out = study / "ensemble.csv"
    score_ensemble(study / "fold_0.json", folders, out, dataset_dir=study / "data", schema=SCHEMA, seed=0)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["strategy"], row["evaluation"], row["fold"]) for row in rows] == [("zero_ensemble", "held_out", "all")]
    assert float(rows[0]["dice_ED"]) == 1  # two of three are right everywhere


def test_each_slice_of_a_prediction_and_of_an_empty_one_has_a_row(study: Path) -> None:
    out = study / "slices.csv"
    where = {"dataset_dir": study / "data", "schema": "brain_mri", "seed": 4, "fold": 0, "empty": "empty"}
    score_fold_slices(study / "fold_0.json", {"zero": study / "p2"}, out, **where)
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * SHAPE[2]
    assert list(rows[0])[:3] == ["strategy", "task", "evaluation"]
    judged = [row for row in rows if row["case_id"] == "judged" and row["strategy"] == "zero"]
    assert [row["slice"] for row in judged] == [str(number) for number in range(SHAPE[2])]
    assert [row["dice_ED"] for row in judged] == ["", *["0.666667"] * 3, "", ""]
    assert {row["two_class_iou_ED"] for row in rows if row["strategy"] == "empty"} == {"100", "37.5"}
    write_receipt(study / "p2", ["judged"])
    with pytest.raises(CaseError, match="was trained on 1 of the 2"):
        score_fold_slices(study / "fold_0.json", {"zero": study / "p2"}, out, **where)


def test_training_cases_are_scored_only_where_they_are_asked_for(study: Path) -> None:
    save(study / "p0" / "flair" / "learned" / "learned_seg.nii.gz", cube(2))
    out = study / "fit.csv"
    where = {"dataset_dir": study / "data", "schema": "brain_mri", "seed": 4, "fold": 0}
    score_fold(study / "fold_0.json", {"zero": study / "p0"}, out, parts=["training"], **where)
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["evaluation"], row["case_id"], float(row["dice_ED"])) == ("fit", "learned", 1)


label_maps = arrays(np.uint8, (3, 2, 2), elements=st.integers(0, 3))


@settings(deadline=None)
@given(one=label_maps, other=label_maps)
def test_a_majority_wins_and_order_does_not_matter(one: Any, other: Any) -> None:
    assert np.array_equal(majority([one, other, one]), one)
    assert np.array_equal(majority([one, other]), np.minimum(one, other))
    assert np.array_equal(majority([one, other]), majority([other, one]))


def test_figures_of_prepared_cases_are_columns_of_their_score_rows(study: Path) -> None:
    (study / "p0" / "figures.csv").write_text("folder,case_id,source,mse_brain\nflair,held,t2,0.25\n")
    rows = {row["case_id"]: row for row in score(study, "p0")}
    assert (rows["held"]["source"], rows["held"]["mse_brain"]) == ("t2", "0.25")
    assert (rows["judged"]["source"], rows["judged"]["mse_brain"]) == ("", "")


def test_a_prediction_on_another_grid_is_named(study: Path) -> None:
    save(study / "p0" / "flair" / "held" / "held_seg.nii.gz", np.zeros((6, 6, 5)))
    with pytest.raises(UsageError, match="not on the grid"):
        score(study, "p0")


def test_slices_are_scored_by_the_regions_of_their_own_schema(tmp_path: Path) -> None:
    schema = {
        "name": "slices",
        "spatial_dims": 2,
        "images": [{"key": "ct"}],
        "label": {"names": {1: "kidney", 2: "tumor"}},
        "regions": {"organ": [1, 2], "tumor": [2]},
        "finder": {"by": "folder", "files": {"ct": "ct.png", "label": "label.png"}},
    }
    truth = np.zeros((8, 8), np.uint8)
    truth[2:6, 2:6], truth[3, 3] = 1, 2
    cases = []
    for name in ("a", "b"):
        place = tmp_path / "data" / name
        place.mkdir(parents=True)
        Image.fromarray((truth * 90 + 5).astype(np.uint8)).save(place / "ct.png")
        Image.fromarray(truth).save(place / "label.png")
        cases.append({"case_id": name, "patient": name, "ct": str(place / "ct.png"), "label": str(place / "label.png")})
    write_split({"training": cases[:1], "validation": cases[1:]}, tmp_path / "fold_0.json", schema=load_schema(schema))
    predicted = tmp_path / "p" / "cases" / "b" / "b_seg.png"
    predicted.parent.mkdir(parents=True)
    Image.fromarray(np.where(truth == 2, 1, truth).astype(np.uint8)).save(predicted)
    task = {"strategy": "real", "task": "", "folder": "cases", "model": "s"}
    models = {"s": {"sha256": "0", "training": {"cases": ["a"], "patients": ["a"]}}}
    (tmp_path / "p" / "receipt.json").write_text(json.dumps({"models": models, "tasks": [task]}))
    out = tmp_path / "scores.csv"
    where = {"dataset_dir": tmp_path / "data", "schema": schema, "seed": 0, "fold": 0}
    score_fold(tmp_path / "fold_0.json", {"real": tmp_path / "p"}, out, **where)
    with out.open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert (float(row["dice_organ"]), float(row["dice_tumor"])) == (1, 0)
    assert float(row["area_mm2_organ"]) == 16
