"""Hand phantoms: anatomy, ossification, radiographs, and cohorts on disk."""

from __future__ import annotations

import csv
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scanfill.data.cases import find_cases
from scanfill.data.image import header_text
from scanfill.data.outlines import fill_outlines
from scanfill.data.phantoms import PHANTOM_NOTE, phantom_note
from scanfill.data.read import ReadCased
from scanfill.domains.hand_xray.bones import BONES, CARPALS
from scanfill.domains.hand_xray.phantoms import hand_cohort, write_hand_cohort
from scanfill.domains.hand_xray.phantoms.bone_outlines import long_bone, ossified_disc, rounded
from scanfill.domains.hand_xray.phantoms.hand import HandPhantom, make_person, make_radiograph
from scanfill.domains.hand_xray.phantoms.hand_skeleton import HandBuilder, Person, Pose, Skeleton
from scanfill.domains.hand_xray.photometric import CLEAR, central_contrast
from scanfill.domains.hand_xray.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.metrics.trivial_baselines import AtlasBaseline, VoxelwiseBaseline

SIZE = 192


@pytest.fixture(scope="module")
def cohort() -> list[HandPhantom]:
    return [
        make_radiograph(3, index, side, SIZE, randomized=index > 3) for index in range(10) for side in ("left", "right")
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("hands")
    write_hand_cohort(root, cases=2, size=96, seed=5)
    return root


def masks_of(phantom: HandPhantom) -> np.ndarray:
    size = len(phantom.image)
    return np.stack([fill_outlines(phantom.bones.get(bone, []), (size, size)) for bone in BONES])


def hand_of(age: float, sex: str = "M", seed: int = 0) -> Skeleton:
    random = np.random.default_rng(seed)
    return HandBuilder(Person(age, sex, (seed,)), Pose(0, 1, 0, 1), 0, random).build()


# --- anatomy ----------------------------------------------------------------------------------------------------------


def test_an_adult_has_29_bones_of_one_part_each() -> None:
    bones = hand_of(30).bones
    assert set(bones) == set(BONES)
    assert all(len(rings) == 1 for rings in bones.values())


def test_the_bones_of_a_finger_lie_in_line_from_the_tip_to_the_wrist() -> None:
    bones = hand_of(30).bones
    for numbers in ((1, 2, 3), (4, 5, 6, 7), (8, 9, 10, 11), (12, 13, 14, 15), (16, 17, 18, 19)):
        ends = [bones[f"finger-{number}"][0] for number in numbers]
        for distal, proximal in itertools.pairwise(ends):
            assert distal[:, 1].mean() > proximal[:, 1].mean()
            gap = np.linalg.norm(distal[:, None] - proximal[None], axis=2).min()
            assert 0 < gap < 0.03  # hand lengths


def test_the_thumb_is_on_the_right_in_a_left_hand_and_on_the_left_in_a_right_one(cohort: list[HandPhantom]) -> None:
    for phantom in cohort:
        thumb, little = (np.concatenate(phantom.bones[f"finger-{number}"])[:, 0].mean() for number in (3, 19))
        assert (thumb > little) == (phantom.side == "left")


def test_bones_of_the_wrist_overlap_in_pairs_and_triples() -> None:
    owners = np.concatenate([masks_of(make_radiograph(1, index, "left", 384)).sum(axis=0) for index in (0, 2, 4, 6)])
    assert (owners == 2).sum() > 500
    assert (owners == 3).sum() > 10


def test_carpal_bones_appear_in_the_order_of_their_ages() -> None:
    present = {age: set(hand_of(age).bones) & set(CARPALS) for age in (0.1, 1, 3.3, 4.8, 8, 13)}
    assert present[0.1] == set()
    assert present[1] == {"Capitate", "Hamate"}
    assert present[3.3] == {"Capitate", "Hamate", "Triquetrum"}
    assert present[4.8] == {"Capitate", "Hamate", "Triquetrum", "Lunate"}
    assert present[8] == set(CARPALS) - {"Pisiform"}
    assert present[13] == set(CARPALS)


def test_an_epiphysis_appears_apart_from_the_shaft_and_fuses_with_it() -> None:
    parts = [len(hand_of(age).bones["finger-6"]) for age in (0.5, 5, 12, 16)]
    assert parts == [1, 2, 2, 1]


def test_girls_are_ahead_of_boys_of_the_same_age() -> None:
    assert len(hand_of(5.2, "F").bones) > len(hand_of(5.2, "M").bones)


def test_the_hands_of_a_person_are_mirrored_but_not_copies() -> None:
    left, right = (make_radiograph(3, 0, side, SIZE) for side in ("left", "right"))
    assert left.person == right.person
    assert not np.array_equal(left.image, right.image[::-1])
    lengths = [
        np.ptp(np.concatenate(each.bones["finger-10"])[:, 1]) / np.ptp(np.concatenate(each.bones["finger-11"])[:, 1])
        for each in (left, right)
    ]
    assert lengths[0] != lengths[1]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.15)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.booleans(), st.sampled_from(["left", "right"]))
