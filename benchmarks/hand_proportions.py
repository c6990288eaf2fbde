"""Lengths of the bones and angles of the fingers: hand phantoms against real hands with landmarks.

    python benchmarks/hand_proportions.py PHANTOMS LANDMARKS.csv --first 20

PHANTOMS is a folder of `python -m scanfill phantoms hand`. A bone reaches from its base to the base of the next bone,
the last one to its tip; lengths are in percent of the hand length, from the base of the capitate to the tip of the
middle finger. In a phantom, base and tip are the ends of the outline along the finger. Printed: mean (SD) over hands,
and the difference of the means in SD of the real hands. Phantoms without a capitate, those of toddlers, are left out.
"""

from __future__ import annotations

import argparse
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scanfill.data import find_cases, load_schema
from scanfill.data.outline_files import read_outlines
from scanfill.data.picture import load_picture
from scanfill.domains.hand_xray.bones import BONES
from scanfill.domains.hand_xray.landmarks import HAND, LANDMARKS, read_landmarks

FINGERS = {  # landmarks from the base of the metacarpal to the tip
    "thumb": (17, 18, 19, 20),
    "index": (16, 21, 22, 23, 24),
    "middle": (15, 25, 26, 27, 28),
    "ring": (14, 29, 30, 31, 32),
    "little": (13, 33, 34, 35, 36),
}
Points = NDArray[np.float64]


def main() -> None:
    """Print lengths and angles, bone by bone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("phantoms")
    parser.add_argument("landmarks")
    parser.add_argument("--first", type=int, default=20, help="number of real hands, the first of the table")
    arguments = parser.parse_args()
    real = [measures(points) for points in list(read_landmarks(arguments.landmarks).values())[: arguments.first]]
    found = [points_of(case) for case in find_cases(arguments.phantoms, schema=load_schema("hand_xray"))]
    made = [measures(points) for points in found if points is not None]
    print(f"{len(real)} real hands, {len(made)} phantoms: mean (SD), difference in SD of the real hands")
    for name in real[0]:
        theirs, ours = (np.array([each[name] for each in hands]) for hands in (real, made))
        print(
            f"{name}: {theirs.mean():.1f} ({theirs.std(ddof=1):.1f}), {ours.mean():.1f} ({ours.std(ddof=1):.1f}), "
            f"{(ours.mean() - theirs.mean()) / theirs.std(ddof=1):+.1f}"
        )


def measures(points: Points) -> dict[str, float]:
    """Return lengths in percent of the hand length, and angles in degrees."""
    length = np.linalg.norm(points[HAND[1]] - points[HAND[0]])
    told, directions = {}, {}
    for finger, ends in FINGERS.items():
        parts = np.diff(points[list(ends)], axis=0)
        for part, index in zip(parts, ends[:-1], strict=True):
            told[f"{finger}, {LANDMARKS[index][0]}, length"] = 100 * float(np.linalg.norm(part) / length)
        directions[finger] = parts[0], parts[1]
        told[f"{finger}, bend between metacarpal and tip"] = angle(parts[0], points[ends[-1]] - points[ends[1]])
    names = list(FINGERS)
    for one, other in pairwise(names):
        told[f"{one} to {other}, angle of metacarpals"] = angle(directions[one][0], directions[other][0])
        told[f"{one} to {other}, angle of proximal phalanges"] = angle(directions[one][1], directions[other][1])
    return told


def angle(one: Points, other: Points) -> float:
    """Return the angle between two directions in degrees, 0 to 180."""
    return float(np.degrees(np.arccos(np.clip(one @ other / np.linalg.norm(one) / np.linalg.norm(other), -1, 1))))


def points_of(case: dict[str, Any]) -> Points | None:
    """Return the landmarks of a phantom that are used here, the others being 0; None without a capitate."""
    outlines = read_outlines(case["label"], BONES, load_picture(case["xray"]).shape, case["case_id"])
    corners = {bone: np.concatenate([np.asarray(ring) for ring in rings]) for bone, rings in outlines.items()}
    if "Capitate" not in corners:
        return None
    points = np.zeros((len(LANDMARKS), 2))
    for ends in FINGERS.values():
        bones = [LANDMARKS[index][0] for index in ends[:-1]]
        for number, (index, bone) in enumerate(zip(ends, bones, strict=False)):
            before, after = bones[max(0, number - 1)], bones[min(len(bones) - 1, number + 1)]
            along = corners[after].mean(axis=0) - corners[before].mean(axis=0)
            points[index] = end(corners[bone], -along)
            points[ends[-1]] = end(corners[bone], along)  # of the last bone
    points[HAND[0]] = end(corners["Capitate"], corners["Capitate"].mean(axis=0) - corners["finger-8"].mean(axis=0))
    return points


def end(corners: Points, direction: Points) -> Points:
    """Return the middle of the tenth of the corners that are farthest in a direction."""
    far = corners @ (direction / np.linalg.norm(direction))
    middle: Points = corners[far >= np.quantile(far, 0.9)].mean(axis=0)
    return middle


if __name__ == "__main__":
    main()
