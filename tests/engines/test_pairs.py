"""PreparePair."""

from __future__ import annotations

import pytest
import torch
from monai.data import MetaTensor

from scanfill.engines.pairs import PreparePair

BATCH = {"image": torch.rand(1, 2, 4, 4), "target": torch.rand(1, 1, 4, 4), "label": torch.ones(1, 1, 4, 4)}


def test_gives_sources_target_and_what_the_loss_asks_for() -> None:
    brain = torch.ones(1, 1, 4, 4)
    sources, target, extras = PreparePair(mask_key="brain")({**BATCH, "brain": brain}, "cpu")
    assert torch.equal(sources, BATCH["image"])
    assert torch.equal(target, BATCH["target"])
    assert set(extras) == {"label", "mask"}
    assert torch.equal(extras["mask"], brain)


def test_a_batch_may_be_without_a_label() -> None:
    unlabelled = {key: BATCH[key] for key in ("image", "target")}
    assert PreparePair()(unlabelled, "cpu")[2] == {}


def test_metadata_is_left_behind() -> None:
    sources, _, _ = PreparePair()({**BATCH, "image": MetaTensor(BATCH["image"])}, "cpu")
    assert type(sources) is torch.Tensor


@pytest.mark.parametrize("missing", ["image", "target"])
def test_a_batch_without_an_image_is_refused(missing: str) -> None:
    batch = {key: value for key, value in BATCH.items() if key != missing}
    with pytest.raises(KeyError, match=f"no '{missing}', only"):
        PreparePair()(batch, "cpu")


def test_more_is_given_under_the_losss_own_names() -> None:
    batch = {**BATCH, "availability": torch.tensor([[1.0, 0]])}
    _, _, extras = PreparePair(label_key=None, more={"given": "availability"})(batch, "cpu")
    assert set(extras) == {"given"}
    assert torch.equal(extras["given"], batch["availability"])
    with pytest.raises(KeyError, match="no 'known', only"):
        PreparePair(more={"known": "known"})(batch, "cpu")
