"""Figures of a study."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import numpy as np
import pytest

from scanfill.report.svg import write_svg
from scanfill.studies.figures.score_plots import (
    agreement,
    draw_dice_boxes,
    draw_differences,
    draw_volume_agreement,
)
from scanfill.studies.kinds.missing_modality.error_plot import Cloud, draw_error_against_loss
from scanfill.studies.kinds.missing_modality.examples import draw_example_slices
from scanfill.studies.tables.study_table import Estimate

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

CASES = np.array([0.2, 0.5, 0.6, 0.7, 0.9])


def boxes() -> Figure:
    dice = {name: dict.fromkeys(("NC", "WT"), CASES - loss) for name, loss in (("all", 0.0), ("zero", 0.1))}
    return draw_dice_boxes(dice, "Without t1", "all")


def test_one_panel_a_label_with_one_box_a_strategy_and_a_dot_a_case() -> None:
    axes = boxes().axes
    assert [axis.get_title() for axis in axes] == ["NC", "WT"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["all", "zero"]
    dots = [line for line in axes[1].lines if line.get_marker() == "."]
    assert [sorted(line.get_xdata()) for line in dots] == [pytest.approx(CASES), pytest.approx(CASES - 0.1)]
    dashed = [line.get_xdata()[0] for line in axes[1].lines if line.get_linestyle() == "--"]
    assert dashed == [0.6]


def test_differences_have_one_panel_a_label_and_an_interval_about_each_point() -> None:
    lost = {"NC": Estimate(-0.1, -0.2, 0.0), "WT": Estimate(-0.3, math.nan, math.nan)}
    axes = draw_differences({"zero": lost, "dropout": {"WT": Estimate(0.0, -0.1, 0.1)}}, "Difference").axes
    assert [axis.get_title() for axis in axes] == ["NC", "WT"]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["zero", "dropout"]
    points = [[line.get_xdata()[0] for line in axis.lines if line.get_marker() == "o"] for axis in axes]
    assert points == [[-0.1], [-0.3, 0.0]]
    bars = [
        list(line.get_xdata()) for line in axes[0].lines if line.get_linestyle() == "-" and len(line.get_xdata()) > 1
    ]
    assert bars == [[-0.2, 0.0]]


def test_panels_that_are_compared_have_one_scale() -> None:
    lost = {"honest": Estimate(0.01, 0.0, 0.02), "other": Estimate(-0.3, -0.4, -0.2)}
    own, shared = (
        [axis.get_xlim() for axis in draw_differences({"flip": lost}, "Difference", one_scale=one).axes]
        for one in (False, True)
    )
    assert own[0] != own[1]
    assert shared == [(own[1][0], own[0][1])] * 2


def test_an_svg_is_valid_self_contained_and_the_same_each_time(tmp_path: Path) -> None:
    paths = [write_svg(boxes(), tmp_path / name) for name in ("a.svg", "b.svg")]
    first, second = (path.read_text(encoding="utf-8") for path in paths)
    assert first == second
    root = ET.fromstring(first)  # noqa: S314  our own file
    assert root.tag.endswith("svg")
    links = [value for each in root.iter() for key, value in each.attrib.items() if key.endswith("href")]
    assert all(link.startswith(("#", "data:")) for link in links)


def test_agreement_is_bland_and_altmans() -> None:
    found = agreement(np.array([10.0, 20.0, 30.0]), np.array([12.0, 20.0, 34.0]))
    assert found.bias == pytest.approx(2)
    assert (found.low, found.high) == pytest.approx((2 - 1.96 * 2, 2 + 1.96 * 2))
    single = agreement(np.array([10.0]), np.array([11.0]))
    assert single.bias == 1
    assert math.isnan(single.low)


def test_agreement_needs_pairs() -> None:
    with pytest.raises(ValueError, match="found 2 true and 1 predicted ones"):
        agreement(np.array([1.0, 2.0]), np.array([1.0]))
    with pytest.raises(ValueError, match="found 0 true"):
        agreement(np.array([]), np.array([]))


def test_volumes_of_all_strategies_have_one_scale() -> None:
    volumes = {f"s{number}": (CASES, CASES * number) for number in range(1, 6)}
    axes = draw_volume_agreement(volumes, "Without t1", "WT").axes
    assert len(axes) == 8
    assert len({axis.get_ylim() for axis in axes[:5]}) == 1
    assert [axis.axison for axis in axes[5:]] == [False] * 3


def test_errors_have_one_panel_a_target_and_error_and_one_colour_a_source() -> None:
    errors = {"MSE": CASES, "SSIM": CASES}
    clouds = [
        Cloud(target, source, errors, CASES) for target, source in (("t1", "t2"), ("t1", "flair"), ("t2", "flair"))
    ]
    axes = draw_error_against_loss(clouds, "Loss").axes
    assert [axis.get_title() for axis in axes] == ["t1 synthetic", "t2 synthetic", "", ""]
    assert [len(axis.collections) for axis in axes] == [2, 1, 2, 1]
    same = axes[0].collections[1].get_facecolor(), axes[1].collections[0].get_facecolor()
    assert np.array_equal(*same)
    with pytest.raises(ValueError, match="no synthetic image"):
        draw_error_against_loss([], "Loss")


def test_an_example_shows_every_map_on_the_slice_with_most_truth_and_stamps_synthetic_inputs() -> None:
    image = np.ones((8, 8, 8))
    truth = np.zeros((8, 8, 8), int)
    truth[2:6, 2:6, 5] = 1
    truth[3, 3, 2] = 2
    maps = {"truth": truth, "zero": np.zeros_like(truth), "completion": truth}
    figure = draw_example_slices(image, maps, np.diag([-1.0, 1, 1, 1]), title="c1", synthetic=["completion"])
    axes = figure.axes
    assert [axis.get_title() for axis in axes] == ["image", *maps]
    opaque = [int((axis.images[-1].get_array()[..., 3] > 0).sum()) for axis in axes[1:]]
    assert opaque == [16, 0, 16]
    stamped = [any(text.get_text() == "SYNTHETIC INPUT" for text in axis.texts) for axis in axes]
    assert stamped == [False, False, False, True]


def test_an_example_on_another_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"image's grid \(4, 4, 4\); found \{'zero': \(4, 4, 5\)\}"):
        draw_example_slices(np.ones((4, 4, 4)), {"zero": np.zeros((4, 4, 5), int)}, np.eye(4))
