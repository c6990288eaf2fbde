"""Sequences that are made for a study: by which network, from what, and how good they are.

A study's trainings have left bundles in its output folder, which :py:func:`open_trained` opens.
"""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.bundle import ConfigParser
from monai.utils import convert_to_numpy

from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.image import read_image
from scanfill.data.provenance import synthetic_path
from scanfill.domains.brain_mri.labels import to_internal
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.metrics import evaluation_mask, score_image
from scanfill.missing.completed import z_scale
from scanfill.missing.generators import Generator, open_generator
from scanfill.transforms.signed_range import SignedScale, measure_scale, reference_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import torch
    from numpy.typing import NDArray

Case = dict[str, Any]

KINDS = {"synthesis": "synthesize", "completion": "complete"}
"""What makes the images of a prediction -> the strategy for missing sequences that it is."""

FIGURES = {"mse_brain": "zscore_truth", "mse_tumour": "zscore_truth", "ssim_tumour": "percentile_truth"}
"""Figure of a synthetic image in a score row -> its protocol."""


@dataclass(frozen=True)
class Trained:
    """A finished training: the bundle that it left.

    Attributes:
        name: Of the model.
        folder: Of the bundle, with ``configs`` and ``models/model.pt``.
    """

    name: str
    folder: Path

    @property
    def checkpoint(self) -> Path:
        """Its weights."""
        return self.folder / "models" / "model.pt"

    def inference(self) -> ConfigParser:
        """Read the bundle's inference, without pictures and warnings."""
        parser = ConfigParser(ConfigParser.load_config_file(str(self.folder / "configs" / "inference.yaml")))
        for steps in ("preprocessing", "postprocessing"):
            kept = [step for step in parser[steps]["transforms"] if "Preview" not in step["_target_"]]
            kept = [step for step in kept if not step["_target_"].endswith("WarnOfQualityd")]
            parser[f"{steps}#transforms"] = kept
        return parser


def trained_from(models: Mapping[str, str]) -> dict[str, Trained]:
    """Find the trained models of a job by the folders of their bundles."""
    return {name: Trained(name, Path(folder)) for name, folder in models.items()}


def open_trained(
    model: Trained, kind: str, target: str | None, *, folder: Path, device: torch.device | str
) -> Generator:
    """Open a network that makes images.

    Args:
        model: It.
        kind: ``synthesis`` or ``completion``.
        target: The sequence that it must make; None for a completion.
        folder: Where its images go, one folder a case. Beside it comes a copy of the bundle, which draws no pictures.
        device: Where it runs.

    Raises:
        CheckpointError: The weights do not fit; see :py:func:`scanfill.missing.generators.open_generator`.
    """
    bundle = folder.with_name(f"{folder.name}_{model.name}")
    (bundle / "configs").mkdir(parents=True, exist_ok=True)
    (bundle / "models").mkdir(exist_ok=True)
    parser = model.inference()
    ConfigParser.export_config_file(parser.get(), str(bundle / "configs" / "inference.yaml"), fmt="yaml")
    shutil.copyfile(model.folder / "configs" / "metadata.json", bundle / "configs" / "metadata.json")
    shutil.copyfile(model.checkpoint, bundle / "models" / "model.pt")
    return open_generator(
        bundle, KINDS[kind], model.name, output_dir=folder, device=device, target=target, schema=SCHEMA
    )


def make_images(
    generator: Generator, case: Case, sources: Sequence[str], targets: Sequence[str], folder: Path
) -> dict[str, str]:
    """Make sequences of one case from acquired ones.

    Args:
        generator: Writes to ``folder``.
        case: With the paths of its files.
        sources: All that the generator is given.
        targets: What is made.
        folder: One folder a case.

    Returns:
        Target -> path of its image.

    Raises:
        CaseError: The generator has learned from the patient, or the image could not be made.
    """
    refuse_seen([case], generator.record.get("training"), f"{generator.option} ({generator.checkpoint})")
    given = {key: value for key, value in case.items() if key not in MODALITIES or key in sources}
    generator.make(given | {"synthetic": []})
    return {target: str(synthetic_path(folder, str(case["case_id"]), target)) for target in targets}


def judge_image(path: str, case: Case, generator: Generator, target: str, sources: Sequence[str]) -> dict[str, float]:
    """Compare a synthetic image with what was acquired.

    The image is in the scale of a typical training patient, because this patient's own was not known when it was made.
    It is brought to the truth's scale first: what the network gave, times the truth's SD, plus its mean.

    Args:
        path: The image.
        case: With the paths of all four acquired sequences, and of its label map.
        generator: That made it.
        target: What it shows.
        sources: What it was made from.

    Returns:
        The columns of :py:data:`FIGURES`; NaN where a case has no tumour.
    """
    where = f"Case {case['case_id']!r}"
    originals = {name: read_image(case[name], f"{where}: {name}") for name in MODALITIES}
    volumes = {name: convert_to_numpy(volume)[0] for name, volume in originals.items()}
    image = convert_to_numpy(read_image(path, f"{where}: synthetic {target}"))[0].astype(np.float64)
    given = np.logical_or.reduce([volumes[name] != 0 for name in sources])
    brain = convert_to_numpy(read_image(case["mask"], f"{where}: mask"))[0] != 0 if case.get("mask") else given
    rule = generator.schema.generators[generator.strategy].intensity_rule
    reference = generator.record["reference"]
    reference = reference[target] if rule == "zscore_in_brain" else reference
    written = reference_line(reference["intensities"], reference["deviations"])
    own = own_scale(volumes[target], brain, rule, where)
    scaled = np.where(brain, (image - written.centre) / written.spread * own.spread + own.centre, 0)
    label = convert_to_numpy(to_internal(read_image(case["label"], where), case["label_convention"], where))[0]
    rows = score_image(
        scaled,
        volumes[target],
        evaluation_mask(list(volumes.values())),
        label=label,
        protocols=sorted(set(FIGURES.values())),
    )
    by_protocol = {str(row["protocol"]): row for row in rows}
    return {name: float(by_protocol[protocol].get(name, math.nan)) for name, protocol in FIGURES.items()}


def own_scale(truth: NDArray[Any], brain: NDArray[np.bool_], rule: str, where: str) -> SignedScale:
    """Measure the scale of an acquired image by the rule of intensities of the network that made its like."""
    if rule == "zscore_in_brain":
        return z_scale(truth, brain)
    scale, _, _ = measure_scale(truth, brain, where)
    return scale
