"""The quality of completed cases inside a MONAI evaluator: each imputed image, and whether its uncertainty is right."""

from __future__ import annotations

import math
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from scanfill.metrics.case_metric import is_first_rank
from scanfill.metrics.cohort import Row, column, write_table
from scanfill.metrics.image_quality import compare_case, evaluation_mask
from scanfill.metrics.label_arrays import as_image
from scanfill.metrics.quality_scores import ExplainedVariance, ImageQuality
from scanfill.metrics.uncertainty import interval_coverage, rank_agreement
from scanfill.missing.completed import MADE, UNCERTAINTY, lacking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scanfill.metrics.label_arrays import Mask

NOMINAL = 0.9
"""Share of the voxels whose truth the uncertainty's interval should hold."""

FIGURES = ("spearman", "spearman_gradient", "coverage")
GROUP = ("target", "sources", "region")


class CompletionVariance(ExplainedVariance):
    """:py:class:`~scanfill.metrics.quality_scores.ExplainedVariance` of each image that a completion made.

    Args:
        modalities: In the order of the network's channels. The case holds what was made of one, and its truth as in the
            file, as :py:class:`~scanfill.missing.completed.UnscaleCompletedd` has them; one without truth is passed
            over.
        prefix: The case holds an acquired image under this and its modality.
        options: ``mask_key`` and ``case_key``, see ``ExplainedVariance``.
    """

    def __init__(self, modalities: Sequence[str], prefix: str = "acquired_", **options: Any) -> None:
        self.modalities, self.prefix = list(modalities), prefix
        super().__init__(**options)

    def update(self, output: dict[str, Any]) -> None:
        """Score every image that was made in one case."""
        given, made = told_apart(output, self.modalities)
        for target in made:
            truth = as_image(output[f"{self.prefix}{target}"], target)
            name = f"{output[self.case_key]}: {target} from {','.join(given)}"  # one row each, also over ranks
            self.score(name, output[MADE + target], truth, output)


class CompletionQuality(ImageQuality):
    """Every figure of each image that a completion made, and of its uncertainty, in four tables.

    ``image_quality.csv`` and ``image_quality_summary.csv`` as :py:class:`~scanfill.metrics.quality_scores.ImageQuality`
    writes them; ``uncertainty.csv``, a row of :py:func:`judge_uncertainty` for each image and region, and
    ``uncertainty_summary.csv``, their medians over cases. The metric's value is the mean ``zscore_truth`` MSE in the
    brain.

    Args:
        modalities: In the order of the network's channels; all four, for the evaluation brain.
        options: ``save_dir``, ``note``, ``published``, ``prefix``, ``label_key`` and ``case_key``, see
            :py:class:`~scanfill.metrics.quality_scores.ImageQuality`.
    """

    def __init__(self, modalities: Sequence[str], **options: Any) -> None:
        super().__init__("", (), modalities, **options)

    def update(self, output: dict[str, Any]) -> None:
        """Score every image that was made in one case."""
        name, label = str(output[self.case_key]), self.label_of(output)
        originals = {key: output[f"{self.prefix}{key}"] for key in self.modalities}
        given, made = told_apart(output, self.modalities)
        for target in made:
            image, uncertainty = output[MADE + target], output[UNCERTAINTY + target]
            rows = compare_case(name, target, image, originals, given, label=label)
            judged = judge_uncertainty(
                name, target, image, uncertainty, originals=originals, sources=given, label=label
            )
            # `case_id` tells the ranks' results apart; rows hold the case's own.
            self.cases.append({"case_id": f"{name}: {target} from {','.join(given)}", "rows": rows, "judged": judged})

    def compute(self) -> float:
        """Bring the ranks together, write the files, and return the primary MSE."""
        value = super().compute()
        if self.save_dir is not None and is_first_rank():
            judged = [row for case in self.cases for row in case["judged"]]
            for table, name in ((judged, "uncertainty"), (summarise_uncertainty(judged), "uncertainty_summary")):
                write_table(table, Path(self.save_dir) / f"{name}.csv", self.note)
        return value

    def completed(self, engine: Any, name: str) -> None:
        """Put the value, the image figures, and the medians of the uncertainty in the brain into the state."""
        super().completed(engine, name)
        judged = summarise_uncertainty([row for case in self.cases for row in case["judged"]])
        (overall,) = (row for row in judged if (row["target"], row["region"]) == ("any", "brain"))
        engine.state.metrics |= {f"uncertainty_{figure}": float(overall[figure]) for figure in FIGURES}


