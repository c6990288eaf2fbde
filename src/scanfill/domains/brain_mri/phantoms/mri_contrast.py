"""Convert tissue to four MRI contrasts: relaxation, signal equations, and scanner effects."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import gaussian_filter

from scanfill.domains.brain_mri.modalities import MODALITIES
from scanfill.domains.brain_mri.phantoms.brain_anatomy import Array, Points, T, Tissue, smooth_field


@dataclass(frozen=True)
class Relaxation:
    """Proton density (water is 1), T1 and T2 in ms (1.5 T to 3 T), their texture, and contrast agent uptake."""

    density: float
    t1: float
    t2: float
    spread: tuple[float, float, float]  # SD of the texture of the logarithm of density, T1 and T2
    uptake: float = 0.0  # added relaxation rate 1/T1 after contrast agent, in 1/s


# Flowing blood dephases, which a spin echo records as a very short T2 (the flow void).
RELAXATION = {
    Tissue.CSF: Relaxation(1.00, 3800.0, 1300.0, (0.03, 0.06, 0.25)),
    Tissue.VENTRICLE: Relaxation(1.00, 3900.0, 1500.0, (0.02, 0.05, 0.20)),
    Tissue.GREY: Relaxation(0.86, 1250.0, 104.0, (0.05, 0.05, 0.10), 0.04),
    Tissue.WHITE: Relaxation(0.69, 830.0, 70.0, (0.05, 0.05, 0.10), 0.02),
    Tissue.VESSEL: Relaxation(0.90, 1500.0, 30.0, (0.05, 0.08, 0.20), 3.0),
    Tissue.NECROSIS: Relaxation(0.92, 2350.0, 225.0, (0.04, 0.20, 0.30), 0.08),
    Tissue.EDEMA: Relaxation(0.87, 1650.0, 174.0, (0.03, 0.12, 0.18), 0.04),
    Tissue.ENHANCING: Relaxation(0.87, 1750.0, 199.0, (0.04, 0.17, 0.27), 0.9),
}


@dataclass(frozen=True)
class Sequence:
    """Timing of one acquisition in ms: an inversion recovery if it has an inversion time, otherwise a spin echo."""

    repetition: float
    echo: float
    inversion: float | None = None

    def signal(self, density: Array, t1: Array, t2: Array) -> Array:
        """Return the magnitude for proton density, T1 and T2 in ms (Bernstein, Handbook of MRI Pulse Sequences)."""
        recovery = 1.0 - np.exp(-self.repetition / t1)
        if self.inversion is not None:
            recovery = np.abs(1.0 - 2.0 * np.exp(-self.inversion / t1) + np.exp(-self.repetition / t1))
        return np.asarray(density * recovery * np.exp(-self.echo / t2))


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


def draw_relaxation(rng: np.random.Generator) -> dict[Tissue, Relaxation]:
    """Draw the relaxation of one subject's tissues around the table: a few percent, far more in tumors."""
    drawn = {}
    # The parts of one tumor have a similar water content, so most of their deviation is common.
    tumour = rng.normal(0.0, [0.02, 0.07, 0.08, 0.0])
    for tissue, mean in RELAXATION.items():
        deviation = rng.normal(0.0, [0.01, 0.04, 0.04, 0.15])
        if tissue in {Tissue.NECROSIS, Tissue.EDEMA, Tissue.ENHANCING}:
            deviation = 0.5 * deviation + tumour
        density, t1, t2, uptake = np.exp(deviation)
        drawn[tissue] = replace(
            mean, density=mean.density * density, t1=mean.t1 * t1, t2=mean.t2 * t2, uptake=mean.uptake * uptake
        )
    return drawn


def draw_texture(rng: np.random.Generator, axes: Points) -> Array:
    """Return correlated fields for the logarithm of density, T1 and T2, shape ``(3, X, Y, Z)``, variance 1.

    Water raises all three, so they share a component; every contrast sees the same fields.
    """

    def field() -> Array:
        return 0.9 * smooth_field(rng, axes, 4.0) + 0.44 * smooth_field(rng, axes, 12.0)

    common = field()
    return np.stack([0.6 * common + 0.8 * field() for _ in range(3)])


def ideal_signals(
    fractions: Mapping[T, Array],
    relaxation: Mapping[T, Relaxation],
    texture: Array,
    sequences: dict[str, Sequence],
) -> dict[str, Array]:
    """Return the signal of every modality without scanner imperfections: tissues weighted by their voxel fraction.

    Args:
        fractions: Fraction of each tissue, arrays of one shape.
        relaxation: Relaxation of each tissue; a tissue not listed (air) gives no signal.
        texture: Fields of :py:func:`draw_texture`.
        sequences: Timing of each modality; ``t1ce`` is acquired after contrast agent.
    """
    signals = {name: np.zeros(texture.shape[1:]) for name in sequences}
    for tissue, share in fractions.items():
        if tissue not in relaxation:
            continue
        there = share > 1e-3
        mean = relaxation[tissue]
        density, t1, t2 = (
            value * np.exp(spread * field[there])
            for value, spread, field in zip((mean.density, mean.t1, mean.t2), mean.spread, texture, strict=True)
        )
        # Uptake follows the same vascular texture, in ms: 1 / (1/T1 + rate).
        enhanced = 1.0 / (1.0 / t1 + 1e-3 * mean.uptake * np.exp(-0.2 * texture[1][there]))
        for name, sequence in sequences.items():
            signals[name][there] += share[there] * sequence.signal(density, enhanced if name == "t1ce" else t1, t2)
    return signals


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
