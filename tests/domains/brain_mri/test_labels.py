"""Label conventions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from monai.data import MetaTensor

from scanfill.domains.brain_mri.labels import LABEL_CONVENTIONS, TUMOUR, to_internal
from scanfill.errors import CaseError
from scanfill.transforms.renumber import label_values, renumber

NC, ED, CET = 1, 2, 3
few = settings(deadline=None, max_examples=20)
conventions = st.sampled_from(sorted(LABEL_CONVENTIONS))
internal_maps = arrays(np.uint8, array_shapes(min_dims=3, max_dims=4, max_side=5), elements=st.integers(0, 3))


def from_internal(label: np.ndarray, convention: str) -> np.ndarray:
    """Renumber as a prediction is written."""
    return renumber(label, TUMOUR.values_in_file(convention), "the numbering inside")


@pytest.mark.parametrize(
    ("convention", "in_file", "inside"),
    [
        ("brats", [0, 1, 2, 4], [0, NC, ED, CET]),
        ("brats2023", [0, 1, 2, 3], [0, NC, ED, CET]),
        ("brats2013", [0, 1, 2, 3, 4], [0, NC, ED, NC, CET]),
        ("brats2024", [0, 1, 2, 3, 4], [0, NC, ED, CET, 0]),
        ("msd", [0, 1, 2, 3], [0, ED, NC, CET]),
    ],
)
def test_values_have_the_published_meaning(convention: str, in_file: list[int], inside: list[int]) -> None:
    assert to_internal(np.array(in_file), convention).tolist() == inside


@few
@given(internal_maps, conventions)
def test_writing_then_reading_changes_nothing(label: np.ndarray, convention: str) -> None:
    np.testing.assert_array_equal(to_internal(from_internal(label, convention), convention), label)


@few
@given(internal_maps, conventions, st.sampled_from([np.uint8, np.int16, np.float32, np.float64]))
def test_type_in_the_file_does_not_matter(label: np.ndarray, convention: str, kind: type) -> None:
    written = from_internal(label, convention).astype(kind)
    result = to_internal(written, convention)
    assert result.dtype == np.uint8
    np.testing.assert_array_equal(result, label)


def test_meta_tensor_keeps_its_affine() -> None:
    affine = torch.diag(torch.tensor([2.0, 2, 2, 1], dtype=torch.float64))
    result = to_internal(MetaTensor(torch.full((1, 2, 2, 2), 4.0), affine=affine), "brats")
    assert isinstance(result, MetaTensor)
    assert result.dtype == torch.uint8
    assert (result == CET).all()
    assert torch.equal(result.affine, affine)


def test_input_is_left_alone() -> None:
    label = np.array([0, 1, 2, 4], np.uint8)
    to_internal(label, "brats")
    assert label.tolist() == [0, 1, 2, 4]


@pytest.mark.parametrize(
    ("values", "convention", "message"),
    [
        (
            [0, 1, 3],
            "brats",
            r"^Case 'c' contains the value 3, which convention 'brats' does not have \(it has 0, 1, 2, 4\)",
        ),
        ([0, 7], "msd", "contains the value 7"),
        ([0, -1], "brats2023", "contains the value -1"),
        ([0, 300], "brats2023", "contains the value 300"),
        ([0, 0.5], "brats", r"fractional value 0.5 \(1 such voxels\).*nearest-neighbor"),
        ([0, np.nan], "brats", "fractional value nan"),
        ([0, np.inf], "brats", "fractional value inf"),
    ],
)
def test_foreign_values_are_refused(values: list[float], convention: str, message: str) -> None:
    with pytest.raises(CaseError, match=message):
        to_internal(np.array(values), convention, "Case 'c'")


def test_unknown_convention_is_refused_with_the_known_ones() -> None:
    with pytest.raises(CaseError, match="'brats2022': choose one of brats, brats2023"):
        to_internal(np.array([1]), "brats2022")


def test_rounding_of_a_scaled_file_is_no_fraction() -> None:
    assert label_values(np.array([0, 1.0004, 3.9997])) == [0, 1, 4]
    assert to_internal(np.array([0, 1.0004, 3.9997]), "brats").tolist() == [0, NC, CET]


@few
@given(arrays(np.int16, 30, elements=st.integers(-3, 400)))
def test_values_are_those_of_numpy(label: np.ndarray) -> None:
    assert label_values(label) == np.unique(label).tolist()


@pytest.mark.parametrize("convention", LABEL_CONVENTIONS)
def test_look_up_table_names_every_written_value(convention: str) -> None:
    table = TUMOUR.look_up_table(convention)
    written = from_internal(np.array([0, NC, ED, CET]), convention)
    assert [table[str(value)].split(":")[0] for value in written] == ["background", "NC", "ED", "CET"]
    assert len(table) == 4


def test_case_without_convention_is_refused() -> None:
    with pytest.raises(CaseError, match="Case 'c' has label_convention=None"):
        TUMOUR.convention_of({"case_id": "c", "label": np.array([1])})
