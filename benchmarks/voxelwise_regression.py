"""A baseline of mri_modality_synthesis: a polynomial of the same voxel's intensities, fitted in one second per case.

    python benchmarks/voxelwise_regression.py --datalist fold_0.json --sources t2 --target flair --output eval/rival

Least squares over the training cases' voxels, with the same weight for every case; sources and target are separately
z-scored over the brain of the sources. The scores are those of the bundle's evaluation; see synthesis_peers.py.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

import numpy as np

from scanfill.files import writable_folder, writing
from scanfill.networks.voxelwise_base import PolynomialFit, expand
from synthesis_peers import PreparedCase, add_options, judge, prepare, read_split

if TYPE_CHECKING:
    from pathlib import Path


def fit_training(cases: list[PreparedCase], degree: int) -> PolynomialFit:
    """Fit the polynomial to all training cases."""
    fit = PolynomialFit(len(cases[0].sources), 1, degree)
    for one in cases:
        fit.add(one.sources[:, one.inside], one.target[:, one.inside])
    return fit


def write_coefficients(fit: PolynomialFit, folder: Path) -> Path:
    """Write ``regression.json``: the power of each source in each term, and the term's coefficient."""
    path = folder / "regression.json"
    with writing(path) as temporary:
        temporary.write_text(json.dumps({"terms": fit.terms, "coefficients": fit.solve()[0].tolist()}, indent=1))
    return path


def main() -> None:
    """Fit on ``training``, synthesize ``validation``, write and print the scores."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_options(parser)
    parser.add_argument("--degree", type=int, default=4, help="highest total power")
    options = parser.parse_args()
    writable_folder(options.output)
    split = read_split(options)
    fit = fit_training(prepare(split["training"], options.sources, options.target), options.degree)
    coefficients = fit.solve()

    def paint(one: PreparedCase) -> np.ndarray:
        brain = one.images["brain"].numpy()[0] != 0
        painted = np.zeros_like(one.target)
        painted[0, brain] = (expand(one.sources[:, brain].astype(np.float64), fit.terms) @ coefficients.T)[:, 0]
        return painted

    weights = write_coefficients(fit, options.output)
    judge(split, paint, options, weights)


if __name__ == "__main__":
    main()
