"""draw_preview and SavePreviewd; pictures are read back and looked at pixel by pixel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from monai.data import MetaTensor
from monai.transforms import Orientation, Resized

from scanfill.report import SavePreviewd, draw_preview, preview
from scanfill.report.palette import palette
from scanfill.report.panels import STAMP, blacken, draw_rows
from scanfill.report.preview import COLOURS, PLANES, _entries

if TYPE_CHECKING:
    from pathlib import Path

Array = npt.NDArray[Any]
NAMES = {1: "NC necrotic core", 2: "ED edema", 3: "CET enhancing tumor"}


def head(size: int = 24) -> Array:
    """Make a grey box with air around it ``(size, size, size)``, axes to the patient's right, front and head."""
    image = np.zeros((size, size, size), np.float32)
    image[2:-2, 2:-2, 2:-2] = 100
    image[2:-2, 2:-2, 2] = 200
    return image


def tumour(size: int = 24) -> Array:
    """Mark edema on the patient's right, at the front and near the top."""
    label = np.zeros((size, size, size), np.uint8)
    label[16:20, 16:20, 16:20] = 2
    return label


def centre_of(path: Path, colour: str, part: int, parts: int = 3) -> tuple[float, float]:
    """Find where a colour is in one column of the picture: rightwards and upwards in [0, 1]."""
    pixels = imread(path)[..., :3]
    rows = slice(60, pixels.shape[0] - 90)  # without heading and legend
    width = pixels.shape[1] // parts
    panel = pixels[rows, part * width : (part + 1) * width]
    grey = 100 / (100 + 1.25 * 100)
    blend = 0.55 * np.array(to_rgb(colour)) + 0.45 * grey
    tint, panel_tint = blend - blend.mean(), panel - panel.mean(axis=2, keepdims=True)
    found = np.argwhere(np.abs(panel_tint - tint).max(axis=2) < 0.1)
    assert len(found) > 20
    down, right = found.mean(axis=0)
    return right / width, 1 - down / panel.shape[0]


def affine_of(*sizes: float) -> torch.Tensor:
    return torch.diag(torch.tensor([*sizes, 1.0]))


def test_the_picture_is_in_radiological_convention(tmp_path: Path) -> None:
    path = draw_preview(head(), tumour(), tmp_path / "a.png", spacing=(1, 1, 1), legend=NAMES)
    for part, (right, up) in enumerate([centre_of(path, COLOURS[1], part) for part in range(3)]):
        assert right < 0.5, PLANES[part].name  # the patient's right and front are on the left
        assert up > 0.5, PLANES[part].name


@pytest.mark.parametrize("axcodes", ["LPS", "SAR", "PIR"])
def test_orientation_of_the_file_does_not_turn_the_picture(tmp_path: Path, axcodes: str) -> None:
    image = MetaTensor(torch.from_numpy(head())[None], affine_of(1, 1, 1.5))
    label = MetaTensor(torch.from_numpy(tumour())[None], affine_of(1, 1, 1.5))
    expected = imread(draw_preview(image, label, tmp_path / "ras.png"))
    turn = Orientation(axcodes=axcodes, labels=None)
    turned = imread(draw_preview(turn(image), turn(label), tmp_path / f"{axcodes}.png"))
    assert np.array_equal(turned, expected)


def test_the_slice_is_the_one_with_the_most_tumour(tmp_path: Path) -> None:
    label = np.zeros((24, 24, 24), np.uint8)
    label[5, 5, 5] = 1
    label[14:20, 14:20, 17] = 3
    path = draw_preview(head(), label, tmp_path / "a.png", spacing=(1, 1, 1), legend=NAMES)
    right, up = centre_of(path, COLOURS[2], 0)
    assert (right < 0.5, up > 0.5) == (True, True)


def test_each_label_has_a_colour_of_its_own(tmp_path: Path) -> None:
    label = tumour()
    label[4:8, 16:20, 16:20] = 1
    path = draw_preview(head(), label, tmp_path / "a.png", spacing=(1, 1, 1), legend=NAMES)
    assert centre_of(path, COLOURS[1], 0)[0] < 0.5 < centre_of(path, COLOURS[0], 0)[0]


