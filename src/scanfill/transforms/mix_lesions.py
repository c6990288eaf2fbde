"""Random lesion mixing of training cases; see :py:mod:`scanfill.transforms.lesion_mixing` for the method."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, RandomizableTransform
from monai.utils import convert_to_dst_type, convert_to_numpy

from scanfill.errors import CaseError, UsageError
from scanfill.transforms.lesion_mixing import check_training_donors, has_lesion, mix_lesion, spacing_differs

NOTHING = {"donor": "", "voxels": 0, "labels": ""}
"""The record of a case into which nothing was pasted."""

TRIES = 100
"""How many donors are drawn until one is of another patient and has a lesion."""


class RandMixLesionsd(MapTransform, RandomizableTransform):  # type: ignore[misc]  # MONAI's classes are untyped
    """Paste a lesion of another training patient and its label into a case, at random.

    Donors are preprocessed like the recipient (same modalities, spacing, normalization), but may be whole volumes if
    the recipient is a patch. If it is a slice, they are slices too: a dataset whose random transforms draw one with a
    lesion. A donor without a lesion, or of the recipient's patient if its name is known, is drawn again. Mean and SD of
    healthy tissue are matched, channel by channel. The case records what was pasted: ``{"donor": ..., "voxels": ...,
    "labels": "1 3"}``. The record has no donor if nothing was pasted: by chance, because every donor is of the same
    patient, or because it is missing a sequence that the case has.

    Args:
        keys: Images ``(C, ...)`` on one grid; all get the same lesion.
        label_key: Label map ``(1, ...)`` on that grid.
        donors: Preprocessed cases with ``case_id``, the keys and the label, such as a ``CacheDataset`` of training
            cases.
        training: The training list, with the ``patient`` of each case if a patient has several. Donors and recipients
            that are not in it are rejected.
        prob: Probability of applying the transform.
        lesions: Labels that make up a lesion; by default all except 0.
        record_key: Key of the record of what was pasted.

    Raises:
        UsageError: There is no label or no donor; a donor is not in the training list, or its voxel size differs.
        CaseError: No donor has a lesion; one has no name or other channels than the case; a label map is not on its
            image's grid.
    """

    def __init__(
        self,
        keys: KeysCollection,
        label_key: str | None,
        donors: Sequence[Mapping[Hashable, Any]],
        training: Sequence[Mapping[str, Any]],
        prob: float = 0.5,
        *,
        lesions: Sequence[int] | None = None,
        record_key: str = "pasted",
    ) -> None:
        MapTransform.__init__(self, keys)
        RandomizableTransform.__init__(self, prob)
        if label_key is None:
            msg = (
                "Lesion mixing needs a label map to locate lesions, but `label_key` is null. Give the training "
                "labels, or use a preset without lesion mixing, such as configs/augmentation/mri.yaml."
            )
            raise UsageError(msg)
        if not len(donors):
            msg = "`donors` is empty. Give preprocessed cases of the training list."
            raise UsageError(msg)
        self.label_key = label_key
        self.donors = donors
        self.training = _names(training, "training")
        self.patients = {str(case["case_id"]): str(case.get("patient", case["case_id"])) for case in training}
        self.lesions = lesions
        self.record_key = record_key
        listed = getattr(donors, "data", donors)  # a MONAI dataset keeps its list there; nothing is read yet
        check_training_donors(_names(listed, "donors"), self.training)

    def set_random_state(self, seed: int | None = None, state: Any = None) -> "RandMixLesionsd":
        """Seed this transform, and with a seed also the random transforms of the donors."""
        super().set_random_state(seed, state)
        transform = getattr(self.donors, "transform", None)
        if seed is not None and isinstance(transform, Randomizable):
            transform.set_random_state(seed)
        return self

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Paste into one case, or return it unchanged."""
        case = dict(data)
        name = case.get("case_id")
        if name is not None:
            check_training_donors([str(name)], self.training, "Recipient")
        self.randomize(None)
        case[self.record_key] = dict(NOTHING)
        if not self._do_transform:
            return case
        donor = self._draw(None if name is None else self.patients[str(name)])
        return case if donor is None else self._mix(case, donor)

    def _draw(self, patient: str | None) -> Mapping[Hashable, Any] | None:
        """Draw a donor of another patient; the last one without a lesion if there is no other, or None."""
        found = None
        for _ in range(TRIES):
            drawn = self.donors[self.R.randint(len(self.donors))]
            donor = drawn[0] if isinstance(drawn, list) else drawn  # crops of MONAI make lists
            check_training_donors([str(donor["case_id"])], self.training)
            if self.patients[str(donor["case_id"])] == patient:  # a patient's own lesion adds nothing new
                continue
            found = donor
            if self.label_key not in donor or has_lesion(convert_to_numpy(donor[self.label_key]), self.lesions):
                break
        return found

    def _mix(self, case: dict[Hashable, Any], donor: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        where = f"Donor {donor['case_id']!r}"
        absent = [key for key in (*self.keys, self.label_key) if key not in donor]
        if absent:
            msg = (
                f"{where} has no {', '.join(map(str, absent))}, only {', '.join(map(str, donor))}. Preprocess it like "
                "the other cases."
            )
            raise CaseError(msg)
        for key in self.keys:
            self._check(case[key], donor[key], f"{where}: {key}")
        for one, who in ((case, f"Case {case.get('case_id', '?')!r}"), (donor, where)):
            self._check_label(one, who)
        label = convert_to_numpy(case[self.label_key])
        images = [convert_to_numpy(case[key]) for key in self.keys]
        theirs = np.concatenate([convert_to_numpy(donor[key]) for key in self.keys])
        mixed = mix_lesion(
            (np.concatenate(images), label),
            (theirs, convert_to_numpy(donor[self.label_key])),
            self.R,
            self.lesions,
            where,
        )
        if not mixed.region.any():
            return case
        ends = np.cumsum([len(image) for image in images])[:-1]
        for key, image, changed in zip(self.keys, images, np.split(mixed.image, ends), strict=True):
            case[key] = convert_to_dst_type(changed, case[key], dtype=image.dtype)[0]
        case[self.label_key] = convert_to_dst_type(mixed.label, case[self.label_key], dtype=label.dtype)[0]
        labels, voxels = " ".join(map(str, mixed.labels)), int(mixed.region.sum())
        return case | {self.record_key: {"donor": str(donor["case_id"]), "voxels": voxels, "labels": labels}}

    def _check(self, ours: Any, theirs: Any, where: str) -> None:
        if difference := spacing_differs(theirs, ours):
            msg = f"{where} and the recipient have different voxel sizes, {difference}. Resample all cases to one size."
            raise CaseError(msg)
        if ours.shape[0] != theirs.shape[0] or ours.ndim != theirs.ndim:
            msg = (
                f"{where} has shape {tuple(theirs.shape)}, the recipient {tuple(ours.shape)}. Preprocess both the same "
                "way."
            )
            raise CaseError(msg)

    def _check_label(self, case: Mapping[Hashable, Any], where: str) -> None:
        shapes = {key: tuple(case[key].shape) for key in (*self.keys, self.label_key)}
        for key in self.keys:
            if shapes[self.label_key] != (1, *shapes[key][1:]):
                msg = (
                    f"{where}: the label {self.label_key!r} has shape {shapes[self.label_key]}, {key!r} {shapes[key]}. "
                    f"Lesion mixing needs a label map (1, ...) on the grid of its image. Resample both to one grid, "
                    f"and mix before labels are split into one channel per class."
                )
                raise CaseError(msg)


def _names(cases: Sequence[Mapping[Any, Any]], what: str) -> list[str]:
    nameless = [number for number, case in enumerate(cases) if "case_id" not in case]
    if nameless:
        number = nameless[0]
        msg = (
            f"Case {number} of `{what}` has no `case_id`, only {', '.join(map(str, cases[number]))}. Give every "
            f"case a `case_id`: it shows which patient a lesion comes from."
        )
        raise CaseError(msg)
    return [str(case["case_id"]) for case in cases]
