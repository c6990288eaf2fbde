"""Slices with a label: the unit of a judgement of drawn images."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from scanfill.data.failures import one_line
from scanfill.errors import CaseError

logger = logging.getLogger(__name__)


@dataclass
class Slice:
    """A real slice, and what was drawn from its label map.

    Attributes:
        case_id: The case.
        patient: The patient.
        number: Index of the slice in the case.
        image: ``(1, X, Y)``, -1 to 1.
        label: Label map, ``(1, X, Y)``.
        inside: Outline of the body, ``(1, X, Y)``, bool; None if it is not known.
        looks: Images ``(1, X, Y)`` that the network drew, -1 to 1; several if it was asked for several looks.
        tissue: Where each class of gray value around the structures is, ``(classes, X, Y)``, bool; None if the network
            does not see it.
    """

    case_id: str
    patient: str
    number: int
    image: Tensor
    label: Tensor
    inside: Tensor | None = None
    looks: list[Tensor] = field(default_factory=list)
    tissue: Tensor | None = None

    def mask(self, labels: Sequence[int]) -> Tensor:
        """Return where one of some labels is, ``(1, X, Y)``, bool."""
        return torch.isin(self.label, torch.tensor(list(labels), dtype=self.label.dtype))

    @property
    def name(self) -> str:
        """Case and slice in words."""
        return f"{self.case_id}, slice {self.number}"


def labelled_slices(
    cases: Sequence[Mapping[str, Any]],
    transform: Callable[[Any], Mapping[Any, Any]],
    keys: Sequence[str],
    *,
    label_key: str,
    each: int = 5,
    strict: bool = True,
    then: Callable[[Any], Mapping[Any, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Read cases, and cut those slices that have a label.

    Args:
        cases: Volumes, or single slices.
        transform: Reads and prepares one; each of ``keys`` is then ``(C, X, Y, Z)``.
        keys: What is cut; keys that a case does not have are left out.
        label_key: Key of the label map, which is cut in any case.
        each: Slices of a case, at most; if it has more with a label, they are evenly spread.
        strict: Whether a case that cannot be read is an error; otherwise it is left out with a warning.
        then: Prepares each slice that was cut, ``(C, X, Y)``; quicker than preparing a volume.

    Returns:
        One entry per slice: ``case_id``, ``patient``, ``slice``, and what was cut and added, ``(C, X, Y)``.

    Raises:
        CaseError: No slice has a label.
    """
    found = []
    for case in tqdm(cases, desc="Reading", unit="case", leave=False):
        try:
            prepared = transform(dict(case))
        except Exception as error:
            if strict:
                raise
            logger.warning("Case %r is left out as a donor: %s", case["case_id"], one_line(error))
            continue
        label = torch.as_tensor(prepared[label_key])
        with_label = torch.nonzero((label != 0).any(dim=0).flatten(0, -2).any(dim=0))[:, 0].tolist()
        chosen = [with_label[round(index)] for index in np.linspace(0, len(with_label) - 1, min(each, len(with_label)))]
        for number in chosen:
            cut = {key: torch.as_tensor(prepared[key])[..., number] for key in (*keys, label_key) if key in prepared}
            about = {"case_id": str(case["case_id"]), "patient": str(case["patient"]), "slice": number}
            images = {key: values.float() for key, values in cut.items()}
            images = images if then is None else {key: torch.as_tensor(value) for key, value in then(images).items()}
            found.append(about | {key: torch.Tensor(values) for key, values in images.items()})
    if not found:
        names = ", ".join(str(case["case_id"]) for case in cases[:5])
        msg = (
            f"None of {len(cases)} cases ({names or 'no cases'}) has a slice with a label, so there is no mask to draw "
            f"from. Give cases with a kind of structure that the network draws."
        )
        raise CaseError(msg)
    return found
