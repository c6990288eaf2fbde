"""draw_synthesis; pictures are read back and looked at pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from monai.data import MetaTensor
from monai.transforms import Orientation

from scanfill.report.panels import PLANES, STAMP
from scanfill.report.synthesis import OUTLINE, SaveSynthesisPreviewd, draw_synthesis

if TYPE_CHECKING:
    from pathlib import Path

Array = npt.NDArray[Any]
SPACING = (1, 1, 1)


def head(size: int = 24) -> Array:
    """Make a grey box with air around it ``(size, size, size)``, axes to the patient's right, front and head."""
    image = np.zeros((size, size, size), np.float32)
    image[2:-2, 2:-2, 2:-2] = 100
    image[2:-2, 2:-2, 2:4] = 200
    return image


def tumour(size: int = 24) -> Array:
    """Mark a tumour on the patient's right, at the front and near the top."""
    label = np.zeros((size, size, size), np.uint8)
    label[16:20, 16:20, 16:20] = 2
    return label


def rows_of(path: Path, rows: int) -> list[Array]:
    """Cut the picture into its rows of panels, ``(pixels down, pixels right, 3)``."""
    pixels = imread(path)[..., :3]
    panels = pixels[round(0.45 * 110) : -round(0.65 * 110)]
    height = panels.shape[0] // rows
    return [panels[row * height : (row + 1) * height] for row in range(rows)]


def found(picture: Array, colour: str, tolerance: float = 0.08) -> npt.NDArray[np.bool_]:
    return np.asarray(np.abs(picture - to_rgb(colour)).max(axis=2) < tolerance)


def saturation(picture: Array) -> Array:
    return np.ptp(picture, axis=2)


def draw(path: Path, synthetic: Array, **more: Any) -> Path:
    return draw_synthesis({"t2": head()}, synthetic, path, target="flair", spacing=SPACING, **more)


