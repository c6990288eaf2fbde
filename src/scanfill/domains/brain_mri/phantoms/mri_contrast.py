"""How a scanner makes four MRI contrasts of a brain: protocols of several sites, and the effects of acquisition."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from scanfill.anatomy.brain_anatomy import Array, Points, smooth_field
from scanfill.anatomy.mri_signal import Sequence
from scanfill.domains.brain_mri.modalities import MODALITIES


@dataclass(frozen=True)
class Site:
    """A scanner and its protocol: timing in ms (with small deviations per subject), and its scale.

    A scanner's prescan adapts the gain to each series: ``scale`` is the resulting mean intensity of a brain.
    """

    t1: Sequence
    t2: Sequence
    flair: Sequence
    scale: float


SITES = (
    Site(Sequence(520.0, 12.0), Sequence(4200.0, 95.0), Sequence(9000.0, 110.0, 2400.0), 55.0),
    Site(Sequence(600.0, 9.0), Sequence(3600.0, 85.0), Sequence(8500.0, 120.0, 2350.0), 400.0),
    Site(Sequence(450.0, 14.0), Sequence(5000.0, 105.0), Sequence(10000.0, 125.0, 2500.0), 2000.0),
    Site(Sequence(660.0, 15.0), Sequence(3200.0, 80.0), Sequence(8000.0, 95.0, 2250.0), 8000.0),
)


@dataclass(frozen=True)
class Protocol:
    """How one subject is scanned.

    Attributes:
        sequences: Timing by modality.
        scale: Mean intensity of the brain by modality.
        noise: SD of the noise in each of the two channels, as a fraction of the mean signal.
        slice_thickness: In mm; None: same as the grid.
    """

    sequences: dict[str, Sequence]
    scale: dict[str, float]
    noise: float
    slice_thickness: float | None


def draw_protocol(rng: np.random.Generator, site: Site, slice_thickness: float | None) -> Protocol:
    """Draw the protocol of one subject: T1 before and after contrast agent share a sequence, but not a scale."""

    def near(sequence: Sequence) -> Sequence:
        repetition, echo, inversion = rng.normal(1.0, [0.05, 0.05, 0.015])
        return Sequence(
            sequence.repetition * repetition,
            sequence.echo * echo,
            None if sequence.inversion is None else sequence.inversion * inversion,
        )

    t1 = near(site.t1)
    return Protocol(
        sequences={"t1": t1, "t1ce": t1, "t2": near(site.t2), "flair": near(site.flair)},
        scale={name: site.scale * float(np.exp(rng.normal(0.0, 0.2))) for name in MODALITIES},
        noise=float(rng.uniform(0.025, 0.055)),
        slice_thickness=slice_thickness,
    )


def scan(
    rng: np.random.Generator,
    signals: dict[str, Array],
    depth: Array,
    axes: Points,
    protocol: Protocol,
    *,
    strip: bool = True,
) -> dict[str, Array]:
    """Blur, shade, slice and add noise to ideal signals, then strip everything outside the brain to exactly 0.

    Args:
        rng: Source of randomness.
        signals: Ideal signal of each modality, shape ``(X, Y, Z)``.
        depth: Depth below the brain's surface in mm.
        axes: Coordinates of the grid in mm.
        protocol: How the subject is scanned.
        strip: Whether to strip; otherwise signal and noise outside the brain are kept.

    Returns:
        Integers from 1 to 32767 inside each modality's own mask, 0 outside; if unstripped, from 0 to 32767.
    """
    spacing = abs(float(axes[0][1] - axes[0][0]))
    shared = 0.10 * smooth_field(rng, axes, 60.0)
    images = {}
    for name, signal in signals.items():
        shading = np.exp(shared + 0.05 * smooth_field(rng, axes, 60.0))
        image = gaussian_filter(signal / signal[depth > 0].mean(), 1.2 / spacing) * shading
        count = 1 if protocol.slice_thickness is None else max(2, round(protocol.slice_thickness / spacing))
        slices = average_slices(image, count)
        real, imaginary = protocol.noise * rng.standard_normal((2, *slices.shape))
        image = interpolate_slices(np.hypot(slices + real, imaginary), count, image.shape[2])
        # Each modality is stripped a little differently.
        mask = depth + 0.7 * smooth_field(rng, axes, 20.0) > 0
        image = np.rint(image * protocol.scale[name])
        images[name] = np.where(mask, np.clip(image, 1, 32767), 0.0) if strip else np.clip(image, 0, 32767)
    return images


def average_slices(image: Array, count: int) -> Array:
    """Average every ``count`` planes along z; if planes are left over at the top, the last one is repeated."""
    padded = np.pad(image, ((0, 0), (0, 0), (0, -image.shape[2] % count)), mode="edge")
    return np.asarray(padded.reshape(*image.shape[:2], -1, count).mean(axis=3))


def interpolate_slices(slices: Array, count: int, planes: int) -> Array:
    """Interpolate slices ``count`` planes thick linearly to ``planes`` thin ones, as registration to 1 mm does."""
    if count == 1:
        return slices
    position = np.clip((np.arange(planes) + 0.5) / count - 0.5, 0, slices.shape[2] - 1)
    low = np.floor(position).astype(int)
    high = np.minimum(low + 1, slices.shape[2] - 1)
    weight = position - low
    return np.asarray(slices[..., low] * (1 - weight) + slices[..., high] * weight)
