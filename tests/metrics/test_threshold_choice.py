"""ThresholdChoice on curves and probabilities whose best threshold is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from monai.data import DataLoader, Dataset, MetaTensor
from monai.engines import SupervisedEvaluator
from monai.transforms import Compose, CopyItemsd

from scanfill.metrics import ThresholdChoice
from scanfill.metrics.threshold_choice import GRID, choose_threshold, dice_at

AXIS = np.array(GRID)


def test_dice_at_each_threshold_equals_thresholding_and_counting() -> None:
    generator = torch.Generator().manual_seed(0)
    probability, truth = torch.rand(3, 9, 7, generator=generator), torch.rand(3, 9, 7, generator=generator) > 0.6
    probability[0, 0, :2] = 0.5  # a probability equal to a threshold counts as predicted
    truth[2] = False
    scores, present = dice_at(probability, truth, torch.tensor(GRID))
    assert present.tolist() == [True, True, False]
    for structure in range(3):
        for place, threshold in enumerate(torch.tensor(GRID)):
            found = probability[structure] >= threshold
            size = found.sum() + truth[structure].sum()
            assert scores[structure, place] == pytest.approx((2 * (found & truth[structure]).sum() / size).item())


def test_an_empty_structure_that_is_not_predicted_scores_1() -> None:
    scores, _ = dice_at(torch.zeros(1, 4, 4), torch.zeros(1, 4, 4), torch.tensor(GRID))
    assert (scores == 1).all()


@pytest.mark.parametrize(("patients", "expected"), [(0, 0.5), (5, 0.4), (15, 0.35), (10**6, 0.3)])
def test_a_choice_is_shrunk_towards_half_where_few_have_the_structure(patients: int, expected: float) -> None:
    curve = np.where(AXIS == 0.3, 0.9, 0.8)
    assert choose_threshold(curve, AXIS, patients, shrinkage=5) == pytest.approx(expected, abs=1e-5)


def test_of_equal_thresholds_the_one_closest_to_half_is_best() -> None:
    assert choose_threshold(np.ones(len(GRID)), AXIS, 100, shrinkage=0) == 0.5


def case_of(name: str, patient: str, level: float) -> dict[str, Any]:
    """Two structures: the first is found at thresholds up to ``level``, with noise below 0.6; the second is absent."""
    label = torch.zeros(2, 8, 8)
    label[0, 2:6, 2:6] = 1
    probability = torch.where(label > 0, level, 0.58) * torch.tensor([1.0, 0.0])[:, None, None]
    images = {"image": MetaTensor(probability, torch.eye(4)), "label": MetaTensor(label, torch.eye(4))}
    return {"case_id": name, "patient": patient, **images}


def choose(cases: list[dict[str, Any]], **options: Any) -> tuple[dict[str, Any], float]:
    facts: dict[str, Any] = {"spacing": 1}
    evaluator = SupervisedEvaluator(
        device=torch.device("cpu"),
        val_data_loader=DataLoader(Dataset(cases), batch_size=1),
        network=torch.nn.Identity(),
        postprocessing=Compose([CopyItemsd("pred", names="probability")]),
        key_val_metric={"dice_at_thresholds": ThresholdChoice(facts, **options)},
    )
    evaluator.run()
    return facts, evaluator.state.metrics["dice_at_thresholds"]


def test_an_evaluator_leaves_the_thresholds_in_the_facts_of_the_record() -> None:
    facts, value = choose([case_of("left", "one", 0.65), case_of("right", "two", 0.65)], shrinkage=0)
    assert facts == {"spacing": 1, "thresholds": [pytest.approx(0.6), 0.5]}
    assert value == pytest.approx(1)


def test_two_hands_of_one_person_count_once() -> None:
    same, _ = choose([case_of("left", "one", 0.65), case_of("right", "one", 0.65)], shrinkage=1)
    apart, _ = choose([case_of("left", "one", 0.65), case_of("right", "two", 0.65)], shrinkage=1)
    assert same["thresholds"][0] == pytest.approx(0.5 + 0.1 / 2)
    assert apart["thresholds"][0] == pytest.approx(0.5 + 0.1 * 2 / 3, abs=1e-4)


def test_another_number_of_structures_is_refused_with_both_shapes() -> None:
    metric = ThresholdChoice()
    case = {"case_id": "one", "probability": torch.zeros(3, 4, 4), "label": torch.zeros(2, 4, 4)}
    with pytest.raises(ValueError, match=r"Case 'one': the probabilities \(3, 4, 4\) and the truth \(2, 4, 4\)"):
        metric.update(case)


@pytest.mark.parametrize("grid", [(), (0.5, 0.4), (0.5, 0.5), (0.0, 0.5), (0.5, 1.0)])
def test_an_impossible_grid_is_refused(grid: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="`grid`"):
        ThresholdChoice(grid=grid)


def test_a_negative_shrinkage_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`shrinkage` \(=-1\)"):
        ThresholdChoice(shrinkage=-1)
