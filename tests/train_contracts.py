"""CT and X-ray cases for the train configs in tests/contracts, which follow the contract that presets depend on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from scipy.ndimage import gaussian_filter


def _ball(shape: tuple[int, ...], centre: tuple[float, ...], radius: float) -> np.ndarray:
    grid = np.indices(shape) - np.asarray(centre).reshape(-1, *(1 for _ in shape)) * np.asarray(shape).reshape(
        -1, *(1 for _ in shape)
    )
    return np.asarray((grid**2).sum(axis=0) <= (radius * shape[0]) ** 2)


def ct_cases(cases: int = 3, size: int = 32, slices: int = 12) -> dict[str, list[dict[str, Any]]]:
    """Abdomens in HU: fat, two kidneys, and a tumor in one of them; label 1 kidney, 2 tumor."""
    rng = np.random.default_rng(0)
    shape, made = (size, size, slices), []
    for number in range(cases):
        image = np.full(shape, -1000.0)
        image[_ball(shape, (0.5, 0.5, 0.5), 0.46)] = -80
        image[_ball(shape, (0.5, 0.5, 0.5), 0.38)] = 50
        label = np.zeros(shape, np.uint8)
        for side in (0.3, 0.7):
            label[_ball(shape, (side, 0.6, 0.5), 0.12)] = 1
        label[_ball(shape, (0.3, 0.58 + 0.02 * number, 0.5), 0.06)] = 2
        image[label == 1], image[label == 2] = 180, 90
        image = gaussian_filter(image, 0.5) + rng.normal(0, 12, shape)
        made.append(_case(f"ct_{number}", image, label, spacing=2.0))
    return {"training": made, "validation": []}


def xray_cases(cases: int = 4, size: int = 48) -> dict[str, list[dict[str, Any]]]:
    """Radiographs in [0, 1]: two lungs, and a nodule in every other case; label 1 lung, 2 nodule, and its box."""
    rng = np.random.default_rng(0)
    shape, made = (size, size), []
    for number in range(cases):
        label = np.zeros(shape, np.uint8)
        for side in (0.3, 0.7):
            label[_ball(shape, (side, 0.5), 0.18)] = 1
        nodule = _ball(shape, (0.3, 0.4 + 0.05 * number), 0.05) if number % 2 == 0 else np.zeros(shape, bool)
        label[nodule] = 2
        image = np.where(label == 1, 0.35, 0.75)
        image = gaussian_filter(np.where(nodule, 0.65, image), 0.8) + rng.normal(0, 0.02, shape)
        boxes, classes = np.zeros((0, 4), np.float32), torch.tensor([1.0, 0.0])
        if nodule.any():
            places = np.argwhere(nodule)
            boxes = np.concatenate([places.min(axis=0), places.max(axis=0) + 1])[None].astype(np.float32)
            classes[1] = 1
        found = {"boxes": boxes, "box_labels": np.ones(len(boxes), int), "classes": classes}
        made.append(_case(f"xray_{number}", np.clip(image, 0, 1), label, spacing=1.0) | found)
    return {"training": made, "validation": []}


def _case(name: str, image: np.ndarray, label: np.ndarray, spacing: float) -> dict[str, Any]:
    affine = torch.diag(torch.tensor([spacing, spacing, spacing, 1.0], dtype=torch.float64))
    return {
        "case_id": name,
        "patient": name,
        "image": MetaTensor(image[None].astype(np.float32), affine=affine),
        "label": MetaTensor(label[None], affine=affine),
    }
