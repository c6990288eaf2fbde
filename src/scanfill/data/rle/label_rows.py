"""Encode the labels of cases as rows of a table, such as the truth that predictions are scored against."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy.typing as npt
from tqdm import tqdm

from scanfill.data.cases import find_cases
from scanfill.data.read import ReadCased
from scanfill.data.rle.codec import Order, check_order, encode
from scanfill.data.rle.rle_table import RleRow, write_rle_table
from scanfill.data.schema import CaseSchema, LabelSpec
from scanfill.data.schema_names import load_schema
from scanfill.errors import CaseError, UsageError


def write_label_table(
    folder: str | Path, output: str | Path, *, schema: CaseSchema | str = "hand_xray", order: Order = "row"
) -> Path:
    """Write a row for each image and class of a folder of labelled images.

    Args:
        folder: The folder.
        output: The CSV file to write.
        schema: Kind of data, of 2-D images.
        order: See :py:func:`scanfill.data.rle.encode`.

    Returns:
        ``output``.

    Raises:
        CaseError: A case is unusable, or two images have the same name.
        UsageError: The kind of data is not one of 2-D images with labels.
    """
    check_order(order)
    kind = load_schema(schema)
    label, image_key = labels_of_pictures(kind), kind.image_keys[0]
    cases = find_cases(folder, schema=kind, modalities=[image_key])
    read = ReadCased(image_key, label.key, schema=kind)
    paths: dict[str, str] = {}
    for case in cases:
        name = Path(case[image_key]).name
        if name in paths:
            msg = (
                f"Two images are called {name}, {paths[name]} and {case[image_key]}, so a table cannot tell them apart."
            )
            raise CaseError(msg)
        paths[name] = case[image_key]

    def rows() -> Iterator[RleRow]:
        for case in tqdm(cases, desc="Cases", unit="case"):
            values = read(case)[label.key].numpy()
            yield from label_rows(Path(case[image_key]).name, values, label, order)

    return write_rle_table(rows(), output)


def labels_of_pictures(kind: CaseSchema) -> LabelSpec:
    """Return the labels of a kind of data.

    Raises:
        UsageError: It has none, or its images are volumes.
    """
    if kind.label is None or kind.spatial_dims != 2:
        what = "labels" if kind.label is None else "2-D images"
        msg = f"Run-length encoding needs a kind of data with 2-D images and labels, but {kind.name!r} has no {what}."
        raise UsageError(msg)
    return kind.label


def class_names(schema: CaseSchema | str) -> list[str]:
    """Return the classes of a kind of data, in order.

    Raises:
        UsageError: The kind of data is unknown, or not one of 2-D images with labels.
    """
    return list(labels_of_pictures(load_schema(schema)).names.values())


def label_rows(image: str, values: npt.NDArray[Any], label: LabelSpec, order: Order = "row") -> Iterator[RleRow]:
    """Encode the labels of an image.

    Args:
        image: Name of its file.
        values: Label map ``(1, X, Y)``, or overlapping masks ``(labels, X, Y)``.
        label: Names the labels.
        order: See :py:func:`scanfill.data.rle.encode`.

    Yields:
        A row for each label, in order; its text is empty if the image does not have the label.
    """
    for number, name in label.names.items():
        mask = values[0] == number if label.exclusive else values[number - 1] != 0
        yield RleRow(image, name, encode(mask.T, order))
