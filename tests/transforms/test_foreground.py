"""The mask of a case, and images that are kept inside it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from scanfill.errors import CaseError
from scanfill.transforms import ForegroundMaskd, KeepInMaskd


def test_the_mask_of_a_case_that_lacks_a_modality_is_that_of_the_others() -> None:
    images = torch.zeros(2, 1, 2, 2, 2)
    images[0, 0, 0], images[1, 0, :, 0] = 5, 7
    case = ForegroundMaskd(["t1", "t2", "flair"], allow_missing_keys=True)({"t1": images[0], "flair": images[1]})
    assert torch.equal(case["mask"].bool(), (images != 0).any(0))
    with pytest.raises(KeyError, match="t2"):
        ForegroundMaskd(["t1", "t2"])({"t1": images[0]})


def test_a_mask_of_synthetic_scans_only_is_refused() -> None:
    case = {"case_id": "c1", "t2": torch.ones(1, 2, 2, 2), "synthetic": ["t2"]}
    with pytest.raises(CaseError, match="'c1': t2 are all synthetic"):
        ForegroundMaskd(keys="t2")(case)


def test_the_copy_is_another_array() -> None:
    case = ForegroundMaskd(keys="t2", copy_key="copy")({"t2": torch.ones(1, 2, 2, 2)})
    case["mask"][:] = 0
    assert case["copy"].all()


@pytest.mark.parametrize(("lowest", "expected"), [(100.0, 0.3), (-100.0, -5.0)])
def test_nothing_in_the_mask_reads_as_background(lowest: float, expected: float) -> None:
    mask = np.arange(8).reshape(1, 2, 2, 2) > 2
    reference = {"intensities": [lowest, 300.0, 700.0]}
    image = np.full(mask.shape, -5.0, np.float32)
    kept = KeepInMaskd(keys="pred", reference=reference)({"pred": image, "mask": mask})["pred"]
    assert (kept[~mask] == 0).all()
    np.testing.assert_allclose(kept[mask], expected)
