"""Judging filled holes: scores against hand-computed ones, and judges that tell noise from likeness."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from scipy import ndimage

from scanfill.errors import CheckpointError
from scanfill.inpainting import CollectHoles, InpaintingJudgement
from scanfill.inpainting.collect import Hole
from scanfill.inpainting.judgement import BLOB, COPY, ENOUGH, MEAN, MIRRORED, REAL
from scanfill.inpainting.judges import SIDE, auc_of, cut, segment, train_classifier, train_segmenter
from scanfill.inpainting.likeness import dice, errors_in_hole, looks_of
from scanfill.inpainting.straw_fillings import box_of, fill_with_blob, fill_with_copy, fill_with_mean
from scanfill.metrics.patient_means import mean_of

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

PARTS = {1: "core", 2: "rim"}
SIZE = 24


def textured(seed: int) -> Tensor:
    """Two channels of smooth texture."""
    noise = np.random.default_rng(seed).normal(size=(2, SIZE, SIZE, SIZE))
    smooth = ndimage.gaussian_filter(noise, (0, 2, 2, 2))
    return torch.tensor(0.1 * smooth / smooth.std(), dtype=torch.float32)


def hole_of(seed: int) -> Hole:
    """A ball brighter than its surroundings, with a core that is brighter still."""
    grid = np.stack(np.meshgrid(*[np.arange(SIZE)] * 3, indexing="ij")) - (SIZE / 2 + (seed % 3))
    radius = torch.tensor(np.linalg.norm(grid, axis=0))
    label = ((radius < 7).float() * 2 - (radius < 4).float())[None]
    image = textured(seed) + 0.3 * (label == 2) + 0.5 * (label == 1)
    return Hole(f"case {seed}", f"patient {seed}", image, label, torch.zeros(1, SIZE, SIZE, SIZE), seed)


@pytest.fixture(scope="module")
def holes() -> list[Hole]:
    return [hole_of(seed) for seed in range(6)]


def test_a_perfect_filling_has_no_error(holes: list[Hole]) -> None:
    found = errors_in_hole(holes[0], holes[0].image.clone())
    assert found["mse"] == 0
    assert found["ssim"] == pytest.approx(1)


def test_the_error_counts_in_the_hole_alone_and_on_a_scale_from_0_to_1(holes: list[Hole]) -> None:
    hole = holes[0]
    made = torch.where(hole.inside, hole.image + 0.2, hole.image + 9)
    found = errors_in_hole(hole, made)
    assert found["mse"] == pytest.approx(0.1**2, rel=1e-5)
    assert found["psnr"] == pytest.approx(20, rel=1e-5)


def test_contrast_and_spread_are_in_standard_deviations_of_the_brain() -> None:
    label = torch.zeros(1, 9, 9, 9)
    label[:, 3:6, 3:6, 3:6] = 1
    image = torch.where(label == 1, 0.5, 0.25)
    found = looks_of(image, label, {1: "core"}, ["t1"])[("core", "t1")]
    assert found["contrast"] == pytest.approx(1.0)
    assert found["sd"] == pytest.approx(0)
    assert found["grain"] > 0  # its edge


def test_noise_has_more_grain_than_smooth_texture_of_the_same_spread(holes: list[Hole]) -> None:
    hole = holes[0]
    blob = fill_with_blob(hole, [1, 2])
    real, made = (looks_of(image, hole.label, PARTS, ["a", "b"]) for image in (hole.image, blob))
    for key in real:
        assert made[key]["sd"] == pytest.approx(real[key]["sd"], rel=0.35)
        assert made[key]["grain"] > 1.3 * real[key]["grain"]
        assert made[key]["contrast"] == pytest.approx(real[key]["contrast"], abs=0.3)


@pytest.mark.parametrize(
    "fill", [lambda hole, _: fill_with_blob(hole, [1, 2]), fill_with_copy, lambda hole, _: fill_with_mean(hole)]
)
def test_outside_the_hole_no_filling_changes_anything(fill: Any, holes: list[Hole]) -> None:
    hole = holes[0]
    made = fill(hole, holes[1])
    outside = ~hole.inside.expand_as(made)
    assert torch.equal(made[outside], hole.image[outside])
    assert not torch.isclose(made[~outside], hole.image[~outside]).all()


def test_a_copy_is_the_other_patients_box_if_both_have_the_same_size(holes: list[Hole]) -> None:
    hole, donor = holes[0], holes[3]
    assert box_of(hole.inside[0]) == box_of(donor.inside[0])
    made = fill_with_copy(hole, donor)
    inside = hole.inside.expand_as(made)
    torch.testing.assert_close(made[inside], donor.image[inside])


def test_dice_of_masks() -> None:
    first, second = torch.tensor([1, 1, 0, 0]) > 0, torch.tensor([1, 0, 1, 0]) > 0
    assert dice(first, second) == 0.5
    assert dice(first, first) == 1
    assert dice(first & ~first, second & ~second) == 1


def test_a_classifier_tells_a_blob_and_cannot_tell_the_real_image_from_itself(holes: list[Hole]) -> None:
    def blob(hole: Hole) -> Tensor:
        return fill_with_blob(hole, [1, 2])

    network = train_classifier(holes[:4], blob, 60, 0)
    assert np.mean([auc_of(network, hole, blob) for hole in holes[4:]]) > ENOUGH
    assert auc_of(network, holes[4], lambda hole: hole.image) == 0.5


def test_a_segmenter_finds_bright_lesions_and_nothing_in_empty_texture(holes: list[Hole]) -> None:
    network = train_segmenter(holes[:4], 60, 0, side=16)
    assert np.mean([dice(segment(network, hole.image), hole.inside) for hole in holes[4:]]) > 0.6
    assert segment(network, textured(9)).float().mean() < 0.05


@pytest.mark.parametrize("place", [(-9, 2, 15), (0, 0, 0), (15, -5, -20)])
def test_a_crop_beyond_the_window_is_padded(place: tuple[int, ...], holes: list[Hole]) -> None:
    crop = cut(holes[0], holes[0].image, place)
    assert crop.shape == (3, SIDE, SIDE, SIDE)
    padded = np.pad(holes[0].image[0].numpy(), 30)
    expected = padded[tuple(slice(first + 30, first + 30 + SIDE) for first in place)]
    np.testing.assert_array_equal(crop[0].numpy(), expected)


def collected(holes: list[Hole], fill: Any) -> CollectHoles:
    keeper = CollectHoles("network")
    keeper.holes = [
        Hole(one.case_id, one.patient, one.image, one.label, one.condition, one.seed, {"network": fill(one)})
        for one in holes
    ]
    return keeper


def judged(holes: list[Hole], fill: Any, folder: Path, **options: Any) -> Any:
    steps = {"classifier_steps": 70, "segmenter_steps": 40, "folds": 2} | options
    return InpaintingJudgement(collected(holes, fill), PARTS, ["a", "b"], folder, **steps).run()


def test_a_perfect_network_passes_both_gates_and_noise_fails(holes: list[Hole], tmp_path: Path) -> None:
    good = judged(holes, lambda hole: hole.image.clone(), tmp_path / "good")
    assert all(passed for passed, _ in good.gates.values())
    assert good.names() == [REAL, BLOB, COPY, "network"]
    noise = judged(holes, lambda hole: fill_with_blob(hole, [1, 2]), tmp_path / "noise")
    assert not all(passed for passed, _ in noise.gates.values())
    lines = list(csv.DictReader((tmp_path / "good" / "scores.csv").read_text().splitlines()))
    assert len(lines) == len(holes) * 4
    page = (tmp_path / "good" / "judgement.html").read_text()
    assert "Passed: a segmenter finds as many as real lesions" in page
    assert page.count("data:image/png") == 4


def test_holes_in_healthy_tissue_are_scored_by_their_error(holes: list[Hole], tmp_path: Path) -> None:
    mirrored = collected(holes, lambda hole: hole.image.clone())
    for hole in mirrored.holes:
        hole.extra["mirrored"] = torch.zeros_like(hole.image)
    found = InpaintingJudgement(mirrored, {1: "hole"}, ["a", "b"], tmp_path, healthy=True).run()
    assert found.names() == [MEAN, MIRRORED, "network"]
    assert all(passed for passed, _ in found.gates.values())
    assert mean_of(found.rows, "network", "mse") == 0 < mean_of(found.rows, MIRRORED, "mse")
    assert not (tmp_path / "looks.csv").exists()


def test_with_one_patient_nothing_is_judged_and_that_is_said(holes: list[Hole], tmp_path: Path) -> None:
    found = judged(holes[:1], lambda hole: hole.image.clone(), tmp_path)
    assert found.names() == [REAL, BLOB, "network"]
    assert not any(passed for passed, _ in found.gates.values())
    assert "only one patient" in (tmp_path / "judgement.html").read_text()


def test_another_row_must_be_a_trained_bundle(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="not a trained bundle"):
        CollectHoles("network", {"regression": tmp_path})
