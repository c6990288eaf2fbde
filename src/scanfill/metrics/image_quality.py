"""Compare a synthetic image with the truth, in 2-D or 3-D: MSE, MAE, PSNR and SSIM, overall and by region."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.metrics.intensity_protocols import PROTOCOLS, ScaledPair, scale_pair
from scanfill.metrics.label_arrays import Mask, as_image
from scanfill.metrics.ssim import masked_ssim, region_ssim

Volume = npt.NDArray[Any]

QUALITY_METRICS = ("mse", "mae", "psnr", "ssim", "clipped")
"""Metrics of each region; a row has the keys ``<metric>_<region>``."""

QUALITY_REGIONS = ("brain", "tumour", "healthy")
"""Column names for the foreground, its labeled part, and the rest of it."""

IMAGE_REGIONS = ("image", "label", "rest")
"""Column names for images without background: the evaluated part, its labeled part, and the rest."""

SYNTHETIC, COPIED = "synthetic", "source copied"
"""The image of a row: the model's, or a baseline that any model should beat; see also :py:func:`constant_name`."""


def compare_case(
    case_id: str,
    target: str,
    synthetic: npt.ArrayLike,
    originals: Mapping[str, npt.ArrayLike],
    sources: Sequence[str],
    *,
    label: npt.ArrayLike | None = None,
    mask: npt.ArrayLike | None = None,
    copy_sources: bool = True,
    protocols: Sequence[str] = PROTOCOLS,
    regions: Sequence[str] = QUALITY_REGIONS,
    spatial_dims: int = 3,
) -> list[dict[str, float | str]]:
    """Score the synthetic image and the reference images of one case with every protocol.

    Args:
        case_id: Name of the case.
        target: The synthesized modality, a key of ``originals``.
        synthetic: ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``, on the truth's intensity scale as far as the model can know
            it.
        originals: The acquired images on its grid. All four are required without a mask; see
            :py:func:`evaluation_mask`.
        sources: The modalities it was synthesized from, keys of ``originals``.
        label: Label map; without one, scores of the labeled part are NaN, and the rest is the whole.
        mask: Evaluated region, where not 0; None: see :py:func:`evaluation_mask`.
        copy_sources: Whether to score copies of the sources too. Set to False if the sources are label maps, which
            need not be among ``originals``.
        protocols: Names from :py:data:`~scanfill.metrics.intensity_protocols.PROTOCOLS`.
        regions: Names of the whole, the labeled part and the rest in the keys of the rows.
        spatial_dims: 2 or 3.

    Returns:
        One row per image and protocol, with ``case_id``, ``target``, ``sources``, ``image``, ``protocol``, and the
        scores of :py:func:`score_image`.

    Raises:
        ValueError: See :py:func:`score_image` and :py:func:`evaluation_mask`; or the target is among the sources.
    """
    absent = [name for name in (target, *(sources if copy_sources else ())) if name not in originals]
    if absent or target in sources or not sources:
        msg = (
            f"Case {case_id!r}: target (={target!r}) and sources (={list(sources)}) must be different modalities of "
            f"{list(originals)}."
        )
        raise ValueError(msg)
    try:
        truth = as_image(originals[target], target, spatial_dims)
        if mask is None:
            inside = evaluation_mask(list(originals.values()), spatial_dims)
        else:
            inside = _checked_mask(mask, truth, spatial_dims)
        images = {SYNTHETIC: as_image(synthetic, "synthetic image", spatial_dims)}
        for source in sources if copy_sources else ():
            name = COPIED if len(sources) == 1 else f"{COPIED} ({source})"
            images[name] = copy_source(as_image(originals[source], source, spatial_dims), truth, inside)
        images[constant_name(regions)] = constant_mean(truth, inside)
        about = {"case_id": case_id, "target": target, "sources": ",".join(sources)}
        return [
            {**about, "image": name, **row}
            for name, image in images.items()
            for row in score_image(image, truth, inside, label, protocols, regions=regions, spatial_dims=spatial_dims)
        ]
    except ValueError as error:
        msg = f"Case {case_id!r}, {target}: {error}"
        raise ValueError(msg) from error


