"""The signal of tissue in MRI: proton density, relaxation and its texture, contrast agent, and signal equations."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from scanfill.anatomy.brain_anatomy import Array, Points, T, Tissue, smooth_field


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
