"""Choose one threshold per structure on the validation cases."""

import math
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from scanfill.metrics.case_metric import CaseMetric

GRID = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7)
"""Thresholds that are tried."""

Array = npt.NDArray[np.float64]


class ThresholdChoice(CaseMetric):
    """Choose the threshold of each structure that maximizes its mean Dice over the cases that have it.

    A structure that few people have could get an extreme threshold by chance, so each choice is shrunk towards 0.5:
    0.5 + (best - 0.5) n / (n + shrinkage), where n is the number of patients that have the structure (two hands of one
    person count once). Of equally good thresholds, the one closest to 0.5 is the best; without any patient it is 0.5.

    The metric's value is the mean Dice at these thresholds, over structures that occur. It is optimistic, because the
    thresholds were chosen on the same cases. Attach it as an additional metric of the evaluator of a training:
    validation precedes saving, so the thresholds in a checkpoint are those of its own weights.

    Args:
        facts: The ``facts`` of the training's record, where ``thresholds`` is set; None to only compute them.
        grid: Thresholds to try, ascending.
        shrinkage: Number of patients at which a choice is shrunk by half.
        pred_key: Key of the probabilities ``(C, X, Y[, Z])`` after postprocessing.
        label_key: Key of the truth ``(C, X, Y[, Z])``, 0 and 1, on the same grid.
        case_key: Key of the case's name.
        patient_key: Key of the patient; a case without it counts as a patient of its own.

    Raises:
        ValueError: The grid is not ascending between 0 and 1, or ``shrinkage`` is negative; at run time, if
            probabilities and truth have different shapes.
    """

    def __init__(
        self,
        facts: MutableMapping[str, Any] | None = None,
        *,
        grid: Sequence[float] = GRID,
        shrinkage: float = 5.0,
        pred_key: str = "probability",
        label_key: str = "label",
        case_key: str = "case_id",
        patient_key: str = "patient",
    ) -> None:
        self.facts = facts
        self.grid = torch.as_tensor(grid, dtype=torch.float32)
        if not len(grid) or list(grid) != sorted(set(grid)) or not 0 < grid[0] <= grid[-1] < 1:
            msg = f"ThresholdChoice: `grid` (={list(grid)}) must be ascending numbers between 0 and 1."
            raise ValueError(msg)
        if shrinkage < 0:
            msg = f"ThresholdChoice: `shrinkage` (={shrinkage}) is a number of patients and must be at least 0."
            raise ValueError(msg)
        self.shrinkage = shrinkage
        self.pred_key, self.label_key = pred_key, label_key
        self.case_key, self.patient_key = case_key, patient_key
        super().__init__()

    def update(self, output: Mapping[str, Any]) -> None:
        """Compute the Dice of each structure of one case at each threshold."""
        case, probability, truth = (output[key] for key in (self.case_key, self.pred_key, self.label_key))
        if probability.shape != truth.shape:
            msg = (
                f"Case {case!r}: the probabilities {tuple(probability.shape)} and the truth {tuple(truth.shape)} must "
                f"have the same structures and grid. Bring the prediction to the label's grid (Invertd) first."
            )
            raise ValueError(msg)
        scores, present = dice_at(probability, truth, self.grid)
        patient = str(output.get(self.patient_key, case))
        self.cases.append({"case_id": str(case), "patient": patient, "dice": scores, "present": present})

    def compute(self) -> float:
        """Gather all ranks, choose the thresholds, and return the mean Dice at them."""
        self.gather()
        grid = self.grid.double().numpy()
        thresholds, scores = [], []
        for structure in range(len(self.cases[0]["present"])):
            having = [case for case in self.cases if case["present"][structure]]
            patients = len({case["patient"] for case in having})
            if not having:
                thresholds.append(0.5)
                continue
            curve = np.mean([case["dice"][structure] for case in having], axis=0)
            thresholds.append(choose_threshold(curve, grid, patients, self.shrinkage))
            scores.append(np.interp(thresholds[-1], grid, curve))
        if self.facts is not None:
            self.facts["thresholds"] = [round(float(threshold), 4) for threshold in thresholds]
        return float(np.mean(scores)) if scores else math.nan


def choose_threshold(curve: Array, grid: Array, patients: int, shrinkage: float) -> float:
    """Return the best threshold of a structure, shrunk towards 0.5.

    Args:
        curve: Mean Dice at each threshold.
        grid: The thresholds.
        patients: Number of patients that have the structure.
        shrinkage: Number of patients at which the choice is shrunk by half.
    """
    best = min(grid[np.isclose(curve, curve.max(), rtol=0, atol=1e-9)], key=lambda threshold: abs(threshold - 0.5))
    weight = patients / (patients + shrinkage) if patients else 0.0
    return float(0.5 + (best - 0.5) * weight)


def dice_at(probability: Tensor, truth: Tensor, grid: Tensor) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Compute the Dice of every structure at every threshold in one pass.

    Args:
        probability: ``(C, ...)``; a pixel is predicted if its probability is at least the threshold.
        truth: ``(C, ...)``, 0 and 1.
        grid: Ascending thresholds ``(T)``.

    Returns:
        Dice ``(C, T)``, 1 if both are empty; and which structures are present in the truth, ``(C)``.
    """
    structures, bins = len(probability), len(grid) + 1
    passed = torch.bucketize(probability.detach().float().cpu().flatten(1), grid, right=True)  # thresholds reached
    index = passed + bins * torch.arange(structures)[:, None]
    inside = torch.as_tensor(truth).cpu().flatten(1) != 0
    counts = [torch.bincount(values.flatten(), minlength=structures * bins) for values in (index, index[inside])]
    predicted, found = (count.reshape(structures, bins).flip(1).cumsum(1).flip(1) for count in counts)
    true = inside.sum(1, keepdim=True)
    total = predicted[:, 1:] + true
    scores = torch.where(total > 0, 2 * found[:, 1:] / total.clamp(min=1), 1.0)
    return scores.double().numpy(), (true[:, 0] > 0).numpy()