def test_every_bone_of_hand_and_wrist_lies_inside_the_image(seed: int, randomized: bool, side: str) -> None:
    phantom = make_radiograph(seed, seed % 7, side, 64, randomized=randomized)
    points = np.concatenate([ring for rings in phantom.bones.values() for ring in rings])
    assert points.min() >= -0.5
    assert points.max() <= 63.5
    fingers = [bone for bone in phantom.bones if bone.startswith("finger")]
    assert len(fingers) == 19


# --- the image --------------------------------------------------------------------------------------------------------


def test_bone_is_brighter_than_soft_tissue_and_soft_tissue_brighter_than_air(cohort: list[HandPhantom]) -> None:
    for phantom in cohort[:8]:
        owners = masks_of(phantom).sum(axis=0)
        assert phantom.image[owners > 0].mean() > phantom.image[owners == 0].mean() + 20


def test_none_is_taken_for_an_inverted_radiograph_and_each_negative_is(cohort: list[HandPhantom]) -> None:
    for phantom in cohort:
        image = phantom.image[None].astype(np.float32)
        assert central_contrast(image) > CLEAR
        assert central_contrast(255 - image) < -CLEAR


def test_overlapping_bones_are_brighter_than_single_ones() -> None:
    phantom = make_radiograph(1, 0, "left", 384)
    masks = masks_of(phantom)[19:27]
    owners = masks.sum(axis=0)
    assert phantom.image[owners == 2].mean() > phantom.image[owners == 1].mean() + 20


def test_another_size_shows_the_same_hand_on_another_grid() -> None:
    small, large = (make_radiograph(2, 0, "left", size) for size in (128, 256))
    for bone, rings in small.bones.items():
        for ring, other in zip(rings, large.bones[bone], strict=True):
            np.testing.assert_allclose(2 * (ring + 0.5) - 0.5, other, atol=1e-6)
    coarse = large.image.reshape(128, 2, 128, 2).mean(axis=(1, 3))
    assert np.corrcoef(coarse.ravel(), small.image.ravel())[0, 1] > 0.97


def test_randomized_radiographs_differ_more_than_usual_ones() -> None:
    def spread(randomized: bool) -> float:
        images = [make_radiograph(4, index, "left", 96, randomized=randomized).image for index in range(0, 24, 2)]
        return float(np.std([np.median(image) for image in images]) + np.std([image.std() for image in images]))

    assert spread(randomized=True) > 1.5 * spread(randomized=False)


def test_half_of_the_persons_are_children() -> None:
    ages = [make_person(0, index).age for index in range(100)]
    assert sum(age < 18 for age in ages) == 50
    assert min(ages) < 2
    assert max(ages) > 70


