"""Find files that occur twice among the cases of a training, whatever their names."""

import logging
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

from scanfill.checksums import file_checksum, fingerprint
from scanfill.data.image import PICTURE_SUFFIXES, image_suffix, read_image
from scanfill.data.outline_files import has_outlines
from scanfill.data.pages import TIFF_SUFFIXES, has_mask
from scanfill.data.schema import CaseSchema
from scanfill.errors import CaseError

logger = logging.getLogger(__name__)

Case = dict[str, Any]

FINGERPRINTS = "fingerprints"
"""Key of a case for the fingerprints of its images, separated by spaces, by which it is recognized when renamed."""


def add_fingerprints(cases: Sequence[Case], schema: CaseSchema) -> None:
    """Add the fingerprints of each case's images to the case; files that cannot be read are reported later."""
    for case in cases:
        found = []
        for path in _files(case, schema.image_keys):
            try:
                found.append(fingerprint(path))
            except OSError:
                continue
        if found:
            case[FINGERPRINTS] = " ".join(found)


def fingerprints_of(case: Mapping[str, Any]) -> set[str]:
    """Return the fingerprints of a case's images; empty if it has none."""
    return set(str(case.get(FINGERPRINTS, "")).split())


def check_copies(cases: Sequence[Case], schema: CaseSchema) -> None:
    """Refuse the same file under two keys of a case, and copies of a volume in two cases.

    Copies of a picture, of which large collections have some, are reported and count as one patient, so that a split
    keeps them together. Only the bytes of files are compared, so a copy that was written anew, for example with another
    compression, is not found here. Two empty label maps do not count as copies.

    Args:
        cases: With absolute paths and :py:data:`FINGERPRINTS`.
        schema: Schema of the cases.

    Raises:
        CaseError: With both cases and files.
    """
    for case in cases:
        _check_own_files(case, schema)
    _check_images(cases, schema)
    if schema.label:
        _check_labels(cases, schema.label.key, {mark: case for case in cases for mark in fingerprints_of(case)})


def _files(case: Mapping[str, Any], keys: Sequence[str]) -> list[str]:
    """List the files under some keys of a case."""
    listed = [[files] if isinstance(files, str) else list(files) for key in keys if (files := case.get(key))]
    return [path for files in listed for path in files if path]


def _check_own_files(case: Case, schema: CaseSchema) -> None:
    real = {key: {str(Path(path).resolve()) for path in _files(case, [key])} for key in schema.path_keys}
    for one, other in combinations(real, 2):
        if both := real[one] & real[other]:
            msg = (
                f"Case {case['case_id']!r}: {one} and {other} are the same file, {min(both)}. Give each its own, or "
                f"leave one out."
            )
            raise CaseError(msg)


def _check_images(cases: Sequence[Case], schema: CaseSchema) -> None:
    seen: dict[str, Case] = {}
    joined = []
    for case in cases:
        for mark in fingerprints_of(case):
            other = seen.setdefault(mark, case)
            same_patient = other["patient"] == case["patient"]
            if other is case or (same_patient and fingerprints_of(other) != fingerprints_of(case)):
                continue
            if schema.spatial_dims == 3 and not _has_picture(case, schema.image_keys):
                _check_really(case, other, schema.image_keys, mark)
            elif not same_patient:
                joined.append(f"{case['case_id']} ({other['case_id']})")
                _join_patients(cases, case["patient"], other["patient"])
    if joined:
        logger.warning(
            "%d pictures are copies of others, in brackets, and count as the same patient: %s. Remove one of each.",
            *(len(joined), ", ".join(joined[:10])),
        )


def _has_picture(case: Case, keys: Sequence[str]) -> bool:
    return any(image_suffix(path) in PICTURE_SUFFIXES for path in _files(case, keys))


def _join_patients(cases: Sequence[Case], one: str, other: str) -> None:
    for case in cases:
        if case["patient"] == one:
            case["patient"] = other


def _check_really(case: Case, other: Case, keys: Sequence[str], mark: str) -> None:
    """Raise the error if the files are equal byte for byte, and not only in their fingerprints."""
    here, there = (
        {file_checksum(path): path for path in _files(one, keys) if fingerprint(path) == mark} for one in (case, other)
    )
    if both := here.keys() & there.keys():
        copy = min(both)
        msg = (
            f"Cases {other['case_id']!r} and {case['case_id']!r} have the same file ({there[copy]}, {here[copy]}). "
            f"Remove one of them: copies on two sides of a split would inflate scores."
        )
        raise CaseError(msg)


def _check_labels(cases: Sequence[Case], key: str, images: Mapping[str, Case]) -> None:
    """Refuse a label of two patients, or a label as an image; cases of one patient may share one."""
    seen: dict[str, tuple[Case, str]] = {}
    for case in cases:
        for path in _files(case, [key]):
            try:
                mark = fingerprint(path)
            except OSError:
                continue
            if mark in images:
                msg = (
                    f"Case {images[mark]['case_id']!r}: one of its images is a copy of the {key} of case "
                    f"{case['case_id']!r} ({path}). Replace it with the scan, or leave it out."
                )
                raise CaseError(msg)
            other, earlier = seen.setdefault(mark, (case, path))
            copied = other["patient"] != case["patient"] and file_checksum(path) == file_checksum(earlier)
            if copied and not _is_empty(path):
                msg = (
                    f"Cases {other['case_id']!r} and {case['case_id']!r} have the same {key} ({earlier}, {path}), so "
                    f"one is wrong. Give each case its own, or remove it."
                )
                raise CaseError(msg)


def _is_empty(path: str) -> bool:
    """Return whether a label file marks nothing; one that cannot be read here is reported when the case is read."""
    if path.lower().endswith(".json"):
        return not has_outlines(path)
    if path.lower().endswith(TIFF_SUFFIXES):
        return not has_mask(path)
    for dimensions in (3, 2):
        try:
            return not bool(read_image(path, "The label", dimensions).any())
        except CaseError:
            continue
    return True
