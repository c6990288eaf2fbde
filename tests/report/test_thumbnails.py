"""Small upright pictures."""

from __future__ import annotations

import io

import numpy as np
import torch
from monai.data import MetaTensor
from PIL import Image

from scanfill.report.thumbnails import LEVELS, SliceView, gray, png_bytes


def test_a_volume_is_shown_with_the_front_on_top_and_the_patients_left_on_the_right() -> None:
    volume = torch.zeros(1, 20, 24, 8)
    volume[0, 15:, 20:, 4] = 1  # this affine points to the right, front and head
    image = MetaTensor(volume, affine=torch.eye(4, dtype=torch.float64))
    right_front = SliceView.of(image).cut(volume[0].numpy())
    assert right_front.shape == (24, 20)
    assert right_front[:4, :5].all()
    assert right_front.sum() == 20


def test_the_slice_is_the_one_with_most_of_what_is_to_be_seen() -> None:
    image = MetaTensor(torch.rand(1, 6, 7, 8), affine=torch.diag(torch.tensor([-1.0, -1, 1, 1])))
    inside = np.zeros((6, 7, 8), bool)
    inside[2:4, 2:4, 6] = True
    assert SliceView.of(image, inside).index == 6


def test_a_picture_is_shown_as_stored() -> None:
    picture = torch.zeros(1, 5, 9)
    picture[0, 4, 0] = 1  # X to the right, Y down: the top right corner
    image = MetaTensor(picture, affine=torch.eye(4, dtype=torch.float64))
    shown = SliceView.of(image).cut(picture[0].numpy())
    assert shown.shape == (9, 5)
    assert np.argwhere(shown).tolist() == [[0, 4]]


def test_pixels_become_square() -> None:
    image = MetaTensor(torch.rand(1, 40, 40, 3), affine=torch.diag(torch.tensor([1.0, 4, 1, 1])))
    view = SliceView.of(image)
    cut = view.cut(image[0].numpy())
    assert view.fitted(gray(cut), side=80).shape == (80, 20)


def test_a_small_picture_is_not_enlarged() -> None:
    image = MetaTensor(torch.rand(1, 12, 10), affine=torch.eye(4, dtype=torch.float64))
    view = SliceView.of(image)
    assert view.fitted(gray(view.cut(image[0].numpy()))).shape == (10, 12)


def test_the_outside_of_the_body_is_black_and_a_few_bright_voxels_do_not_darken_the_rest() -> None:
    picture = np.zeros((40, 40))
    picture[10:30, 10:30] = np.linspace(100, 200, 400).reshape(20, 20)
    picture[10, 10] = 10_000
    shown = gray(picture)
    assert not shown[0].any()
    assert shown[29, 29] > 250


def test_png_keeps_colors_and_reduces_gray_levels() -> None:
    colored = np.random.default_rng(0).integers(0, 256, (6, 7, 3), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(png_bytes(colored)))), colored)
    levels = np.asarray(Image.open(io.BytesIO(png_bytes(np.arange(256, dtype=np.uint8)[None]))))
    assert len(np.unique(levels)) == LEVELS
