"""Give a slice the label map that is to be drawn: its own, moved, deformed, drawn anew, or one from a folder."""

from collections.abc import Hashable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from monai.data import MetaTensor
from monai.transforms import Orientation, Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from numpy.typing import NDArray

from scanfill.data.new_cases import label_of
from scanfill.data.schema import CaseSchema
from scanfill.data.schema_names import load_schema
from scanfill.data.truth import read_truth
from scanfill.label_to_image.choose_slice import ChooseSliced
from scanfill.label_to_image.mask_checks import check_in_body, check_touching
from scanfill.label_to_image.shapes import draw_structures, move_structures
from scanfill.label_to_image.templates import MASK_CONVENTION, MASK_FILE, MASK_SEED, MASKS


@dataclass(eq=False, repr=False)
class PlaceMaskd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add ``drawn`` to a case: the label map that a new slice is drawn from, on the grid of its slice.

    Args:
        label_key: Key of the slice's own label map, ``(1, X, Y, 1)`` or ``(1, X, Y)``.
        room_key: Key of the outline of the body, on the same grid.
        masks: One of :py:data:`~scanfill.label_to_image.templates.MASKS`; any other is a folder, and the case names
            the file.
        schema: Name of a kind of data, or its schema.
        choose: Chooses a slice of a mask from a folder that is a volume.
        axcodes: Axes of the slice; such a volume is turned to them first.
        seed_key: Key of the seed.

    Raises:
        UsageError: The schema has no label map.
        CaseError: A mask is empty, of another size than the slice, has unknown labels or lies outside the body; a tumor
            of a given mask lies outside any kidney; or a structure has no room.
    """

    label_key: str
    room_key: str
    masks: str
    _: KW_ONLY
    schema: CaseSchema | str | Mapping[str, Any]
    choose: ChooseSliced
    axcodes: str = "LPS"
    seed_key: str = MASK_SEED

    def __post_init__(self) -> None:
        self.kind = load_schema(self.schema)
        self.spec = label_of(self.kind)
        self.parts = sorted(self.spec.names)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Place the mask of one case."""
        case = dict(data)
        where = f"Case {case.get('case_id', '?')!r}"
        like, room = case[self.label_key], _plane(case[self.room_key]) != 0
        rng = np.random.default_rng(int(case.get(self.seed_key, 0)))
        if self.masks not in MASKS:
            where = f"{where}: the mask {case[MASK_FILE]}"
            mask = self._given(case, where)
        else:
            mask = self._placed(_plane(like), room, _spacing(like), rng)
        check_in_body(mask, room, self.spec.names, where, own=self.masks in ("own", "moved", "deformed"))
        drawn = mask.reshape(like.shape[1:])[None].astype(np.uint8)
        return case | {"drawn": convert_to_dst_type(drawn, like, dtype=np.uint8)[0]}

    def _placed(
        self, own: NDArray[Any], room: NDArray[np.bool_], spacing: tuple[float, float], rng: np.random.Generator
    ) -> NDArray[Any]:
        if self.masks == "own":
            return own
        if self.masks == "drawn":
            return draw_structures(own, room, spacing, rng, self.parts)
        return move_structures(own, room, spacing, rng, deformed=self.masks == "deformed")

    def _given(self, case: Mapping[Hashable, Any], where: str) -> NDArray[Any]:
        """Read a mask from a folder, and choose one slice of a volume."""
        key = self.spec.key
        stated = {"label_convention": case[MASK_CONVENTION]} if MASK_CONVENTION in case else {}
        label = read_truth({"case_id": case.get("case_id"), key: case[MASK_FILE], **stated}, self.kind, key)
        if label.ndim == 4:
            label = Orientation(axcodes=self.axcodes, labels=None)(label)
        values = convert_to_numpy(label)[0]
        check_touching(values, self.parts, self.spec.names, where)
        number = self.choose.number_of(values, int(case.get(self.seed_key, 0)), where)
        return np.asarray(values[..., number] if values.ndim == 3 else values)


def _plane(image: Any) -> NDArray[Any]:
    """Return a slice ``(1, X, Y[, 1])`` as ``(X, Y)``."""
    values = convert_to_numpy(image)[0]
    return values[..., 0] if values.ndim == 3 else values


def _spacing(image: MetaTensor) -> tuple[float, float]:
    sizes = np.linalg.norm(np.asarray(image.affine, float)[:3, :2], axis=0)
    return float(sizes[0]), float(sizes[1])
