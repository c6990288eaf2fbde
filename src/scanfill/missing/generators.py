"""A bundle that makes images, opened from its folder and run in this process, a case at a time."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monai.bundle import ConfigParser

from scanfill import __version__
from scanfill.checksums import file_checksum
from scanfill.data.failures import one_line
from scanfill.engines.checkpoint_files import load_network, read_checkpoint
from scanfill.engines.mistakes import find_mistake
from scanfill.engines.training_record import input_names
from scanfill.engines.version import check_version
from scanfill.errors import CaseError, CheckpointError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from scanfill.data.schema import CaseSchema

logger = logging.getLogger(__name__)
logger.setLevel(logging.WARNING)

Case = dict[str, Any]

CONFIGS = ("inference.yaml", "inference.json")
"""A bundle's inference config; an archive has both, and they say the same."""

USED = ("cases", "checkpoint", "record", "network_def", "dataset", "evaluator")
"""What an inference config must hold to be run from here."""


@dataclass
class Generator:
    """A trained bundle that makes images.

    Attributes:
        strategy: ``synthesize`` or ``complete``.
        option: How a person named it, for messages.
        folder: Of the bundle.
        checkpoint: Its weights.
        record: What the checkpoint says of its training.
        metadata: The bundle's.
        schema: Of the cases that it completes.
    """

    strategy: str
    option: str
    folder: Path
    checkpoint: Path
    record: Mapping[str, Any]
    metadata: Mapping[str, Any]
    schema: CaseSchema
    _parser: ConfigParser = field(repr=False)

    def sources_of(self, case: Mapping[str, Any]) -> list[str]:
        """List what it would be given of a case: of its sources those that were acquired."""
        synthetic = case.get("synthetic", ())
        return [name for name in input_names(self.record) if case.get(name) and name not in synthetic]

    def makes(self, target: str) -> bool:
        """Tell whether it was trained to make a modality."""
        known = [self.record["target"]] if "target" in self.record else input_names(self.record)
        return target in known

    @cached_property
    def identity(self) -> dict[str, str]:
        """What the sidecar of an image says of the generator that made it."""
        version = str(self.metadata.get("version", "unknown"))
        return {"version": version, "scanfill": __version__, "sha256": file_checksum(self.checkpoint)}

    def make(self, case: Case) -> None:
        """Write what one case lacks into its folder below the output folder.

        Args:
            case: Paths of what was acquired; nothing synthetic.

        Raises:
            CaseError: It could not be made, for whatever reason.
        """
        dataset, evaluator = self._get("dataset"), self._get("evaluator")
        dataset.data, dataset.progress = [case], False
        evaluator.logger = logger  # MONAI's own tells four lines a case
        evaluator.state.epoch_length = None  # else Ignite expects as many cases as were good the last time
        try:
            evaluator.run()
        except Exception as error:
            raise CaseError(one_line(find_mistake(error) or error)) from error
        for _, message in dataset.failures:
            raise CaseError(message)

    def _get(self, name: str) -> Any:
        return self._parser.get_parsed_content(name)


