"""SplitResolutions: what training sees is what inference sees."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.data import DataLoader, Dataset, MetaTensor

from scanfill.networks import DeepMedic
from scanfill.transforms.resolutions import SplitResolutions, SplitResolutionsd


@pytest.mark.parametrize("surplus", [0, 5], ids=["least context", "more context"])
def test_segments_have_the_originals_sizes(surplus: int) -> None:
    split = SplitResolutions()
    size = 21 + 2 * (split.context + surplus)
    assert [tuple(segment.shape) for segment in split(torch.zeros(4, size, size, size))] == [
        (4, 37, 37, 37),
        (4, 23, 23, 23),
        (4, 21, 21, 21),
    ]


@settings(deadline=None, max_examples=8)
@given(patch=st.integers(3, 9), factors=st.sampled_from([(), (2,), (3, 5), (2, 3)]), surplus=st.integers(0, 2))
def test_segments_predict_what_the_dense_patch_predicts(patch: int, factors: tuple[int, ...], surplus: int) -> None:
    """Up to the outermost voxels, where the classifier of segments repeats the edge."""
    torch.manual_seed(0)
    network = DeepMedic(
        2,
        3,
        (3, 4, 4),
        factors,
        residual_layers=(3,),
        classifier_channels=(6,),
        classifier_residual_layers=(),
        dropout=(0, 0),
    ).eval()
    image = torch.randn(2, *[patch + 2 * (network.margin + surplus)] * 3)
    split = SplitResolutions(patch, factors, layers=3)
    inner = slice(surplus, -surplus or None)
    with torch.no_grad():
        from_segments = network([segment[None] for segment in split(image)])
        dense = network.forward_valid(image[None, :, inner, inner, inner])
    difference = (from_segments - dense).abs()
    assert difference.shape == (1, 3, patch, patch, patch)
    assert difference[..., 1:-1, 1:-1, 1:-1].max() < 1e-4


def test_without_a_large_classifier_kernel_segments_predict_exactly_the_same() -> None:
    network = DeepMedic(1, 2, (3, 4), (2, 3), residual_layers=(), classifier_kernel=1).eval()
    assert network.margin == SplitResolutions(5, (2, 3), layers=2).context
    image = torch.randn(1, *[5 + 2 * network.margin] * 3)
    with torch.no_grad():
        from_segments = network([segment[None] for segment in SplitResolutions(5, (2, 3), layers=2)(image)])
        assert torch.allclose(from_segments, network.forward_valid(image[None]), atol=1e-6)


def test_label_is_the_middle() -> None:
    label = torch.arange(9).float().expand(1, 9, 9, 9)
    assert SplitResolutions(3).centre(label)[0, 0, 0].tolist() == [3, 4, 5]


@pytest.mark.parametrize("workers", [0, 2])
def test_collates_to_a_list_of_batches_that_the_network_takes(workers: int) -> None:
    split = SplitResolutionsd("image", "label", patch_size=4, factors=(2,), layers=2)
    size = 4 + 2 * split.transform.context
    case = {
        "image": MetaTensor(torch.randn(2, size, size, size)),
        "label": MetaTensor(torch.ones(1, size, size, size)),
        "case_id": "a",
    }
    batch = next(iter(DataLoader(Dataset([case] * 3, split), batch_size=3, num_workers=workers)))
    assert [tuple(segment.shape) for segment in batch["image"]] == [(3, 2, 8, 8, 8), (3, 2, 6, 6, 6)]
    assert batch["label"].shape == (3, 1, 4, 4, 4)
    assert batch["case_id"] == ["a"] * 3
    network = DeepMedic(2, 3, (3, 4), (2,), residual_layers=())
    assert network(batch["image"]).shape == (3, 3, 4, 4, 4)


def test_segments_are_plain_tensors_of_their_own() -> None:
    image = MetaTensor(torch.randn(1, 13, 13, 13))
    segments = SplitResolutionsd("image", patch_size=5, factors=(2,), layers=2)({"image": image})["image"]
    assert all(type(segment) is torch.Tensor and segment.is_contiguous() for segment in segments)
    assert all(segment.untyped_storage().nbytes() == 4 * segment.numel() for segment in segments)


def test_arrays_are_taken() -> None:
    result = SplitResolutionsd("image", patch_size=5, factors=(2,), layers=2)({"image": np.zeros((1, 13, 13, 13))})
    assert isinstance(result["image"][0], torch.Tensor)


def test_missing_key_is_passed_over_on_request() -> None:
    data = {"image": torch.zeros(1, 13, 13, 13)}
    split = SplitResolutionsd("image", "label", patch_size=5, factors=(2,), layers=2, allow_missing_keys=True)
    assert set(split(data)) == {"image"}


@pytest.mark.parametrize("size", [100, 102], ids=["too small", "not centred"])
def test_patch_that_does_not_fit_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=rf"size \({size}, 101, 101\).*\(21, 21, 21\).*at least 40 around"):
        SplitResolutions()(torch.zeros(1, size, 101, 101))


@pytest.mark.parametrize(
    "arguments", [{"patch_size": 0}, {"factors": (0,)}, {"layers": 0}, {"patch_size": (3, 3)}], ids=str
)
def test_impossible_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"`patch_size` .* must be positive"):
        SplitResolutions(**arguments)
