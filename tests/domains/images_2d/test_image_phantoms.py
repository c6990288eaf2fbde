"""Image phantoms: their conditions, what each shows, cohorts on disk, and measuring conditions back."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from scanfill.data.cases import find_cases
from scanfill.data.finding_rule import NORMAL
from scanfill.data.image import header_text
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.domains.images_2d.conditions import MODALITIES, OF_FINDING, quadrant
from scanfill.domains.images_2d.phantoms import image_cohort, write_image_cohort
from scanfill.domains.images_2d.phantoms.findings import SHAPES
from scanfill.domains.images_2d.phantoms.image import ImageCondition, draw_condition, is_held_out, make_image
from scanfill.domains.images_2d.phantoms.measure import Measurer
from scanfill.domains.images_2d.schema import SCHEMA
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

PAIRS = [(modality, pathology) for modality, shown in MODALITIES.items() for pathology in shown]


def condition(modality: str = "mri", pathology: str = "lesion", **other: object) -> ImageCondition:
    finding = (
        dict.fromkeys(OF_FINDING) if pathology == NORMAL else dict(zip(OF_FINDING, (0.6, 0.4, 0.6, 0.1), strict=True))
    )
    return ImageCondition(**{"modality": modality, "pathology": pathology, **finding, "age": 50, "sex": "F", **other})  # type: ignore[arg-type]


def drawn(number: int, **options: object) -> list[ImageCondition]:
    random = np.random.default_rng(0)
    return [draw_condition(random, **options) for _ in range(number)]  # type: ignore[arg-type]


@pytest.mark.parametrize("pathology", sorted(SHAPES))
def test_the_size_of_a_finding_is_the_radius_of_the_disc_with_its_second_moment(pathology: str) -> None:
    ticks = np.linspace(-4, 4, 801)
    across, down = np.meshgrid(ticks, ticks, indexing="ij")
    shape = SHAPES[pathology](across, down)
    radius = np.sqrt(2 * (shape * (across**2 + down**2)).sum() / shape.sum())
    assert radius == pytest.approx(1, abs=0.06)
    for axis in (across, down):
        assert (shape * axis).sum() / shape.sum() == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize(("modality", "pathology"), [pair for pair in PAIRS if pair[1] != NORMAL])
def test_a_finding_changes_the_image_at_its_place_and_not_elsewhere(modality: str, pathology: str) -> None:
    ill, well = (make_image(condition(modality, name), 3).astype(float) for name in (pathology, NORMAL))
    change, ticks = np.abs(ill - well), (np.arange(64) + 0.5) / 64
    near = np.hypot(ticks[:, None] - 0.4, ticks[None] - 0.6) < 0.25
    assert change[near].max() > 20
    assert change[~near].max() < 6  # noise of ultrasound depends on the signal


def test_an_image_depends_on_each_of_its_conditions() -> None:
    usual = make_image(condition(), 3)
    for other in ({"severity": 0.1}, {"x": 0.6}, {"y": 0.4}, {"size": 0.13}, {"age": 85}, {"sex": "M"}):
        assert not np.array_equal(make_image(condition(**other), 3), usual)
    assert np.array_equal(make_image(condition(), 3), usual)


@pytest.mark.parametrize("modality", list(MODALITIES))
def test_another_size_is_the_same_image_on_another_grid(modality: str) -> None:
    small, large = (make_image(condition(modality, NORMAL), 3, size).astype(float) for size in (64, 128))
    halved = large.reshape(64, 2, 64, 2).mean(axis=(1, 3))
    assert np.corrcoef(small.ravel(), halved.ravel())[0, 1] > (0.8 if modality == "ultrasound" else 0.95)


def test_attributes_are_independent_by_design() -> None:
    found = [each for each in drawn(4000) if each.x is not None]
    table = np.array([[getattr(each, name) for name in (*OF_FINDING, "age")] for each in found], float)
    apart = np.abs(np.corrcoef(table.T) - np.eye(5))
    assert apart.max() < 0.06
    for pathology in {each.pathology for each in found}:
        assert abs(np.mean([each.severity for each in found if each.pathology == pathology]) - 0.5) < 0.08


def test_in_a_confounded_set_severity_goes_up_with_age_and_pathologies_have_their_quadrant() -> None:
    found = [each for each in drawn(1000, confounded=True) if each.x is not None]
    assert np.corrcoef([each.age for each in found], [each.severity for each in found])[0, 1] > 0.8
    assert np.mean([is_held_out(each) for each in found]) > 0.95


def test_each_modality_and_pathology_has_one_quadrant_that_training_never_shows() -> None:
    found = drawn(6000)
    held_out = {(each.modality, each.pathology): set() for each in found if each.x is not None}
    for each in found:
        if is_held_out(each):
            held_out[each.modality, each.pathology].add(quadrant(each.x, each.y))  # type: ignore[arg-type]
    assert all(len(quadrants) == 1 for quadrants in held_out.values())


@pytest.mark.parametrize(("combinations", "expected"), [("training", False), ("held_out", True)])
def test_a_cohort_has_the_combinations_that_it_should(tmp_path: Path, combinations: str, expected: bool) -> None:
    write_image_cohort(tmp_path, cases=30, size=16, combinations=combinations, modalities=["ct"])
    cases = find_cases(tmp_path, schema="images_2d")
    assert {case["modality"] for case in cases} == {"ct"}
    ill = [
        ImageCondition(**{name: case.get(name) for name in ImageCondition.__annotations__})
        for case in cases
        if "x" in case
    ]
    assert ill
    assert {is_held_out(each) for each in ill} == {expected}


def test_a_cohort_is_written_in_the_layout_of_real_data(tmp_path: Path) -> None:
    images = write_image_cohort(tmp_path, cases=12, size=32, seed=2)
    with (tmp_path / "conditions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["case_id"] for row in rows] == [path.stem for path in images]
    cases = find_cases(tmp_path, schema="images_2d")
    assert len(cases) == 12
    for case in cases:
        row = next(row for row in rows if row["case_id"] == case["case_id"])
        assert {key: str(case.get(key, "")) for key in ("modality", "pathology", "sex")} == {
            key: row[key] for key in ("modality", "pathology", "sex")
        }
        assert ("x" in case) == (case["pathology"] != NORMAL)
    assert header_text(images[0]).startswith("scanfill image phantom")
    assert phantom_note(cases, SCHEMA) == PHANTOM_NOTE


def test_a_cohort_is_kept_if_it_is_the_same_and_replaced_if_not(tmp_path: Path) -> None:
    image_cohort(tmp_path, cases=4, size=16)
    (tmp_path / "images" / "mine.png").write_bytes(b"not a phantom")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.glob("images/*_0_*.png")}
    (tmp_path / "images" / "mine.png").unlink()
    image_cohort(tmp_path, cases=4, size=16)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("images/*.png")} == before
    image_cohort(tmp_path, cases=3, size=16, seed=1)
    assert len(list(tmp_path.glob("images/*.png"))) == 3


def test_the_same_seed_gives_the_same_images(tmp_path: Path) -> None:
    one, other = (write_image_cohort(tmp_path / name, cases=5, size=16, seed=3) for name in ("one", "other"))
    for first, second in zip(one, other, strict=True):
        with Image.open(first) as left, Image.open(second) as right:
            assert np.array_equal(np.asarray(left), np.asarray(right))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"cases": 0}, "at least one image"),
        ({"modalities": ["pet"]}, "no image phantoms of 'pet'; there are chest_xray"),
        ({"combinations": "some"}, "must be one of all, training, held_out"),
        ({"size": 8}, "16 to 1024 pixels"),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(tmp_path: Path, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        write_image_cohort(tmp_path, **{"cases": 2, **options})  # type: ignore[arg-type]


def test_a_modality_that_does_not_show_a_pathology_is_refused() -> None:
    with pytest.raises(UsageError, match="A mri phantom cannot show pneumonia; it can show normal, tumor"):
        make_image(condition("mri", "pneumonia"), 0)


def test_conditions_are_measured_back_from_the_pixels() -> None:
    measure = Measurer(people=60, modalities=("chest_xray", "mri"))
    asked = drawn(40, modalities=("chest_xray", "mri"))
    found = [measure(make_image(each, (1, index))) for index, each in enumerate(asked)]
    assert [each.modality for each in found] == [each.modality for each in asked]
    assert np.mean([one.pathology == other.pathology for one, other in zip(asked, found, strict=True)]) > 0.9
    both = [(one, other) for one, other in zip(asked, found, strict=True) if one.x is not None and other.x is not None]
    for name in ("x", "y", "size"):
        first, second = np.array([[getattr(one, name), getattr(other, name)] for one, other in both], float).T
        assert np.corrcoef(first, second)[0, 1] > 0.95
    first, second = np.array([[one.age, other.age] for one, other in zip(asked, found, strict=True)], float).T
    assert np.corrcoef(first, second)[0, 1] > 0.95
    assert np.polyfit(first, second, 1)[0] > 0.7  # of 60 persons; a mean of neighbors has less than .5
