"""Every overlay of a bundle learns from one batch and predicts one case: in this process, phantoms, tiny networks.

That a checkpoint of an overlay is evaluated and used with it, and not without it, the tests of the bundles show.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import torch
from monai.bundle import ConfigParser
from monai.utils import set_determinism

from conftest import BUNDLES
from scanfill.sharing.declaration import read_declaration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TASKS = {"train.yaml", "evaluate.yaml", "inference.yaml", "multi_gpu_train.yaml"}
OVERLAYS = [
    file for bundle in BUNDLES for file in sorted((bundle / "configs").glob("*.yaml")) if file.name not in TASKS
]
WIDTH, SIDE = 8, 32
"""Largest number of channels of a layer, and largest patch size along an axis."""
SIZES = {"patch_size": SIDE, "window_size": 2 * SIDE, "image_size": 4 * SIDE}
"""Largest sizes along an axis: of patches, and of the windows and images of a bundle that resizes its images."""
WIDTHS = {"filters", "init_filters", "channels", "features"}
"""What networks call the channels of their layers."""
NEEDS: dict[str, dict[str, Any]] = {
    "consistency.yaml": {
        "segmenter": {
            "_target_": "torch.nn.Conv3d",
            "in_channels": "$len(@modalities)",
            "out_channels": 4,
            "kernel_size": 3,
            "padding": 1,
        }
    },
    "perceptual.yaml": {"feature_steps": 1},
    "anatomy.yaml": {"segmenter_steps": 1},
}
"""Files that an overlay needs from outside the bundle, and short trainings of networks that it needs."""


@pytest.fixture(autouse=True)
def _leave_global_generators_alone() -> Iterator[None]:
    yield
    set_determinism(None)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Folder of a bundle's phantoms, created for the first of its overlays."""
    folder = tmp_path_factory.mktemp("bundles")
    return lambda bundle: folder / bundle.name


def narrow(node: Any) -> Any:
    """The same network with fewer channels."""
    if isinstance(node, list):
        return [narrow(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {name: cap(value, WIDTH) if name in WIDTHS else narrow(value) for name, value in node.items()}


def cap(value: Any, most: int) -> Any:
    """The same numbers, but at most ``most``; a reference stays as it is."""
    if isinstance(value, list):
        return [cap(item, most) for item in value]
    return value if isinstance(value, str) else min(value, most)


def smallest_size(bundle: Path) -> int:
    """Size of the bundle's smallest phantoms."""
    metadata = bundle / "configs" / "metadata.json"
    return read_declaration(json.loads(metadata.read_text()), bundle.name).smoke.size


def tiny(overlay: Path, root: Path) -> ConfigParser:
    """What a training with the overlay would read, on the bundle's laptop-sized network where it has one."""
    files = [overlay.with_name(name) for name in ("train.yaml", "small.yaml")]
    parser = ConfigParser()
    parser.read_config([str(file) for file in (*files, overlay) if file.exists()])
    parser.update({name: narrow(node) for name, node in parser.config.items() if name.endswith("_def")})
    parser.update(
        {
            "bundle_root": str(root),
            "dataset_dir#cases": 3,
            "dataset_dir#size": smallest_size(overlay.parents[1]),
            **{name: cap(parser[name], most) for name, most in SIZES.items() if name in parser},
            "batch_size": 4 - parser["spatial_dims"],  # in 2-D two: batch norm fails on a single value
            "max_epochs": 1,
            "epoch_length": 1,
            "cache_num": 0,
            "device": "cpu",
            "train#trainer#train_handlers": [],
            "validate#evaluator#val_handlers": [],
            "validate#evaluator#epoch_length": 1,
            **NEEDS.get(overlay.name, {}),
        }
    )
    return parser


def numbers(node: Any) -> list[torch.Tensor]:
    """All numbers from an engine's last step: images, predictions, losses."""
    if isinstance(node, torch.Tensor | float):
        return [torch.as_tensor(node)]
    items = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [number for item in items for number in numbers(item)]


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda path: f"{path.parts[-3]}-{path.stem}")
def test_an_overlay_learns_from_one_batch_and_predicts_one_case(overlay: Path, root: Callable[[Path], Path]) -> None:
    parser = tiny(overlay, root(overlay.parents[1]))
    set_determinism(0)
    trainer = parser.get_parsed_content("train#trainer")
    trainer.run()
    assert trainer.state.iteration == 1
    assert len(told := numbers(trainer.state.output)) > 2
    gradients = [parameter.grad for parameter in trainer.network.parameters() if parameter.grad is not None]
    assert all(number.isfinite().all() for number in (*told, *gradients))
    assert any(gradient.any() for gradient in gradients)
    evaluator = parser.get_parsed_content("validate#evaluator")
    evaluator.run()
    assert len(told := numbers(evaluator.state.output)) > 1
    assert all(number.isfinite().all() for number in told)
    assert evaluator.state.metrics