def score_image(
    image: npt.ArrayLike,
    truth: npt.ArrayLike,
    mask: npt.ArrayLike,
    label: npt.ArrayLike | None = None,
    protocols: Sequence[str] = PROTOCOLS,
    *,
    regions: Sequence[str] = QUALITY_REGIONS,
    spatial_dims: int = 3,
) -> list[dict[str, float | str]]:
    """Compare one image with the truth, with every protocol.

    ============  ======================================================================================================
    ``mse``       mean squared error over the region's voxels, on the protocol's scale
    ``mae``       mean absolute error
    ``psnr``      10 log10(range^2 / MSE) in dB; range is 1 for percentiles, for z-scores the distance between the
                  truth's 0.5 and 99.5 percentiles in the mask; infinite for identical images
    ``ssim``      see :py:mod:`scanfill.metrics.ssim`. ``percentile_truth``: the map of the whole images, averaged over
                  the region. ``brasyn``: the organizers' image x mask, averaged over the volume; their masks are the
                  label and everything else, so there the rest extends beyond the mask. NaN for z-scores:
                  the luminance term requires nonnegative values
    ``clipped``   fraction of the region's voxels with a true value that the protocol clips
    ============  ======================================================================================================

    Args:
        image: ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``.
        truth: True image of the same shape.
        mask: Evaluated region, where not 0, of the same shape.
        label: Label map of the same shape.
        protocols: Names from :py:data:`~scanfill.metrics.intensity_protocols.PROTOCOLS`.
        regions: Names of the whole, the labeled part and the rest.
        spatial_dims: 2 or 3.

    Returns:
        One row per protocol: ``protocol`` and ``<metric>_<region>`` for :py:data:`QUALITY_METRICS` and the regions. NaN
        for an empty region, and for a constant image if the protocol scales it by its own intensities.

    Raises:
        ValueError: Shapes differ, the mask is empty, a voxel in it is NaN or infinite, or the truth is constant.
    """
    volumes = {
        "image": as_image(image, "image", spatial_dims),
        "truth": as_image(truth, "truth", spatial_dims),
        "mask": as_image(mask, regions[0], spatial_dims),
    }
    labels = np.zeros_like(volumes["truth"]) if label is None else as_image(label, "label", spatial_dims)
    _check(volumes | {"label": labels}, regions[0])
    inside, labelled = volumes["mask"] != 0, labels != 0
    parts = dict(zip(regions, (inside, inside & labelled, inside & ~labelled), strict=True))
    organisers_masks = dict(zip(regions, (inside, labelled, ~labelled), strict=True))
    rows = []
    for protocol in protocols:
        pair = scale_pair(volumes["image"], volumes["truth"], inside, protocol)
        similarity = dict.fromkeys(parts, math.nan)
        if protocol == "brasyn":
            similarity = {name: masked_ssim(pair.image, pair.truth, kept) for name, kept in organisers_masks.items()}
        elif protocol == "percentile_truth":
            similarity = region_ssim(pair.image, pair.truth, parts, pair.data_range)
        row: dict[str, float | str] = {"protocol": protocol}
        for name, region in parts.items():
            scores = _errors(pair, region) | {"ssim": similarity[name]}
            row |= {f"{metric}_{name}": scores.get(metric, math.nan) for metric in QUALITY_METRICS}
        rows.append(row)
    return rows


