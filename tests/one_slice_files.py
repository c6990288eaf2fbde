"""Files of one CT slice: pictures, and DICOM written by ITK."""

from __future__ import annotations

import locale
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import ArrayLike


def save_picture(path: Path, columns: ArrayLike, dtype: type = np.uint8) -> Path:
    """Write an array ``(X, Y)``, X to the right and Y down, as a picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.ascontiguousarray(np.asarray(columns, dtype).T)).save(path)
    return path


def save_dicom(
    path: Path, columns: ArrayLike, spacing: tuple[float, float] = (0.7, 0.8), *, rescaled: bool = True
) -> Path:
    """Write an array ``(X, Y)`` in HU as a slice of DICOM, or without its rescaling: air is 0 then."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.asarray(columns, np.int16).T[None]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # SWIG, which wraps ITK, warns while it loads
        import itk  # noqa: PLC0415 - takes seconds

        slice_: Any = itk.image_from_array(np.ascontiguousarray(values if rescaled else values + 1024))
        slice_.SetSpacing([*spacing, 5.0])
        stated = {"0008|0060": "CT", "0020|0032": "-100\\-120\\33", "0020|0037": "1\\0\\0\\0\\1\\0"}
        stated |= {"0028|1052": "-1024", "0028|1053": "1"} if rescaled else {}
        for tag, value in stated.items():
            slice_.GetMetaDataDictionary()[tag] = value
        writer = itk.ImageFileWriter[type(slice_)].New(Input=slice_, FileName=str(path), ImageIO=itk.GDCMImageIO.New())
        spoken = locale.setlocale(locale.LC_ALL)
        writer.Update()  # leaves the locale C behind, in which Python reads text as ASCII
        locale.setlocale(locale.LC_ALL, spoken)
    return path
