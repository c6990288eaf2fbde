"""Segmentation scores of a cohort inside a MONAI evaluator."""

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.data.utils import affine_to_spacing

from scanfill.metrics.case_metric import CaseMetric, is_first_rank
from scanfill.metrics.case_scores import METRICS, SIZES, score_case
from scanfill.metrics.cohort import column, mean, overall_keys, score_keys, write_scores
from scanfill.metrics.label_arrays import Regions, check_regions
from scanfill.metrics.overlap_scores import OVERALL_METRICS, OverlapScores


class RegionScores(CaseMetric):
    """Compute region scores in a MONAI evaluator: ``key_val_metric={"val_dice": RegionScores(regions)}``.

    The inputs are the decollated ``pred`` and ``label`` after postprocessing (label maps ``(1, X, Y[, Z])``, or
    overlapping channels ``(C, X, Y[, Z])``), the voxel size from the label's affine, and ``case_id`` from the batch.
    The metric's value is the mean of one score over cases and regions. The mean of this score and of the distance in
    each region are added to ``engine.state.metrics`` as ``dice_WT`` and so on (for StatsHandler and TensorBoard), the
    score of every case ``(cases, regions)`` to ``engine.state.metric_details``, and ``self.rows`` has all scores. The
    ranks of a distributed run are gathered; cases that the sampler repeated to pad a rank count once. With
    ``overlaps``, the means of the scores of whole cases are in ``engine.state.metrics`` instead of the distances.

    Args:
        regions: Name of each region and its labels; see :py:func:`score_case`.
        exclusive: Whether prediction and label are label maps; otherwise channels of 0 and 1, which may overlap.
        spatial_dims: 2 or 3. A 2-D file without pixel size is given a size of 1, so distances are in pixels.
        key: The score that is averaged for the metric's value: of regions, or, with ``overlaps``, of a case as a whole.
        key_regions: The regions to average over. By default those with a single label, each label once.
        hausdorff: Whether to compute distances; not needed for validation during training.
        overlaps: Further scores of structures that may overlap; None for none.
        half_key: Key of the prediction at a threshold of 0.5, if ``pred_key`` is one at other thresholds; its mean Dice
            over the present structures is listed as ``mean_dice_at_half``.
        save_dir: Folder where rank 0 writes ``scores.csv`` and ``summary.csv``; None to write nothing.
        note: A caveat for the files.
        pred_key: Key of the predicted label map.
        label_key: Key of the true label map.
        case_key: Key of the case's name.
        columns_key: Key of additional columns of the case's row, text by name (such as the origin of its synthetic
            inputs); may be missing from a case.

    Raises:
        ValueError: ``key`` or ``key_regions`` is unknown, a region has an impossible label, or ``half_key`` is given
            without ``overlaps``; at run time, if prediction and label are on different grids.
    """

    def __init__(
        self,
        regions: Regions,
        *,
        exclusive: bool = True,
        spatial_dims: int = 3,
        key: str = "dice",
        key_regions: Sequence[str] | None = None,
        hausdorff: bool = True,
        overlaps: OverlapScores | None = None,
        half_key: str | None = None,
        save_dir: str | Path | None = None,
        note: str = "",
        pred_key: str = "pred",
        label_key: str = "label",
        case_key: str = "case_id",
        columns_key: str = "provenance",
    ) -> None:
        self.regions = check_regions(regions)
        if spatial_dims not in SIZES:
            msg = f"RegionScores: `spatial_dims` (={spatial_dims}) must be 2 or 3."
            raise ValueError(msg)
        if key_regions is None:
            key_regions = [region for region, labels in regions.items() if len(labels) == 1]
        known = [metric for metric in (*METRICS[:4], *SIZES[spatial_dims]) if hausdorff or metric != "hd95"]
        known += overlaps.metrics if overlaps else ()
        if key not in known or not key_regions or not set(key_regions) <= set(regions):
            msg = (
                f"RegionScores(key={key!r}, key_regions={list(key_regions)}) is not a known score: "
                f"key must be one of {known}, and key_regions must be among {list(regions)}."
            )
            raise ValueError(msg)
        if half_key and overlaps is None:
            msg = f"RegionScores: `half_key` (={half_key!r}) is only scored with `overlaps`. Pass both or neither."
            raise ValueError(msg)
        self.overlaps, self.half_key = overlaps, half_key
        self.exclusive, self.spatial_dims = exclusive, spatial_dims
        self.key, self.key_regions = key, tuple(key_regions)
        self.hausdorff = hausdorff
        self.save_dir, self.note = save_dir, note
        self.pred_key, self.label_key, self.case_key = pred_key, label_key, case_key
        self.columns_key = columns_key
        super().__init__()

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return all scores of each case."""
        return self.cases

    def update(self, output: Mapping[str, Any]) -> None:
        """Score one case."""
        needed = (self.case_key, self.pred_key, self.label_key, *([self.half_key] if self.half_key else []))
        absent = [key for key in needed if key not in output]
        if absent:
            msg = (
                f"RegionScores found no {absent} after postprocessing, only {sorted(map(str, output))}. "
                "Keep these keys in the dataset's dictionaries, or set other ones: case_key, pred_key, label_key."
            )
            raise ValueError(msg)
        case_id, prediction, label = str(output[self.case_key]), output[self.pred_key], output[self.label_key]
        try:
            self._check_grid(prediction, label)
            spacing = voxel_sizes(label, self.spatial_dims)
            scores = score_case(
                *(prediction, label, spacing, self.regions),
                exclusive=self.exclusive,
                hausdorff=self.hausdorff,
                overlaps=self.overlaps,
            )
            if self.half_key:
                scores["mean_dice_at_half"] = self._mean_dice(output[self.half_key], label, spacing)
        except ValueError as error:
            msg = f"Case {case_id!r}: {error}"
            raise ValueError(msg) from error
        self.cases.append({"case_id": case_id, **scores, **(output.get(self.columns_key) or {})})

    def _mean_dice(self, prediction: torch.Tensor, label: torch.Tensor, spacing: Sequence[float]) -> float:
        """Return the mean Dice over the present structures of a further prediction."""
        self._check_grid(prediction, label)
        only = OverlapScores(tolerance=None, band=None)
        how = {"exclusive": self.exclusive, "hausdorff": False}
        return score_case(prediction, label, spacing, self.regions, overlaps=only, **how)["mean_dice"]

    def _check_grid(self, prediction: torch.Tensor, label: torch.Tensor) -> None:
        """Check that the label has a voxel size and that the prediction has the same affine."""
        if not isinstance(label, MetaTensor):
            msg = (
                f"{self.label_key!r} is a {type(label).__name__} without an affine, so its voxel size is unknown. "
                "Load it with LoadImaged, which keeps it."
            )
            raise ValueError(msg)  # noqa: TRY004  # the user's data is wrong, not the caller's code
        if isinstance(prediction, MetaTensor) and not np.allclose(prediction.affine, label.affine, atol=1e-3):
            msg = (
                f"{self.pred_key!r} with affine {prediction.affine.tolist()} is not on the grid of {self.label_key!r} "
                f"with affine {label.affine.tolist()}. Resample the prediction to the label's grid (Invertd)."
            )
            raise ValueError(msg)

    def compute(self) -> float:
        """Gather all ranks, write the files, and return the mean of the key score."""
        self.gather()
        if self.save_dir is not None and is_first_rank():
            write_scores(self.rows, self.save_dir, self.note)
        if self.key in OVERALL_METRICS:
            return self._overall(self.key)
        return statistics.fmean(mean(column(self.rows, f"{self.key}_{region}")) for region in self.key_regions)

    def _overall(self, metric: str) -> float:
        """Return the mean of a metric of the case as a whole, over the cases that have something to measure."""
        values = column(self.rows, metric)
        return mean(values[~np.isnan(values)])

    def completed(self, engine: Any, name: str) -> None:
        """Add the value, each region's mean, and the scores of every case to the state of ``engine``."""
        super().completed(engine, name)
        for metric, region in score_keys(self.rows):
            if metric == self.key or (metric == "hd95" and self.overlaps is None):
                engine.state.metrics[f"{metric}_{region}"] = mean(column(self.rows, f"{metric}_{region}"))
        for metric in overall_keys(self.rows):
            if metric != name:  # the value of this metric itself
                engine.state.metrics[metric] = self._overall(metric)
        if not hasattr(engine.state, "metric_details"):
            engine.state.metric_details = {}
        keys = [self.key] if self.key in OVERALL_METRICS else [f"{self.key}_{region}" for region in self.regions]
        details = [column(self.rows, key) for key in keys]
        engine.state.metric_details[name] = torch.as_tensor(np.stack(details, axis=1))


def voxel_sizes(image: MetaTensor, spatial_dims: int) -> list[float]:
    """Return the voxel sizes in mm; a 2-D image may lie in any plane, so all rows of its affine are used."""
    affine = image.affine
    return [float(size) for size in affine_to_spacing(affine, len(affine) - 1)[:spatial_dims]]
