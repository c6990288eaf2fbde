"""Real images in three parts, and the gray values of a training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from scanfill.data.cases import find_cases
from scanfill.data.copies import add_fingerprints
from scanfill.data.kept_split import save_split
from scanfill.domains.images_2d.phantoms import write_image_cohort
from scanfill.domains.images_2d.schema import SCHEMA
from scanfill.errors import CaseError
from scanfill.generation import gray_range, real_parts

if TYPE_CHECKING:
    from pathlib import Path

Case = dict[str, Any]


def cohort(folder: Path, number: int, seed: int) -> list[Case]:
    write_image_cohort(folder, cases=number, size=16, seed=seed, modalities=["mri"])
    cases = find_cases(folder, schema=SCHEMA)
    add_fingerprints(cases, SCHEMA)
    return cases


def test_half_of_the_evaluated_patients_train_the_judge_by_default(tmp_path: Path) -> None:
    training, evaluated = cohort(tmp_path / "a", 4, 0), cohort(tmp_path / "b", 10, 1)
    parts = real_parts(evaluated, {"training": training}, schema=SCHEMA, ckpt_dir=tmp_path)
    names = [{case["case_id"] for case in each} for each in (parts.held_out, parts.judged_on)]
    assert sorted(parts.training, key=str) == sorted(training, key=str)
    assert not names[0] & names[1]
    assert [len(each) for each in names] == [5, 5]


def test_a_folder_for_the_judge_leaves_all_to_compare_with(tmp_path: Path) -> None:
    training, evaluated = cohort(tmp_path / "a", 4, 0), cohort(tmp_path / "b", 6, 1)
    cohort(tmp_path / "c", 5, 2)
    parts = real_parts(evaluated, {"training": training}, schema=SCHEMA, ckpt_dir=tmp_path, judge_dir=tmp_path / "c")
    assert (len(parts.held_out), len(parts.judged_on)) == (6, 5)


@pytest.mark.parametrize(("number", "few"), [(199, True), (200, False)])
def test_few_images_to_compare_with_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, number: int, *, few: bool
) -> None:
    cases = [{"case_id": str(index), "image": tmp_path / f"{index}.png"} for index in range(number)]
    split = {"training": cases[:1], "validation": cases[:1]}
    real_parts(cases, split, schema=SCHEMA, ckpt_dir=tmp_path, evaluate_on="test")
    assert (f"{number} images to compare with are few" in caplog.text) == few


def test_the_validation_part_is_for_the_judge_of_the_test_part(tmp_path: Path) -> None:
    training, test, validation = (cohort(tmp_path / name, 4, seed) for seed, name in enumerate("abc"))
    split = {"training": training, "validation": validation, "test": test}
    parts = real_parts(test, split, schema=SCHEMA, ckpt_dir=tmp_path, evaluate_on="test")
    assert parts.judged_on == validation
    assert sorted(str(case["case_id"]) for case in parts.held_out) == sorted(str(case["case_id"]) for case in test)


@pytest.mark.parametrize("part", ["training", "held_out"])
def test_the_first_images_of_a_part_are_of_every_kind(tmp_path: Path, part: str) -> None:
    cases = [{"case_id": f"{index:03}", "image": tmp_path / f"{index}.png"} for index in range(200)]
    split = {"training": cases, "validation": cases[:1]}
    parts = real_parts(cases, split, schema=SCHEMA, ckpt_dir=tmp_path, evaluate_on="test")
    assert 10 < sum(str(case["case_id"]) < "100" for case in getattr(parts, part)[:50]) < 40


@pytest.mark.parametrize("shared", ["a", "b"])
def test_the_judge_must_not_know_what_it_judges(tmp_path: Path, shared: str) -> None:
    training, evaluated = cohort(tmp_path / "a", 4, 0), cohort(tmp_path / "b", 6, 1)
    with pytest.raises(CaseError, match=r"are training images or compared with, such as mri_"):
        real_parts(evaluated, {"training": training}, schema=SCHEMA, ckpt_dir=tmp_path, judge_dir=tmp_path / shared)


def test_training_images_are_found_in_another_folder_by_the_split_of_the_training(tmp_path: Path) -> None:
    training, evaluated = cohort(tmp_path / "a", 4, 0), cohort(tmp_path / "b", 6, 1)
    models = tmp_path / "run" / "models"
    models.mkdir(parents=True)
    save_split(
        {"training": training[:3], "validation": training[3:]}, models, schema=SCHEMA, dataset_dir=tmp_path / "a"
    )
    parts = real_parts(evaluated, {}, schema=SCHEMA, ckpt_dir=models, training_dir=tmp_path / "a")
    assert {case["case_id"] for case in parts.training} == {case["case_id"] for case in training[:3]}
    with pytest.raises(CaseError, match="has none of the 3 training images"):
        real_parts(evaluated, {}, schema=SCHEMA, ckpt_dir=models, training_dir=tmp_path / "b")
    with pytest.raises(CaseError, match="pass their folder with --training_dir"):
        real_parts(evaluated, {}, schema=SCHEMA, ckpt_dir=models)


def test_8_bits_have_0_to_255_and_16_bits_what_they_hold(tmp_path: Path) -> None:
    cases = cohort(tmp_path / "a", 2, 0)
    assert gray_range({"training": cases}, "image") == [0, 255]
    deep = []
    for number, (low, high) in enumerate(((100, 3000), (50, 4000))):
        path = tmp_path / f"{number}.png"
        Image.fromarray(np.array([[low, high], [low, high]], dtype=np.uint16)).save(path)
        deep.append({"image": str(path)})
    assert gray_range({"training": deep}, "image") == [50, 4000]
    with pytest.raises(CaseError, match="no training cases"):
        gray_range({"training": []}, "image")
