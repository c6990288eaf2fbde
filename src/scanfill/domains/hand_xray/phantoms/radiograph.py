"""A radiograph of a hand from its outlines: attenuation adds up along the beam, then comes what a detector makes of it.

Lengths are in pixels of the image.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import distance_transform_edt, gaussian_filter, zoom
from skimage.exposure import equalize_adapthist

from scanfill.data.outlines import Ring, fill_outlines

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Exposure:
    """How a radiograph was taken and processed.

    Attributes:
        cortex: Attenuation of compact bone per hand length.
        spongy: Attenuation of spongy bone.
        tissue: Attenuation of soft tissue.
        thick: Half the thickness of the palm, in hand lengths.
        texture: Relative SD of the spongy bone's attenuation.
        gamma: Exponent of the gray values, after scaling to [0, 1].
        background: Gray value of air, and its change from one side to the other.
        scatter: Share of the signal that is scattered far.
        blur: SD of the blur in hand lengths.
        noise: SD of the noise, in gray values of [0, 1].
        wall: Share of a bone's half thickness that is compact.
        local_contrast: Clip limit of adaptive histogram equalization; 0 for none.
        cut_out: Whether the background was removed.
    """

    cortex: float
    spongy: float
    tissue: float
    thick: float
    texture: float
    gamma: float
    background: tuple[float, float]
    scatter: float
    blur: float
    noise: float
    wall: float
    local_contrast: float
    cut_out: bool


def draw_exposure(random: np.random.Generator, *, randomized: bool) -> Exposure:
    """Draw an exposure of one kind of detector, or of any."""

    def between(usual: tuple[float, float], any_: tuple[float, float]) -> float:
        return float(random.uniform(*(any_ if randomized else usual)))

    equalized = randomized and random.random() < 0.35
    return Exposure(
        cortex=between((22, 30), (14, 40)),
        spongy=between((7, 10), (3, 14)),
        tissue=between((10, 16), (4, 22)),
        thick=between((0.07, 0.09), (0.04, 0.1)),
        texture=between((0.1, 0.2), (0, 0.35)),
        gamma=between((0.8, 1.1), (0.5, 1.6)),
        background=(between((0, 0.05), (0, 0.5)) * (random.random() < 0.6), between((-0.02, 0.02), (-0.2, 0.2))),
        scatter=between((0.02, 0.06), (0, 0.2)),
        blur=between((0.001, 0.002), (0.0005, 0.006)),
        noise=between((0.004, 0.012), (0.002, 0.03)),
        wall=between((0.2, 0.3), (0.12, 0.4)),
        local_contrast=float(random.uniform(0.005, 0.03)) if equalized else 0.0,
        cut_out=randomized and random.random() < 0.3,
    )


def expose(
    bones: Mapping[str, Sequence[Ring]], flesh: NDArray[np.bool_], scale: float, *, exposure: Exposure,
    random: np.random.Generator, metal: Sequence[Ring] = (),
) -> Picture:  # fmt: skip
    """Make the image.

    Args:
        bones: Rings of each bone, in pixels, x to the right and y down.
        flesh: Where there is soft tissue, ``(size, size)``.
        scale: Hand length in pixels.
        exposure: How it is taken.
        random: Source of texture and noise.
        metal: Rings of objects such as jewelry.

    Returns:
        Gray values in [0, 1], ``(size, size)``, x first.
    """
    size = len(flesh)
    attenuation = exposure.tissue * _tissue(flesh, exposure.thick * scale) / scale
    grain = 1 + exposure.texture * _grain(size, 0.004 * scale, random)
    for rings in bones.values():
        wall = exposure.wall * float(random.uniform(0.8, 1.2))
        for ring in rings:
            place, solid, inner = _bone(ring, size, wall)
            attenuation[place] += (exposure.cortex * (solid - inner) + exposure.spongy * inner * grain[place]) / scale
    for ring in metal:
        attenuation[fill_outlines([ring], flesh.shape)] += 4.0
    signal = gaussian_filter(attenuation, exposure.blur * scale)
    signal = signal + exposure.scatter * _far(signal, 0.15 * size)
    gray = _normalized(signal) ** exposure.gamma
    air, slope = exposure.background
    gray = air + (1 - air) * gray + slope * np.linspace(-0.5, 0.5, size, dtype=np.float32)[:, None]
    gray = gray + random.normal(0, exposure.noise, gray.shape) * (0.5 + gray)
    gray = np.clip(gray, 0, 1)
    if exposure.cut_out:
        gray = gray * gaussian_filter(flesh.astype(np.float32), 0.004 * scale)
    if exposure.local_contrast:
        gray = equalize_adapthist(gray, clip_limit=exposure.local_contrast)
    return np.asarray(gray, np.float32)


def collimated(image: Picture, random: np.random.Generator, keep: Ring) -> Picture:
    """Darken what is outside the collimated field, a rectangle that is slightly turned and contains some points.

    Args:
        image: ``(X, Y)``.
        random: Source of the field.
        keep: Points that stay inside, ``(N, 2)``.
    """
    turn = np.radians(random.normal(0, 3))
    axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    x, y = np.mgrid[: image.shape[0], : image.shape[1]]
    outside = np.zeros(image.shape, bool)
    for axis in axes:
        along, inside = axis[0] * x + axis[1] * y, keep @ axis
        margin = random.uniform(0.02, 0.15, 2) * image.shape[0]
        outside |= (along < inside.min() - margin[0]) | (along > inside.max() + margin[1])
    return np.where(outside, np.float32(random.uniform(0, 0.08)), image).astype(np.float32)


def with_marker(image: Picture, text: str, random: np.random.Generator, avoid: NDArray[np.bool_]) -> Picture:
    """Draw the letter of a side, or a ruler, where it covers none of the pixels to avoid; or nothing.

    Args:
        image: ``(X, Y)``.
        text: The letter; empty for a ruler.
        random: Source of place and size.
        avoid: ``(X, Y)``.
    """
    size = image.shape[0]
    high = int(size * random.uniform(0.04, 0.08))
    wide = high if text else int(size * 0.3)
    drawn = Image.new("L", (wide, high), 0)
    pen = ImageDraw.Draw(drawn)
    if text:
        pen.text((high // 4, 0), text, fill=255, font=ImageFont.load_default(high * 0.8))
    else:
        for mark in range(0, wide, max(3, high // 4)):
            pen.line((mark, 0, mark, high // (2 if mark % 5 else 1)), fill=255, width=max(1, high // 16))
    stamp = np.asarray(drawn, np.float32).T / 255
    stamp = np.rot90(stamp, int(random.integers(0, 4)))
    for _ in range(20):
        left, top = (int(random.integers(0, size - side)) for side in stamp.shape)
        place = slice(left, left + stamp.shape[0]), slice(top, top + stamp.shape[1])
        if not avoid[place].any():
            marked = image.copy()
            marked[place] = np.maximum(marked[place], stamp * float(random.uniform(0.7, 1)))
            return marked
    return image


def flesh_mask(flesh: Sequence[Ring], size: int) -> NDArray[np.bool_]:
    """Return the pixels of the union of some rings, ``(size, size)``."""
    mask = np.zeros((size, size), bool)
    for ring in flesh:
        mask |= fill_outlines([ring], mask.shape)
    return mask


def _tissue(flesh: NDArray[np.bool_], thick: float) -> Picture:
    """Return the thickness of soft tissue: round at its edges, flat in the middle."""
    depth = distance_transform_edt(np.pad(flesh, ((1, 1), (1, 0))))[1:-1, 1:].clip(max=thick)
    return np.asarray(gaussian_filter(2 * np.sqrt(depth * (2 * thick - depth)), 0.1 * thick), np.float32)


def _bone(ring: Ring, size: int, wall: float) -> tuple[tuple[slice, slice], Picture, Picture]:
    """Return where a bone is, its thickness there, and the thickness of the part inside its compact wall."""
    low = np.floor(ring.min(axis=0)).astype(int).clip(0, size - 1)
    high = (np.ceil(ring.max(axis=0)).astype(int) + 1).clip(1, size)
    depth = distance_transform_edt(fill_outlines([ring - low + 1], high - low + 2))[1:-1, 1:-1]
    radius = float(depth.max()) + 1e-6
    solid = 2 * np.sqrt((depth * (2 * radius - depth)).clip(0))
    core, inner = (depth - wall * radius).clip(0), radius * (1 - wall)
    return (slice(low[0], high[0]), slice(low[1], high[1])), solid, 2 * np.sqrt((core * (2 * inner - core)).clip(0))


def _far(signal: Picture, distance: float) -> Picture:
    """Blur over a distance in pixels, on a coarse grid."""
    step = max(1, int(distance / 4))
    size = len(signal)
    rows = -(-size // step) * step
    padded = np.pad(signal, (0, rows - size), mode="edge").reshape(rows // step, step, rows // step, step)
    blurred = gaussian_filter(padded.mean(axis=(1, 3)), distance / step)
    return np.asarray(zoom(blurred, step, order=1, grid_mode=True, mode="nearest")[:size, :size], np.float32)


def _grain(size: int, grain: float, random: np.random.Generator) -> Picture:
    """Return a random texture of mean 0 and SD 1 whose grains have a size in pixels."""
    coarse = random.normal(size=(max(4, int(np.ceil(size / max(1.0, grain)))),) * 2)
    fine = zoom(coarse, size / coarse.shape[0], order=1, grid_mode=True, mode="nearest")[:size, :size]
    return np.asarray((fine - fine.mean()) / fine.std(), np.float32)


def _normalized(signal: Picture) -> Picture:
    """Scale to [0, 1], but for the brightest 0.1 %."""
    return np.asarray(np.clip(signal / np.quantile(signal, 0.999), 0, 1), np.float32)
