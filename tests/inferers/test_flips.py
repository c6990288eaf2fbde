"""FlipInferer: the mean over a fixed set of mirror images, as if every pass had been kept."""

from __future__ import annotations

import weakref
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import MetaTensor, list_data_collate
from monai.inferers import SimpleInferer, SlidingWindowInferer
from torch import Tensor

from scanfill.errors import UsageError
from scanfill.inferers import DenseInferer, FlipInferer, with_tta
from small_networks import convolution, flip_by_flip, tiny


def image_of(*size: int, batch: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(batch, 2, *size, generator=torch.Generator().manual_seed(seed))


@settings(deadline=None, max_examples=15)
@given(
    size=st.lists(st.integers(1, 7), min_size=2, max_size=3),
    activation=st.sampled_from(["softmax", "sigmoid"]),
    data=st.data(),
)
def test_mean_and_sd_are_those_of_all_passes_kept(size: list[int], activation: str, data: st.DataObject) -> None:
    axes = sorted(data.draw(st.sets(st.integers(0, len(size) - 1), min_size=1)))
    network, image = convolution(len(size)), image_of(*size)
    inferer = FlipInferer(SimpleInferer(), axes, activation=activation, uncertainty="sd")
    activate = (lambda x: x.softmax(1)) if activation == "softmax" else torch.sigmoid
    kept = flip_by_flip(image, lambda x: activate(network(x)), axes)
    result = inferer(image, network)
    torch.testing.assert_close(activate(result.prediction), kept.mean(0), atol=1e-6, rtol=0)
    torch.testing.assert_close(result.uncertainty, kept.std(0), atol=1e-6, rtol=0)


def test_slabs_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    network, image = convolution(), image_of(7, 5, 6)
    inferer = FlipInferer(SimpleInferer(), rotation_plane=(0, 2), modality="MRI", spacing=(1, 1, 1), uncertainty="sd")
    whole = inferer(image, network)
    monkeypatch.setattr("scanfill.inferers.running.SLAB", 200)
    for one, other in zip(inferer(image, network), whole, strict=True):
        torch.testing.assert_close(one, other, atol=1e-6, rtol=0)


def test_logits_are_averaged_as_they_are() -> None:
    network, image = convolution(), image_of(5, 4, 3)
    result = FlipInferer(SimpleInferer(), merge="logits")(image, network)
    torch.testing.assert_close(result, flip_by_flip(image, network).mean(0), atol=1e-6, rtol=0)


@settings(deadline=None, max_examples=10)
@given(axis=st.integers(0, 2), seed=st.integers(0, 9))
def test_a_mirrored_image_gives_the_mirrored_result(axis: int, seed: int) -> None:
    network, image = convolution(), image_of(5, 4, 6, seed=seed)
    inferer = FlipInferer(SimpleInferer())
    mirrored = inferer(image.flip(axis + 2), network).flip(axis + 2)
    torch.testing.assert_close(mirrored, inferer(image, network), atol=1e-5, rtol=0)


def test_left_and_right_change_places_in_a_mirror() -> None:
    network, image = convolution(), image_of(6, 5, 4)
    inferer = FlipInferer(SimpleInferer(), paired_channels=[[1, 2]], lateral_axis=0)
    result = inferer(image, network)
    torch.testing.assert_close(inferer(image.flip(2), network).flip(2)[:, [0, 2, 1]], result, atol=1e-5, rtol=0)
    torch.testing.assert_close(inferer(image.flip(3), network).flip(3), result, atol=1e-5, rtol=0)
    assert (inferer(image.flip(2), network).flip(2) - result).abs().max() > 0.01


def test_the_same_image_gives_the_same_bits() -> None:
    network, image = convolution(), image_of(5, 4, 3)
    inferer = FlipInferer(SimpleInferer())
    assert torch.equal(inferer(image, network), inferer(image, network))


def test_no_pass_is_kept() -> None:
    alive: list[weakref.ref[Tensor]] = []

    def network(image: Tensor) -> Tensor:
        assert not [output for output in alive if output() is not None]
        output = 2 * image
        alive.append(weakref.ref(output))
        return output

    FlipInferer(SimpleInferer())(image_of(4, 4, 4), network)
    assert len(alive) == 8


@pytest.mark.parametrize("activation", ["softmax", "sigmoid"])
def test_entropy_is_1_for_a_guess_and_0_for_certainty(activation: str) -> None:
    inferer = FlipInferer(SimpleInferer(), activation=activation, uncertainty="entropy")

    def network(image: Tensor) -> Tensor:
        return torch.where(image > 0, torch.tensor([60.0, -60, -60])[:, None, None, None], 0)

    image = torch.ones(1, 1, 2, 2, 2)
    image[..., 0] = 0
    entropy = inferer(image, network).uncertainty
    assert entropy.shape[1] == (1 if activation == "softmax" else 3)
    torch.testing.assert_close(entropy[..., 0], torch.ones_like(entropy[..., 0]))
    assert entropy[..., 1].abs().max() < 1e-5


def test_windows_are_turned_one_by_one_inside_a_sliding_window() -> None:
    network, image = convolution(), image_of(7, 6, 5, batch=1)
    windows = SlidingWindowInferer(roi_size=4, overlap=0.5, mode="gaussian")
    inside = FlipInferer(windows, inside=True, uncertainty="sd")(image, network)

    def averaged(window: Tensor) -> Tensor:
        return flip_by_flip(window, lambda x: network(x).softmax(1)).mean(0).log()

    def spread(window: Tensor) -> Tensor:
        return flip_by_flip(window, lambda x: network(x).softmax(1)).std(0)

    torch.testing.assert_close(inside.prediction, windows(image, averaged), atol=1e-5, rtol=0)
    torch.testing.assert_close(inside.uncertainty, windows(image, spread), atol=1e-5, rtol=0)


def test_a_deepmedic_is_predicted_in_tiles() -> None:
    network, image = tiny(), image_of(7, 8, 9, batch=1)
    whole = flip_by_flip(image, lambda x: network(x).softmax(1)).mean(0)
    tiles = FlipInferer(DenseInferer(6))(image, network).softmax(1)
    torch.testing.assert_close(tiles, whole, atol=1e-5, rtol=0)
    with pytest.raises(UsageError, match="which DenseInferer does not have"):
        FlipInferer(DenseInferer(), inside=True)


def test_class_scores_are_averaged_too() -> None:
    def network(image: Tensor) -> Tensor:
        return image[:, :, 0, 0]

    image = image_of(3, 4)
    result = FlipInferer(SimpleInferer(), (0, 1), merge="logits", uncertainty="sd")(image, network)
    corners = torch.stack([image[:, :, i, j] for i in (0, -1) for j in (0, -1)])
    torch.testing.assert_close(result.prediction, corners.mean(0))
    torch.testing.assert_close(result.uncertainty, corners.std(0))


def test_what_lies_on_the_images_grid_is_turned_with_it() -> None:
    def network(image: Tensor, embedding: Tensor, condition: Tensor) -> Tensor:
        assert embedding.shape == (2, 7)
        return image * condition

    image, condition = image_of(4, 3, 5), image_of(4, 3, 5, seed=1)
    inferer = FlipInferer(SimpleInferer(), merge="logits")
    result = inferer(image, network, torch.zeros(2, 7), condition=condition)
    torch.testing.assert_close(result, image * condition)
    with pytest.raises(TypeError, match=r"\(2, 2, 4, 3, 4\) is not on the grid"):
        inferer(image, network, torch.zeros(2, 7), condition=condition[..., :4])


@pytest.mark.parametrize(
    ("output", "seen"), [((1, 2), "a tuple"), (torch.zeros(1, 2, 3), r"a tensor of shape \(1, 2, 3\)")], ids=str
)
def test_a_network_that_gives_something_else_is_refused(output: Any, seen: str) -> None:
    with pytest.raises(TypeError, match=f"got {seen}.*only its main output"):
        FlipInferer(SimpleInferer())(image_of(3, 3, 3), lambda _: output)


def test_metadata_of_the_image_are_kept() -> None:
    affine = torch.diag(torch.tensor([2.0, 3, 4, 1]))
    image = MetaTensor(image_of(4, 5, 6, batch=1), affine=affine)
    result = FlipInferer(SimpleInferer())(image, convolution())
    assert isinstance(result, MetaTensor)
    assert torch.equal(result.affine, image.affine)
    assert type(FlipInferer(SimpleInferer())(image.as_tensor(), convolution())) is Tensor


def test_no_gradients_are_kept() -> None:
    assert not FlipInferer(SimpleInferer())(image_of(3, 3, 3), convolution()).requires_grad


def test_an_axis_that_the_image_lacks_is_an_error() -> None:
    with pytest.raises(UsageError, match=r"`axes` \(=\[0, 1, 2\]\) must be different axes from \[0, 1\]"):
        FlipInferer(SimpleInferer())(image_of(4, 4), convolution(2))
    with pytest.raises(UsageError, match=r"`rotation_plane` \(=\[1\]\) must name two axes"):
        FlipInferer(SimpleInferer(), 0, rotation_plane=1, modality="MRI")(image_of(4, 4), convolution(2))
    with pytest.raises(UsageError, match="`lateral_axis`"):
        FlipInferer(SimpleInferer(), (0,), paired_channels=[[0, 1]], lateral_axis=2)(image_of(4, 4), convolution(2))


def test_rotations_need_a_plane_with_square_voxels_of_something_else_than_ct() -> None:
    network, image = convolution(), image_of(4, 4, 4, batch=1)
    plane: dict[str, Any] = {"rotation_plane": (0, 1)}
    for modality in (None, "CT", "ct", "PET/CT", "cone-beam CT", "CTA", "Computed Tomography"):
        with pytest.raises(UsageError, match="other than CT"):
            FlipInferer(SimpleInferer(), **plane, modality=modality)
    with pytest.raises(UsageError, match="are not left and right"):
        FlipInferer(SimpleInferer(), **plane, modality="MRI", paired_channels=[[1, 2]])
    inferer = FlipInferer(SimpleInferer(), **plane, modality="MRI")
    with pytest.raises(UsageError, match="need the voxel size"):
        inferer(image, network)
    flat = MetaTensor(image, affine=torch.diag(torch.tensor([1.0, 2, 2, 1])))
    with pytest.raises(UsageError, match="voxels of 1 by 2 mm"):
        inferer(flat, network)
    batch = list_data_collate([MetaTensor(image[0], affine=torch.eye(4)), MetaTensor(image[0], affine=flat.affine)])
    with pytest.raises(UsageError, match="voxels of 1 by 2 mm"):
        inferer(batch, network)
    with pytest.raises(UsageError, match=r"`spacing` \(=\[1, 1\]\) must have one size in mm for each of the 3"):
        FlipInferer(SimpleInferer(), **plane, modality="MRI", spacing=(1, 1))(image, network)
    across = FlipInferer(SimpleInferer(), rotation_plane=(1, 2), modality="MRI", merge="logits")
    kept = [torch.rot90(network(torch.rot90(image, k, (3, 4))), -k, (3, 4)) for k in range(4)]
    mirrored = image.flip(2)
    kept += [torch.rot90(network(torch.rot90(mirrored, k, (3, 4))), -k, (3, 4)).flip(2) for k in range(4)]
    only = FlipInferer(SimpleInferer(), (0,), rotation_plane=(1, 2), modality="MRI", merge="logits")
    torch.testing.assert_close(only(flat, network).as_tensor(), torch.stack(kept).mean(0).detach(), atol=1e-6, rtol=0)
    assert not torch.equal(across(flat, network).as_tensor(), only(flat, network).as_tensor())


@pytest.mark.parametrize(
    "wrong",
    [{"merge": "votes"}, {"activation": "relu"}, {"uncertainty": "variance"}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_an_unknown_word_is_an_error(wrong: dict[str, str]) -> None:
    (name, value), *_ = wrong.items()
    with pytest.raises(UsageError, match=f"`{name}` \\(='{value}'\\) must be"):
        FlipInferer(SimpleInferer(), **wrong)


def test_the_option_wraps_what_it_is_asked_to() -> None:
    own = SimpleInferer()
    assert with_tta("none", own) is own
    assert with_tta(None, own) is own
    assert with_tta(FlipInferer(own), SimpleInferer()).inferer is own
    assert type(with_tta("flips", own, [1])) is FlipInferer
    assert with_tta("flips", own, 0).axes == (0,)
    with pytest.raises(UsageError, match=r"Unknown test-time augmentation 'eight'; --tta must be one of none, flips\."):
        with_tta("eight", own)
    with pytest.raises(UsageError, match=r"adaptive was removed in 0\.2\.0.*--tta flips"):
        with_tta("adaptive", own, [1])


def test_the_option_flips_what_training_flipped(caplog: pytest.LogCaptureFixture) -> None:
    own = SimpleInferer()
    assert with_tta("flips", own, trained=[0, 2]).axes == (0, 2)
    assert with_tta("flips", own, [2], trained=[0, 2]).axes == (2,)
    assert caplog.text == ""
    assert with_tta("flips", own, [0, 1], trained=[0, 2]).axes == (0, 1)
    assert "flips axes [0, 1], training flipped [0, 2]: the network has not seen flips along [1]" in caplog.text


@pytest.mark.parametrize(
    ("axes", "trained", "said"),
    [
        (None, None, "axes flipped in training are unknown"),
        (None, [], "training flipped none"),
        ([], [0], "none is given"),
        ([3], [0], r"`tta_axes` \(=\[3\]\) must be different axes from \[0, 1, 2\]"),
        ("left", [0], r"`tta_axes` \(=\['left'\]\)"),
    ],
    ids=str,
)
def test_the_option_says_when_there_is_nothing_to_flip(axes: Any, trained: list[int] | None, said: str) -> None:
    own = SimpleInferer()
    assert with_tta("none", own, axes, trained=trained) is own
    with pytest.raises(UsageError, match=said):
        with_tta("flips", own, axes, trained=trained)


def test_the_option_knows_how_many_axes_a_picture_has() -> None:
    own = SimpleInferer()
    assert with_tta("flips", own, [0, 1], spatial_dims=2).axes == (0, 1)
    with pytest.raises(UsageError, match=r"`tta_axes` \(=\[2\]\) must be different axes from \[0, 1\]"):
        with_tta("flips", own, [2], spatial_dims=2)


def test_a_network_that_names_the_side_gains_nothing_and_loses_nothing_by_its_mirror_image() -> None:
    """Channel 0 sees the left half, channel 1 the right one, channel 2 everything: an exact network, in 2-D."""

    def sides(image: Tensor) -> Tensor:
        half = image.shape[2] // 2
        left = torch.cat([image[:, :, :half], torch.zeros_like(image[:, :, half:])], dim=2)
        return torch.cat([left, image - left, image], dim=1)

    image = image_of(6, 4)[:, :1]
    pairs = [(1, 2)]
    inferer = with_tta("flips", SimpleInferer(), [0], spatial_dims=2, pairs=pairs, exclusive=False)
    torch.testing.assert_close(inferer(image, sides).sigmoid(), sides(image).sigmoid())
    unpaired = with_tta("flips", SimpleInferer(), [0], spatial_dims=2, exclusive=False)
    left = (image.sigmoid() + 0.5) / 2  # where one channel said it in the image, and the other in its mirror image
    torch.testing.assert_close(unpaired(image, sides).sigmoid()[:, :1, :3], left[:, :, :3])


def test_the_option_counts_channels_from_the_background_where_labels_exclude_each_other() -> None:
    own = SimpleInferer()
    alone = with_tta("flips", own, [0], pairs=[(1, 2)])
    overlapping = with_tta("flips", own, [0], pairs=[(1, 2)], exclusive=False)
    assert (alone.paired_channels, alone.classes.exclusive) == ([(1, 2)], True)
    assert (overlapping.paired_channels, overlapping.classes.exclusive) == ([(0, 1)], False)
