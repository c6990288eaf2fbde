"""The family of tests that are corrected together."""

from __future__ import annotations

import pytest

from scanfill.errors import UsageError
from scanfill.studies.statistics import PAPER_ALPHA, Family


def test_the_paper_variant_fixes_the_level_of_each_test() -> None:
    paper, ours = Family(48, "paper"), Family(48)
    assert paper.alpha_of_one == PAPER_ALPHA == 0.0025
    assert ours.alpha_of_one == pytest.approx(0.05 / 48)
    assert paper.passes(0.002, 0.09)
    assert not ours.passes(0.002, 0.09)
    assert not paper.passes(0.003, 0.04)
    assert ours.passes(0.003, 0.04)
    assert not ours.passes(None, None)


@pytest.mark.parametrize("wrong", [{"size": 0}, {"size": 4, "variant": "none"}, {"size": 4, "alpha": 5}])
def test_a_family_that_corrects_nothing_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="A family needs size"):
        Family(**wrong)  # type: ignore[arg-type]
