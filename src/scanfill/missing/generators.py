"""A bundle that generates images, opened from its folder and run in this process, one case at a time."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from monai.bundle import ConfigParser

from scanfill import __version__
from scanfill.checksums import file_checksum
from scanfill.data.failures import one_line
from scanfill.data.schema import CaseSchema
from scanfill.engines.checkpoint_files import load_network, read_checkpoint
from scanfill.engines.mistakes import find_mistake
from scanfill.engines.training_record import input_names
from scanfill.engines.version import check_version
from scanfill.errors import CaseError, CheckpointError, UsageError

logger = logging.getLogger(__name__)
logger.setLevel(logging.WARNING)

Case = dict[str, Any]

CONFIGS = ("inference.yaml", "inference.json")
"""A bundle's inference config; an archive contains both, with the same content."""

USED = ("cases", "checkpoint", "record", "network_def", "dataset", "evaluator")
"""The ids that an inference config must contain to be run from here."""


@dataclass
class Generator:
    """A trained bundle that generates images.

    Attributes:
        strategy: ``synthesize`` or ``complete``.
        option: How the user named it, for messages.
        folder: Folder of the bundle.
        checkpoint: Its weights.
        record: The training record in the checkpoint.
        metadata: Metadata of the bundle.
        schema: Schema of the cases that it completes.
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
        """List the inputs that it would get from a case: those of its sources that were acquired."""
        synthetic = case.get("synthetic", ())
        return [name for name in input_names(self.record) if case.get(name) and name not in synthetic]

    def makes(self, target: str) -> bool:
        """Return whether it was trained to generate a modality."""
        known = [self.record["target"]] if "target" in self.record else input_names(self.record)
        return target in known

    @cached_property
    def identity(self) -> dict[str, str]:
        """Return how an image's sidecar identifies its generator."""
        version = str(self.metadata.get("version", "unknown"))
        return {"version": version, "scanfill": __version__, "sha256": file_checksum(self.checkpoint)}

    def make(self, case: Case) -> None:
        """Write the missing images of one case into its folder below the output folder.

        Args:
            case: Paths of the acquired images; nothing synthetic.

        Raises:
            CaseError: Generation failed, for any reason.
        """
        dataset, evaluator = self._get("dataset"), self._get("evaluator")
        dataset.data, dataset.progress = [case], False
        evaluator.logger = logger  # MONAI's own logs four lines per case
        evaluator.state.epoch_length = None  # otherwise Ignite expects as many cases as succeeded last time
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
    """Open a trained bundle and check that it is suitable before anything runs.

    Its own ``inference.yaml`` provides network, preprocessing, inferer and weights; cases, output folder and device are
    passed in here. Anything else that the config would do around the run (messages, command-line options) is left out.

    Args:
        folder: Folder of the bundle, for instance an unpacked archive: ``configs/inference.yaml`` (or ``.json``),
            ``configs/metadata.json``, ``models/model.pt``.
        strategy: ``synthesize`` or ``complete``.
        option: How the user named the folder, for messages.
        schema: Defines which bundle is expected, and its intensity rule.
        output_dir: Folder for the images, one subfolder per case.
        device: Device of the network.
        target: The modality that it must generate, for ``synthesize``.

    Raises:
        UsageError: A file is missing; the scanfill version, intensity rule or target differs.
        CheckpointError: The weights are damaged or do not match the network of the config.
    """
    if strategy not in schema.generators:
        msg = f"No bundle of {schema.name} supports {strategy!r}; supported: {', '.join(schema.generators)}."
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
    """Return how to create a trained bundle's folder."""
    return (
        f"Train it, pack it with the overlays and overrides of its training, `python -m scanfill pack {bundle} "
        f"--weights MODEL.pt --overlays small.yaml`, unzip the archive, and give the resulting folder."
    )


def _check_target(generator: Generator, target: str | None) -> None:
    made = generator.record.get("target")
    if target is not None and made != target:
        what = f"makes {made}" if made else "was trained to complete whatever is missing (--completion_bundle)"
        msg = f"Its checkpoint {what}, not {target}: list it under the modality that it makes."
        raise UsageError(msg)
    if target is None and made is not None:
        msg = (
            f"Its checkpoint makes {made} only: pass --missing synthesize --synthesis_bundles "
            f"\"{{'{made}': '{generator.folder}'}}\", or the folder of a "
            f"{generator.schema.generators['complete'].bundle}."
        )
        raise UsageError(msg)


def _check_rule(generator: Generator) -> None:
    """Compare the intensity rule stated by bundle and checkpoint with the one used here."""
    rule = generator.schema.generators[generator.strategy].intensity_rule
    stated = {"metadata.json": generator.metadata.get("intensity_rule")}
    if "intensity_rule" in generator.record:
        stated["its checkpoint"] = generator.record["intensity_rule"]
    for where, found in stated.items():
        if found != rule:
            says = f"states intensity_rule={found!r}" if found else "states no intensity_rule"
            msg = (
                f"{where} {says}, but images are prepared with {rule!r} here: the intensities would differ from the "
                f"network's training, and its images would be wrong."
            )
            raise UsageError(msg)
