"""Paint a slice without a network: the baseline of the same masks."""

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

from monai.transforms import Transform
from monai.utils import convert_to_dst_type

from scanfill.data.new_cases import SEED
from scanfill.label_to_image.collect import CollectSlices
from scanfill.label_to_image.straw_slices import ClassTones


class PaintClassesd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add ``painted``: each structure and tissue with the mean of training slices, and noise of their SD.

    Args:
        donors: Training slices with these keys.
        image_key: Key of the real image ``(1, ...)``, -1 to 1 in the donors; of a case, only its shape counts.
        label_key: Key of the label map ``(1, ...)``.
        inside_key: Key of the outline of the body ``(1, ...)``.
        tissue_key: Key of the map of tissues; without it, the body without the structures is one class.
        name: Key of the result.
        seed_key: Key of the seed of the noise.
    """

    def __init__(
        self,
        donors: Sequence[Mapping[str, Any]],
        *,
        image_key: str,
        label_key: str,
        inside_key: str,
        tissue_key: str | None = None,
        name: str = "painted",
        seed_key: str = SEED,
    ) -> None:
        self.slices = CollectSlices(image_key, label_key, inside_key, tissue_key=tissue_key)
        self.tones = ClassTones.of([self.slices.slice_of(donor) for donor in donors])
        self.image_key, self.name, self.seed_key = image_key, name, seed_key

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Paint one case."""
        case = dict(data)
        one = self.slices.slice_of({"slice": 0, **{str(key): value for key, value in case.items()}})
        painted = self.tones.paint(one, int(case.get(self.seed_key, 0)))
        return case | {self.name: convert_to_dst_type(painted, case[self.image_key])[0]}
