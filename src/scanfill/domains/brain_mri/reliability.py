"""Reliability of a prediction without contrast agent: the parts of the tumor core are not distinguished.

Enhancing tumor is defined by its signal in T1CE. Without that image a network recovers it only in part (published Dice
.45 to .62, see DeMoSeg and RFNet on BraTS 2020), and a synthetic T1CE contains no information beyond the other images.
"""

import csv
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ignite.engine import Engine, Events
from monai.config import KeysCollection
from monai.transforms import MapTransform
from torch import Tensor

from scanfill.data.provenance import INPUTS, LEGEND
from scanfill.data.save_label import SaveLabeld
from scanfill.data.text import read_table
from scanfill.domains.brain_mri.labels import CET, ED, NC, REGIONS, values_in_file
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.files import writing
from scanfill.metrics import region_sizes
from scanfill.missing.availability import AVAILABILITY
from scanfill.replacing import check_replaceable

CONTRAST = "t1ce"
"""The modality without which the core cannot be subdivided."""

UNRELIABLE, WITHHELD = "unreliable", "withheld"
"""Keys of a predicted case: why parts are unreliable (empty if they are not), and which are withheld."""

CORE_NAME = "NC: core, not subdivided (necrotic, non-enhancing and contrast-enhancing tumor together)"
"""Meaning of the label NC if the parts are withheld."""

LEGEND_OF_WHOLE_CORE: Mapping[int, str] = {NC: "TC core, not subdivided (reduced confidence)", ED: "ED edema"}
"""Label names in a picture if NC and CET are not distinguished."""

REDUCED = "reduced confidence"
"""Note on the tumor core without contrast."""


def merge_core(label: Tensor) -> Tensor:
    """Assign the whole tumor core to one class, NC.

    Args:
        label: Label map of any shape, 1 NC, 2 ED, 3 CET.

    Returns:
        A copy.
    """
    return label.masked_fill(label == CET, NC)


