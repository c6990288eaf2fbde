"""The scale in which a synthetic image is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from scanfill.errors import CaseError
from scanfill.missing import reference_scale
from scanfill.missing.scales import reference_scales
from scanfill.transforms.signed_range import reference_line
from tiny_cases import MODALITIES, brain, case_of, image, save, save_case, seed_of

if TYPE_CHECKING:
    from pathlib import Path


def cohort(folder: Path, gains: list[float]) -> list[dict[str, object]]:
    """Patients whose scanners differ by a gain, each with images of its own."""
    cases = []
    for number, gain in enumerate(gains):
        case = save_case(folder / f"c{number}", seed=number)
        save(case / "flair.nii.gz", image("flair", number) * gain)
        cases.append(case_of(case))
    return cases


def test_it_is_the_median_of_the_patients_percentiles(tmp_path: Path) -> None:
    gains = [1.0, 50.0, 3.0]
    found = reference_scale(cohort(tmp_path, gains), "flair")
    by_hand = []
    for number, gain in enumerate(gains):
        inside = image("flair", number)[brain()].astype(float) * gain
        by_hand.append(np.percentile(inside, [0.5, 50, 99.5]))
    np.testing.assert_allclose(found["intensities"], np.median(by_hand, axis=0), rtol=1e-5)
    assert found["modality"] == "flair"
    assert found["percentiles"] == [0.5, 50.0, 99.5]
    assert found["patients"] == 3


def test_a_patient_with_many_visits_counts_once(tmp_path: Path) -> None:
    cases = cohort(tmp_path, [1.0, 1.0, 1.0, 50.0, 60.0])
    visits = [case | {"patient": "p0"} for case in cases[:3]] + cases[3:]
    medians = [reference_scale(some, "flair")["intensities"][1] for some in (cases, visits)]
    assert medians[0] == pytest.approx(100, rel=0.1)
    assert medians[1] == pytest.approx(5000, rel=0.1)


def test_an_image_in_it_looks_like_a_training_patients(tmp_path: Path) -> None:
    found = reference_scale(cohort(tmp_path, [7.0]), "flair")
    line = reference_line(found["intensities"], found["deviations"])
    inside = image("flair", 0)[brain()].astype(float) * 7
    np.testing.assert_allclose((line.centre, line.spread), (inside.mean(), inside.std()), rtol=1e-4)


def test_a_mask_says_where_the_brain_is(tmp_path: Path) -> None:
    case = cohort(tmp_path, [1.0])[0]
    half = np.zeros(brain().shape, np.uint8)
    half[:6] = 1
    masked = case | {"mask": str(save(tmp_path / "c0" / "mask.nii.gz", half))}
    expected = np.percentile(image("flair", 0)[brain() & (half > 0)], 50)
    assert reference_scale([masked], "flair")["intensities"][1] == pytest.approx(expected)


def test_no_case_and_no_image_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="no training case"):
        reference_scale([], "flair")
    case = cohort(tmp_path, [1.0])[0]
    save(tmp_path / "c0" / "flair.nii.gz", np.zeros(brain().shape, np.float32))
    with pytest.raises(CaseError, match="'c0': flair has no measured voxel"):
        reference_scale([case], "flair")


def test_each_modality_has_a_scale_over_the_cases_that_have_it_in_plain_z_scores(tmp_path: Path) -> None:
    cases = [case_of(save_case(tmp_path / name)) for name in ("a", "b")]
    del cases[1]["flair"]
    scales = reference_scales(cases, MODALITIES)
    assert {name: scale["patients"] for name, scale in scales.items()} == {"t1": 2, "t1ce": 2, "t2": 2, "flair": 1}
    flair = image("flair", seed_of(tmp_path / "a"))
    inside = flair[flair != 0].astype(float)
    values = np.percentile(inside, [0.5, 50, 99.5])
    np.testing.assert_allclose(scales["flair"]["intensities"], values)
    np.testing.assert_allclose(scales["flair"]["deviations"], (values - inside.mean()) / inside.std())
    with pytest.raises(CaseError, match="no intensity scale for a synthetic flair"):
        reference_scales(cases[1:], MODALITIES)
