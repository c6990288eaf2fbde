"""Figures of the comparison of two sets."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from scanfill.report.exploration.against_figures import pair_figure


def test_thumbnails_of_two_sizes_stand_side_by_side_unchanged() -> None:
    left, right = np.full((40, 30), 80, np.uint8), np.full((20, 50), 160, np.uint8)
    figure = pair_figure(left, right, "a | b")
    assert isinstance(figure.picture, bytes)
    picture = np.asarray(Image.open(BytesIO(figure.picture)))
    assert picture.shape == (40, 30 + 4 + 50)
    assert (picture[:, :30] == 80).all()
    assert (picture[:20, 34:] == 160).all()
    assert (picture[20:, 34:] == 0).all()
