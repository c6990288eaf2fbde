"""Neither synthetic files nor patients of the training judge a network."""

from __future__ import annotations

import hashlib
import json
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import torch

from scanfill.data import load_cases, read_list, write_case_list, write_split
from scanfill.data.cases import find_cases
from scanfill.data.evaluation_cases import (
    check_declared,
    check_judged,
    check_truth,
    check_unseen,
    provenance_columns,
    refuse_seen,
    synthetic_keys,
)
from scanfill.data.provenance import Origin, write_synthetic
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record
from scanfill.errors import CaseError
from tiny_cases import AFFINE, case_of, image, regions, save_case

if TYPE_CHECKING:
    from pathlib import Path


def make(path: Path, key: str = "flair", seed: int = 9) -> Path:
    """A synthetic file with all its marks, at any path: it is written elsewhere and then moved."""
    folder = path.parents[1] / f".made_{path.parent.name}_{key}"
    folder.mkdir(parents=True)
    for name in ("model.pt", "training.json"):
        (folder / name).write_text(name)
    volume = regions() if key == "seg" else image(key, seed)
    origin = Origin("completion", "0.1.0", folder / "model.pt", {}, training_list=folder / "training.json")
    made = write_synthetic(volume, AFFINE, folder / f"x_synthetic_{key}.nii.gz", origin)
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(made, path)
    shutil.move(made.with_name(f"x_synthetic_{key}.json"), path.with_name(path.name.removesuffix(".nii.gz") + ".json"))
    return path


@pytest.fixture
def completed(tmp_path: Path) -> Path:
    """A case whose FLAIR a network made."""
    folder = save_case(tmp_path / "data" / "c1", names=("t1", "t1ce", "t2"), label=regions((1, 2, 4)))
    make(folder / "c1_synthetic_flair.nii.gz")
    return folder


def test_a_synthetic_file_is_not_found_as_a_modality(completed: Path) -> None:
    with pytest.raises(CaseError, match=r"Case 'c1': flair \(.*c1_synthetic_flair.nii.gz\) is synthetic \(marked in"):
        find_cases(completed.parent, schema=SCHEMA)


def test_a_renamed_synthetic_file_is_not_found_as_a_modality(completed: Path) -> None:
    (completed / "c1_synthetic_flair.json").unlink()
    (completed / "c1_synthetic_flair.nii.gz").rename(completed / "flair.nii.gz")
    with pytest.raises(CaseError, match=r"flair \(.*/flair.nii.gz\) is synthetic \(marked in its NIfTI header\)"):
        find_cases(completed.parent, labels="none", schema=SCHEMA)


def test_a_synthetic_label_is_not_found_as_truth(tmp_path: Path) -> None:
    folder = save_case(tmp_path / "c1")
    make(folder / "seg.nii.gz", "seg")
    with pytest.raises(CaseError, match=r"Case 'c1': label \(.*seg.nii.gz\) is synthetic"):
        find_cases(tmp_path, schema=SCHEMA)
    assert "label" not in find_cases(tmp_path, labels="none", schema=SCHEMA)[0]


def test_a_modality_that_is_not_asked_for_does_not_matter(completed: Path) -> None:
    (case,) = find_cases(completed.parent, modalities="t1,t2", schema=SCHEMA)
    assert case["synthetic"] == []


def test_one_synthetic_file_does_not_stop_the_other_cases(completed: Path) -> None:
    save_case(completed.parent / "c2")
    first, second = find_cases(completed.parent, labels="none", strict=False, schema=SCHEMA)
    assert "is synthetic" in first["problem"]
    assert "problem" not in second


def test_a_completed_case_is_found_where_it_is_asked_for(completed: Path) -> None:
    (case,) = find_cases(completed.parent, ["t1", "t1ce", "t2", "flair"], synthetic=True, schema=SCHEMA)
    assert case["case_id"] == "c1"
    assert case["flair"] == str(completed / "c1_synthetic_flair.nii.gz")
    assert case["synthetic"] == ["flair"]


