"""The lesions of donors: shapes to be placed elsewhere, and what their parts look like."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from monai.utils import convert_to_numpy
from numpy.typing import NDArray
from torch import Tensor

from scanfill.data.failures import one_line
from scanfill.errors import CaseError
from scanfill.inpainting.hole import deviations_of, tones_of
from scanfill.inpainting.place import Lesion, cut_lesions

logger = logging.getLogger(__name__)

Case = dict[str, Any]

SMALLEST = 0.1
"""Smaller lesions, in ml, are left out: they have too few voxels to have a shape."""


@dataclass(frozen=True)
class Donor:
    """A lesion of a patient.

    Attributes:
        case_id: The case.
        patient: The patient.
        lesion: Its labels in its own box.
        spacing: Voxel sizes in mm; its axes point to the right, to the front and up.
        tones: Mean of each part in each channel, ``(parts, C)``; NaN for a part that it lacks.
        deviations: SD, likewise.
    """

    case_id: str
    patient: str
    lesion: Lesion
    spacing: tuple[float, ...]
    tones: Tensor
    deviations: Tensor

    def has(self, parts: NDArray[Any]) -> bool:
        """Return whether the tones of all these parts are known."""
        return not bool(torch.isnan(self.tones[torch.as_tensor(parts, dtype=torch.long)]).any())


class LesionPool:
    """The lesions of some patients, read when they are first needed and kept.

    Args:
        cases: Cases with labels, none of them synthetic.
        transform: Prepares one: image ``(C, X, Y, Z)`` and label map ``(1, X, Y, Z)`` on the network's grid.
        parts: Labels of the parts of a lesion.
        image_key: Key of the image.
        label_key: Key of the label map.
    """

    def __init__(
        self,
        cases: Sequence[Mapping[str, Any]],
        transform: Callable[[Any], Any],
        parts: Sequence[int],
        *,
        image_key: str = "image",
        label_key: str = "target",
    ) -> None:
        self.cases, self.transform, self.parts = list(cases), transform, tuple(parts)
        self.image_key, self.label_key = image_key, label_key
        self._found: dict[str, list[Donor]] = {}

    @property
    def patients(self) -> list[str]:
        """The patients whose lesions there are."""
        return sorted({str(case["patient"]) for case in self.cases})

    def lesions_of(self, case: Mapping[str, Any]) -> list[Donor]:
        """Return the lesions of one case, the largest first; none, with a warning, if it cannot be read."""
        name = str(case["case_id"])
        if name not in self._found:
            try:
                self._found[name] = self._read(case)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with a donor must not stop the recipients
                logger.warning("Case %r is left out as a donor: %s", name, one_line(error))
                self._found[name] = []
        return self._found[name]

    def draw(self, rng: np.random.Generator, without: str) -> Iterator[Donor]:
        """Yield lesions of other patients in random order.

        Args:
            rng: Random number generator.
            without: The patient who gets one.

        Raises:
            CaseError: No other patient has a lesion.
        """
        others = [case for case in self.cases if str(case["patient"]) != without]
        found = 0
        for index in rng.permutation(len(others)):
            for donor in self.lesions_of(others[index]):
                found += 1
                yield donor
        if not found:
            msg = (
                f"None of the {len(self.cases)} cases with labels, other than those of patient {without!r}, has a "
                f"lesion of at least {SMALLEST} ml. Give a folder with --donors_dir, or masks with --masks."
            )
            raise CaseError(msg)

    def _read(self, case: Mapping[str, Any]) -> list[Donor]:
        ready = self.transform(dict(case))
        image, label = torch.Tensor(ready[self.image_key]), ready[self.label_key]
        sizes = np.linalg.norm(np.asarray(label.affine, float)[:3, :3], axis=0)[: label.ndim - 1]
        smallest = int(np.ceil(SMALLEST * 1000 / np.prod(sizes))) if label.ndim == 4 else 1
        plain = torch.Tensor(label)
        looks = (tones_of(image, plain, self.parts), deviations_of(image, plain, self.parts))
        spacing = tuple(float(size) for size in sizes)
        return [
            Donor(str(case["case_id"]), str(case["patient"]), lesion, spacing, *looks)
            for lesion in cut_lesions(convert_to_numpy(label)[0], smallest)
        ]
