"""A network that a training needs besides its own, such as a segmenter: trained at its start, and kept in a file."""

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ignite.distributed as idist
import torch
from torch import nn

from scanfill.checksums import file_checksum
from scanfill.errors import CheckpointError
from scanfill.files import writing
from scanfill.networks.frozen import FrozenNetwork

from .checkpoint_files import load_network, read_checkpoint, save, weights_with_record
from .training_record import TrainingRecord

logger = logging.getLogger(__name__)

Cases = Mapping[str, Sequence[Mapping[str, Any]]]
"""Cases of each part of a split: ``training``, ``validation``, ``test``."""


def trained_once(
    path: str | Path,
    network: nn.Module,
    train: Callable[[nn.Module], None],
    *,
    cases: Cases,
    settings: Mapping[str, Any],
    seed: int,
    device: torch.device | str = "cpu",
) -> FrozenNetwork:
    """Load a network from its file, if there is one; otherwise train it and write the file. Either way, freeze it.

    Beside the file lies its checksum, in the format of ``sha256sum``; so a training that is resumed goes on with the
    very same network. The training of this network leaves PyTorch's random generators as they were.

    Args:
        path: The file, such as ``models/features.pt``.
        network: The network, untrained.
        train: Trains it, on ``device``.
        cases: It is trained on ``training``, and a file must not know patients of another part.
        settings: Options of its training; those of the file must be the same.
        seed: Seed of its training, which is one of its settings.
        device: Where it is trained and used.

    Raises:
        CheckpointError: The file is damaged or has changed, or is that of another network, of other settings, or of
            patients on whom this training is judged.
    """
    path, check = Path(path), Path(f"{path}.sha256")
    record = TrainingRecord(None, network, settings={**settings, "seed": seed}, training=cases["training"])
    with idist.one_rank_first():
        if not path.is_file():
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                train(network.to(device))
            with writing(path) as temporary:
                save(weights_with_record(network.cpu().state_dict(), record.state_dict()), temporary)
            with writing(check) as temporary:
                temporary.write_text(f"{file_checksum(path)}  {path.name}\n", encoding="utf-8")
    content = read_checkpoint(path)
    _check(path, check, content["record"], record, cases)
    load_network(network, content, path)
    found = file_checksum(path)
    logger.info("%s of %s: frozen, SHA-256 %s", type(network).__name__, path, found[:16])
    return FrozenNetwork(network.to(device), {"file": path.name, "sha256": found})


def _check(path: Path, check: Path, theirs: Mapping[str, Any], record: TrainingRecord, cases: Cases) -> None:
    remedy = "Delete the file, so that it is trained again, or choose another one"
    if check.is_file() and check.read_text(encoding="utf-8").split()[:1] != [file_checksum(path)]:
        msg = f"{path} has changed since its checksum was written to {check.name}. {remedy}."
        raise CheckpointError(msg)
    record.check_network_and_inputs(theirs, path, remedy)
    for name, mine in record.settings.items():
        if theirs.get(name) != mine:
            msg = f"{path} was trained with {name}={theirs.get(name)!r}; this run has {mine!r}. {remedy}."
            raise CheckpointError(msg)
    judged = {str(case["patient"]) for part, those in cases.items() if part != "training" for case in those}
    if both := sorted(judged & set(theirs.get("training", {}).get("patients", ()))):
        msg = f"{path} was trained on patient {both[0]}, on whom this training is judged. {remedy}."
        raise CheckpointError(msg)
