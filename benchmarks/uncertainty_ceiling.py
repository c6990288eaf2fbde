r"""Upper bounds on how well an uncertainty map can rank the errors of completed phantoms, from the ground truth.

    python benchmarks/uncertainty_ceiling.py --checkpoint runs/completion/models/last.pt --cases 16 --size 48

Each sequence of each validation case is hidden in turn and synthesized. Prints the Spearman correlation over the brain
of the absolute error with

    network     the network's own uncertainty
    edges       the gradient magnitude of the best source: the baseline
    tissue      the mean error of the voxel's true tissue at its true distance from the border, in the same image
    neighbours  the mean of the true errors around the voxel, without the voxel (Gaussian, sigma 1.2 voxels)

The last two use the ground truth. The remaining error is noise, which no map can predict.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from ignite.engine import Engine, Events
from monai.bundle import ConfigParser
from monai.utils import convert_to_numpy
from scipy.ndimage import distance_transform_edt, gaussian_filter

import scanfill
from scanfill.domains.brain_mri.phantoms.brain import make_subject
from scanfill.metrics.image_quality import evaluation_mask
from scanfill.metrics.uncertainty import rank_agreement
from scanfill.missing.completed import MADE, UNCERTAINTY
from scanfill.missing.completion_scores import gradient_magnitude, told_apart

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Volume = NDArray[Any]

MODALITIES = ("t1", "t1ce", "t2", "flair")
FARTHEST = 4
"""Maximum distance from a border in voxels; larger distances are treated as equal."""

SIGMA = 1.2
"""SD of the neighborhood's Gaussian, in voxels."""


def by_tissue(error: Volume, brain: Volume, tissue: Volume) -> Volume:
    """Return a map of the mean error for each tissue and distance from its border."""
    group = np.zeros(error.shape, dtype=int)
    for kind in np.unique(tissue[brain]):
        depth = np.minimum(distance_transform_edt(tissue == kind).astype(int), FARTHEST)
        group[tissue == kind] = (int(kind) * (FARTHEST + 1) + depth)[tissue == kind]
    known = np.zeros(error.shape)
    for member in np.unique(group[brain]):
        where = brain & (group == member)
        known[where] = error[where].mean()
    return known


def by_neighbours(error: Volume, brain: Volume) -> Volume:
    """Return the mean error around each voxel, without the voxel itself."""
    impulse = np.zeros((17, 17, 17))
    impulse[8, 8, 8] = 1
    own = gaussian_filter(impulse, SIGMA)[8, 8, 8]
    weights = gaussian_filter(brain.astype(float), SIGMA) - own
    return (gaussian_filter(np.where(brain, error, 0.0), SIGMA) - own * error) / np.maximum(weights, 1e-6)  # type: ignore[no-any-return]


def rank(case: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """Compare all maps on every synthesized image of one case."""
    volumes = {key: convert_to_numpy(case[key])[0].astype(float) for key in case if key.startswith((MADE, UNCERTAINTY))}
    originals = {name: convert_to_numpy(case[f"acquired_{name}"])[0].astype(float) for name in MODALITIES}
    brain = evaluation_mask(list(originals.values()))
    number = int(str(case["case_id"]).rsplit("_", 1)[1]) - 1
    tissue = make_subject(0, number, size).tissue
    given, made = told_apart(case, MODALITIES)
    rows = []
    for target in made:
        error = np.abs(volumes[MADE + target] - originals[target])
        slopes = [rank_agreement(error, gradient_magnitude(originals[name]), brain) for name in given]
        rows.append(
            {
                "case": case["case_id"],
                "target": target,
                "network": rank_agreement(error, volumes[UNCERTAINTY + target], brain),
                "edges": max(slopes),
                "tissue": rank_agreement(error, by_tissue(error, brain, tissue), brain),
                "neighbours": rank_agreement(error, by_neighbours(error, brain), brain),
            }
        )
    return rows


def main() -> None:
    """Complete the validation phantoms and print the correlations."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True, help="trained with small.yaml on phantoms of seed 0")
    parser.add_argument("--cases", type=int, default=16, help="number of phantoms, training and validation together")
    parser.add_argument("--size", type=int, default=48, help="voxels per side of a phantom")
    parser.add_argument("--validation", type=float, default=0.25, help="share of the phantoms used for validation")
    parser.add_argument("--patch-size", type=int, nargs=3, default=[32, 32, 32])
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    configs = scanfill.bundle_path("mri_modality_completion") / "configs"
    config = ConfigParser(
        ConfigParser.load_config_files([str(configs / name) for name in ("train.yaml", "evaluate.yaml", "small.yaml")])
    )
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        config.update(
            {
                "bundle_root": folder,
                "checkpoint": str(options.checkpoint),
                "dataset_dir#cases": options.cases,
                "dataset_dir#size": options.size,
                "validation": options.validation,
                "patch_size": options.patch_size,
                "evaluator#postprocessing#transforms": "@postprocessing",  # no pictures
            }
        )
        Path(config.get_parsed_content("output_dir")).mkdir(parents=True)
        evaluator: Engine = config.get_parsed_content("evaluator")

        @evaluator.on(Events.ITERATION_COMPLETED)
        def _(engine: Engine) -> None:
            for case, output in zip(engine.state.batch, engine.state.output, strict=True):
                rows.extend(rank({**case, **output}, options.size))

        evaluator.run()
    maps = ("network", "edges", "tissue", "neighbours")
    for row in rows:
        print(f"{row['case']} {row['target']:6}" + "".join(f"  {name} {row[name]:.2f}" for name in maps))
    print("median" + "".join(f"  {name} {statistics.median(row[name] for row in rows):.2f}" for name in maps))


if __name__ == "__main__":
    main()