def test_truth_is_drawn_in_a_second_row(tmp_path: Path) -> None:
    spacing = (1, 1, 1)
    alone = imread(draw_preview(head(), tumour(), tmp_path / "a.png", spacing=spacing, legend=NAMES))
    both = draw_preview(
        head(), np.zeros_like(tumour()), tmp_path / "b.png", spacing=spacing, truth=tumour(), legend=NAMES
    )
    assert imread(both).shape[0] > 1.6 * alone.shape[0]
    assert centre_of(both, COLOURS[1], 0)[1] < 0.5  # only the lower row has a tumour


@pytest.mark.parametrize("image", [head(), np.zeros((24, 24, 24))])
def test_an_empty_prediction_is_still_a_picture(tmp_path: Path, image: Array) -> None:
    path = draw_preview(image, np.zeros((24, 24, 24)), tmp_path / "a.png", spacing=(1, 1, 1), title="$_{")
    assert imread(path).std() > 0


def test_a_slice_is_one_panel(tmp_path: Path) -> None:
    image, label = head()[:, :, 17:18], tumour()[:, :, 17:18]
    path = draw_preview(image, label, tmp_path / "a.png", spacing=(1, 1, 5), legend=NAMES)
    right, up = centre_of(path, COLOURS[1], 0, parts=1)
    assert (right < 0.5, up > 0.5) == (True, True)


def test_thick_slices_are_drawn_in_millimetres(tmp_path: Path) -> None:
    thin = imread(draw_preview(head(), tumour(), tmp_path / "a.png", spacing=(1, 1, 1), legend=NAMES))
    thick = imread(draw_preview(head(), tumour(), tmp_path / "b.png", spacing=(1, 1, 2), legend=NAMES))
    assert (thick.shape[0] - 121) / (thin.shape[0] - 121) == pytest.approx(2, rel=0.01)  # 121 pixels of text


def test_another_legend_names_other_labels(tmp_path: Path) -> None:
    label = tumour() * 20
    path = draw_preview(head(), label, tmp_path / "a.png", spacing=(1, 1, 1), legend={40: "bone"})
    assert centre_of(path, COLOURS[0], 0)[0] < 0.5


@pytest.mark.parametrize(
    ("image", "label", "spacing", "message"),
    [
        (head(), tumour(), None, "voxel size is unknown"),
        (head(20), tumour(), (1, 1, 1), r"prediction \(24, 24, 24\) and image \(20, 20, 20\)"),
        (head()[None].repeat(2, 0), tumour(), (1, 1, 1), "Choose one channel"),
        (head(), tumour() * 2, (1, 1, 1), r"labels \[4\]"),
    ],
)
def test_bad_input_is_named_and_leaves_no_file(
    tmp_path: Path, image: Array, label: Array, spacing: tuple[float, ...] | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        draw_preview(image, label, tmp_path / "a.png", spacing=spacing, legend=NAMES)
    assert not list(tmp_path.iterdir())


def case() -> dict[str, Any]:
    image = torch.from_numpy(np.stack([head() * 0, head()]))
    label = torch.from_numpy(tumour())[None]
    return {
        "case_id": "a",
        "image": MetaTensor(image, affine_of(1, 1, 1)),
        "pred": MetaTensor(label, affine_of(1, 1, 1)),
    }


def test_the_transform_writes_the_same_picture_and_changes_nothing(tmp_path: Path) -> None:
    data = case()
    save = SavePreviewd("image", "pred", tmp_path, channel=1)
    assert save(data) is data
    expected = draw_preview(head(), tumour(), tmp_path / "expected.png", spacing=(1, 1, 1), title="a")
    assert (tmp_path / "a" / "a_preview.png").read_bytes() == expected.read_bytes()
    assert data["image"].shape == (2, 24, 24, 24)
    assert data["image"].applied_operations == []


def test_an_image_on_another_grid_is_brought_to_the_label(tmp_path: Path) -> None:
    data = case()
    data["image"][:, 2:4, 2:-2, 2:-2] = 1  # dim, whether or not rounding leaves a rim around the head
    flipped = Orientation(axcodes="LPS", labels=None)(data["image"])
    SavePreviewd("image", "pred", tmp_path / "same", channel=1)(data)
    SavePreviewd("image", "pred", tmp_path / "flipped", channel=1)(data | {"image": flipped})
    pictures = [imread(tmp_path / name / "a" / "a_preview.png") for name in ("same", "flipped")]
    assert np.abs(pictures[0] - pictures[1]).mean() < 0.01


def test_truth_is_drawn_where_a_case_has_it(tmp_path: Path) -> None:
    data = case()
    save = SavePreviewd("image", "pred", tmp_path, truth_key="label")
    save(data)
    without = imread(tmp_path / "a" / "a_preview.png").shape
    save(data | {"label": data["pred"]})
    assert imread(tmp_path / "a" / "a_preview.png").shape[0] > 1.6 * without[0]


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"needs \['pred'\], but the case has \['case_id', 'image'\]"):
        SavePreviewd("image", "pred", tmp_path)({key: value for key, value in case().items() if key != "pred"})


