"""Distances from landmarks of hand radiographs to the predicted bones they belong to.

    python benchmarks/hand_landmarks.py PREDICTIONS LANDMARKS.csv --skip 20

PREDICTIONS is the output folder of hand_bone_segmentation; the table has the columns image, x1, y1, ..., x37, y37. With
--skip, the first images of the table, which served for development, are left out. The mean over hands is printed, with
its 95 % interval from 2,000 bootstrap samples of hands. There is no other program for comparison.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from scanfill.data.pages import read_pages
from scanfill.domains.hand_xray.bones import BONES
from scanfill.domains.hand_xray.landmarks import LANDMARKS, landmark_distances, read_landmarks

NEAR = 3.0


def main() -> None:
    """Print the distances, per bone and over all landmarks."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("predictions", type=Path)
    parser.add_argument("landmarks", type=Path)
    parser.add_argument("--skip", type=int, default=0)
    arguments = parser.parse_args()
    distances = []
    for image, points in list(read_landmarks(arguments.landmarks).items())[arguments.skip :]:
        pages = read_pages(arguments.predictions / image / f"{image}_seg.tif", BONES, image)
        distances.append(landmark_distances(dict(zip(BONES, pages.astype(bool), strict=True)), points))
    found = np.array(distances)
    print(f"{len(found)} hands, percent of the hand length")
    for bone in BONES:
        columns = [number for number, (name, _) in enumerate(LANDMARKS) if name == bone]
        if columns:
            part = found[:, columns]
            print(f"{bone}: median {np.median(part):.1f}, within {NEAR:g} %: {np.mean(part <= NEAR):.2f}")
    near = (found <= NEAR).mean(axis=1)
    draws = np.random.default_rng(0).integers(0, len(near), (2000, len(near)))
    low, high = np.quantile(near[draws].mean(axis=1), [0.025, 0.975])
    print(f"all: median {np.median(found):.1f}, within {NEAR:g} %: {near.mean():.3f} ({low:.3f} to {high:.3f})")


if __name__ == "__main__":
    main()
