"""The four intensity scales for comparing a synthetic image with the truth; their scores are never mixed.

==================== =================================================================== ============================
protocol             both images                                                         after
==================== =================================================================== ============================
``zscore_own``       each z-scored by its own mean and SD in the mask: MSE  = 2 - 2r     published synthesis studies
``zscore_truth``     both z-scored by the truth's mean and SD in the mask                the primary MSE
``brasyn``           each clipped at its own 0.5 and 99.5 percentiles over the whole     the BraSyn challenge
                     volume (not below 0) and scaled to [0, 1]
``percentile_truth`` both clipped at the truth's 0.5 and 99.5 percentiles in the mask    the primary SSIM
                     and scaled to [0, 1]
==================== =================================================================== ============================
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from scanfill.metrics.label_arrays import Mask

Volume = npt.NDArray[Any]

PROTOCOLS = ("zscore_own", "zscore_truth", "brasyn", "percentile_truth")
"""Names of the protocols."""

PERCENTILES = (0.5, 99.5)


@dataclass(frozen=True)
class ScaledPair:
    """A synthetic image and the truth, on the scale of a protocol.

    Attributes:
        image: ``(X, Y, Z)``; NaN if the protocol cannot scale it because it is constant.
        truth: ``(X, Y, Z)``.
        data_range: 1 for percentiles; for z-scores the distance between the truth's 0.5 and 99.5 percentiles in the
            mask, in SD.
        clipped: Voxels of the truth that were clipped, ``(X, Y, Z)``.
    """

    image: Volume
    truth: Volume
    data_range: float
    clipped: Mask


def scale_pair(image: Volume, truth: Volume, mask: Mask, protocol: str) -> ScaledPair:
    """Scale a synthetic image and the truth according to a protocol.

    Args:
        image: ``(X, Y, Z)``, intensities as in the file, 0 outside the head.
        truth: True image of the same shape.
        mask: Mask of the same shape, not empty.
        protocol: Name from :py:data:`PROTOCOLS`.

    Raises:
        ValueError: The protocol is unknown, or the truth is constant.
    """
    if protocol not in PROTOCOLS:
        msg = f"protocol (={protocol!r}) must be one of {', '.join(PROTOCOLS)}."
        raise ValueError(msg)
    image, truth = image.astype(np.float64), truth.astype(np.float64)
    if protocol.startswith("zscore"):
        return _z_scored(image, truth, mask, own=protocol == "zscore_own")
    if protocol == "brasyn":
        limits, own_limits = (_percentiles(volume, at_least=0) for volume in (truth, image))
    else:
        limits = own_limits = _percentiles(truth[mask])
    low, high = _checked(limits, protocol)
    clipped = (truth < low) | (truth > high)
    return ScaledPair(_to_unit(image, own_limits), _to_unit(truth, limits), 1.0, clipped)


def _z_scored(image: Volume, truth: Volume, mask: Mask, *, own: bool) -> ScaledPair:
    inside = truth[mask]
    low, high = _checked(_percentiles(inside), "z-score")
    mean, deviation = inside.mean(), inside.std()
    truth_range = float((high - low) / deviation)
    scaled_truth = (truth - mean) / deviation
    if own:
        mean, deviation = image[mask].mean(), image[mask].std()
        constant = deviation <= 1e-9 * abs(mean)
        scaled = np.full(image.shape, np.nan) if constant else (image - mean) / deviation
    else:
        scaled = (image - mean) / deviation
    return ScaledPair(scaled, scaled_truth, truth_range, np.zeros(truth.shape, bool))


def _percentiles(values: Volume, at_least: float | None = None) -> tuple[float, float]:
    low, high = (float(value) for value in np.percentile(values, PERCENTILES))
    return (low if at_least is None else max(low, at_least)), high


def _checked(limits: tuple[float, float], protocol: str) -> tuple[float, float]:
    """Check that the truth is not constant."""
    low, high = limits
    if not high > low:
        msg = (
            f"The truth has no contrast for protocol {protocol}: its 0.5 and 99.5 percentiles are {low:g} and "
            f"{high:g}. It is blank, or (brasyn) has hardly any foreground; leave the case out."
        )
        raise ValueError(msg)
    return limits


def _to_unit(volume: Volume, limits: tuple[float, float]) -> Volume:
    """Clip at the limits and scale to [0, 1]; NaN if the limits are equal."""
    low, high = limits
    if not high > low:
        return np.full(volume.shape, np.nan)
    return (np.clip(volume, low, high) - low) / (high - low)