def stamped(path: Path) -> int:
    """How many pixels have the colour of the stamp."""
    return int((np.abs(imread(path)[..., :3] - np.array(to_rgb(STAMP))).max(axis=2) < 0.02).sum())


def preview_of(tmp_path: Path, keys: list[str], **more: Any) -> Path:
    SavePreviewd(keys, "pred", tmp_path)({**case(), **more})
    return tmp_path / "a" / "a_preview.png"


def test_the_first_image_that_is_not_blank_is_shown(tmp_path: Path) -> None:
    affine = affine_of(1, 1, 1)
    shown, other = (MetaTensor(torch.from_numpy(values)[None], affine) for values in (head(), head()[::-1].copy() + 1))
    images = {"flair": MetaTensor(torch.zeros(1, 24, 24, 24), affine), "t2": shown, "t1": other}
    picture = imread(preview_of(tmp_path / "chosen", ["flair", "t2", "t1"], **images))
    assert np.array_equal(picture, imread(preview_of(tmp_path / "alone", ["t2"], **images)))
    assert not np.array_equal(picture, imread(preview_of(tmp_path / "other", ["t1"], **images)))


def test_an_acquired_image_is_shown_rather_than_a_synthetic_one(tmp_path: Path) -> None:
    affine = affine_of(1, 1, 1)
    made, acquired = (MetaTensor(torch.from_numpy(v)[None], affine) for v in (head()[::-1].copy() + 1, head()))
    images = {"flair": made, "t2": acquired, "synthetic": ["flair"]}
    picture = imread(preview_of(tmp_path / "chosen", ["flair", "t2"], **images))
    assert np.array_equal(picture, imread(preview_of(tmp_path / "alone", ["t2"], **images)))


def test_a_synthetic_input_is_stamped_on_every_plane(tmp_path: Path) -> None:
    plain = preview_of(tmp_path / "plain", ["image"], image=case()["image"][1:])
    declared = preview_of(tmp_path / "declared", ["image"], image=case()["image"][1:], synthetic=["t1ce"])
    inputs = {"t1ce": "synthetic", "flair": "acquired"}
    judged = preview_of(tmp_path / "judged", ["image"], image=case()["image"][1:], inputs=inputs)
    assert stamped(declared) > stamped(plain) + 1000
    assert np.array_equal(imread(judged), imread(declared))
    width = imread(declared).shape[1] // 3
    for part in range(3):
        both = [imread(path)[60:-90, part * width : (part + 1) * width] for path in (plain, declared)]
        assert not np.array_equal(*both)


def test_where_the_image_itself_is_synthetic_the_stamp_says_that(tmp_path: Path) -> None:
    image = case()["image"][1:]
    shown = preview_of(tmp_path / "shown", ["flair"], flair=image, synthetic=["flair", "t1ce"])
    expected = draw_preview(image, case()["pred"], tmp_path / "expected.png", title="a", stamp="synthetic flair")
    assert shown.read_bytes() == expected.read_bytes()