@pytest.mark.parametrize(
    ("prefix", "names"),
    [("BraTS-GLI-00001-000-", ("t1n", "t1c", "t2w", "t2f")), ("BraTS20_Training_001_", ("t1", "t1ce", "t2", "flair"))],
)
def test_a_completed_case_in_a_challenges_naming_stays_one_case(
    tmp_path: Path, prefix: str, names: tuple[str, ...]
) -> None:
    save_case(tmp_path / "all", prefix, names[:3])
    save_case(tmp_path / "all", prefix.replace("1", "2"), names)
    make(tmp_path / "all" / f"{prefix[:-1]}_synthetic_flair.nii.gz")
    first, second = find_cases(tmp_path, synthetic=True, schema=SCHEMA)
    assert (first["case_id"], first["synthetic"]) == (prefix[:-1], ["flair"])
    assert (second["case_id"], second["synthetic"]) == (prefix[:-1].replace("1", "2"), [])


def test_what_was_acquired_comes_before_what_was_made(completed: Path) -> None:
    save_case(completed)
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    assert case["flair"] == str(completed / "flair.nii.gz")
    assert case["synthetic"] == []


def test_two_synthetic_files_for_one_modality_are_ambiguous(completed: Path) -> None:
    shutil.copy(completed / "c1_synthetic_flair.nii.gz", completed / "synthetic_flair.nii.gz")
    with pytest.raises(CaseError, match="has 2 files for flair"):
        find_cases(completed.parent, synthetic=True, schema=SCHEMA)


def test_a_list_must_declare_what_is_synthetic(completed: Path, tmp_path: Path) -> None:
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    path = write_split({"training": [case]}, tmp_path / "list.json", schema=SCHEMA)
    assert read_list(path, schema=SCHEMA)["training"] == [case]
    content = json.loads(path.read_text())
    content["training"][0]["synthetic"] = []
    path.write_text(json.dumps(content))
    with pytest.raises(CaseError, match=r"Case 'c1' in .*list.json: flair .* is synthetic .* as an ordinary file"):
        read_list(path, schema=SCHEMA)


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["label"], r"the label \(.*seg.nii.gz\) is synthetic, so it cannot serve as truth"),
        (["t1", "t1ce", "t2", "flair"], r"wholly synthetic \(.*t1.nii.gz, .*flair.nii.gz\)"),
        (["t1ce"], r"t1ce \(.*t1ce.nii.gz\) is synthetic\. .* declare missing: synthesize or complete"),
    ],
)
def test_validation_and_test_refuse_what_is_synthetic(tmp_path: Path, part: str, keys: list[str], message: str) -> None:
    for name in ("a", "b"):
        save_case(tmp_path / "data" / name, label=regions((1, 2, 4)))
    path = write_case_list(tmp_path / "data", tmp_path / "list.json", schema=SCHEMA)
    content = json.loads(path.read_text())
    content[part] = [content["training"].pop() | {"synthetic": keys}]
    path.write_text(json.dumps(content))
    with pytest.raises(CaseError, match=rf"Case 'b' in {part} of .*list.json.*{message}"):
        load_cases(tmp_path / "data", path, schema=SCHEMA)
    split = {"training": [], part: find_cases(tmp_path / "data", schema=SCHEMA)}
    split[part][0]["synthetic"] = keys
    with pytest.raises(CaseError, match=message):
        write_split(split, tmp_path / "new.json", schema=SCHEMA)
    assert not (tmp_path / "new.json").exists()


