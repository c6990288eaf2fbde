"""AddedLosses, and the losses that they are added to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from scanfill.errors import UsageError
from scanfill.losses import AddedLoss, AddedLosses, EdgeLoss, MedicalMSE, PairedGeneratorLoss

PREDICTION, TARGET = torch.rand(2, 2, 1, 6, 6, generator=torch.Generator().manual_seed(0))
LABEL = (TARGET > 0.5).long()


@settings(deadline=None, max_examples=20)
@given(first=st.floats(0, 100), second=st.floats(0, 100))
def test_the_sum_has_the_weights_and_each_term_has_none(first: float, second: float) -> None:
    edges, errors = EdgeLoss(), MedicalMSE(2)
    terms = AddedLosses({"edges": AddedLoss(edges, first), "errors": AddedLoss(errors, second)})(
        PREDICTION, TARGET, label=LABEL
    )
    assert set(terms) == {"loss", "edges", "errors"}
    torch.testing.assert_close(terms["edges"], edges(PREDICTION, TARGET))
    torch.testing.assert_close(terms["errors"], errors(PREDICTION, TARGET, LABEL))
    torch.testing.assert_close(terms["loss"], first * terms["edges"] + second * terms["errors"])


def test_a_weight_of_0_reports_and_does_not_teach() -> None:
    image = PREDICTION.clone().requires_grad_()
    terms = AddedLosses({"edges": AddedLoss(EdgeLoss(), 0), "errors": AddedLoss(MedicalMSE(1), 1)})(image, TARGET)
    assert terms["edges"] > 0
    assert not terms["edges"].requires_grad
    (alone,) = torch.autograd.grad(MedicalMSE(1)(image, TARGET), image)
    (gradient,) = torch.autograd.grad(terms["loss"], image)
    torch.testing.assert_close(gradient, alone)


def test_without_any_the_loss_is_0() -> None:
    for none in ({}, {"edges": None}):
        assert AddedLosses(none)(PREDICTION, TARGET)["loss"] == 0
        assert not AddedLosses(none)


def test_they_are_added_to_the_loss_of_a_paired_generator() -> None:
    plain = PairedGeneratorLoss(l1_weight=3)(PREDICTION, TARGET, label=LABEL)
    mask = torch.zeros_like(TARGET)
    mask[..., :3] = 1
    added = {"edges": AddedLoss(EdgeLoss(), 5), "lesions": AddedLoss(MedicalMSE(4), 7)}
    for options, masked in (({}, {}), ({"mask": mask}, {"mask": mask})):
        terms = PairedGeneratorLoss(l1_weight=3, **added)(PREDICTION, TARGET, label=LABEL, **options)
        plain = PairedGeneratorLoss(l1_weight=3)(PREDICTION, TARGET, label=LABEL, **options)
        edges = EdgeLoss()(PREDICTION, TARGET, **masked)
        lesions = MedicalMSE(4)(PREDICTION, TARGET, LABEL, **masked)
        torch.testing.assert_close(terms["edges"], edges)
        torch.testing.assert_close(terms["loss"], plain["loss"] + 5 * edges + 7 * lesions)
        assert {name: terms[name] for name in plain if name != "loss"} == {
            name: plain[name] for name in plain if name != "loss"
        }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"l1": AddedLoss(EdgeLoss(), 1)}, "by the name 'l1', the name of another term"),
        ({"edges": 3.0}, r"Unknown option edges \(=3\.0\)"),
        ({"l1_wieght": 3.0}, "Unknown option l1_wieght"),
    ],
)
def test_what_cannot_be_added_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PairedGeneratorLoss(**options)


@pytest.mark.parametrize("weight", [-1, float("nan")])
def test_a_negative_weight_is_told(weight: float) -> None:
    with pytest.raises(UsageError, match=r"of EdgeLoss must not be negative"):
        AddedLoss(EdgeLoss(), weight)
