"""Phantoms of 32 voxels per side, as the bundle reads them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from monai.transforms import Compose, CopyItemsd, Orientationd

from scanfill.data import ReadCased
from scanfill.domains.brain_mri.phantoms import brain_cohort
from scanfill.inpainting import LesionPool, find_recipients
from scanfill.missing import StackModalitiesd
from scanfill.transforms import ForegroundMaskd, NormalizeInMaskd

if TYPE_CHECKING:
    from collections.abc import Callable

MODALITIES = ["t1", "t1ce", "t2", "flair"]
READING = ReadCased(MODALITIES, "label", schema="brain_mri", needs_label=False)
ON_NETWORKS_GRID = [
    READING,
    CopyItemsd("label", names="target"),
    Orientationd([*MODALITIES, "target"], axcodes="RAS", labels=None),
    NormalizeInMaskd(MODALITIES),
    StackModalitiesd(MODALITIES, name="image"),
]


@pytest.fixture(scope="session")
def brains(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of four phantoms."""
    return Path(brain_cohort(tmp_path_factory.mktemp("cohort") / "cases", cases=4, size=32))


@pytest.fixture(scope="session")
def requests_for(brains: Path) -> Callable[..., list[dict[str, Any]]]:
    """Find what is to be made of them."""

    def find(**options: Any) -> list[dict[str, Any]]:
        where = options.pop("dataset_dir", brains)
        return find_recipients(where, schema="brain_mri", modalities=MODALITIES, **options)

    return find


@pytest.fixture(scope="session")
def lesion_pool(requests_for: Callable[..., list[dict[str, Any]]]) -> LesionPool:
    """The lesions of all of them."""
    cases = [case | {"case_id": case["source_case"]} for case in requests_for()]
    return LesionPool(cases, Compose(ON_NETWORKS_GRID), [1, 2, 3])


def read(request: dict[str, Any]) -> dict[str, Any]:
    """A case as it is before a lesion is placed."""
    case: dict[str, Any] = Compose([READING, ForegroundMaskd(MODALITIES, copy_key="body")])(request)
    return case
