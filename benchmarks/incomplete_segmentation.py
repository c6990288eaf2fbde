r"""Remove each modality in turn from the validation cases of every fold, and score one strategy for segmenting them.

    python benchmarks/incomplete_segmentation.py --way zero --segmenter "runs/unet_{fold}/models/last.pt" \\
      --datalist "runs/fold_{fold}.json" --dataset-dir /data/brats --output runs/incomplete/zero

Strategies: ``zero`` (also for a checkpoint of modality_dropout.yaml, which is recognized), ``complete`` and
``synthesize`` with ``--bundle``, and ``images`` with ``--images``: synthetic images written by another program.
``{fold}`` and ``{modality}`` (the removed one) are replaced in all paths. evaluate.yaml writes each
``<output>/<modality>_<fold>/scores.csv``; compare strategies with
``compare_scores.py "zero=runs/incomplete/zero/flair_*"``.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

import scanfill
from scanfill.data import load_cases
from scanfill.domains.brain_mri.schema import SCHEMA

MODALITIES = ("t1", "t1ce", "t2", "flair")
BUNDLE = "brain_tumor_segmentation"


def read_options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--way", required=True, choices=("zero", "complete", "synthesize", "images"))
    parser.add_argument("--segmenter", required=True, help="checkpoint")
    parser.add_argument("--overlays", nargs="+", default=["unet.yaml", "modern.yaml"], help="of the segmenter")
    parser.add_argument("--patch-size", type=int, nargs=3, default=[56, 56, 56], help="of the segmenter")
    parser.add_argument("--bundle", help="folder of a completion or synthesis bundle")
    parser.add_argument("--images", help="folder with <case>/<case>_synthetic_<modality>.nii.gz")
    parser.add_argument("--datalist", required=True)
    parser.add_argument("--dataset-dir", required=True)
    parser.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--without", nargs="+", default=MODALITIES, choices=(*MODALITIES, "none"))
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", required=True, type=Path)
    return parser.parse_args()


def overrides_of(options: argparse.Namespace, modality: str, fold: int) -> dict[str, Any]:
    """Return the overrides of evaluate.yaml."""
    place = {"fold": fold, "modality": modality}
    overrides: dict[str, Any] = {
        "dataset_dir": options.dataset_dir,
        "datalist": options.datalist.format(**place),
        "checkpoint": options.segmenter.format(**place),
        "output_dir": str(options.output / f"{modality}_{fold}"),
        "patch_size": options.patch_size,
        "validate#preprocessing#transforms": "$@preprocessing + @availability_channels",  # no quality checks
        "evaluator#postprocessing#transforms": "@postprocessing",  # no pictures
    }
    if options.way == "images":
        return overrides | {"evaluated": with_images(overrides, modality, Path(options.images.format(**place)))}
    overrides |= {"missing": options.way, "leave_out": [] if modality == "none" else [modality]}
    if options.way == "complete":
        overrides["completion_bundle"] = options.bundle.format(**place)
    if options.way == "synthesize":
        overrides["synthesis_bundles"] = {modality: options.bundle.format(**place)}
    return overrides


def with_images(overrides: dict[str, Any], modality: str, folder: Path) -> list[dict[str, Any]]:
    """Replace a modality by synthetic images, declared as synthetic."""
    cases = load_cases(overrides["dataset_dir"], datalist=overrides["datalist"], modalities=MODALITIES, schema=SCHEMA)[
        "validation"
    ]
    made = [folder / case["case_id"] / f"{case['case_id']}_synthetic_{modality}.nii.gz" for case in cases]
    return [
        case | {modality: str(path), "synthetic": [modality]}
        for case, path in zip(cases, made, strict=True)
        if path.is_file()  # cases without a ground truth have no image
    ]


def main() -> None:
    """Run evaluate.yaml for every modality and fold."""
    options = read_options()
    torch.set_num_threads(options.threads)
    folder = scanfill.bundle_path(BUNDLE) / "configs"
    names = ["train.yaml", "evaluate.yaml", *options.overlays]
    for modality in options.without:
        for fold in options.folds:
            parser = ConfigParser(ConfigParser.load_config_files([str(folder / name) for name in names]))
            parser.update(overrides_of(options, modality, fold))
            Path(parser["output_dir"]).mkdir(parents=True, exist_ok=True)
            parser.get_parsed_content("evaluator").run()


if __name__ == "__main__":
    main()
