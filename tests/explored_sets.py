"""Records of made-up cases for tests of the sections of an explored data set's page, without files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scanfill.checksums import checksum
from scanfill.data import load_schema
from scanfill.data.near_copies import small_copy
from scanfill.report.exploration import CaseRecord, ExploredSet, ImageRecord
from scanfill.report.exploration.intensity_histogram import IntensityHistogram
from scanfill.report.thumbnails import gray

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def image_record(seed: int, shape: tuple[int, int] = (64, 80), brightness: float = 100) -> ImageRecord:
    """A picture of noise."""
    values = np.random.default_rng(seed).normal(brightness, 10, shape)
    return ImageRecord(
        shape,
        (),
        IntensityHistogram.of(np.rint(values)),
        gray(values),
        checksum(values.tobytes()),
        small_copy(values - values.mean(), 32),
    )


def hand_record(number: int, areas: Mapping[str, int] | None = None, **more: Any) -> CaseRecord:
    """A radiograph; classes that are not named are absent if any is given."""
    names = load_schema("hand_xray").label
    assert names is not None
    given = dict.fromkeys(names.legend.values(), 0) | dict(areas) if areas else {}
    case = {"case_id": f"c{number:03}", "patient": more.pop("patient", f"p{number:03}")}
    image = more.pop("image", None) or image_record(number)
    return CaseRecord(
        case, {"xray": image}, labelled=bool(given), areas=given, voxels=int(np.prod(image.shape)), **more
    )


def hand_set(records: Sequence[CaseRecord], **more: Any) -> ExploredSet:
    """A data set of them."""
    return ExploredSet(Path("hands"), load_schema("hand_xray"), records, **more)
