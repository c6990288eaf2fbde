"""Split images without patient numbers in blocks of neighboring files, so that slices of one scan stay together.

    python benchmarks/blocked_split.py FOLDER datalist.json --block 50 --gap 5

FOLDER has one subfolder per class. In such collections, neighboring files are often neighboring slices of one scan.
The files of each class are divided into blocks in the order of their names; of the blocks, 15 % each (rounded) are
for validation and test. Of a training block, the images next to a block of another part are left out (the gap). Exact
copies of an earlier file, and images that hold the same value everywhere, are left out of all parts. This makes leaks
between parts less likely; without patient numbers, nothing can rule them out.
"""

from __future__ import annotations

import argparse
from itertools import groupby
from pathlib import Path

import numpy as np

from scanfill.checksums import file_checksum
from scanfill.data import find_cases, write_split
from scanfill.data.image import read_image

PARTS = ("training", "validation", "test")


def main() -> None:
    """Write the list, and print what each part has."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--block", type=int, default=50, help="files in a block")
    parser.add_argument("--gap", type=int, default=5, help="files left out at each border of a training block")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    split: dict[str, list[dict[str, object]]] = {part: [] for part in PARTS}
    seen: set[str] = set()
    copies = flat = 0
    found = find_cases(arguments.folder, schema="images_2d")
    for _, members in groupby(found, key=lambda case: case["class"]):
        files = list(members)
        blocks = [files[start : start + arguments.block] for start in range(0, len(files), arguments.block)]
        parts = parts_of(len(blocks), random)
        for number, (block, part) in enumerate(zip(blocks, parts, strict=True)):
            before = number > 0 and parts[number - 1] != part
            after = number + 1 < len(blocks) and parts[number + 1] != part
            kept = block
            if part == "training":
                kept = block[arguments.gap * before : len(block) - arguments.gap * after]
            for case in kept:
                mark = file_checksum(str(case["image"]))
                if mark in seen:
                    copies += 1
                elif is_flat(str(case["image"])):
                    flat += 1
                else:
                    split[part].append(case)
                seen.add(mark)
    write_split(split, arguments.output, schema="images_2d", relative_to=arguments.folder)
    sizes = ", ".join(f"{len(cases)} {part}" for part, cases in split.items())
    print(f"{arguments.output}: {sizes}; left out {copies} copies and {flat} without content")


def is_flat(path: str) -> bool:
    """Whether an image holds the same value everywhere, as a failed export does."""
    image = read_image(path, path, spatial_dims=2, color=True)
    return bool(image.min() == image.max())


def parts_of(blocks: int, random: np.random.Generator) -> list[str]:
    """Assign the blocks of a class to parts, at least one to each."""
    each = max(1, round(0.15 * blocks))
    order = random.permutation(blocks)
    parts = ["training"] * blocks
    for index in order[:each]:
        parts[index] = "test"
    for index in order[each : 2 * each]:
        parts[index] = "validation"
    return parts


if __name__ == "__main__":
    main()