def test_a_case_may_say_itself_what_its_labels_are_called(tmp_path: Path) -> None:
    image, own = case()["image"][1:], {1: "core, not subdivided", 2: "ED edema"}
    told = preview_of(tmp_path / "told", ["image"], image=image, legend=own)
    expected = draw_preview(image, case()["pred"], tmp_path / "expected.png", title="a", legend=own)
    assert told.read_bytes() == expected.read_bytes()
    assert told.read_bytes() != preview_of(tmp_path / "usual", ["image"], image=image).read_bytes()


def test_a_schema_names_the_labels(tmp_path: Path) -> None:
    image = case()["image"][1:]
    SavePreviewd("image", "pred", tmp_path, schema="brain_mri")(case() | {"image": image})
    expected = draw_preview(image, case()["pred"], tmp_path / "expected.png", title="a", legend=NAMES)
    assert (tmp_path / "a" / "a_preview.png").read_bytes() == expected.read_bytes()


def panel_of(path: Path, lines: int = 1) -> Array:
    """Cut heading and legend off a picture."""
    pixels = imread(path)[..., :3]
    bottom = 0.65 + 0.2 * (lines - 1)
    return np.asarray(pixels[round(0.45 * 110) : -round(bottom * 110)])


def middle_of(panel: Array, colour: str, opacity: float = 0.55) -> tuple[float, float]:
    """Find a colour on black: rightwards and upwards in [0, 1]."""
    found = np.argwhere(np.abs(panel - opacity * np.array(to_rgb(colour))).max(axis=2) < 0.03)
    assert len(found) > 20
    down, right = found.mean(axis=0) / panel.shape[:2]
    return right, 1 - down


def corner(shape: tuple[int, int] = (30, 20)) -> Array:
    """Mark what is on the left in the third row from the top, in a picture ``(X, Y)`` as it is stored."""
    label = np.zeros(shape, np.uint8)
    label[2:8, 2:8] = 1
    return label


def picture(values: Array, affine: torch.Tensor | None = None) -> MetaTensor:
    return MetaTensor(torch.from_numpy(values)[None], torch.eye(4, dtype=torch.float64) if affine is None else affine)


