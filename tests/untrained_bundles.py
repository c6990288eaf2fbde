"""Bundle folders as after unpacking an archive, with untrained networks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from scanfill.engines import TrainingRecord
from scanfill.engines.checkpoint_files import weights_with_record

REPO = Path(__file__).parents[1]
SYNTHESIS, COMPLETION = "mri_modality_synthesis", "mri_modality_completion"
NETWORKS: dict[str, dict[str, Any]] = {
    SYNTHESIS: {
        "_target_": "scanfill.networks.UNetGenerator",
        "spatial_dims": 3,
        "in_channels": "$len(@sources)",
        "out_channels": 1,
        "filters": 4,
        "depth": 1,
        "norm": "instance",
        "see_input": True,
    },
    COMPLETION: {
        "_target_": "scanfill.networks.completion.CompletionGenerator",
        "spatial_dims": 3,
        "modalities": "$len(@modalities)",
        "filters": 4,
        "depth": 1,
    },
}
"""Networks that are as small as possible; their architecture is irrelevant here."""

REFERENCE = {"percentiles": [0.5, 50.0, 99.5], "intensities": [90.0, 300.0, 700.0], "deviations": [-2.6, 0.0, 3.0]}
"""The scale of a modality, as :py:func:`scanfill.missing.reference_scale` returns it."""


def untrained_bundle(
    folder: Path,
    name: str,
    *,
    facts: dict[str, Any] | None = None,
    training: list[dict[str, str]] | None = None,
    metadata: dict[str, Any] | None = None,
    **knobs: Any,
) -> Path:
    """Write a bundle's inference config with a tiny network, its metadata, and random weights.

    Args:
        folder: Output folder, which is created.
        name: Name of the bundle.
        facts: Additional entries of the checkpoint's record.
        training: Training cases recorded in the checkpoint.
        metadata: Changes to the bundle's metadata.
        knobs: Changes to the config, such as ``target``.
    """
    source = REPO / "bundles" / name / "configs"
    parser = ConfigParser(ConfigParser.load_config_file(str(source / "inference.yaml")))
    parser.update({"patch_size": [16, 16, 16], "network_def": NETWORKS[name], **knobs})
    (folder / "configs").mkdir(parents=True)
    (folder / "configs" / "inference.json").write_text(json.dumps(parser.config))
    own = json.loads((source / "metadata.json").read_text()) | (metadata or {})
    (folder / "configs" / "metadata.json").write_text(json.dumps(own))
    torch.manual_seed(0)
    network, record = (parser.get_parsed_content(key) for key in ("network_def", "record"))
    modalities = record.inputs["modalities"] if name == COMPLETION else [record.settings["target"]]
    scales = {modality: REFERENCE | {"modality": modality} for modality in modalities}
    reference = scales if name == COMPLETION else scales[modalities[0]]
    stated = TrainingRecord(
        record.inputs,
        network,
        settings=record.settings,
        facts={"spacing": [6.0, 6.0, 6.0], "reference": reference, **(facts or {})},
        training=training,
    )
    (folder / "models").mkdir()
    torch.save(weights_with_record(network.state_dict(), stated.state_dict()), folder / "models" / "model.pt")
    return folder


def copy_of(bundle: Path, folder: Path) -> Path:
    """A copy of a bundle's folder that a test may damage."""
    return Path(shutil.copytree(bundle, folder))
