"""A segmenter for anatomical consistency."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn

from scanfill.engines import trained_segmenter
from scanfill.engines.checkpoint_files import read_checkpoint
from scanfill.errors import CheckpointError
from scanfill.losses import AnatomicalConsistency

if TYPE_CHECKING:
    from pathlib import Path

REGIONS = [[1, 2], [2]]
CASES: dict[str, Any] = {"training": [{"case_id": "a1", "patient": "a"}], "validation": []}


def items(number: int = 8) -> list[dict[str, Any]]:
    """Images in which labels 1 and 2 are brighter and brighter."""
    random = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (number, 1, 8, 8), generator=random)
    noise = 0.05 * torch.randn(labels.shape, generator=random)
    return [{"target": 2.0 * (label - 1) + dim, "classes": label} for label, dim in zip(labels, noise, strict=True)]


def train(path: Path, steps: int = 200) -> Any:
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 8, 1), nn.BatchNorm2d(8), nn.SiLU(), nn.Conv2d(8, 2, 1))
    names: dict[str, Any] = {"key": "target", "label_key": "classes", "regions": REGIONS}
    return trained_segmenter(path, network, items(), cases=CASES, steps=steps, batch_size=2, **names)


def test_it_learns_the_regions_and_is_a_loss_that_knows_a_right_image(tmp_path: Path) -> None:
    segmenter = train(tmp_path / "segmenter.pt")
    loss = AnatomicalConsistency(segmenter, REGIONS)
    for item in items(3):
        image, label = item["target"][None], item["classes"][None]
        found = segmenter(image) > 0
        truth = torch.cat([label > 0, label == 2], dim=1)
        assert (found == truth).float().mean() > 0.85
        assert loss(image, label=label) < 0.5 * loss(-image, label=label)
    record = read_checkpoint(tmp_path / "segmenter.pt")["record"]
    assert (record["regions"], record["steps"]) == (REGIONS, 200)


def test_a_resumed_training_goes_on_with_the_same_one(tmp_path: Path) -> None:
    first, second = (train(tmp_path / "segmenter.pt", 2) for _ in range(2))
    image = items(1)[0]["target"][None]
    assert torch.equal(first(image), second(image))
    with pytest.raises(CheckpointError, match="was trained with steps=2; this run has 3"):
        train(tmp_path / "segmenter.pt", 3)