def test_training_may_hold_what_is_declared_synthetic(tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_case(tmp_path / "data" / name, label=regions((1, 2, 4)))
    made, real = find_cases(tmp_path / "data", schema=SCHEMA)
    made["synthetic"] = ["t1", "t1ce", "t2", "flair", "label"]
    split = {"training": [made], "validation": [real]}
    assert read_list(write_split(split, tmp_path / "list.json", schema=SCHEMA), schema=SCHEMA) == split


@pytest.mark.parametrize("missing", ["synthesize", "complete"])
def test_a_declared_strategy_may_make_inputs_but_no_truth(completed: Path, missing: str) -> None:
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    check_judged(case, SCHEMA, missing=missing)
    for declared in ([], ["flair"]):
        with pytest.raises(CaseError, match=r"flair .* is synthetic"):
            check_judged(case | {"synthetic": declared}, SCHEMA, missing="zero")
    with pytest.raises(CaseError, match="cannot serve as truth"):
        check_judged(case | {"synthetic": ["label"]}, SCHEMA, missing=missing)
    with pytest.raises(CaseError, match="wholly synthetic"):
        check_judged(case | {"synthetic": ["t1", "t1ce", "t2", "flair"]}, SCHEMA, missing=missing)


@pytest.mark.parametrize("declared", [[], ["flair"]])
def test_a_synthetic_image_is_no_truth(completed: Path, declared: list[str]) -> None:
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    check_truth(case, "t2", schema=SCHEMA)
    with pytest.raises(
        CaseError, match=r"Case 'c1': flair \(.*c1_synthetic_flair.nii.gz\) is synthetic .* cannot serve as truth"
    ):
        check_truth(case | {"synthetic": declared}, "flair", schema=SCHEMA)


def test_a_truth_that_is_not_there_is_named(completed: Path) -> None:
    (case,) = find_cases(completed.parent, ["t1"], schema=SCHEMA)
    with pytest.raises(CaseError, match="Case 'c1' has no flair image to compare with; it has t1"):
        check_truth(case, "flair", schema=SCHEMA)


def test_marks_count_as_much_as_declarations(completed: Path) -> None:
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    case["synthetic"] = ["t1"]
    assert synthetic_keys(case, schema=SCHEMA) == ["t1", "flair"]
    with pytest.raises(CaseError, match=r"flair .* is listed as an ordinary file"):
        check_declared(case, SCHEMA)


def test_a_score_row_says_what_made_its_inputs(completed: Path) -> None:
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    sums = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("model.pt", "training.json")}
    assert provenance_columns(case, schema=SCHEMA) == {
        "synthetic_inputs": "flair",
        "generator": "completion 0.1.0",
        "generator_sha256": sums["model.pt"],
        "generator_training_list": f"training.json {sums['training.json']}",
    }


def test_a_lost_sidecar_leaves_the_generator_unknown(completed: Path) -> None:
    (completed / "c1_synthetic_flair.json").unlink()
    (case,) = find_cases(completed.parent, synthetic=True, schema=SCHEMA)
    assert set(provenance_columns(case, schema=SCHEMA).values()) == {"flair", "unknown"}


def test_a_score_row_of_acquired_inputs_says_so(tmp_path: Path) -> None:
    columns: dict[str, Any] = provenance_columns(case_of(save_case(tmp_path / "c1")), schema=SCHEMA)
    assert set(columns.values()) == {""}


def case(name: str, patient: str = "") -> dict[str, Any]:
    return {"case_id": name, "patient": patient or name}


def checkpoint(path: Path, training: list[dict[str, Any]] | None) -> Path:
    network = torch.nn.Conv3d(1, 1, 1)
    record = TrainingRecord({"modalities": ["t1"]}, network, training=training).state_dict()
    torch.save(weights_with_record(network.state_dict(), record), path)
    return path


def test_a_case_of_the_training_is_named(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "model.pt", [case("c1"), case("c2")])
    with pytest.raises(CaseError, match=r"was trained on 1 of the 2 cases to be evaluated: c2\. .*evaluate_on"):
        check_unseen([case("c2"), case("c3")], path)


def test_another_visit_of_a_patient_of_the_training_is_named(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "model.pt", [case("p1-000", "p1")])
    with pytest.raises(CaseError, match=r"p1-001 \(patient p1\)"):
        check_unseen([case("p1-001", "p1")], path, "test")


def test_unseen_cases_pass_as_they_are(tmp_path: Path) -> None:
    cases = [case("c3"), case("c4")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", [case("c1")])) == cases


def test_who_asks_for_the_training_cases_gets_them(tmp_path: Path) -> None:
    cases = [case("c1")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", cases), "training") == cases


def test_a_checkpoint_of_an_earlier_version_says_nothing_and_passes(tmp_path: Path) -> None:
    cases = [case("c1")]
    assert check_unseen(cases, checkpoint(tmp_path / "model.pt", None)) == cases


def test_a_long_list_is_cut_but_counted() -> None:
    cases = [case(f"c{index:02}") for index in range(13)]
    known = {"cases": [c["case_id"] for c in cases], "patients": []}
    with pytest.raises(CaseError, match=r"13 of the 13 cases .*c09 and 3 more"):
        refuse_seen(cases, known, "The network")
