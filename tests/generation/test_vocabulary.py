"""What a generator knows, and how conditions are encoded for it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from scanfill.data.finders import TableFinder
from scanfill.data.schema import CaseSchema, ConditionSpec, ImageSpec
from scanfill.errors import CaseError
from scanfill.generation.encode import EncodeConditionsd, RandForgetConditionsd
from scanfill.generation.vocabulary import Vocabulary, learn_vocabulary, trained_vocabulary, warn_of_rare_categories

SCHEMA = CaseSchema(
    name="made_up",
    spatial_dims=2,
    images=[ImageSpec("image")],
    conditions=[
        ConditionSpec("kind", values=("ring", "dot", "bar"), required=False),
        ConditionSpec("size", range=(0, 10), required=False),
        ConditionSpec("place", free=True, required=False),
        ConditionSpec("age", range=(0, 120), required=False),
    ],
    finder=TableFinder("conditions.csv"),
)
CASES: list[dict[str, Any]] = [
    {"case_id": "a", "kind": "dot", "size": 2.0, "place": "left"},
    {"case_id": "b", "kind": "ring", "size": 6.0, "place": "right"},
    {"case_id": "c", "kind": "dot"},
]


@pytest.fixture
def vocabulary() -> Vocabulary:
    return learn_vocabulary({"training": CASES}, SCHEMA)


def test_it_consists_of_what_training_cases_have_in_the_order_of_the_schema(vocabulary: Vocabulary) -> None:
    assert vocabulary.categories == {"kind": ["ring", "dot"], "place": ["left", "right"]}
    assert vocabulary.numbers == {"size": [4.0, 2.0, 2.0, 6.0], "age": [0.0, 0.0, 0.0, 0.0]}
    assert vocabulary.counts == [3, 0, 2, 0]
    assert vocabulary.known == ["kind", "size", "place"]


def test_categories_with_fewer_images_than_a_batch_are_named(
    vocabulary: Vocabulary, caplog: pytest.LogCaptureFixture
) -> None:
    cases = {"training": CASES, "validation": 5 * CASES}
    assert warn_of_rare_categories(cases, vocabulary, 2) == {"kind=ring": 1, "place=left": 1, "place=right": 1}
    assert "Fewer training images than a batch (2): kind=ring (1), place=left (1)" in caplog.text


def test_nothing_is_said_of_categories_that_fill_a_batch(
    vocabulary: Vocabulary, caplog: pytest.LogCaptureFixture
) -> None:
    assert warn_of_rare_categories({"training": CASES}, vocabulary, 1) == {}
    assert not caplog.text


def test_categories_are_numbered_and_numbers_have_mean_0_and_sd_1(vocabulary: Vocabulary) -> None:
    encoded = vocabulary.encode({"kind": "dot", "size": 6, "place": "left"})
    assert torch.equal(encoded, torch.tensor([[1.0, 1], [1, 1], [0, 1], [-1, -1]]))


def test_what_is_not_stated_or_was_never_seen_is_unknown(vocabulary: Vocabulary) -> None:
    assert (vocabulary.encode({}) == -1).all()
    assert (vocabulary.encode({"kind": "bar", "place": "up", "age": 40}) == -1).all()


@given(st.floats(0, 10), st.sampled_from(["ring", "dot"]))
def test_encoded_conditions_can_be_told_apart(size: float, kind: str) -> None:
    vocabulary = learn_vocabulary({"training": CASES}, SCHEMA)
    encoded = vocabulary.encode({"kind": kind, "size": size})
    assert vocabulary.category("kind", int(encoded[0, 0])) == kind
    assert float(encoded[1, 0]) * 2 + 4 == pytest.approx(size, abs=1e-4)


def test_it_comes_back_from_plain_values(vocabulary: Vocabulary) -> None:
    facts = vocabulary.facts()
    assert Vocabulary(facts["categories"], facts["numbers"], SCHEMA.condition_keys, vocabulary.possible) == vocabulary


def test_a_number_that_never_varies_is_encoded_as_0() -> None:
    constant = learn_vocabulary({"training": [{"size": 5}, {"size": 5}]}, SCHEMA)
    assert constant.encode({"size": 5})[1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"age": 40}, "no training image has age; there are kind, size, place"),
        ({"kind": "bar"}, "'bar' does not occur in the training; there are ring, dot"),
        ({"size": 7.1}, "size=7.1 is outside the training's range, 2 to 6"),
    ],
)
def test_what_it_does_not_know_is_refused_with_what_it_knows(
    vocabulary: Vocabulary, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(CaseError, match=message):
        vocabulary.check(asked, "The condition")


def test_a_number_may_lie_a_little_beyond_the_trainings(vocabulary: Vocabulary) -> None:
    for size, refused in ((0.9, True), (1.1, False), (6.9, False), (7.1, True)):
        with pytest.raises(CaseError) if refused else nullcontext():
            vocabulary.check({"size": size}, "The condition")


def test_without_a_checkpoint_everything_that_the_schema_allows_is_known() -> None:
    everything = trained_vocabulary("nowhere.pt", SCHEMA)
    assert everything.counts == [3, 0, 1, 0]
    everything.check({"kind": "bar", "size": 10, "age": 0}, "The condition")


def test_a_case_gets_its_encoded_conditions(vocabulary: Vocabulary) -> None:
    case = EncodeConditionsd(vocabulary)({"case_id": "a", "kind": "dot"})
    assert torch.equal(case["context"], vocabulary.encode({"kind": "dot"}))
    assert case["case_id"] == "a"


def test_the_stated_share_of_conditions_is_forgotten() -> None:
    forget = RandForgetConditionsd(prob=0.2, some=0.3).set_random_state(0)
    known = torch.stack([forget({"context": torch.ones(8, 2)})["context"] for _ in range(4000)])
    gone = known[..., 0] == -1
    assert torch.equal(gone, known[..., 1] == -1)
    assert float(gone.all(dim=1).float().mean()) == pytest.approx(0.2, abs=0.03)
    others = gone[~gone.all(dim=1)]
    some = others[others.any(dim=1)]
    assert len(some) / len(others) == pytest.approx(0.3, abs=0.03)
    assert float(some.float().mean()) == pytest.approx(0.5, abs=0.02)


def test_forgetting_leaves_the_cached_conditions_alone() -> None:
    context = torch.ones(4, 2)
    RandForgetConditionsd(prob=1.0)({"context": context})
    assert np.array_equal(context, np.ones((4, 2)))