def test_a_picture_is_shown_as_it_is_stored(tmp_path: Path) -> None:
    black = np.zeros((30, 20), np.float32)
    black[-1, -1] = 1000  # so that there is something to scale by
    path = draw_preview(picture(black), picture(corner()), tmp_path / "a.png", spatial_dims=2)
    panel = panel_of(path)
    inside = panel[:, panel.shape[1] // 2 - panel.shape[0] * 3 // 4 : panel.shape[1] // 2 + panel.shape[0] * 3 // 4]
    right, up = middle_of(inside, COLOURS[0])
    assert right == pytest.approx(5 / 30, abs=0.04)
    assert up == pytest.approx(1 - 5 / 20, abs=0.04)
    alone = imread(draw_preview(black, corner(), tmp_path / "b.png", spatial_dims=2))
    assert np.array_equal(alone, imread(path))  # an array without affine is a picture, too


def test_a_slice_with_an_affine_is_turned_to_the_patient(tmp_path: Path) -> None:
    """Axes to the right and to the front: radiological convention turns the first, and the second upwards."""
    black = np.zeros((30, 20), np.float32)
    black[-1, -1] = 1000
    affine = torch.diag(torch.tensor([2.0, 2.0, 1.0, 1.0], dtype=torch.float64))
    path = draw_preview(picture(black, affine), picture(corner(), affine), tmp_path / "a.png", spatial_dims=2)
    panel = panel_of(path)
    half = panel.shape[0] * 3 // 4
    right, up = middle_of(panel[:, panel.shape[1] // 2 - half : panel.shape[1] // 2 + half], COLOURS[0])
    assert (right, up) == (pytest.approx(1 - 5 / 30, abs=0.04), pytest.approx(5 / 20, abs=0.04))
    standing = torch.tensor([[0.0, 0, 5, 0], [2, 0, 0, 0], [0, 2, 0, 0], [0, 0, 0, 1]], dtype=torch.float64)
    path = draw_preview(picture(black, standing), picture(corner(), standing), tmp_path / "b.png", spatial_dims=2)
    panel = panel_of(path)
    right, up = middle_of(panel[:, panel.shape[1] // 2 - half : panel.shape[1] // 2 + half], COLOURS[0])
    assert (right, up) == (pytest.approx(1 - 5 / 30, abs=0.04), pytest.approx(5 / 20, abs=0.04))  # front on the left


def test_a_resampled_picture_is_still_as_it_was_stored(tmp_path: Path) -> None:
    black, label = picture(np.ones((30, 20), np.float32)), picture(corner())
    for image in (black, label):
        image.meta["original_affine"] = np.eye(4)
    expected = imread(draw_preview(black, label, tmp_path / "a.png", spatial_dims=2))
    for image in (black, label):
        image.affine = torch.diag(torch.tensor([3.0, 3.0, 1.0, 1.0], dtype=torch.float64))
    found = imread(draw_preview(black, label, tmp_path / "b.png", spatial_dims=2))
    assert found.shape == expected.shape
    assert np.array_equal(panel_of(tmp_path / "a.png"), panel_of(tmp_path / "b.png"))


def test_a_picture_that_was_resized_and_brought_back_is_as_it_was_stored(tmp_path: Path) -> None:
    stored = picture(corner())
    resize = Resized("image", 7, size_mode="longest")
    label = resize.inverse(resize({"image": stored}))["image"]
    label.meta.pop("original_affine", None)
    rounding = float((label.affine - stored.affine).abs().max())
    assert 0 < rounding < 1e-6, "the case that this is about"
    expected = draw_preview(stored, stored, tmp_path / "a.png", spatial_dims=2)
    found = draw_preview(stored, MetaTensor(stored.as_tensor(), label.affine), tmp_path / "b.png", spatial_dims=2)
    assert np.array_equal(imread(expected), imread(found))


HAND = {
    "name": "hand",
    "spatial_dims": 2,
    "images": [{"key": "image"}],
    "label": {"names": {number: f"bone {number}" for number in range(1, 30)}, "kind": "channels"},
    "finder": {"by": "folder", "files": {"image": "image.png", "label": "{name}.png"}},
}


def bones() -> Array:
    """29 squares ``(29, X, Y)``, each overlapping the next; the first ones are the smallest."""
    channels = np.zeros((29, 130, 60), np.uint8)
    for number in range(29):
        channels[number, 4 * number : 4 * number + 8, 10 : 14 + number] = 1
    return channels


def test_overlapping_structures_are_all_drawn_and_the_largest_listed(tmp_path: Path) -> None:
    image = picture(np.full((130, 60), 1e-3, np.float32))
    pred = MetaTensor(torch.from_numpy(bones()), torch.eye(4, dtype=torch.float64))
    SavePreviewd("image", "pred", tmp_path, schema=HAND, truth_key="label")(
        {"case_id": "h", "image": image, "pred": pred, "label": pred}
    )
    pixels = imread(tmp_path / "h" / "h_preview.png")
    assert pixels.shape[1] <= 10 * 110
    for colour in palette(29):
        outlines = np.abs(pixels[..., :3] - np.array(to_rgb(colour))).max(axis=2) < 0.15
        assert outlines.any(), colour
    swatches = [c for c in palette(29) if (np.abs(pixels[-200:, :, :3] - to_rgb(c)).max(axis=2) < 0.01).sum() > 200]
    assert swatches == palette(29)[19:]  # as large as a patch of the legend: ten of them, the largest


def test_the_legend_says_how_many_there_are_besides() -> None:
    sizes = {"prediction": {f"b{number}": float(number) for number in range(12)}}
    sizes["truth"] = {**dict.fromkeys(sizes["prediction"], 2.5), "b1": 50.0}
    entries = _entries(sizes, palette(12), "px")
    listed = ["b1", *(f"b{number}" for number in range(3, 12))]  # those of 3 or more, in the order of the labels
    assert [text.split()[0] for text, _ in entries] == [*listed, "and"]
    assert entries[0] == ("b1  1 px (truth 50)", palette(12)[1])
    assert entries[-1] == ("and 2 more", None)


def test_channels_without_a_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="has 29 channels, but the legend names 2"):
        draw_preview(
            np.ones((130, 60)),
            bones(),
            tmp_path / "a.png",
            legend={1: "a", 2: "b"},
            exclusive=False,
            spatial_dims=2,
        )
    assert not list(tmp_path.iterdir())


def test_overlapping_structures_of_a_volume_are_cut_in_three_planes(tmp_path: Path) -> None:
    channels = np.stack([tumour() == 2, np.roll(tumour(), 2, 0) == 2]).astype(np.uint8)
    path = draw_preview(head(), channels, tmp_path / "a.png", spacing=(1, 1, 1), exclusive=False)
    expected = draw_preview(head(), tumour(), tmp_path / "b.png", spacing=(1, 1, 1))
    assert imread(path).shape == imread(expected).shape
    assert not np.array_equal(imread(path), imread(expected))


def test_a_value_of_zero_is_black_only_where_it_is_the_background() -> None:
    scored = np.array([[0.0, 0.0, -2.0, 2.0]])
    assert blacken(scored, -2.0).tolist() == [[-2, -2, -2, 2]]
    hounsfield = np.linspace(-1000, 1000, 41)
    assert blacken(hounsfield, -1000.0)[20] == 0


def test_twenty_nine_structures_are_all_named_if_asked(tmp_path: Path) -> None:
    names = {number: f"finger-{number}" for number in range(1, 30)}
    masks = np.zeros((29, 60, 90), np.uint8)
    for number in range(29):
        masks[number, 2 * number : 2 * number + 3, 3 * number : 3 * number + 6] = 1
    picture = np.random.default_rng(0).normal(100, 10, (60, 90))
    how = {"legend": names, "exclusive": False, "spatial_dims": 2, "spacing": [1, 1]}
    heights = [
        imread(draw_preview(picture, masks, tmp_path / f"{listed}.png", truth=truth, listed=listed, **how)).shape[0]
        for listed, truth in ((10, None), (29, None), (29, masks))
    ]
    assert heights == sorted(set(heights)), "each line of the legend has its own space"
    sizes = {"prediction": dict.fromkeys(names.values(), 18.0)}
    texts = [text for text, _ in _entries(sizes, palette(29), "px", 29)]
    assert texts == [f"{name}  18 px" for name in names.values()]


def test_a_large_picture_is_drawn_from_fewer_pixels_but_measured_in_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = np.zeros((1, 90, 120), np.uint8)
    masks[0, 31:61, 20:80] = 1
    picture = 10 + 100.0 * masks[0] + np.linspace(0, 40, 120)
    how = {"legend": {1: "square"}, "exclusive": False, "spatial_dims": 2}
    whole = imread(draw_preview(picture, masks, tmp_path / "whole.png", **how))
    drawn, listed = [], []

    def spy(rows: Any, *words: Any, **options: Any) -> Any:
        drawn.append(rows[0].image.shape)
        return draw_rows(rows, *words, **options)

    def listing(sizes: Any, *words: Any) -> Any:
        listed.append(sizes)
        return _entries(sizes, *words)

    monkeypatch.setattr(preview, "draw_rows", spy)
    monkeypatch.setattr(preview, "_entries", listing)
    monkeypatch.setattr(preview, "FINEST", 40)
    coarse = imread(draw_preview(picture, masks, tmp_path / "coarse.png", **how))
    assert drawn == [(30, 40, 1)]
    assert listed == [{"prediction": {"square": 1800.0}}]
    assert coarse.shape == whole.shape
    assert np.abs(coarse - whole).mean() < 0.05
