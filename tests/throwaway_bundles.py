"""Three small bundles that the package does not know: short configs and a schema, with data drawn here.

``shapes_segmentation``: 2-D segmentation of overlapping structures, one PNG per structure; ``shapes_to_image``: an
image from a label of two channels, which is the only input; ``dots_synthesis``: images from conditions in a table,
without case folders, by a network that takes an image, time steps and context.
"""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

REPO = Path(__file__).parents[1]
SOURCES = REPO / "tests" / "throwaway"
"""Configs and metadata of each; all other files are copied from one of the project's bundles."""

SIDE, TRAINING, NEW = 32, 4, 2
STRUCTURES = ("disc", "bar")

Picture = NDArray[np.uint8]


def write_throwaway_bundles(folder: Path) -> list[str]:
    """Write the three bundles, and data for each under ``data/<bundle>/known`` and ``new``; return their names."""
    names = sorted(path.name for path in SOURCES.iterdir())
    for name in names:
        _write_bundle(folder / name, SOURCES / name)
    for name in ("shapes_segmentation", "shapes_to_image"):
        _draw_shapes(folder / "data" / name / "known", range(TRAINING))
        _draw_shapes(folder / "data" / name / "new", range(TRAINING, TRAINING + NEW), image=name != "shapes_to_image")
    _draw_dots(folder / "data" / "dots_synthesis" / "known", TRAINING)
    _write_conditions(
        folder / "data" / "dots_synthesis" / "new", [{"case_id": f"wish_{i}", "kind": "ring"} for i in (0, 1)]
    )
    return names


def _write_bundle(folder: Path, source: Path) -> None:
    shutil.copytree(source, folder / "configs")
    (folder / "docs").mkdir()
    example = REPO / "bundles" / "brain_tumor_segmentation"
    shutil.copy(example / "LICENSE", folder)
    shutil.copy(example / "configs" / "logging.conf", folder / "configs")
    (folder / "docs" / "README.md").write_text("# Throwaway\n\nResearch use only. Not for diagnosis or treatment.\n")
    (folder / "docs" / "data_license.txt").write_text("Drawn by a test.\n")
    like = json.loads((example / "configs" / "metadata.json").read_text())
    kept = {key: like[key] for key in like if key not in ("scanfill", "network_data_format", "references")}
    own = json.loads((source / "metadata.json").read_text())
    (folder / "configs" / "metadata.json").write_text(json.dumps({**kept, **own}, indent=2))


def _shapes(index: int) -> dict[str, Picture]:
    """A disc and a bar that overlap, and an image that is the sum of both."""
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="xy")
    disc = (x - 12 - index) ** 2 + (y - 14) ** 2 < 49
    bar = (abs(x - y + index) < 4) & (x > 6) & (x < 28)
    noise = np.random.default_rng(index).normal(0, 6, disc.shape)
    image = np.clip(40 + 60 * disc + 50 * bar + noise, 0, 255).astype(np.uint8)
    return {"image": image, "mask_disc": disc.astype(np.uint8) * 255, "mask_bar": bar.astype(np.uint8) * 255}


def _draw_shapes(folder: Path, indices: range, *, image: bool = True) -> None:
    for index in indices:
        case = folder / f"case_{index}"
        case.mkdir(parents=True)
        for name, picture in _shapes(index).items():
            if image or name != "image":
                Image.fromarray(picture).save(case / f"{name}.png")


def _draw_dots(folder: Path, number: int) -> None:
    folder.mkdir(parents=True)
    x, y = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="xy")
    rows = []
    for index in range(number):
        kind, distance = ("dot", "ring")[index % 2], np.hypot(x - 16, y - 16)
        shown = distance < 5 if kind == "dot" else abs(distance - 8) < 2
        Image.fromarray((30 + 180 * shown + index).astype(np.uint8)).save(folder / f"{index}.png")
        rows.append({"case_id": f"drawn_{index}", "image": f"{index}.png", "kind": kind})
    _write_conditions(folder, rows)


def _write_conditions(folder: Path, rows: list[dict[str, str]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "conditions.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)
