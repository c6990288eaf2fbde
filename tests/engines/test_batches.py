"""PrepareBatch."""

from __future__ import annotations

import torch

from scanfill.engines import PrepareBatch


def test_a_list_of_images_stays_a_list() -> None:
    parts = [torch.zeros(1, 2, 3, 3, 3), torch.ones(1, 2, 2, 2, 2)]
    image, label = PrepareBatch(label_key="target")({"image": parts, "target": torch.ones(1, 1, 3, 3, 3)}, device="cpu")
    assert isinstance(image, list)
    assert [tuple(part.shape) for part in image] == [(1, 2, 3, 3, 3), (1, 2, 2, 2, 2)]
    assert label is not None
    assert label.all()


def test_a_batch_without_label_gives_none() -> None:
    image, label = PrepareBatch()({"image": torch.zeros(1, 1, 2, 2, 2)})
    assert isinstance(image, torch.Tensor)
    assert label is None
