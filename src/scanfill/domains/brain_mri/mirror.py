"""The brain mirrored at its midline: what the other hemisphere shows at the same place."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import numpy as np
from monai.transforms import Transform
from monai.utils import convert_to_dst_type, convert_to_numpy
from scipy import ndimage

from scanfill.domains.brain_mri.midline import find_midline


@dataclass(eq=False, repr=False)
class MirrorHemispheresd(Transform):  # type: ignore[misc]  # MONAI's class is untyped
    """Add the mirrored images ``(C, X, Y, Z)``.

    Args:
        key: Key of the images, ``(C, X, Y, Z)``, a MetaTensor.
        modalities: Names of its channels.
        mask_key: Key of the brain mask ``(1, X, Y, Z)``.
        name: Key of the result.
    """

    key: str
    modalities: Sequence[str]
    _: KW_ONLY
    mask_key: str = "mask"
    name: str = "mirrored"

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Mirror one case."""
        image = data[self.key]
        volumes = dict(zip(self.modalities, convert_to_numpy(image).astype(np.float64), strict=True))
        affine = np.asarray(image.affine, np.float64)
        midline = find_midline(volumes, convert_to_numpy(data[self.mask_key])[0] != 0, affine)
        places = np.argwhere(np.ones(image.shape[1:], bool))
        there = midline.mirrored(places @ affine[:3, :3].T + affine[:3, 3])
        back = np.linalg.inv(affine)
        voxels = (there @ back[:3, :3].T + back[:3, 3]).T
        mirrored = [
            ndimage.map_coordinates(volume, voxels, order=1, mode="constant").reshape(image.shape[1:])
            for volume in volumes.values()
        ]
        return {**data, self.name: convert_to_dst_type(np.stack(mirrored), image, dtype=np.float32)[0]}
