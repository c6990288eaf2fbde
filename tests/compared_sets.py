"""Pairs of explored sets that are made up in memory: no file is read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.checksums import checksum
from scanfill.data.near_copies import small_copy
from scanfill.data.schema_names import load_schema
from scanfill.report.exploration.explored_set import CaseRecord, ExploredSet, ImageRecord
from scanfill.report.exploration.intensity_histogram import IntensityHistogram

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SIDE = 24


def picture(seed: int, brightness: float = 100.0, blur: int = 1) -> NDArray[np.float32]:
    """Return noise ``(24, 24)`` over a bright disk, as whole numbers from 1 on; ``blur`` is the size of its grains."""
    random = np.random.default_rng(seed)
    grains = np.kron(random.normal(0, 20, (SIDE // blur, SIDE // blur)), np.ones((blur, blur)))
    where = np.hypot(*(np.indices((SIDE, SIDE)) - SIDE / 2)) < SIDE / 3
    return np.asarray(np.clip(np.rint(brightness + 60 * where + grains), 1, 255), np.float32)


def image_record(values: NDArray[np.float32], spacing: tuple[float, ...] = ()) -> ImageRecord:
    """Keep of an image what is kept of one on disk; the thumbnail is the image, or its middle slice."""
    shown = values if values.ndim == 2 else values[..., values.shape[2] // 2]
    return ImageRecord(
        shape=values.shape,
        spacing=spacing,
        histogram=IntensityHistogram.of(values),
        thumbnail=np.clip(shown, 0, 255).astype(np.uint8),
        checksum=checksum(values.tobytes()),
        signature=small_copy(values - values.mean(), 8),
    )


def case_record(
    name: str, images: dict[str, NDArray[np.float32]], patient: str = "", conditions: dict[str, Any] | None = None
) -> CaseRecord:
    """Make a case; by default it is a patient of its own."""
    return CaseRecord(
        {"case_id": name, "patient": patient or name},
        {key: image_record(values) for key, values in images.items()},
        voxels=SIDE * SIDE,
        conditions=conditions or {},
    )


def made_up_set(name: str, records: Sequence[CaseRecord], schema: str = "images_2d") -> ExploredSet:
    """Make a set of some records."""
    return ExploredSet(Path("/made_up") / name, load_schema(schema), records)


def pictures(name: str, number: int, seed: int = 0, **look: Any) -> ExploredSet:
    """Make a set of pictures of as many patients, with ages around 50 and both sexes."""
    random = np.random.default_rng(seed)
    records = [
        case_record(
            f"{name}{index:02}",
            {"image": picture(1000 * seed + index, **look)},
            conditions={"age": float(np.rint(random.normal(50, 10))), "sex": "FM"[index % 2]},
        )
        for index in range(number)
    ]
    return made_up_set(name, records)