def evaluation_mask(originals: Sequence[npt.ArrayLike], spatial_dims: int = 3) -> Mask:
    """Return the mask of the evaluated voxels: where all four acquired images are nonzero, ``(X, Y[, Z])``.

    Args:
        originals: The four acquired images of a case, ``(X, Y[, Z])`` or ``(1, X, Y[, Z])``.
        spatial_dims: 2 or 3.

    Raises:
        ValueError: There are not four images, their shapes differ, or the mask is empty.
    """
    if len(originals) != 4:
        msg = (
            f"The evaluation mask is computed from all four originals, got {len(originals)} images. Scores on "
            f"another mask would not be comparable. Evaluate cases that have all four."
        )
        raise ValueError(msg)
    volumes = [as_image(image, "original", spatial_dims) for image in originals]
    if len({volume.shape for volume in volumes}) > 1:
        msg = f"The originals must be on one grid, found shapes {[volume.shape for volume in volumes]}. Resample them."
        raise ValueError(msg)
    mask: Mask = np.logical_and.reduce([volume != 0 for volume in volumes])
    if not mask.any():
        msg = "No voxel is nonzero in all four originals: one is blank, or they do not overlap. Inspect the images."
        raise ValueError(msg)
    return mask


def constant_name(regions: Sequence[str] = QUALITY_REGIONS) -> str:
    """Return the name of the constant reference image: ``constant brain mean``."""
    return f"constant {regions[0]} mean"


def _checked_mask(mask: npt.ArrayLike, truth: Volume, spatial_dims: int) -> Mask:
    inside: Mask = as_image(mask, "mask", spatial_dims) != 0
    if inside.shape != truth.shape or not inside.any():
        msg = (
            f"The evaluation mask has shape {inside.shape} and {np.count_nonzero(inside)} voxels inside, the "
            f"truth shape {truth.shape}. Give a nonempty mask on the truth's grid."
        )
        raise ValueError(msg)
    return inside


def copy_source(source: Volume, truth: Volume, mask: Mask) -> Volume:
    """Return the reference image "source copied": the source with the truth's mean and SD in the mask, else 0.

    No model knows the truth's mean and SD, so this baseline has an advantage: its MSE is 2 - 2r under both
    z-score protocols.
    """
    inside, true = source[mask].astype(np.float64), truth[mask].astype(np.float64)
    deviation = inside.std()
    scaled = (inside - inside.mean()) / deviation if deviation > 0 else np.zeros_like(inside)
    copied = np.zeros(truth.shape)
    copied[mask] = scaled * true.std() + true.mean()
    return copied


def constant_mean(truth: Volume, mask: Mask) -> Volume:
    """Return the constant reference image: the truth's mean everywhere in the mask, else 0."""
    return np.where(mask, truth[mask].astype(np.float64).mean(), 0.0)


def _errors(pair: ScaledPair, region: Mask) -> dict[str, float]:
    """Compute all metrics except SSIM."""
    if not region.any():
        return {}
    difference = pair.image[region] - pair.truth[region]
    mse = float((difference**2).mean())
    psnr = 10 * math.log10(pair.data_range**2 / mse) if mse else math.inf
    mae = float(np.abs(difference).mean())
    return {"mse": mse, "mae": mae, "psnr": psnr, "clipped": float(pair.clipped[region].mean())}


def _check(volumes: Mapping[str, Volume], whole: str) -> None:
    """Check that all volumes are on one grid, the mask is not empty, and all voxels are finite."""
    shapes = {name: volume.shape for name, volume in volumes.items()}
    if len(set(shapes.values())) > 1:
        msg = (
            f"All images must be on one grid, found shapes {shapes}. Resample the image to the truth's grid (Invertd)."
        )
        raise ValueError(msg)
    if not volumes["mask"].any():
        msg = f"The evaluation {whole} is empty. See evaluation_mask, or check the mask."
        raise ValueError(msg)
    for name in ("image", "truth"):
        bad = np.count_nonzero(~np.isfinite(volumes[name]))
        if bad:
            msg = f"The {name} contains {bad} voxels that are NaN or infinite, so no score can be computed."
            raise ValueError(msg)
