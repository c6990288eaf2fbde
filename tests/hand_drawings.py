"""Drawn hands in the folders of the field, for tests: a palm, five fingers and as many bones as are asked for."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanfill.data.outline_files import write_outlines

SIZE = (48, 60)
BONES = ("finger-1", "Hamate", "Radius")
"""The bones that are drawn; real data has all of them, but a truth may lack some."""


def draw_hand(size: tuple[int, int] = SIZE, seed: int = 0, air: int = 10) -> NDArray[np.uint8]:
    """Return rows of pixels: bones over soft tissue over air."""
    x, y = np.mgrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    palm = np.hypot(x / 0.65, (y - 0.3) / 0.7) < 1
    fingers = (abs(x % 0.3 - 0.15) < 0.1) & (abs(x) < 0.6) & (y < 0.3) & (y > -0.85)
    bones = (abs(x % 0.3 - 0.15) < 0.05) & (abs(x) < 0.6) & (y < 0.6) & (y > -0.8)
    noise = np.random.default_rng(seed).normal(0, 4, size)
    image = air + (palm | fingers) * (160 - air) * 0.6 + bones * (palm | fingers) * 80 + noise
    return np.clip(image, 0, 255).astype(np.uint8).T


def draw_bones(size: tuple[int, int] = SIZE) -> dict[str, NDArray[np.bool_]]:
    """Return masks ``(X, Y)`` that overlap."""
    x, y = np.mgrid[: size[0], : size[1]]
    return {
        name: np.hypot(x - size[0] / 2 - 6 * number, y - size[1] / 2) < size[0] / 5 for number, name in enumerate(BONES)
    }


def write_image(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(draw_hand(seed=seed)).save(path)
    return path


def write_hands(folder: Path, people: int = 3) -> Path:
    """Write two radiographs per person with outlines, and the table, in the nested layout."""
    rows: list[dict[str, Any]] = []
    for number in range(people):
        for side, word in (("L", "left"), ("R", "right")):
            person, case = f"ID{number:03}", f"image{2 * number + (side == 'R'):04}_{side}"
            write_image(folder / "DCM" / person / f"{case}.png", seed=len(rows))
            write_outlines(folder / "outputs_json" / person / f"{case}.json", draw_bones(), SIZE)
            rows.append({"case_id": case, "patient": person, "age": 3 + number, "sex": "FM"[number % 2], "side": word})
    write_table(folder, rows)
    return folder


def write_table(folder: Path, rows: list[dict[str, Any]]) -> Path:
    with (folder / "meta_data.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return folder / "meta_data.csv"
