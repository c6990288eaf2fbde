"""Brain tumor cases in the layout of nnU-Net: which channel is which modality, and what the label values mean."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from scanfill.data.image import volume_suffix
from scanfill.data.nnunet import NnunetDataset, group_channels, labels_folder, read_dataset
from scanfill.data.provenance import stem_of
from scanfill.domains.brain_mri.labels import CET, ED, LABEL_CONVENTIONS, NC
from scanfill.domains.brain_mri.naming import NamedFile, Role, recognise_file, recognise_modality
from scanfill.errors import CaseError

MEANINGS = {
    NC: re.compile(r"(?:necro\w*|non[-_ ]?enhanc\w*|ncr|net|nc)(?:[-_ /,].*)?"),
    ED: re.compile(r"(?:peri\w*[-_ ])?(?:o?edema\w*|ed|snfh|flair hyper\w*)(?:[-_ /,].*)?"),
    CET: re.compile(r"(?:(?:contrast[-_ ]?)?enhanc\w*|et|cet|at|gd[-_ ]?enhanc\w*)(?:[-_ /,].*)?"),
}
"""Internal label -> what people call it; in lower case."""

REGIONS = {
    "whole": re.compile(r"whole(?:[-_ ]?tumou?r)?|wt|complete(?:[-_ ]?tumou?r)?"),
    "core": re.compile(r"(?:tumou?r[-_ ]?)?core|tc"),
    "enhancing": MEANINGS[CET],
}
"""The overlapping regions of BraTS, as nnU-Net trains them."""


def nnunet_cases(images: Path, paths: Sequence[Path]) -> Iterator[tuple[str, list[NamedFile], str | None, list[Path]]]:
    """Yield each case of a folder of images.

    Args:
        images: The folder, such as ``imagesTr``.
        paths: Its volumes.

    Yields:
        Name of the case, its files, the convention that ``dataset.json`` states for its label, and its files that are
        no modality.

    Raises:
        CaseError: The channels are not named, or not understood.
    """
    dataset = read_dataset(images)
    roles, convention = modalities_of(dataset), convention_of(dataset)
    labels = labels_folder(images)
    truths = {stem_of(path): path for path in sorted(labels.iterdir()) if volume_suffix(path)} if labels else {}
    masks = [file for path in paths if (file := recognise_file(path)) and file.role == "mask"]
    for case, channels in sorted(group_channels(paths).items()):
        files = [
            NamedFile(path, roles[number], case)
            for number, found in sorted(channels.items())
            if number in roles
            for path in found
        ]
        files += [file for file in masks if file.case_name == case]
        files += [NamedFile(truths[case], "label", case)] if case in truths else []
        ignored = [path for number, found in sorted(channels.items()) if number not in roles for path in found]
        yield case, files, convention, ignored


def modalities_of(dataset: NnunetDataset) -> dict[int, Role]:
    """Return number of a channel -> modality, for those that are one.

    Raises:
        CaseError: No channel is a known modality, or two are the same one.
    """
    roles = {number: role for number, name in dataset.channels.items() if (role := recognise_modality(name))}
    listed = ", ".join(f"{number}: {name!r}" for number, name in sorted(dataset.channels.items()))
    if not roles:
        msg = (
            f"{dataset.path} names the channels {listed}, none of which is a known modality: write T1, T1CE, T2 or "
            f"FLAIR for each of these numbers."
        )
        raise CaseError(msg)
    if len(set(roles.values())) < len(roles):
        msg = f"{dataset.path} names two channels as the same modality ({listed}): correct the names."
        raise CaseError(msg)
    return roles


def convention_of(dataset: NnunetDataset) -> str | None:
    """Return the label convention that ``dataset.json`` states; None if its names do not show it."""
    meaning = _by_region(dataset.labels) or _by_name(dataset.labels)
    return next((name for name, values in LABEL_CONVENTIONS.items() if meaning and values == meaning), None)


def _by_name(labels: Mapping[str, Sequence[int]]) -> dict[int, int]:
    """Return value -> internal label from names such as ``edema``; empty if one is not understood."""
    meaning = {}
    for name, values in labels.items():
        words = name.strip().lower()
        if words == "background":
            continue
        found = next((label for label, pattern in MEANINGS.items() if pattern.fullmatch(words)), None)
        if found is None or len(values) != 1:
            return {}
        meaning[values[0]] = found
    return meaning


def _by_region(labels: Mapping[str, Sequence[int]]) -> dict[int, int]:
    """Return value -> internal label from overlapping regions; empty unless all three are stated."""
    regions: dict[str, set[int]] = {}
    for name, values in labels.items():
        for region, pattern in REGIONS.items():
            if pattern.fullmatch(name.strip().lower()):
                regions[region] = set(values)
    if len(regions) < len(REGIONS):
        return {}
    whole, core, enhancing = regions["whole"], regions["core"], regions["enhancing"]
    if not enhancing < core < whole:
        return {}
    return dict.fromkeys(whole - core, ED) | dict.fromkeys(core - enhancing, NC) | dict.fromkeys(enhancing, CET)
