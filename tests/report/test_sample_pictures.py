"""Pictures of samples are drawn also where there are few."""

from __future__ import annotations

import torch

from scanfill.report.sample_pictures import draw_closest, draw_distances, draw_sheet_of_rows


def test_a_row_with_few_images_leaves_the_rest_blank_and_colored_ones_stay_colored() -> None:
    figure = draw_sheet_of_rows({"gray": torch.zeros(2, 1, 8, 6), "colored": torch.ones(5, 3, 8, 6)}, 4)
    assert len(figure.axes) == 8
    assert [len(axis.images) for axis in figure.axes] == [1, 1, 0, 0, 1, 1, 1, 1]
    assert figure.axes[4].images[0].get_array().shape == (6, 8, 3)


def test_pairs_are_drawn_one_above_the_other() -> None:
    figure = draw_closest([(1, 0, 2.5)], torch.zeros(2, 1, 8, 8), torch.ones(1, 1, 8, 8))
    top, below = figure.axes
    assert top.get_title() == "2.5"
    assert (top.images[0].get_array().max(), below.images[0].get_array().max()) == (0, 1)


def test_distances_of_copies_are_all_0_and_drawn_nonetheless() -> None:
    (axis,) = draw_distances({"copies": [0.0, 0.0]}, "distance").axes
    assert axis.get_xlabel() == "distance"
