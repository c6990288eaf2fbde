"""Validation images that are turned without their labels: a score never suffers from it without the check telling."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from monai.bundle import ConfigParser
from PIL import Image

from conftest import REPO
from scanfill.data.outline_files import write_outlines
from scanfill.sharing.check import check

if TYPE_CHECKING:
    from pathlib import Path

TRAIN = REPO / "bundles" / "hand_bone_segmentation" / "configs" / "train.yaml"
SIZE = 64
TURN = {"_target_": "Rotate90d", "k": 1}
AFTER, BEFORE = "$@preprocessing + [@turn]", "$@reading + [@turn] + @normalization"

KEPT, LOWER, REFUSED = "the score is kept", "the score is lower", "the run stops"
OVERLAYS: dict[str, tuple[dict[str, Any], str, bool]] = {
    "nothing": ({}, KEPT, False),
    "the image alone": ({"validate#preprocessing#transforms": AFTER, "turn": TURN | {"keys": ["image"]}}, LOWER, True),
    "the image and a copy of the label": (
        {"validate#preprocessing#transforms": AFTER, "turn": TURN | {"keys": ["image", "target"]}},
        LOWER,
        True,
    ),
    "the image and the label": (
        {"validate#preprocessing#transforms": AFTER, "turn": TURN | {"keys": ["image", "label"]}},
        REFUSED,
        False,
    ),
    "what predictions return along": ({"preprocessing": BEFORE, "turn": TURN | {"keys": ["xray"]}}, KEPT, False),
    "that, and the label": ({"preprocessing": BEFORE, "turn": TURN | {"keys": ["xray", "label"]}}, REFUSED, True),
}
"""What validation turns -> overlay of the bundle, what happens, and whether the check tells."""


class BrightDisk(torch.nn.Module):
    """A network that knows: the bright disk is the first bone, and there is no other."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return logits ``(B, 29, X, Y)`` of an image ``(B, 1, X, Y)``."""
        logits = torch.full((len(image), 29, *image.shape[2:]), -9.0)
        logits[:, 0] = torch.where(image[:, 0] > 0.7, 9.0, -9.0)
        return logits


def write_disk(folder: Path, turns: int) -> None:
    """Write a radiograph of a disk beside the center, and its outline, both turned by quarters."""
    x, y = np.meshgrid(np.arange(SIZE), np.arange(SIZE), indexing="ij")
    image = np.where((x - 30) ** 2 + (y - 16) ** 2 < 100, 200, 20) + x // 4  # the center is brighter than the frame
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([30 + 10 * np.cos(angles), 16 + 10 * np.sin(angles)], axis=1)
    for _ in range(turns):  # as np.rot90 turns the first axis to the second
        ring = np.stack([SIZE - 1 - ring[:, 1], ring[:, 0]], axis=1)
    folder.mkdir(parents=True)
    Image.fromarray(np.rot90(image, turns).astype(np.uint8).T).save(folder / "a_L.png")
    write_outlines(folder / "a_L.json", {"finger-1": [ring]}, (SIZE, SIZE))


def validated(folder: Path, overlay: Path | None = None) -> float:
    """Mean Dice of the bundle's own validation, of a network that knows the answer."""
    case = {"case_id": "a_L", "xray": str(folder / "a_L.png"), "label": str(folder / "a_L.json")}
    parser = ConfigParser()
    parser.read_config([str(file) for file in (TRAIN, overlay) if file is not None])
    parser.update(
        {
            "cases": {"validation": [case]},
            "image_size": SIZE,
            "network_def": {"_target_": "test_turned_validation.BrightDisk"},
            "threshold_choice": None,
            "device": "$torch.device('cpu')",
            "validate#handlers": [],
        }
    )
    evaluator = parser.get_parsed_content("validate#evaluator")
    evaluator.run()
    return float(evaluator.state.metrics["mean_dice"])


@pytest.mark.parametrize("turns", range(4))
def test_images_and_labels_that_are_turned_together_keep_the_score(turns: int, tmp_path: Path) -> None:
    write_disk(tmp_path / "data", turns)
    assert validated(tmp_path / "data") > 0.9


@pytest.mark.parametrize("turned", OVERLAYS)
def test_a_config_that_lowers_the_score_is_told_by_the_check(turned: str, tmp_path: Path) -> None:
    content, expected, told = OVERLAYS[turned]
    assert told or expected != LOWER
    overlay = tmp_path / "overlay.yaml"
    overlay.write_text(json.dumps(content))
    write_disk(tmp_path / "data", 0)
    if expected == REFUSED:
        with pytest.raises(ValueError, match="is not on the grid of 'label'"):
            validated(tmp_path / "data", overlay)
    else:
        score = validated(tmp_path / "data", overlay)
        assert score > 0.9 if expected == KEPT else score < 0.1
    rules = {finding.rule for finding in check([str(TRAIN), str(overlay)]).findings}
    assert rules == ({"label-left-behind"} if told else set())
