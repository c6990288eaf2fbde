"""Synthesize sequences for a study, and measure their quality.

A study's trainings write bundles to its output folder, which :py:func:`open_trained` opens.
"""

import math
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.bundle import ConfigParser
from monai.utils import convert_to_numpy
from numpy.typing import NDArray

from scanfill.data.evaluation_cases import refuse_seen
from scanfill.data.image import read_image
from scanfill.data.provenance import synthetic_path
from scanfill.domains.brain_mri.labels import to_internal
from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.metrics import evaluation_mask, score_image
from scanfill.missing.completed import z_scale
from scanfill.missing.generators import Generator, open_generator
from scanfill.studies.trained import Trained
from scanfill.transforms.signed_range import SignedScale, measure_scale, reference_line

Case = dict[str, Any]

KINDS = {"synthesis": "synthesize", "completion": "complete"}
"""Kind of network that synthesizes images -> its strategy for missing sequences."""

FIGURES = {"mse_brain": "zscore_truth", "mse_tumour": "zscore_truth", "ssim_tumour": "percentile_truth"}
"""Quality measure of a synthetic image in a score row -> its protocol."""


def open_trained(
    model: Trained, kind: str, target: str | None, *, folder: Path, device: torch.device | str
) -> Generator:
    """Open a network that synthesizes images.

    Args:
        model: The trained model.
        kind: ``synthesis`` or ``completion``.
        target: The sequence to synthesize; None for a completion.
        folder: Output folder for its images, with one subfolder per case. A copy of the bundle that writes no previews
            is placed next to it.
        device: Device to run on.

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
    """Synthesize sequences of one case from acquired ones.

    Args:
        generator: The generator, which writes to ``folder``.
        case: Case with the paths of its files.
        sources: Sequences passed to the generator.
        targets: Sequences to synthesize.
        folder: Output folder, with one subfolder per case.

    Returns:
        Target -> path of its image.

    Raises:
        CaseError: The generator was trained on the patient, or the image could not be synthesized.
    """
    refuse_seen([case], generator.record.get("training"), f"{generator.option} ({generator.checkpoint})")
    given = {key: value for key, value in case.items() if key not in MODALITIES or key in sources}
    generator.make(given | {"synthetic": []})
    return {target: str(synthetic_path(folder, str(case["case_id"]), target)) for target in targets}


def judge_image(path: str, case: Case, generator: Generator, target: str, sources: Sequence[str]) -> dict[str, float]:
    """Compare a synthetic image with the acquired one.

    The image has the intensity scale of a typical training patient, because this patient's scale was not known when it
    was synthesized. It is first rescaled to the acquired image: the network's output times its SD, plus its mean.

    Args:
        path: The image.
        case: Case with the paths of all four acquired sequences, and of its label map.
        generator: The generator of the image.
        target: The synthesized sequence.
        sources: The sequences it was synthesized from.

    Returns:
        The columns of :py:data:`FIGURES`; NaN if a case has no tumor.
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
    """Measure the intensity scale of an acquired image by the normalization rule of the network that synthesized it."""
    if rule == "zscore_in_brain":
        return z_scale(truth, brain)
    scale, _, _ = measure_scale(truth, brain, where)
    return scale
