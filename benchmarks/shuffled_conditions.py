"""Copy a folder of images with its conditions shuffled among them, to train a generator that cannot learn them.

    python benchmarks/shuffled_conditions.py FOLDER OUTPUT

FOLDER has `images/` and `conditions.csv`. Whole rows are exchanged, so conditions still fit together, but not to their
image. What a judge measures in samples of such a generator, and the share of categories that are right, is chance.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import pandas as pd


def main() -> None:
    """Copy the images, and write the shuffled table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("output", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    table = pd.read_csv(arguments.folder / "conditions.csv", dtype=str)
    conditions = table.drop(columns="case_id").sample(frac=1, random_state=arguments.seed, ignore_index=True)
    shutil.copytree(arguments.folder / "images", arguments.output / "images")
    pd.concat([table["case_id"], conditions], axis=1).to_csv(arguments.output / "conditions.csv", index=False)
    print(f"{arguments.output}: {len(table)} images with the conditions of others")


if __name__ == "__main__":
    main()
