"""Shared code of the baselines of mri_modality_synthesis: the bundle's cases, its scales, and its scoring.

A baseline gets exactly the bundle's inputs: each source z-scored by its own mean and SD over its measured voxels in the
brain of the sources, and nothing from the ground truth. Its output, in SD of the target, is converted to intensities
in the same way as in the bundle's evaluation: for scoring with the mean and SD of the ground truth over the same brain,
for images that are written with the reference scale.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.transforms import Compose
from tqdm import tqdm

from scanfill.data.provenance import Origin, synthetic_path, write_synthetic
from scanfill.data.read import ReadCased
from scanfill.data.save_synthetic import SCALE
from scanfill.domains.brain_mri.modalities import MODALITIES, published_mse
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.metrics import compare_case, summarise_quality, write_quality
from scanfill.missing import reference_scale
from scanfill.missing.target_cases import load_pairs
from scanfill.transforms import ForegroundMaskd, KeepInMaskd, UnscaleSignedd
from scanfill.transforms.foreground import measured
from scanfill.transforms.signed_range import GAIN, OFFSET, SignedScale, scale_signed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from scanfill.data.lists import Case, Split

    Row = dict[str, float | str]


@dataclass
class PreparedCase:
    """One case as input for a baseline.

    Attributes:
        case: Its entry in the list.
        images: Output of ReadCased: modalities, label, and the mask of the sources, MetaTensors ``(1, X, Y, Z)``.
        sources: ``(K, X, Y, Z)`` float32, z-scored, 0 outside the brain.
        target: ``(1, X, Y, Z)``, the ground truth, scaled in the same way.
        inside: Voxels where sources and target were all measured, ``(X, Y, Z)``.
        scale: Scale of the ground truth.
    """

    case: Case
    images: dict[Any, Any]
    sources: np.ndarray
    target: np.ndarray
    inside: np.ndarray
    scale: SignedScale


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of all baselines."""
    parser.add_argument("--datalist", type=Path, required=True, help="list from `python -m scanfill split`")
    parser.add_argument("--sources", nargs="+", default=["t2"], help="input modalities")
    parser.add_argument("--target", default="flair", help="output modality")
    parser.add_argument("--leave-out", nargs="*", default=[], help="names of cases with an unusable target")
    parser.add_argument("--output", type=Path, required=True, help="folder for the two tables")
    parser.add_argument("--write-images", action="store_true", help="also write the images, in the reference scale")


def read_split(options: argparse.Namespace) -> Split:
    """Read the list: only cases with all four modalities, which define the evaluation brain."""
    split = load_pairs(
        options.datalist.parent,
        options.sources,
        options.target,
        modalities=MODALITIES,
        datalist=options.datalist,
        schema=SCHEMA,
    )
    return {part: [case for case in split[part] if case["case_id"] not in options.leave_out] for part in split}


def prepare(cases: Sequence[Case], sources: Sequence[str], target: str) -> list[PreparedCase]:
    """Read and scale cases."""
    read = Compose(
        [ReadCased(MODALITIES, label_key="label", schema=SCHEMA), ForegroundMaskd(sources, copy_key="brain")]
    )
    return [_prepare(case, read(dict(case)), sources, target) for case in tqdm(cases, desc="Reading", unit="case")]


def _prepare(case: Case, images: dict[Any, Any], sources: Sequence[str], target: str) -> PreparedCase:
    scaled = {key: scale_signed(images[key], images["mask"], key) for key in (*sources, target)}
    there = {key: measured(images[key], images["mask"]) for key in scaled}
    z = {key: np.where(there[key], (image.numpy() - OFFSET) / GAIN, 0) for key, (image, _) in scaled.items()}
    return PreparedCase(
        case,
        images,
        np.concatenate([z[source] for source in sources]).astype(np.float32),
        z[target].astype(np.float32),
        np.logical_and.reduce([mask[0] for mask in there.values()]),
        scaled[target][1],
    )


def judge(split: Split, paint: Callable[[PreparedCase], np.ndarray], options: Any, weights: Path) -> None:
    """Synthesize the validation cases, write and print the scores, and write the images if requested.

    Args:
        split: From :py:func:`read_split`.
        paint: Returns the target ``(1, X, Y, Z)`` in SD from its mean.
        options: From :py:func:`add_options`.
        weights: File with the fitted parameters.
    """
    validation = prepare(split["validation"], options.sources, options.target)
    score(validation, paint, options)
    if options.write_images:
        write_images(validation, paint, options, training=split["training"], weights=weights)
    print(f"Scores of every case: {options.output / 'image_quality.csv'}")


def score(cases: Sequence[PreparedCase], paint: Callable[[PreparedCase], np.ndarray], options: Any) -> list[Row]:
    """Synthesize each case, score it with every protocol, write and print the tables.

    Args:
        cases: Cases to score.
        paint: Returns the target ``(1, X, Y, Z)`` in SD from its mean.
        options: From :py:func:`add_options`.
    """
    rows: list[Row] = []
    for one in tqdm(cases, desc="Scoring", unit="case"):
        painted = np.where(one.images["brain"] != 0, one.scale.invert(paint(one) * GAIN + OFFSET), 0)
        originals = {key: one.images[key] for key in MODALITIES}
        label = one.images.get("label")
        rows += compare_case(one.case["case_id"], options.target, painted, originals, options.sources, label=label)
    write_quality(rows, options.output, published=published_mse())
    for row in summarise_quality(rows):
        if row["protocol"] == "zscore_truth" and row["metric"] == "mse":
            print(f"  {row['image']:20} {row['region']:8} mean {row['mean']:.3f}  median {row['median']:.3f}")
    return rows


def write_images(
    cases: Sequence[PreparedCase],
    paint: Callable[[PreparedCase], np.ndarray],
    options: Any,
    *,
    training: Sequence[Case],
    weights: Path,
) -> None:
    """Write each image as input for a segmenter: in the reference scale, marked as synthetic.

    Args:
        cases: Cases to synthesize.
        paint: As for :py:func:`score`.
        options: From :py:func:`add_options`.
        training: Cases used for fitting.
        weights: File with the fitted parameters.
    """
    reference = reference_scale(training, options.target)
    finish = Compose(
        [UnscaleSignedd("pred", reference=reference), KeepInMaskd("pred", reference=reference, mask_key="brain")]
    )
    for one in tqdm(cases, desc="Writing", unit="case"):
        first = one.images[options.sources[0]]
        painted = (paint(one) * GAIN + OFFSET).astype(np.float32)
        image = finish({"pred": painted, "mask": one.images["mask"], "brain": one.images["brain"]})["pred"]
        origin = Origin(
            generator=Path(sys.argv[0]).stem,
            version="benchmark",
            checkpoint=weights,
            inputs={source: one.case[source] for source in options.sources},
            training_list={
                "cases": [case["case_id"] for case in training],
                "patients": sorted({case["patient"] for case in training}),
            },
            scale=SCALE,
            more={"reference": reference},
        )
        path = synthetic_path(options.output, one.case["case_id"], options.target)
        write_synthetic(np.asarray(image)[0], np.asarray(first.affine), path, origin)