@pytest.mark.parametrize(
    ("seed", "index", "size", "problem"),
    [(-1, 0, 128, "negative"), (0, -1, 128, "negative"), (0, 0, 32, "64 to 4096"), (0, 0, 5000, "64 to 4096")],
)
def test_impossible_numbers_are_refused(seed: int, index: int, size: int, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        make_radiograph(seed, index, "left", size)


# --- what they ask for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("randomized", [False, True])
def test_neither_position_nor_brightness_is_enough_to_segment_them(randomized: bool) -> None:
    def cases(persons: range) -> tuple[list[np.ndarray], list[np.ndarray]]:
        made = [
            make_radiograph(8, index, side, 128, randomized=randomized)
            for index in persons
            for side in ("left", "right")
        ]
        return [each.image.astype(float) for each in made], [masks_of(each) for each in made]

    training, (images, truths) = cases(range(10)), cases(range(20, 24))
    for kind, most in ((AtlasBaseline, 0.6), (VoxelwiseBaseline, 0.3)):
        baseline = kind(*training)
        scores = [
            2 * (mask & bone).sum() / (mask.sum() + bone.sum())
            for image, truth in zip(images, truths, strict=True)
            for mask, bone in zip(baseline.predict(image), truth, strict=True)
            if bone.any()
        ]
        assert 0.02 < np.mean(scores) < most


# --- outlines ---------------------------------------------------------------------------------------------------------


def test_a_long_bone_has_its_length_and_width() -> None:
    ring = long_bone((0, 0), (0, 2), [0.1] * 7)
    assert np.ptp(ring[:, 1]) == pytest.approx(2)
    assert np.ptp(ring[:, 0]) == pytest.approx(0.4)


def test_a_bone_grows_from_a_disc_into_its_shape() -> None:
    ring = rounded([(0, 0), (4, 0), (4, 1), (0, 1)])
    assert ossified_disc(ring, 1.0) == pytest.approx(ring)
    young = ossified_disc(ring, 0.1)
    assert np.ptp(young[:, 0]) / np.ptp(young[:, 1]) < 1.5 < np.ptp(ring[:, 0]) / np.ptp(ring[:, 1])


# --- on disk ----------------------------------------------------------------------------------------------------------


def test_files_are_named_as_in_the_fields_data(folder: Path) -> None:
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    expected = [
        f"{part}/ID5-{person:03d}/ID5-{person:03d}_{side}.{suffix}"
        for part, suffix in (("DCM", "png"), ("outputs_json", "json"))
        for person in (1, 2)
        for side in "LR"
    ]
    assert names == sorted([*expected, "meta_data.csv"])


def test_the_table_has_age_sex_and_side(folder: Path) -> None:
    with (folder / "meta_data.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["case_id"] for row in rows] == ["ID5-001_L", "ID5-001_R", "ID5-002_L", "ID5-002_R"]
    assert [row["side"] for row in rows] == ["left", "right"] * 2
    assert rows[0]["age"] == rows[1]["age"] == str(make_person(5, 0).age)
    assert {row["sex"] for row in rows} <= {"F", "M"}


def test_they_are_read_like_any_radiographs_with_the_masks_that_were_drawn(folder: Path) -> None:
    cases = find_cases(folder, schema=SCHEMA)
    assert [(case["case_id"], case["patient"], case["side"]) for case in cases][::3] == [
        ("ID5-001_L", "ID5-001", "left"),
        ("ID5-002_R", "ID5-002", "right"),
    ]
    read = ReadCased("xray", label_key="label", schema=SCHEMA)(cases[3])
    assert np.array_equal(read["label"].numpy(), masks_of(make_radiograph(5, 1, "right", 96)))
    assert phantom_note(cases, SCHEMA) == PHANTOM_NOTE


def test_files_hold_what_was_made(folder: Path) -> None:
    phantom = make_radiograph(5, 1, "right", 96)
    image = np.asarray(Image.open(folder / "DCM/ID5-002/ID5-002_R.png"))
    assert np.array_equal(image.T, phantom.image)
    annotations = json.loads((folder / "outputs_json/ID5-002/ID5-002_R.json").read_text())["annotations"]
    assert {each["label"] for each in annotations} == set(phantom.bones)


def test_the_origin_is_written_into_the_image(folder: Path) -> None:
    assert header_text(folder / "DCM/ID5-001/ID5-001_L.png") == "scanfill hand phantom 5/0, 96 pixels"


def test_the_same_seed_gives_the_same_files(folder: Path, tmp_path: Path) -> None:
    write_hand_cohort(tmp_path, cases=1, size=96, seed=5)
    for path in (path for path in tmp_path.rglob("ID5-001*") if path.is_file()):
        assert path.read_bytes() == (folder / path.relative_to(tmp_path)).read_bytes()


def test_a_cohort_is_made_anew_if_another_is_asked_for(tmp_path: Path) -> None:
    def times() -> list[int]:
        return [path.stat().st_mtime_ns for path in sorted(tmp_path.glob("DCM/*/*.png"))]

    first = hand_cohort(tmp_path, cases=1, size=64), times()
    assert (hand_cohort(tmp_path, cases=1, size=64), times()) == first
    hand_cohort(tmp_path, cases=1, size=64, seed=1)
    assert times() != first[1]
    assert header_text(tmp_path / "DCM/ID1-001/ID1-001_L.png") == "scanfill hand phantom 1/0, 64 pixels"


@pytest.mark.parametrize("other", [{"cases": 2}, {"cases": 1, "seed": 1}], ids=["more persons", "another seed"])
def test_a_cohort_does_not_keep_persons_of_another(tmp_path: Path, other: dict[str, int]) -> None:
    hand_cohort(tmp_path / "old", size=64, **other)
    hand_cohort(tmp_path / "old", size=64, cases=1)
    hand_cohort(tmp_path / "new", size=64, cases=1)
    files = [
        {path.relative_to(root) for path in root.rglob("*") if path.is_file()}
        for root in (tmp_path / "old", tmp_path / "new")
    ]
    assert files[0] == files[1]


def test_a_cohort_leaves_other_radiographs_in_its_folder(tmp_path: Path) -> None:
    path = tmp_path / "DCM" / "mine" / "mine_L.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    hand_cohort(tmp_path, size=64, cases=1)
    assert path.is_file()


def test_persons_of_two_seeds_have_different_names(tmp_path: Path) -> None:
    names = [{path.stem for path in write_hand_cohort(tmp_path, cases=2, size=64, seed=seed)} for seed in (0, 1, 11)]
    assert len(set.union(*names)) == 3 * 4


def test_a_radiograph_is_never_replaced_by_a_phantom(tmp_path: Path) -> None:
    path = tmp_path / "DCM" / "ID001" / "ID001_L.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8), np.uint8)).save(path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="not written by scanfill"):
        write_hand_cohort(tmp_path, cases=1, size=64)
    assert path.read_bytes() == before


def test_no_person_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="at least one person"):
        write_hand_cohort(tmp_path, cases=0)
