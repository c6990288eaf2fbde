"""Quality of synthetic images inside a MONAI evaluator: one metric to select weights and all metrics to report."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.metrics.case_metric import CaseMetric, is_first_rank
from scanfill.metrics.image_quality import (
    IMAGE_REGIONS,
    QUALITY_REGIONS,
    SYNTHETIC,
    compare_case,
    score_image,
)
from scanfill.metrics.intensity_protocols import PROTOCOLS
from scanfill.metrics.label_arrays import as_image
from scanfill.metrics.quality_cohort import Published, write_quality

PRIMARY = "zscore_truth"
"""The protocol of the primary MSE."""


class ExplainedVariance(CaseMetric):
    """Fraction of the true image's variance that a synthetic image explains in the mask, averaged over cases.

    This is 1 - MSE of protocol ``zscore_truth``: 1 is perfect, 0 is no better than a constant. Higher is better, so it
    can select the best weights. The mask is that of the sources where the truth is not 0, because the other modalities
    that :py:func:`~scanfill.metrics.image_quality.evaluation_mask` requires are not available.

    Args:
        pred_key: Key of the synthetic image, on the truth's intensity scale.
        truth_key: Key of the acquired image as in its file.
        mask_key: Key of the mask of the sources on the truth's grid; None to use every voxel.
        case_key: Key of the case's name.
        spatial_dims: 2 or 3.
    """

    def __init__(
        self,
        pred_key: str = "pred",
        truth_key: str = "truth",
        mask_key: str | None = "mask",
        case_key: str = "case_id",
        *,
        spatial_dims: int = 3,
    ) -> None:
        self.spatial_dims = spatial_dims
        self.pred_key, self.truth_key, self.mask_key, self.case_key = pred_key, truth_key, mask_key, case_key
        super().__init__()

    def update(self, output: dict[str, Any]) -> None:
        """Score one case."""
        truth = as_image(output[self.truth_key], self.truth_key, self.spatial_dims)
        self.score(str(output[self.case_key]), output[self.pred_key], truth, output)

    def score(self, name: str, image: Any, truth: npt.NDArray[Any], output: dict[str, Any]) -> None:
        """Score one image against ``truth``, ``(X, Y[, Z])``, in the mask in ``output``, if any."""
        if self.mask_key is None:
            mask = np.ones(truth.shape, bool)
        else:
            mask = (as_image(output[self.mask_key], self.mask_key, self.spatial_dims) != 0) & (truth != 0)
        (row,) = score_image(image, truth, mask, protocols=[PRIMARY], spatial_dims=self.spatial_dims)
        self.cases.append({"case_id": name, "mse": row["mse_brain"]})

    def compute(self) -> float:
        """Gather all ranks and average."""
        self.gather()
        return 1 - statistics.fmean(float(case["mse"]) for case in self.cases)


class ImageQuality(CaseMetric):
    """All scores of :py:func:`~scanfill.metrics.image_quality.compare_case`, written to two tables.

    The metric's value is the mean ``zscore_truth`` MSE of the synthetic images in the evaluated region (smaller is
    better). Each ``<protocol>_<metric>_brain`` that is not NaN is added to ``engine.state.metrics`` for logging.

    The evaluated region is the mask ``mask_key``; without it, the voxels where all ``modalities`` are not 0; without
    these, every voxel.

    Args:
        target: The synthesized modality.
        sources: The modalities it was synthesized from.
        modalities: All four modalities, which define the mask; see
            :py:func:`~scanfill.metrics.image_quality.evaluation_mask`. None if there are no others.
        save_dir: Folder where rank 0 writes ``image_quality.csv`` and ``image_quality_summary.csv``; None to write
            nothing.
        note: A caveat for the files.
        published: (target, source) -> published MSE, shown next to the model's; see
            :py:func:`~scanfill.metrics.quality_cohort.summarise_quality`.
        prefix: The key of each modality in a case is this prefix and its name; intensities as in the file, all on one
            grid.
        pred_key: Key of the synthetic image, on the truth's intensity scale.
        label_key: Key of the label map, which may be missing from a case; None for no scores of the labeled part.
        case_key: Key of the case's name.
        mask_key: Key of a mask on the grid of the truth.
        copy_sources: Whether to score copies of the sources too; set to False if sources are label maps.
        protocols: Intensity scales to report; must include ``zscore_truth``.
        spatial_dims: 2 or 3.

    Raises:
        ValueError: ``protocols`` does not include ``zscore_truth``; at run time, see ``compare_case``.
    """

    def __init__(
        self,
        target: str,
        sources: Sequence[str],
        modalities: Sequence[str] = (),
        *,
        save_dir: str | Path | None = None,
        note: str = "",
        published: Published | None = None,
        prefix: str = "acquired_",
        pred_key: str = "pred",
        label_key: str | None = "label",
        case_key: str = "case_id",
        mask_key: str | None = None,
        copy_sources: bool = True,
        protocols: Sequence[str] = PROTOCOLS,
        spatial_dims: int = 3,
    ) -> None:
        if PRIMARY not in protocols:
            msg = (
                f"ImageQuality: `protocols` (={list(protocols)}) must include {PRIMARY!r}, which gives the metric's "
                "value."
            )
            raise ValueError(msg)
        self.target, self.sources, self.modalities = target, list(sources), list(modalities)
        self.save_dir, self.note, self.published = save_dir, note, published
        self.prefix, self.pred_key, self.label_key, self.case_key = prefix, pred_key, label_key, case_key
        self.mask_key, self.copy_sources = mask_key, copy_sources
        self.protocols, self.spatial_dims = list(protocols), spatial_dims
        self.regions = QUALITY_REGIONS if self.modalities else IMAGE_REGIONS
        super().__init__()

    def update(self, output: dict[str, Any]) -> None:
        """Score one case."""
        name = str(output[self.case_key])
        needed = self.modalities or [self.target, *(self.sources if self.copy_sources else ())]
        originals = {key: output[f"{self.prefix}{key}"] for key in needed}
        mask: Any = None
        if self.mask_key is not None:
            mask = output[self.mask_key]
        elif not self.modalities:
            mask = np.ones(originals[self.target].shape, bool)
        rows = compare_case(
            name,
            self.target,
            output[self.pred_key],
            originals,
            self.sources,
            label=self.label_of(output),
            mask=mask,
            copy_sources=self.copy_sources,
            protocols=self.protocols,
            regions=self.regions,
            spatial_dims=self.spatial_dims,
        )
        self.cases.append({"case_id": name, "rows": rows})

    def label_of(self, output: dict[str, Any]) -> Any:
        """Return the label map of a case, if there is one."""
        return None if self.label_key is None else output.get(self.label_key)

    @property
    def rows(self) -> list[dict[str, float | str]]:
        """Return one row per case, image and protocol."""
        return [row for case in self.cases for row in case["rows"]]

    def compute(self) -> float:
        """Gather all ranks, write the files, and return the primary MSE."""
        self.gather()
        if self.save_dir is not None and is_first_rank():
            write_quality(self.rows, self.save_dir, self.note, self.published)
        return statistics.fmean(self._figures(PRIMARY, "mse"))

    def completed(self, engine: Any, name: str) -> None:
        """Add the value and the mean scores of the whole region to the state of ``engine``."""
        super().completed(engine, name)
        for protocol in self.protocols:
            for metric in ("mse", "mae", "psnr", "ssim"):
                values = self._figures(protocol, metric)
                if np.isfinite(values).all():
                    engine.state.metrics[f"{protocol}_{metric}"] = statistics.fmean(values)

    def _figures(self, protocol: str, metric: str) -> list[float]:
        key = f"{metric}_{self.regions[0]}"
        chosen = [row for row in self.rows if row["image"] == SYNTHETIC and row["protocol"] == protocol]
        return [float(row[key]) for row in chosen]
