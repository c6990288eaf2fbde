"""Say how much the looks of one mask differ, after they were drawn."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from scanfill.data.image import read_image
from scanfill.data.provenance import synthetic_path
from scanfill.files import writing
from scanfill.label_to_image.templates import LOOK_OF
from scanfill.metrics.sample_diversity import similarity_of_looks

NAME = "looks.json"


def report_looks(
    requests: Sequence[Mapping[str, Any]],
    output_dir: str | Path,
    *,
    image_key: str,
    gray_range: Sequence[float],
    suffix: str = ".nii.gz",
) -> dict[str, float] | None:
    """Write ``<output_dir>/looks.json``: how alike the looks of a mask are; nothing if each mask has one.

    Args:
        requests: See :py:func:`~scanfill.label_to_image.templates.find_templates`.
        output_dir: Folder of the new slices.
        image_key: The image of a case.
        gray_range: Smallest and largest possible gray value.
        suffix: Type of the files.

    Returns:
        ``masks`` with several looks, ``ms_ssim``: mean multiscale SSIM of pairs of looks of one mask, and ``sd``: mean
        over pixels of their SD, in units of the image.
    """
    groups: dict[str, list[Tensor]] = {}
    for request in requests:
        name = str(request["case_id"])
        path = synthetic_path(output_dir, name, image_key, suffix)
        if request[LOOK_OF] != name and path.is_file():
            image = torch.Tensor(read_image(path, f"Look {name!r}", single_slices=True))
            groups.setdefault(str(request[LOOK_OF]), []).append(image[..., 0])
    looks = [torch.stack(images) for images in groups.values() if len(images) > 1]
    if not looks:
        return None
    found = {
        "masks": len(looks),
        "ms_ssim": similarity_of_looks(looks, float(gray_range[1]) - float(gray_range[0])),
        "sd": sum(float(images.std(dim=0).mean()) for images in looks) / len(looks),
    }
    with writing(Path(output_dir) / NAME) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(  # noqa: T201 - command-line output
        f"Looks of one mask ({len(looks)} masks): mean MS-SSIM {found['ms_ssim']:.3f}, mean SD {found['sd']:.3g} in "
        f"units of the image."
    )
    return found