def open_generator(
    folder: str | Path,
    strategy: str,
    option: str,
    *,
    schema: CaseSchema,
    output_dir: str | Path,
    device: str | torch.device = "cpu",
    target: str | None = None,
) -> Generator:
    """Open a trained bundle and check, before anything runs, that it is what it should be.

    Its own ``inference.yaml`` gives network, preprocessing, inferer and weights; cases, output folder and device are
    given from here. What that config would do around the run (messages, options of the command line) is left out.

    Args:
        folder: Of the bundle, for instance an unpacked archive: ``configs/inference.yaml`` (or ``.json``),
            ``configs/metadata.json``, ``models/model.pt``.
        strategy: ``synthesize`` or ``complete``.
        option: How a person named the folder, for messages.
        schema: Says which bundle that is, and its rule of intensities.
        output_dir: Where the images go, a folder a case.
        device: Where the network runs.
        target: What it must make, for ``synthesize``.

    Raises:
        UsageError: A file is not there; another scanfill, another rule of intensities, another target.
        CheckpointError: The weights are damaged or do not fit the network of the config.
    """
    if strategy not in schema.generators:
        msg = f"No bundle makes missing images of {schema.name} by {strategy!r}; known: {', '.join(schema.generators)}."
        raise UsageError(msg)
    bundle, folder = schema.generators[strategy].bundle, Path(folder).expanduser().resolve()
    named = f"{option} (={str(folder)!r})"
    config = next((folder / "configs" / name for name in CONFIGS if (folder / "configs" / name).is_file()), None)
    metadata_file = folder / "configs" / "metadata.json"
    if config is None or not metadata_file.is_file():
        lacks = (
            "is not a folder" if not folder.is_dir() else f"has no configs/{'metadata.json' if config else CONFIGS[0]}"
        )
        msg = f"{named} {lacks}: it must be the folder of a trained {bundle}. {how_to_make(bundle)}"
        raise UsageError(msg)
    parser = ConfigParser()
    parser.read_config(str(config))
    parser.read_meta(str(metadata_file))
    if absent := [name for name in USED if name not in parser]:
        msg = (
            f"{named}: {config.name} has no {', '.join(absent)}, so it is not a {bundle} bundle. {how_to_make(bundle)}"
        )
        raise UsageError(msg)
    place = f"$torch.device({str(device)!r})"
    parser.update({"bundle_root": str(folder), "cases": [], "output_dir": str(output_dir), "device": place})
    metadata = parser["_meta_"]
    try:
        check_version(metadata)
        checkpoint = Path(parser.get_parsed_content("checkpoint"))
        content = read_checkpoint(checkpoint)
        generator = Generator(strategy, option, folder, checkpoint, content["record"], metadata, schema, parser)
        _check_target(generator, target)
        _check_rule(generator)
        parser.get_parsed_content("record").check(content["record"], checkpoint)
        load_network(parser.get_parsed_content("network_def"), content, checkpoint)
        parser.get_parsed_content("evaluator")
    except Exception as error:
        mistake = find_mistake(error)
        if mistake is None:
            raise
        kind = CheckpointError if isinstance(mistake, CheckpointError) else UsageError
        msg = f"{named} cannot be used: {mistake} {how_to_make(bundle)}"
        raise kind(msg) from error
    return generator


def how_to_make(bundle: str) -> str:
    """Say the command that makes a folder of a trained bundle."""
    return (
        f"Train it, pack it with the overlays and overrides of its training, `python -m scanfill pack {bundle} "
        f"--weights MODEL.pt --overlays small.yaml`, unzip the archive, and give the folder that comes out."
    )


def _check_target(generator: Generator, target: str | None) -> None:
    made = generator.record.get("target")
    if target is not None and made != target:
        what = f"makes {made}" if made else "was trained to complete whatever is missing (--completion_bundle)"
        msg = f"Its checkpoint {what}, not {target}: name it under what it makes."
        raise UsageError(msg)
    if target is None and made is not None:
        msg = (
            f"Its checkpoint makes {made} and nothing else: pass --missing synthesize --synthesis_bundles "
            f"\"{{'{made}': '{generator.folder}'}}\", or the folder of a "
            f"{generator.schema.generators['complete'].bundle}."
        )
        raise UsageError(msg)


def _check_rule(generator: Generator) -> None:
    """Compare the rule of intensities that bundle and checkpoint state with the one that is run here."""
    rule = generator.schema.generators[generator.strategy].intensity_rule
    stated = {"metadata.json": generator.metadata.get("intensity_rule")}
    if "intensity_rule" in generator.record:
        stated["its checkpoint"] = generator.record["intensity_rule"]
    for where, found in stated.items():
        if found != rule:
            says = f"states intensity_rule={found!r}" if found else "states no intensity_rule"
            msg = (
                f"{where} {says}, but images are prepared by {rule!r} here: its network would see other intensities "
                f"than in its training, and make wrong images."
            )
            raise UsageError(msg)
