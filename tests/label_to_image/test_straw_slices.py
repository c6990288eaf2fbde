"""Slices that were painted or copied instead of drawn."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from drawn_slices import made_slices
from scanfill.label_to_image.slices import Slice
from scanfill.label_to_image.straw_slices import BODY, OUTSIDE, TISSUES, ClassTones, classes_of, most_overlapping


def small(
    values: list[float], labels: list[float], inside: list[bool] | None = None, tissues: list[int] | None = None
) -> Slice:
    """A slice of one row of pixels; tissue -1 is not told."""
    image, label = (torch.tensor(each, dtype=torch.float32).view(1, 1, -1) for each in (values, labels))
    told = None if tissues is None else torch.stack([torch.tensor(tissues)[None] == index for index in range(4)])
    body = None if inside is None else torch.tensor(inside).view(1, 1, -1)
    return Slice("c", "p", 0, image, label, body, tissue=told)


def test_classes_are_the_labels_the_body_and_what_is_outside() -> None:
    one = small([0, 0, 0, 0], [0, 0, 1, 2], [False, True, True, False])
    assert classes_of(one).flatten().tolist() == [OUTSIDE, BODY, 1, 2]
    assert classes_of(replace(one, inside=None)).flatten().tolist() == [BODY, BODY, 1, 2]


def test_tones_are_pooled_over_training_slices() -> None:
    tones = ClassTones.of([small([0.0, 0.2], [1, 1]), small([0.4, -0.5], [1, 0])]).tones
    assert tones[1] == pytest.approx((0.2, (0.08 / 3) ** 0.5))
    assert tones[BODY] == pytest.approx((-0.5, 0.0))


def test_painting_has_the_means_and_spread_of_its_classes_and_repeats_with_its_seed() -> None:
    training = made_slices(4, 0)
    tones, one = ClassTones.of(training), training[0]
    painted = tones.paint(one, seed=3)
    organ = painted[one.label == 1]
    assert float(organ.mean()) == pytest.approx(tones.tones[1][0], abs=0.05)
    assert float(organ.std()) == pytest.approx(tones.tones[1][1], rel=0.3)
    assert torch.equal(painted, tones.paint(one, seed=3))
    assert not torch.equal(painted, tones.paint(one, seed=4))


def test_a_label_that_no_training_slice_has_is_painted_like_the_body() -> None:
    tones = ClassTones.of([small([0.3, 0.3], [0, 1])])
    assert tones.paint(small([0, 0], [0, 2])).flatten().tolist() == pytest.approx([0.3, 0.3])


def test_with_a_map_of_tissues_each_is_a_class() -> None:
    one = small([0] * 5, [0, 0, 0, 1, 0], [True, True, True, True, False], [0, 3, -1, -1, -1])
    assert classes_of(one).flatten().tolist() == [TISSUES, TISSUES - 3, BODY, 1, OUTSIDE]


def test_tissues_are_painted_as_in_the_training_and_what_is_not_told_as_the_commonest_tissue_there() -> None:
    values = [-0.9, -0.3, 0.9, -0.3, -0.4, 0.8, 0.5]
    training = small(values, [0, 0, 0, 0, 0, 0, 1], tissues=[0, 1, 3, -1, -1, -1, -1])
    tones = ClassTones.of([training])
    assert tones.tones[BODY] == tones.tones[TISSUES - 1] == pytest.approx((-0.3, 0.0))
    painted = tones.paint(small([0] * 5, [0, 0, 0, 0, 1], tissues=[3, 1, 0, -1, -1]))
    assert painted.flatten().tolist() == pytest.approx([0.9, -0.3, -0.9, -0.3, 0.5])


def test_the_slice_whose_masks_overlap_most_is_found() -> None:
    one = small([0] * 4, [1, 1, 0, 0])
    among = [small([0] * 4, [0, 0, 1, 1]), small([0] * 4, [1, 1, 1, 0]), small([0] * 4, [1, 2, 0, 0])]
    assert most_overlapping(one, among, [(1, 2)]) == 2
    assert most_overlapping(one, among, [(1, 2), (2,)]) == 1  # the last one has a lesion that this slice lacks
