"""Every fault planted on a phantom is found under its own code, and nothing else is."""

from __future__ import annotations

import pytest

from planted_faults import FAULTS, as_tensors, subject, with_skull
from scanfill.domains.brain_mri.quality.case_checks import CaseQuality, check_images

SUBJECTS = [(1, 1, 48), (3, 3, 64)]  # seed, index, voxels a side


def found(name: str, seed: int, index: int, size: int) -> set[tuple[str, str]]:
    plant = FAULTS[name][0] if name in FAULTS else with_skull
    phantom = subject(seed, index, size, skull=name == "skull")
    quality = CaseQuality("c1", "p1", [])
    check_images(quality, as_tensors(plant(dict(phantom.images), phantom), phantom))
    return {(finding.code, finding.modality) for finding in quality.findings}


@pytest.mark.parametrize(("seed", "index", "size"), SUBJECTS)
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_and_nothing_else(name: str, seed: int, index: int, size: int) -> None:
    _, code, modalities = FAULTS[name]
    assert found(name, seed, index, size) == {(code, modality) for modality in modalities}


@pytest.mark.parametrize(("seed", "index", "size"), [*SUBJECTS, (0, 0, 32), (5, 6, 40), (2, 7, 80)])
def test_a_clean_phantom_passes(seed: int, index: int, size: int) -> None:
    assert found("clean", seed, index, size) == set()


@pytest.mark.parametrize(("seed", "size"), [(0, 32), (1, 64), (2, 96)])
def test_the_thick_slices_of_every_fifth_phantom_are_found(seed: int, size: int) -> None:
    assert found("clean", seed, 4, size) == {("thick_slices", key) for key in ("t1", "t1ce", "t2", "flair")}
