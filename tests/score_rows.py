"""Rows of scores in the format of a study, from a seeded generator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from scanfill.studies.statistics import CROSS_VALIDATION, PairedScores

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Row = dict[str, float | str]


def score_rows(
    patients: int = 15, folds: int = 3, seeds: Sequence[str] = ("0",), shift: float = 0.0, noise: float = 0.05
) -> list[Row]:
    """Dice of one strategy: 0.8 - ``shift`` on average; every third patient has two visits."""
    generator = np.random.default_rng(patients)
    rows: list[Row] = []
    for seed in seeds:
        for p in range(patients):
            for visit in range(2 if p % 3 == 0 else 1):
                row: Row = {
                    "case_id": f"p{p:03d}-{visit}",
                    "patient": f"p{p:03d}",
                    "fold": str(p % folds),
                    "seed": seed,
                }
                row["evaluation"] = CROSS_VALIDATION
                row |= {
                    f"dice_{label}": 0.8 - shift + noise * generator.normal() for label in ("NC", "ED", "CET", "WT")
                }
                rows.append(row)
    return rows


def paired(
    differences: Sequence[float],
    folds: Sequence[str] | None = None,
    score: str = "dice_WT",
    seed_differences: Mapping[str, float] | None = None,
) -> PairedScores:
    """A pair with the given differences from a reference of 0.5, one visit per patient."""
    n = len(differences)
    return PairedScores(
        strategy="zero",
        reference="complete_set",
        score=score,
        evaluation=CROSS_VALIDATION,
        patients=tuple(f"p{i:03d}" for i in range(n)),
        folds=tuple(folds or ["0"] * n),
        cases=tuple((f"p{i:03d}-0",) for i in range(n)),
        values=tuple(0.5 + d for d in differences),
        reference_values=(0.5,) * n,
        seed_differences=dict(seed_differences or {"0": float(np.mean(differences))}),
    )