def test_only_the_synthetic_row_is_stamped(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", head(), truth=head())
    stamped = [found(row, STAMP).sum() for row in rows_of(path, 4)]
    assert [count > 100 for count in stamped] == [False, False, True, False]


def test_every_plane_of_it_is_stamped(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", head(), truth=head())
    stamps = found(rows_of(path, 4)[2], STAMP)
    thirds = np.array_split(stamps, 3, axis=1)
    assert all(third.sum() > 100 for third in thirds)


def test_no_difference_is_black(tmp_path: Path) -> None:
    *_, difference = rows_of(draw(tmp_path / "a.png", head(), truth=head()), 4)
    assert saturation(difference).max() < 0.05


@pytest.mark.parametrize(("sign", "brighter"), [(1, True), (-1, False)])
def test_difference_is_orange_where_too_bright_and_blue_where_too_dark(
    tmp_path: Path, sign: int, brighter: bool
) -> None:
    wrong = head() + sign * 40 * (tumour() > 0)
    *_, difference = rows_of(draw(tmp_path / "a.png", wrong, truth=head(), label=tumour()), 4)
    coloured = difference[(saturation(difference) > 0.2) & ~found(difference, OUTLINE, 0.3)]
    assert len(coloured) > 50
    red, _, blue = coloured.mean(axis=0)
    assert bool(red > blue) is brighter


def test_synthetic_is_shown_in_the_truths_window(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", head() / 2, truth=head())
    _, truth, synthetic, _ = rows_of(path, 4)
    bright = np.median(truth[saturation(truth) < 0.02][:, 0][truth[saturation(truth) < 0.02][:, 0] > 0.05])
    grey = synthetic[saturation(synthetic) < 0.02][:, 0]
    dim = np.median(grey[grey > 0.05])
    assert dim == pytest.approx(bright / 2, abs=0.03)


def test_without_truth_source_and_synthetic_are_shown(tmp_path: Path) -> None:
    with_truth = imread(draw(tmp_path / "a.png", head(), truth=head())).shape[0] - 121  # 121 pixels of text
    without = imread(draw(tmp_path / "b.png", head())).shape[0] - 121
    assert without / with_truth == pytest.approx(2 / 4, abs=0.01)
    assert found(rows_of(tmp_path / "b.png", 2)[1], STAMP).sum() > 100


def test_each_source_has_a_row(tmp_path: Path) -> None:
    sources = {"t1": head(), "t2": head()}
    path = draw_synthesis(sources, head(), tmp_path / "a.png", target="flair", spacing=SPACING)
    assert found(rows_of(path, 3)[2], STAMP).sum() > 100


def test_tumour_is_outlined_in_radiological_convention(tmp_path: Path) -> None:
    path = draw(tmp_path / "a.png", head(), label=tumour())
    for third, plane in zip(np.array_split(rows_of(path, 2)[0], 3, axis=1), PLANES, strict=True):
        down, right = np.argwhere(found(third, OUTLINE, 0.25)).mean(axis=0)
        assert right < third.shape[1] / 2, plane.name  # the patient's right and front are on the left
        assert down < third.shape[0] / 2, plane.name


@pytest.mark.parametrize("axcodes", ["LPS", "SAR"])
def test_orientation_of_the_file_does_not_turn_the_picture(tmp_path: Path, axcodes: str) -> None:
    affine = torch.diag(torch.tensor([1, 1, 1.5, 1]))
    image, label = (MetaTensor(torch.from_numpy(volume)[None], affine) for volume in (head(), tumour()))
    turn = Orientation(axcodes=axcodes, labels=None)
    paths = [
        draw_synthesis({"t2": i}, i, tmp_path / name, target="t1", truth=i, label=j)
        for name, i, j in (("ras.png", image, label), ("turned.png", turn(image), turn(label)))
    ]
    assert np.array_equal(*(imread(path) for path in paths))


def test_zscored_images_have_a_black_background(tmp_path: Path) -> None:
    scored = np.where(head() != 0, (head() - 110) / 30, 0)
    path = draw_synthesis({"t2": scored}, scored, tmp_path / "a.png", target="t1", truth=scored, spacing=SPACING)
    for row in rows_of(path, 4)[:2]:
        assert row[6, row.shape[1] // 6 - 60].max() < 0.05  # above the brain, beside the plane's name


@pytest.mark.parametrize("image", [np.zeros((24, 24, 24)), head()[:, :, 10:11]])
def test_a_blank_image_or_a_slice_is_still_a_picture(tmp_path: Path, image: Array) -> None:
    path = draw_synthesis({"t2": image}, image, tmp_path / "a.png", target="t1", truth=image, spacing=SPACING)
    assert imread(path).std() > 0


@pytest.mark.parametrize(
    ("sources", "more", "message"),
    [
        ({"t2": head(20)}, {"spacing": SPACING}, r"must be on one grid: .*'t2, given': \(20, 20, 20\)"),
        ({}, {"spacing": SPACING}, "must be on one grid"),
        ({"t2": head()}, {}, "voxel size is unknown"),
        ({"t2": head()}, {"spacing": SPACING, "truth": head(20)}, r"'acquired': \(20, 20, 20\)"),
        ({"t2": head()}, {"spacing": SPACING, "label": tumour()[None].repeat(2, 0)}, "The tumour must be one volume"),
    ],
)
def test_bad_input_is_named_and_leaves_no_file(
    tmp_path: Path, sources: dict[str, Array], more: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_synthesis(sources, head(), tmp_path / "a.png", target="flair", **more)
    assert not list(tmp_path.iterdir())


def halves(path: Path, panels: int) -> list[Array]:
    """Cut the picture of 2-D images into its panels, side by side."""
    pixels = imread(path)[..., :3]
    row = pixels[round(0.45 * 110) : -round(0.65 * 110)]
    width = row.shape[1] // panels
    return [row[:, number * width : (number + 1) * width] for number in range(panels)]


def flat() -> tuple[Array, Array]:
    """A picture ``(X, Y)``, and two structures that overlap in it, the first in the upper left corner."""
    image = np.full((40, 36), 50.0, np.float32)
    channels = np.zeros((2, 40, 36), np.uint8)
    channels[0, 2:14, 2:14] = channels[1, 10:30, 10:30] = 1
    return image + 50 * channels.sum(axis=0), channels


def test_a_picture_made_from_labels_stands_beside_them(tmp_path: Path) -> None:
    image, channels = flat()
    path = draw_synthesis(
        {"label": channels}, image, tmp_path / "a.png", target="ct", truth=image, label_maps=["label"], spatial_dims=2
    )
    labels, _, synthetic, _ = halves(path, 4)
    first = found(labels, "#005b8e")  # the palette's blue on black
    down, right = np.argwhere(first).mean(axis=0) / labels.shape[:2]
    assert first.sum() > 100
    assert (down < 0.4, right < 0.4) == (True, True)  # first row on top, as it is stored
    assert found(labels, STAMP).sum() < 5
    assert found(synthetic, STAMP).sum() > 100


def test_a_label_map_is_shown_as_its_channels_are(tmp_path: Path) -> None:
    image, channels = flat()
    channels[1, channels[0] > 0] = 0
    paths = [
        draw_synthesis({"label": given}, image, tmp_path / name, target="ct", label_maps=["label"], spatial_dims=2)
        for name, given in {"map.png": channels[0] + 3 * channels[1], "channels.png": channels}.items()
    ]
    assert np.array_equal(*(imread(path) for path in paths))


def test_a_schema_says_which_source_is_a_label_map(tmp_path: Path) -> None:
    image, channels = flat()
    schema = {
        "name": "slices",
        "spatial_dims": 2,
        "images": [{"key": "ct"}],
        "label": {"names": {1: "kidney", 2: "tumour"}, "kind": "channels"},
        "finder": {"by": "folder", "files": {"ct": "ct.png", "label": "{name}.png"}},
    }
    about = {"case_id": "a", "pred": image[None], "acquired_ct": image[None], "label": channels}
    assert SaveSynthesisPreviewd(["label"], "ct", tmp_path, schema=schema)(about) is about
    expected = draw_synthesis(
        {"label": channels},
        image,
        tmp_path / "expected.png",
        target="ct",
        truth=image,
        label_maps=["label"],
        spatial_dims=2,
        title="a",
    )
    assert (tmp_path / "a" / "a_preview.png").read_bytes() == expected.read_bytes()
