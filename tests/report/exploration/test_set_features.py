"""What images are compared, and by which numbers."""

from __future__ import annotations

import numpy as np
import pytest

from compared_sets import case_record, made_up_set, picture, pictures
from scanfill.report.exploration.set_features import appearance, comparable_images, joined, small_copies


def test_rows_multiply_to_the_mean_correlation_of_all_images() -> None:
    one = case_record("a", {"t1": picture(0), "t2": picture(1)})
    other = case_record("b", {"t1": picture(0), "t2": 400 - picture(1)})
    rows = small_copies([one, other], ["t1", "t2"])
    assert rows[0] @ rows[0] == pytest.approx(1)
    assert rows[0] @ rows[1] == pytest.approx((1 - 1) / 2, abs=1e-6)


def test_the_image_that_most_cases_have_is_compared_if_none_has_all() -> None:
    first = made_up_set("a", [case_record("1", {"t1": picture(0)}), case_record("2", {"t2": picture(1)})], "brain_mri")
    second = made_up_set("b", [case_record(str(i), {"t1": picture(2), "t2": picture(i)}) for i in (3, 4)], "brain_mri")
    second = made_up_set("b", [*second.records, case_record("5", {"t2": picture(5)})], "brain_mri")
    found = comparable_images(first, second)
    assert found.keys == ["t2"]
    assert [record.case_id for record in found.first] == ["2"]
    assert found.left_out == (1, 0)


def test_only_intensities_as_stored_see_a_change_of_unit() -> None:
    dark, bright = pictures("a", 1).records, pictures("a", 1).records
    values = picture(0) * 0.5
    dark = [case_record("a", {"image": values})]
    for stored in (True, False):
        blocks = appearance([*dark, *bright], ["image"], intensities=stored)
        assert len(blocks) == 2 + stored
        assert np.allclose(blocks[0][0], blocks[0][1], atol=1e-5)
        assert not stored or not np.allclose(blocks[2][0], blocks[2][1])


def test_blocks_count_equally_whatever_their_units() -> None:
    random = np.random.default_rng(0)
    copies, texture, quantiles = random.normal(size=(50, 9)), random.normal(size=(50, 3)), random.normal(size=(50, 5))
    features = joined([copies, texture * 1000, quantiles * 1e-3 + 7])
    assert features.shape == (50, 17)
    for part in (features[:, :9], features[:, 9:12], features[:, 12:]):
        assert (part**2).sum(axis=1).mean() == pytest.approx(1)


def test_a_feature_that_never_varies_is_left_out() -> None:
    assert joined([np.eye(4), np.full((4, 2), 3.0)]).shape == (4, 4)