def told_apart(output: Mapping[str, Any], modalities: Sequence[str]) -> tuple[list[str], list[str]]:
    """List what the network was given in a case, and what it made and can be judged by.

    Raises:
        ValueError: Nothing was made whose truth is known.
    """
    missing = lacking(output, modalities)
    made = [name for name in missing if MADE + name in output]
    if not made:
        msg = (
            f"Case {output.get('case_id', '?')!r}: no image was made whose truth is known (missing: "
            f"{', '.join(missing) or 'none'}). Hide a modality that was acquired, see hide_subsets."
        )
        raise ValueError(msg)
    return [name for name in modalities if name not in missing], made


def judge_uncertainty(
    case_id: str,
    target: str,
    image: npt.ArrayLike,
    uncertainty: npt.ArrayLike,
    *,
    originals: Mapping[str, npt.ArrayLike],
    sources: Sequence[str],
    label: npt.ArrayLike | None = None,
) -> list[dict[str, float | str]]:
    """Judge the uncertainty of one imputed image by its absolute error, in brain and tumour.

    =====================  =============================================================================================
    ``voxels``             of the region
    ``spearman``           of the uncertainty with the absolute error
    ``spearman_gradient``  of a source's gradient magnitude with it: the best of the sources, ``gradient_of``
    ``coverage``           share of the voxels whose truth lies in the interval that should hold ``nominal``
    =====================  =============================================================================================

    Args:
        case_id: Name of the case.
        target: The modality that was made.
        image: ``(X, Y, Z)`` or ``(1, X, Y, Z)``, on the truth's intensity scale.
        uncertainty: Its SD on the same scale, of the same shape.
        originals: All four acquired images.
        sources: Those that it was made from.
        label: Label map, tumour where not 0.

    Returns:
        One row a region; NaN where a figure is not defined, as for a tumour that is not there.
    """
    brain = evaluation_mask(list(originals.values()))
    tumour: Mask = brain & (as_image(label, "label") != 0) if label is not None else np.zeros_like(brain)
    truth = as_image(originals[target], target).astype(np.float64)
    error = np.abs(as_image(image, "synthetic image").astype(np.float64) - truth)
    spread = as_image(uncertainty, "uncertainty").astype(np.float64)
    log_variance = 2 * np.log(np.maximum(spread, np.finfo(np.float32).tiny))
    slopes = {name: gradient_magnitude(as_image(originals[name], name)) for name in sources}
    rows: list[dict[str, float | str]] = []
    for region, where in {"brain": brain, "tumour": tumour}.items():
        rivals = {name: rank_agreement(error, slope, where) for name, slope in slopes.items()}
        best = max(rivals, key=lambda name: -math.inf if math.isnan(rivals[name]) else rivals[name])
        rows.append(
            {
                "case_id": case_id,
                "target": target,
                "sources": ",".join(sources),
                "region": region,
                "voxels": int(where.sum()),
                "spearman": rank_agreement(error, spread, where),
                "spearman_gradient": rivals[best],
                "gradient_of": best,
                "coverage": interval_coverage(error, log_variance, where, NOMINAL),
                "nominal": NOMINAL,
            }
        )
    return rows


def gradient_magnitude(image: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Steepness of an image by central differences, in intensities a voxel, ``(X, Y, Z)``."""
    steepness: npt.NDArray[np.float64] = np.linalg.norm(np.gradient(image.astype(np.float64)), axis=0)
    return steepness


def summarise_uncertainty(rows: Sequence[Row]) -> list[dict[str, float | str]]:
    """Take the median over cases of each figure, one row a target, sources and region; and over all in ``any``.

    Args:
        rows: From :py:func:`judge_uncertainty`.
    """
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        groups.setdefault(tuple(str(row[key]) for key in GROUP), []).append(row)
        groups.setdefault(("any", "any", str(row["region"])), []).append(row)
    summary: list[dict[str, float | str]] = []
    for group, members in groups.items():
        figures: dict[str, float | str] = dict(zip(GROUP, group, strict=True))
        for name in FIGURES:
            values = [value for value in column(members, name) if not math.isnan(value)]
            figures |= {f"images_{name}": len(values), name: statistics.median(values) if values else math.nan}
        summary.append(figures | {"nominal": NOMINAL})
    return summary
