"""Made slices: a textured body with a bright organ, now and then with a dark lesion; and what networks would draw."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

from scanfill.label_to_image.slices import Slice

REGIONS = {"organ and lesion": (1, 2), "lesion": (2,)}
SIDE = 48


def texture(random: np.random.Generator) -> np.ndarray:
    smooth = ndimage.gaussian_filter(random.normal(size=(SIDE, SIDE)), 1.2)
    return 0.15 * smooth / smooth.std()


def label_map(random: np.random.Generator, *, lesion: bool) -> np.ndarray:
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    x, y, radius = random.uniform(16, 32), random.uniform(16, 32), random.uniform(6, 9)
    label = (np.hypot(across - x, down - y) < radius).astype(float)
    if lesion:
        label[np.hypot(across - x - 2, down - y) < radius / 2] = 2
    return label


def appearance(label: np.ndarray, random: np.random.Generator) -> torch.Tensor:
    """A slice as it might have been: what a perfect generator draws, too."""
    across, down = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    inside = np.hypot(across - SIDE / 2, down - SIDE / 2) < SIDE / 2 - 2
    tones = np.select([label == 1, label == 2], [0.5, -0.7], random.uniform(-0.25, -0.1))
    image = np.where(inside, tones + texture(random), -1)
    return torch.tensor(np.clip(image, -1, 1), dtype=torch.float32)[None]


def made_slices(patients: int, seed: int, *, each: int = 2, prefix: str = "p", looks: int = 2) -> list[Slice]:
    """Every second slice has a lesion; the looks are those of a perfect generator."""
    random = np.random.default_rng(seed)
    found = []
    for index in range(patients * each):
        label = label_map(random, lesion=index % 2 == 0)
        drawn = [appearance(label, random) for _ in range(looks)]
        patient = f"{prefix}{index // each}"
        image, inside = appearance(label, random), torch.ones(1, SIDE, SIDE, dtype=torch.bool)
        masks = torch.tensor(label, dtype=torch.float32)[None]
        found.append(Slice(f"{patient}_{index}", patient, index, image, masks, inside, drawn))
    return found
