"""Read the layout of nnU-Net: ``imagesTr/<case>_0000.nii.gz``, one number per channel, and ``labelsTr/<case>.nii.gz``.

What the numbers mean is stated by ``dataset.json`` (Isensee et al. 2021, 10.1038/s41592-020-01008-z): ``channel_names``
in version 2, ``modality`` in version 1.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanfill.data.provenance import stem_of
from scanfill.data.text import read_text
from scanfill.errors import CaseError

CHANNEL = re.compile(r"(?P<case>.+)_(?P<channel>\d{4})", re.DOTALL)
IMAGES = re.compile(r"images(?P<part>Tr|Ts|Val)?", re.IGNORECASE)
EXAMPLE = '{"channel_names": {"0": "T1", "1": "T1CE", "2": "T2", "3": "FLAIR"}}'


@dataclass(frozen=True)
class NnunetDataset:
    """What a ``dataset.json`` states.

    Attributes:
        path: The file.
        channels: Number of a channel -> its name.
        labels: Name of a label -> its value, or the values of a region.
    """

    path: Path
    channels: Mapping[int, str]
    labels: Mapping[str, tuple[int, ...]]


def has_channels(folder: Path, paths: Sequence[Path]) -> bool:
    """Whether the volumes of a folder are named as nnU-Net expects them, by name alone.

    In a folder named ``images...`` one such file is enough; elsewhere all must be, one of them with the number 0000.
    """
    numbers = [match["channel"] for path in paths if (match := CHANNEL.fullmatch(stem_of(path)))]
    named = IMAGES.fullmatch(folder.name) is not None
    return bool(numbers) and (named or (len(numbers) == len(paths) and "0000" in numbers))


def group_channels(paths: Sequence[Path]) -> dict[str, dict[int, list[Path]]]:
    """Return case -> number of a channel -> its files, of which there should be one; other files are left out."""
    found: dict[str, dict[int, list[Path]]] = {}
    for path in paths:
        if match := CHANNEL.fullmatch(stem_of(path)):
            found.setdefault(match["case"], {}).setdefault(int(match["channel"]), []).append(path)
    return found


def labels_folder(images: Path) -> Path | None:
    """Return the folder of the labels for a folder of images: ``labelsTr`` for ``imagesTr``."""
    match = IMAGES.fullmatch(images.name)
    if match is None:
        return None
    wanted = f"labels{match['part'] or ''}".lower()
    return next((path for path in images.parent.iterdir() if path.name.lower() == wanted and path.is_dir()), None)


def read_dataset(images: Path) -> NnunetDataset:
    """Read the ``dataset.json`` next to a folder of images, or in it.

    Raises:
        CaseError: There is none, it cannot be read, or it does not name the channels.
    """
    places = [images.parent / "dataset.json", images / "dataset.json"]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        msg = (
            f"{images} holds files named as for nnU-Net (<case>_0000, <case>_0001, ...), but there is no {places[0]}, "
            f"so which number is which image is unknown. Write that file with the names in their order, such as "
            f"{EXAMPLE}."
        )
        raise CaseError(msg)
    try:
        content = json.loads(read_text(path))
        channels = _channels(content)
        labels = _labels(content)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        msg = f"{path} cannot be used ({error}): it must name the channels, such as {EXAMPLE}."
        raise CaseError(msg) from error
    if not channels:
        msg = f"{path} has neither channel_names nor modality: add the names of the channels, such as {EXAMPLE}."
        raise CaseError(msg)
    return NnunetDataset(path, channels, labels)


def _channels(content: Mapping[str, Any]) -> dict[int, str]:
    stated = content.get("channel_names") or content.get("modality") or {}
    if isinstance(stated, list):
        stated = dict(enumerate(stated))
    if stated and all(isinstance(value, int) for value in stated.values()):  # {"T1": 0} is a common mistake
        stated = {number: name for name, number in stated.items()}
    return {int(number): str(name) for number, name in stated.items()}


def _labels(content: Mapping[str, Any]) -> dict[str, tuple[int, ...]]:
    """Return name -> values from ``{"name": 1}``, ``{"name": [1, 2]}`` (version 2) or ``{"1": "name"}`` (version 1)."""
    found: dict[str, tuple[int, ...]] = {}
    for key, value in (content.get("labels") or {}).items():
        if isinstance(value, str):
            found[value] = (int(key),)
        else:
            found[str(key)] = tuple(int(each) for each in value) if isinstance(value, list) else (int(value),)
    return found
