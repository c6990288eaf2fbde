"""What a score is without learning: an atlas and a voxelwise classifier, on any kind of labeled data.

    python benchmarks/trivial_baselines.py TRAINING TEST --schema hand_xray

Both are fitted to the first cases of TRAINING, on images reduced to --side voxels, and scored on every case of TEST, on
the label's own grid. A network is compared with these figures, printed as mean over cases.
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.transform import resize

from scanfill.data import ReadCased, find_cases, load_schema
from scanfill.metrics import AtlasBaseline, OverlapScores, VoxelwiseBaseline, score_case


def main() -> None:
    """Fit both baselines and print their scores."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("training")
    parser.add_argument("test")
    parser.add_argument("--schema", required=True)
    parser.add_argument("--cases", type=int, default=80, help="number of training cases")
    parser.add_argument("--side", type=int, default=256, help="longest side of a training image in voxels")
    arguments = parser.parse_args()
    schema = load_schema(arguments.schema)
    known = find_cases(arguments.training, schema=schema, modalities=schema.image_keys[:1])[: arguments.cases]
    training = [reduced(*read(case, schema), arguments.side) for case in known]
    test = [read(case, schema) for case in find_cases(arguments.test, schema=schema, modalities=schema.image_keys[:1])]
    print(f"fitted to {len(training)} cases, scored on {len(test)}, mean (SD) over cases")
    regions = dict(schema.regions)
    for kind in (AtlasBaseline, VoxelwiseBaseline):
        baseline = kind(*map(list, zip(*training, strict=True)))
        rows = [
            score_case(
                baseline.predict(image),
                masks,
                [1.0] * image.ndim,
                regions,
                exclusive=False,
                hausdorff=False,
                overlaps=OverlapScores(tolerance=None, band=None),
            )
            for image, masks in test
        ]
        names = ("mean_dice", "overlap_recall", "exchanged", "absent_pixels")
        scores = {name: np.array([row[name] for row in rows], float) for name in names}
        told = ", ".join(
            f"{name} {np.nanmean(values):.3f} ({np.nanstd(values, ddof=1):.3f})" for name, values in scores.items()
        )
        print(f"{kind.__name__}: {told}")
        print("  " + ", ".join(f"{name} {np.mean([row[f'dice_{name}'] for row in rows]):.2f}" for name in regions))


def read(case: dict[str, Any], schema: Any) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the first image of a case and its masks, one per label."""
    key = schema.image_keys[0]
    content = ReadCased(key, label_key=schema.label.key, schema=schema)(case)
    label = content[schema.label.key].numpy()
    if schema.label.exclusive:
        label = np.stack([label[0] == value for value in schema.label.names])
    return content[key].numpy()[0].astype(float), label.astype(bool)


def reduced(
    image: NDArray[np.float64], masks: NDArray[np.bool_], side: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Reduce an image and its masks so that the longest side has a number of voxels."""
    shape = [max(1, round(length * side / max(image.shape))) for length in image.shape]
    small = [resize(mask.astype(float), shape, order=1, anti_aliasing=True) >= 0.5 for mask in masks]
    return resize(image, shape, order=1, anti_aliasing=True), np.stack(small)


if __name__ == "__main__":
    main()
