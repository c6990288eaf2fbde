"""What a prediction is worth without contrast agent: the parts of the core are not told apart.

Enhancing tumour is defined by what lights up in T1CE. Without that image a network recovers it only in part (published
Dice .45 to .62, see DeMoSeg and RFNet on BraTS 2020), and a synthetic T1CE holds nothing that the other images did not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from monai.transforms import MapTransform

from scanfill.data.provenance import INPUTS, LEGEND
from scanfill.domains.brain_mri.labels import CET, ED, NC
from scanfill.missing.availability import AVAILABILITY

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from monai.config import KeysCollection
    from torch import Tensor

CONTRAST = "t1ce"
"""The modality without which the core cannot be subdivided."""

UNRELIABLE, WITHHELD = "unreliable", "withheld"
"""Keys of a predicted case: why parts are unreliable (empty: they are not), and which are withheld."""

CORE_NAME = "NC: core, not subdivided (necrotic, non-enhancing and contrast-enhancing tumour together)"
"""What the label NC means where the parts are withheld."""

LEGEND_OF_WHOLE_CORE: Mapping[int, str] = {NC: "TC core, not subdivided (reduced confidence)", ED: "ED edema"}
"""What the labels are called in a picture where NC and CET are not told apart."""

REDUCED = "reduced confidence"
"""What is said of the tumour core without contrast."""


def merge_core(label: Tensor) -> Tensor:
    """Give the whole tumour core one class, NC.

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
    """Say what each input of a network was: ``acquired``, ``absent``, ``synthetic``, or ``unusable`` and why.

    An unusable image that the network was given all the same is told from one that was left out.

    Args:
        modalities: In the order of the channels.
        availability: 1 or 0 for each; None where all are there.
        synthetic: Those that are generated.
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
    """Say why NC and CET cannot be told apart; empty where T1CE was acquired and given to the network."""
    state = inputs.get(CONTRAST, "not an input of this network")
    if state == "acquired":
        return ""
    return f"T1CE is {state}: without contrast, enhancing tumour is recovered only in part"


class JudgeReliabilityd(MapTransform):  # type: ignore[misc]  # MONAI's class is untyped
    """Withhold the parts of the tumour core where T1CE was not acquired, whatever took its place.

    Writes ``inputs`` (see :py:func:`describe_inputs`), ``unreliable`` (why, empty where nothing is) and ``withheld``
    (regions whose volumes are not told); where something is withheld, also ``legend``, what the labels are called then.
    Whatever is saved afterwards reads these.

    Args:
        keys: Predicted label maps with internal values, 1 NC, 2 ED, 3 CET.
        modalities: Inputs of the network in the order of its channels.
        report_unreliable: Leave the label maps as they are and withhold nothing; what is unreliable is still said.
        availability_key: Where a case keeps which modalities it has.
        allow_missing_keys: Pass over keys that are not there.
    """

    def __init__(
        self,
        keys: KeysCollection,
        modalities: Sequence[str],
        report_unreliable: bool = False,
        availability_key: str = AVAILABILITY,
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.modalities = list(modalities)
        self.report_unreliable = report_unreliable
        self.availability_key = availability_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Judge one case, after its label map has been made."""
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
