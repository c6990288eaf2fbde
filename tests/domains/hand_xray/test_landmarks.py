"""Landmarks on predicted bones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.domains.hand_xray.bones import BONES
from scanfill.domains.hand_xray.landmarks import HAND, LANDMARKS, landmark_distances, read_landmarks
from scanfill.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


def test_each_landmark_names_a_bone() -> None:
    assert len(LANDMARKS) == 37
    assert {bone for bone, _ in LANDMARKS} == set(BONES) - {"Pisiform"}
    assert LANDMARKS[HAND[0]][0] == "Capitate"
    assert LANDMARKS[HAND[1]] == ("finger-8", "tip")


def test_distances_are_in_percent_of_the_hand_length() -> None:
    masks = {bone: np.zeros((120, 150), bool) for bone in BONES}
    for mask in masks.values():
        mask[50:60, 20:30] = True
    masks["Lunate"][:] = False
    points = np.full((37, 2), [55.0, 25.0])
    points[HAND[1]] = [55, 125]  # 100 pixels from the base of the capitate
    points[0] = [69, 25]
    distances = landmark_distances(masks, points)
    assert distances[0] == 10
    assert distances[HAND[1]] == 96
    assert distances[7] == np.inf
    assert (distances[[1, 2, 3]] == 0).all()


def test_a_landmark_outside_the_image_is_measured_from_its_border() -> None:
    masks = {bone: np.ones((20, 20), bool) for bone in BONES}
    points = np.random.default_rng(0).uniform(-5, 25, (37, 2))
    assert landmark_distances(masks, points) == pytest.approx(np.zeros(37))


def test_a_table_is_read_and_another_one_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "landmarks.csv"
    names = [f"{axis}{number}" for number in range(1, 38) for axis in "xy"]
    path.write_text("image," + ",".join(names) + "\n007," + ",".join(map(str, range(74))) + "\n")
    (points,) = read_landmarks(path).items()
    assert points[0] == "007"
    assert points[1][:2].tolist() == [[0, 1], [2, 3]]
    path.write_text("image,x1,y1\n007,1,2\n")
    with pytest.raises(UsageError, match="is not a table of landmarks"):
        read_landmarks(path)
