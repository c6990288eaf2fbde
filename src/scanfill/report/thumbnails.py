"""Small upright pictures of cases: one slice of a volume, or a picture, with square pixels, as PNG."""

from dataclasses import dataclass
from io import BytesIO

import numpy as np
from monai.data import MetaTensor
from numpy.typing import NDArray
from PIL import Image

from scanfill.data.single_slice import as_picture, is_picture_slice
from scanfill.report.panels import AS_STORED, PLANES, Array, Grid, Plane, blacken

SIDE = 128
"""Longest side of a thumbnail in pixels."""

WINDOW = (1, 99.5)
"""Percentiles of the values other than 0 that are shown as black and white."""

LEVELS = 32
"""Gray levels of a PNG; with 256 it takes nearly twice the bytes."""


@dataclass(frozen=True)
class SliceView:
    """How anything on the grid of an image becomes one picture: which slice, and which way up.

    Volumes are shown in radiological convention; see :py:class:`~scanfill.report.panels.Grid` for pictures.

    Args:
        grid: Grid of the image.
        plane: The plane.
        index: Number of the slice in it.
        sizes: Voxel size along the oriented axes.
    """

    grid: Grid
    plane: Plane
    index: int
    sizes: Array

    @classmethod
    def of(cls, image: MetaTensor, inside: Array | None = None) -> "SliceView":
        """Choose the axial slice of a volume, or the only one there is.

        Args:
            image: ``(1, X, Y[, Z])``.
            inside: Mask ``(X, Y[, Z])``: the slice is that with most of it. By default, or if it is empty, the middle.
        """
        picture = as_picture(image) if is_picture_slice(image) else image
        grid = Grid.of(picture, None, picture.ndim - 1)
        (turned,), sizes = _turned(grid, [image.numpy()[0] if inside is None else inside])
        planes = [AS_STORED] if grid.as_stored else [plane for plane in PLANES if turned.shape[plane.normal] == 1]
        plane = [*planes, PLANES[0]][0]
        index = turned.shape[plane.normal] // 2
        if inside is not None and inside.any():
            index = int(np.argmax(turned.sum(axis=tuple({0, 1, 2} - {plane.normal}))))
        return cls(grid, plane, index, sizes)

    def cut(self, volume: Array) -> Array:
        """Return the picture of an array ``(X, Y[, Z])`` on the grid, ``(rows, columns)`` with the first row on top."""
        (turned,), _ = _turned(self.grid, [volume])
        return np.ascontiguousarray(self.plane.cut(turned, self.index)[::-1])

    @property
    def pixel(self) -> tuple[float, float]:
        """Height and width of a pixel of the picture."""
        across, down = np.delete(self.sizes, self.plane.normal)
        return float(down), float(across)

    def fitted(self, picture: Array, side: int = SIDE) -> NDArray[np.uint8]:
        """Return a picture with square pixels that is no longer than ``side``; it is never enlarged more than needed.

        Args:
            picture: ``(rows, columns)`` or ``(rows, columns, 3)``, uint8.
            side: Longest side in pixels.
        """
        extent = np.multiply(picture.shape[:2], self.pixel)
        finest = min(*self.pixel)
        scale = min(side / max(extent), 1 / finest)
        rows, columns = (max(1, round(length * scale)) for length in extent)
        shrunk = Image.fromarray(picture).resize((columns, rows), Image.Resampling.BOX)
        return np.asarray(shrunk)


def gray(picture: Array) -> NDArray[np.uint8]:
    """Return a picture ``(rows, columns)`` of any intensities in gray, the outside of the body in black."""
    inside = picture[picture != 0]
    low, high = (float(value) for value in np.percentile(inside, WINDOW)) if inside.size else (0.0, 1.0)
    shown = blacken(picture, min(low, 0.0) if low < 0 else low)
    return np.asarray(np.clip((shown - low) / max(high - low, 1e-6), 0, 1) * 255, np.uint8)


def png_bytes(picture: NDArray[np.uint8], levels: int = LEVELS) -> bytes:
    """Return a gray ``(rows, columns)`` or colored ``(rows, columns, 3)`` picture as the content of a PNG file.

    Args:
        picture: The picture.
        levels: Number of gray levels, a power of 2; colors are kept as they are.
    """
    step = 256 // levels if picture.ndim == 2 else 1
    buffer = BytesIO()
    Image.fromarray(picture // step * step).save(buffer, format="png", optimize=picture.ndim == 2)
    return buffer.getvalue()


def _turned(grid: Grid, volumes: list[Array]) -> tuple[list[Array], Array]:
    """Orient arrays; a volume of one slice that is shown as a picture has an axis too many."""
    flat = {str(index): each[..., 0] if each.ndim > grid.spatial_dims else each for index, each in enumerate(volumes)}
    turned, sizes = grid.turn(flat)
    return list(turned.values()), sizes
