"""Whether images show what was asked for: asked against measured, condition by condition."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from scanfill.generation.vocabulary import Vocabulary

Case = Mapping[str, Any]

COLUMNS = ("condition", "n", "right", "correlation", "slope", "error")


def condition_fidelity(asked: Sequence[Case], measured: Sequence[Case], vocabulary: Vocabulary) -> list[dict[str, Any]]:
    """Compare what was asked for with what an instrument measures in the images.

    Args:
        asked: The conditions of each image.
        measured: What the instrument tells; a condition may be missing.
        vocabulary: The conditions that there are.

    Returns:
        One row per condition that was asked for: ``condition``, ``n`` (images where it was asked for and measured), of
        a category the share ``right``; of a number the ``correlation``, the ``slope`` of measured on asked, and the
        ``error`` (mean absolute difference). None where it cannot be computed, such as the correlation of a number
        that is always the same.
    """
    rows = []
    for key in vocabulary.known:
        wanted = [index for index, case in enumerate(asked) if case.get(key) is not None]
        if not wanted:
            continue
        if key in vocabulary.categories:
            right = [str(measured[index].get(key)) == str(asked[index][key]) for index in wanted]
            rows.append({**dict.fromkeys(COLUMNS), "condition": key, "n": len(wanted), "right": float(np.mean(right))})
            continue
        pairs = np.array(
            [(asked[index][key], measured[index][key]) for index in wanted if measured[index].get(key) is not None],
            dtype=float,
        ).reshape(-1, 2)
        rows.append({"condition": key, "n": len(pairs), "right": None, **_agreement(*pairs.T)})
    return rows


def specificity(
    asked: Sequence[Case], measured: Sequence[Case], vocabulary: Vocabulary, negative: Mapping[str, str]
) -> dict[str, float]:
    """Return two shares that are called medical specificity, NaN if no image counts.

    Args:
        asked: The conditions of each image.
        measured: What a classifier of real images tells.
        vocabulary: The conditions that there are.
        negative: A condition and its category without a finding, such as ``{"pathology": "normal"}``.

    Returns:
        ``specificity``: share of the images whose asked categories are all told; ``specificity_negative``: of the
        images that were asked to be without a finding, the share that is told so, TN / (TN + FP).
    """
    keys = [key for key in vocabulary.known if key in vocabulary.categories]
    all_right = [
        all(str(told.get(key)) == str(case[key]) for key in keys if case.get(key) is not None)
        for case, told in zip(asked, measured, strict=True)
        if any(case.get(key) is not None for key in keys)
    ]
    negatives = [
        all(str(told.get(key)) == value for key, value in negative.items())
        for case, told in zip(asked, measured, strict=True)
        if negative and all(case.get(key) == value for key, value in negative.items())
    ]
    return {
        "specificity": float(np.mean(all_right)) if all_right else float("nan"),
        "specificity_negative": float(np.mean(negatives)) if negatives else float("nan"),
    }


def _agreement(asked: np.ndarray, measured: np.ndarray) -> dict[str, float | None]:
    if len(asked) < 3 or asked.std() == 0:
        error = float(np.abs(measured - asked).mean()) if len(asked) else None
        return {"correlation": None, "slope": None, "error": error}
    between = float(np.mean((asked - asked.mean()) * (measured - measured.mean())))
    alike = between / (asked.std() * measured.std()) if measured.std() > 0 else 0.0
    return {
        "correlation": float(alike),
        "slope": between / float(asked.var()),
        "error": float(np.abs(measured - asked).mean()),
    }
