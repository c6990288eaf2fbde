"""Names, gray values and flips are judged from what the images share."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from planted_faults import subject
from scanfill.domains.brain_mri.quality.mirrored import FLIPS, find_mirrored, measure_flips
from scanfill.domains.brain_mri.quality.roles import PARTNER, find_exchanged, measure_roles
from scanfill.domains.brain_mri.quality.sampling import CoarseCase, coarse_case

if TYPE_CHECKING:
    from collections.abc import Mapping

MODALITIES = ("t1", "t1ce", "t2", "flair")


def coarse(names: Mapping[str, str] | None = None) -> CoarseCase:
    """A phantom; ``names`` tells which image is found under a name."""
    phantom = subject(1, 1, 48)
    shown = names or {name: name for name in MODALITIES}
    images = {name: phantom.images[image].astype(np.float32) for name, image in shown.items()}
    return coarse_case(images, dict.fromkeys(images, 0.0), phantom.affine, None)


def within_pairs(order: tuple[str, ...]) -> bool:
    return all(image in (name, PARTNER[name]) for name, image in zip(MODALITIES, order, strict=True))


@pytest.mark.parametrize("order", [order for order in permutations(MODALITIES) if not within_pairs(order)])
def test_any_wrong_order_of_names_is_found_and_told(order: tuple[str, ...]) -> None:
    (finding,) = find_exchanged(measure_roles(coarse(dict(zip(MODALITIES, order, strict=True)))))
    wrong = [(name, image) for name, image in zip(MODALITIES, order, strict=True) if name != image]
    assert (finding.code, finding.modality) == ("swapped", ", ".join(name for name, _ in wrong))
    assert all(f"{name} looks like {image}" in finding.text for name, image in wrong)


@pytest.mark.parametrize("names", [names for size in (1, 2, 3, 4) for names in combinations(MODALITIES, size)])
def test_any_subset_with_the_right_names_passes(names: tuple[str, ...]) -> None:
    case = coarse({name: name for name in names})
    assert find_exchanged(measure_roles(case)) == []
    assert find_mirrored(measure_flips(case), case.affine) == []


@pytest.mark.parametrize("name", MODALITIES)
def test_inverted_gray_values_are_found(name: str) -> None:
    case = coarse()
    image = np.where(case.measured[name], case.images[name].max() + 1 - case.images[name], 0)
    (finding,) = find_exchanged(measure_roles(replace(case, images={**case.images, name: image})))
    assert (finding.code, finding.modality) == ("inverted", name)


@pytest.mark.parametrize("signs", FLIPS)
@pytest.mark.parametrize("name", MODALITIES)
def test_a_flip_along_any_axes_is_found(name: str, signs: tuple[int, int, int]) -> None:
    case = coarse()
    axes = [axis for axis, sign in enumerate(signs) if sign < 0]
    flipped = {part: {**getattr(case, part)} for part in ("images", "measured")}
    for part in flipped.values():
        part[name] = np.flip(part[name], axes).copy()
    (finding,) = find_mirrored(measure_flips(replace(case, **flipped)), case.affine)
    assert finding.code == "mirrored"
    assert name in finding.modality.split(", ")
    assert finding.text.count(" and ") >= len(axes)


def test_of_two_images_it_is_told_that_one_is_flipped() -> None:
    case = coarse({"t2": "t2", "flair": "flair"})
    images = {**case.images, "t2": case.images["t2"][::-1].copy()}
    measured = {**case.measured, "t2": case.measured["t2"][::-1].copy()}
    (finding,) = find_mirrored(measure_flips(replace(case, images=images, measured=measured)), case.affine)
    assert finding.modality == "t2, flair"
    assert "One of these images is flipped" in finding.text