def describe_inputs(
    modalities: Sequence[str],
    availability: Sequence[float] | Tensor | None,
    synthetic: Sequence[str] | None = None,
    unusable: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Return the state of each input: ``acquired``, ``absent``, ``synthetic``, or ``unusable`` with the reason.

    An unusable image that was given to the network anyway is distinguished from one that was left out.

    Args:
        modalities: In the order of the channels.
        availability: 1 or 0 for each; None if all are present.
        synthetic: The generated modalities.
        unusable: Modality -> why its image is unusable.
    """
    there = [1.0] * len(modalities) if availability is None else [float(number) for number in availability]
    inputs = {}
    for modality, available in zip(modalities, there, strict=True):
        reason = (unusable or {}).get(modality)
        if modality in (synthetic or ()):
            inputs[modality] = "synthetic"
        elif reason:
            inputs[modality] = f"unusable ({reason})" + ", but used" * bool(available)
        else:
            inputs[modality] = "acquired" if available else "absent"
    return inputs


def why_unreliable(inputs: Mapping[str, str]) -> str:
    """Return why NC and CET cannot be distinguished; empty if T1CE was acquired and given to the network."""
    state = inputs.get(CONTRAST, "not an input of this network")
    if state == "acquired":
        return ""
    return f"T1CE is {state}: without contrast, enhancing tumor is recovered only in part"


@dataclass(eq=False, repr=False)
class JudgeReliabilityd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Withhold the parts of the tumor core if T1CE was not acquired, whatever replaced it.

    Writes ``inputs`` (see :py:func:`describe_inputs`), ``unreliable`` (the reason, empty if none) and ``withheld``
    (regions whose volumes are not reported); if anything is withheld, also ``legend``, the resulting label names. Later
    steps that save results read these entries.

    Args:
        keys: Predicted label maps with internal values, 1 NC, 2 ED, 3 CET.
        modalities: Inputs of the network in the order of its channels.
        report_unreliable: Leave the label maps unchanged and withhold nothing; unreliable parts are still reported.
        availability_key: Key of the available modalities of a case.
        allow_missing_keys: Skip missing keys.
    """

    keys: KeysCollection
    modalities: Sequence[str]
    report_unreliable: bool = False
    availability_key: str = AVAILABILITY
    allow_missing_keys: bool = False

    def __post_init__(self) -> None:
        super().__init__(self.keys, self.allow_missing_keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Assess one case after its label map was created."""
        case = dict(data)
        inputs = describe_inputs(
            self.modalities, case.get(self.availability_key), case.get("synthetic"), case.get("unusable")
        )
        reason = why_unreliable(inputs)
        withhold = bool(reason) and not self.report_unreliable
        if withhold:
            for key in self.key_iterator(case):
                case[key] = merge_core(case[key])
        legend = {LEGEND: LEGEND_OF_WHOLE_CORE} if withhold else {}
        return case | legend | {INPUTS: inputs, UNRELIABLE: reason, WITHHELD: ["NC", "CET"] if withhold else []}


class SaveSegmentationd(SaveLabeld):
    """:py:class:`scanfill.data.SaveLabeld` for brain tumors: the JSON also states what is unreliable.

    It lists the state of each input and what is unreliable, if
    :py:class:`~scanfill.domains.brain_mri.JudgeReliabilityd` was applied to the case. Problems that
    :py:class:`scanfill.domains.brain_mri.quality.WarnOfQualityd` found with the scans are listed as ``warnings``.

    Args:
        keys: Label maps ``(1, X, Y, Z)``, 1 NC, 2 ED, 3 CET, MetaTensors on the grid to save.
        output_dir: Created if missing; one folder per case.
        options: See :py:class:`scanfill.data.SaveLabeld`.
    """

    def __init__(self, keys: KeysCollection, output_dir: str, **options: Any) -> None:
        super().__init__(keys, output_dir, schema=SCHEMA, **options)

    def describe(self, case: Mapping[Hashable, Any], convention: str) -> dict[str, Any]:
        """Return the meaning of the written values; if the core is not subdivided, NC stands for all of it."""
        about = super().describe(case, convention)
        if case.get(WITHHELD):
            values = values_in_file(convention)
            del about["labels"][str(values[CET])]
            about["labels"][str(values[NC])] = CORE_NAME
        return about

    def describe_inputs(self, case: Mapping[Hashable, Any]) -> dict[str, Any]:
        """Return the state of each input, what generated the synthetic ones, and what is therefore unreliable."""
        about: dict[str, Any] = {"inputs": case[INPUTS]} if INPUTS in case else {}
        about |= super().describe_inputs(case)
        if case.get(UNRELIABLE):
            about["unreliable"] = {
                "reason": case[UNRELIABLE],
                "withheld": case[WITHHELD],
                "confidence": {"TC": REDUCED},
            }
        return about


WITHHELD_VOLUME = "null"
"""Table entry for a volume that is not reported."""

COLUMNS = ("case_id", *(f"{name}_ml" for name in REGIONS), "TC_confidence", "reason", "absent", "synthetic")


@dataclass(eq=False, repr=False)
class WriteVolumes:
    """Evaluator handler that rewrites ``volumes.csv`` after every case.

    One column per region in ml; ``null`` if it is withheld, with the ``reason`` (the whole tumor core, TC, is reported
    with ``reduced confidence``); and the modalities that were ``absent`` or unusable, or ``synthetic``. See
    :py:class:`scanfill.domains.brain_mri.reliability.JudgeReliabilityd`.

    Rows from an earlier run are kept for cases that are not in this run.

    Args:
        folder: Folder for the table.
        key: Key of the predicted label map (internal values, on the grid to save) in the engine's output.
        case_key: Key of the case's name in the engine's batch.
    """

    folder: str | Path
    key: str = "pred"
    case_key: str = "case_id"

    def __post_init__(self) -> None:
        self.path = Path(self.folder) / "volumes.csv"
        self.rows: dict[str, dict[str, Any]] = {}

    def attach(self, engine: Engine) -> None:
        """Write after each iteration."""
        engine.add_event_handler(Events.STARTED, self.start)
        engine.add_event_handler(Events.ITERATION_COMPLETED, self)

    def start(self, _: Engine) -> None:
        """Read the table of an earlier run.

        Raises:
            UsageError: It is another table.
        """
        if self.path.is_file():
            check_replaceable(self.path)
            rows = read_table(self.path)
            if any({"case_id", *COLUMNS[1:2]} - set(row) for row in rows):
                msg = f"{self.path} is not a table of volumes written by scanfill: move it away, or choose another "
                msg += "--output_dir."
                raise UsageError(msg)
            self.rows = {row["case_id"]: row for row in rows}

    def __call__(self, engine: Engine) -> None:
        """Add the rows of one decollated batch."""
        for item, output in zip(engine.state.batch, engine.state.output, strict=True):
            case = str(item[self.case_key])
            self.rows[case] = {"case_id": case, **volume_row(output, self.key)}
        with writing(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, fieldnames=COLUMNS, extrasaction="ignore")
            table.writeheader()
            table.writerows(self.rows.values())


def volume_row(output: Mapping[str, Any], key: str = "pred") -> dict[str, Any]:
    """Measure one predicted case; list what is withheld, why, and the state of the inputs.

    Args:
        output: Contains the label map ``(1, X, Y, Z)`` under ``key``, and the reliability entries if they were added.
        key: Key of the label map.
    """
    label = output[key]
    withheld = output.get(WITHHELD) or ()
    inputs: Mapping[str, str] = output.get(INPUTS) or {}
    row: dict[str, Any] = {
        f"{name}_ml": WITHHELD_VOLUME if name in withheld else round(ml, 3)
        for name, ml in region_sizes(label, label.pixdim.tolist(), REGIONS).items()
    }
    return row | {
        "TC_confidence": REDUCED if output.get(UNRELIABLE) else "",
        "reason": output.get(UNRELIABLE) or "",
        "absent": " ".join(name for name, state in inputs.items() if state not in ("acquired", "synthetic")),
        "synthetic": " ".join(name for name, state in inputs.items() if state == "synthetic"),
    }
