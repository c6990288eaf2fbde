"""The verbs of ``python -m scanfill rle``: check, score, vote on, draw and write run-length encoded masks."""

from pathlib import Path

from scanfill.errors import UsageError


def check(file: str, *, size: str | None = None, images: str | None = None, schema: str | None = None) -> None:
    """Find everything that is wrong with a table of run-length encodings, and tell which order it seems to use.

    The exit code is 1 if there are faults.

    Args:
        file: CSV file with the columns ``image_name``, ``class`` and ``rle``.
        size: Width and height of all images, such as ``2048x2048``.
        images: Folder of the images, instead of their size; each must have a row for every class.
        schema: Kind of data, such as ``hand_xray``, whose classes each image must have; by default those in the file.
    """
    from scanfill.data.rle import NamedPictures, check_rle_table, class_names, parse_size  # noqa: PLC0415  importing MONAI takes seconds

    if size is not None and images is not None:
        msg = "Pass --size or --images, not both: the images state their sizes."
        raise UsageError(msg)
    found = check_rle_table(
        file,
        shape=None if size is None else parse_size(size),
        pictures=None if images is None else NamedPictures(images),
        classes=None if schema is None else class_names(schema),
    )
    print(f"{found.path}: {found.rows} rows, {found.images} images, {len(found.classes)} classes")
    order = {"row": "row by row", "column": "column by column", None: "cannot be told"}[found.order.order]
    print(f"Order of the pixels: {order} ({found.order.reason})")
    if not found.faults:
        print("No faults.")
        return
    print("\n  ".join([f"{len(found.faults)} {'fault' if len(found.faults) == 1 else 'faults'}:", *found.faults]))
    raise SystemExit(1)


def score(prediction: str, truth: str, *, size: str | None = None, output: str | None = None) -> None:
    """Score a table of run-length encodings against another: Dice of each class, and mean over images and classes.

    The Dice is (2 TP + 0.0001) / (2 TP + FP + FN + 0.0001), so it is 1 if a class is absent from both. Masks are not
    decoded.

    Args:
        prediction: CSV file with the columns ``image_name``, ``class`` and ``rle``.
        truth: CSV file with the true masks; only its images and classes are scored.
        size: Width and height of all images, such as ``2048x2048``, to check more.
        output: CSV file to write, with one row per class.
    """
    from scanfill.data.rle import parse_size, score_rle_table  # noqa: PLC0415
    from scanfill.data.rle.table_scores import LOW  # noqa: PLC0415
    from scanfill.metrics.cohort import write_table  # noqa: PLC0415

    scores = score_rle_table(prediction, truth, shape=None if size is None else parse_size(size))
    rows = scores.rows
    width = max(len(str(row["class"])) for row in rows)
    for row in rows:
        print(f"{row['class']:{width}}  {row['dice']:.4f}")
    print(f"mean over {scores.images} images and {len(rows)} classes: {scores.mean:.4f} (Dice with epsilon 1e-4)")
    if size is None and scores.mean < LOW:
        print("If these are too low to be true, pass --size: it is checked whether the files use different orders.")
    if scores.ignored:
        print(f"{scores.ignored} rows of {prediction} have no truth and are not scored.")
    if output is not None:
        write_table(rows, Path(output), note="")


def vote(*files: str, output: str, at_least: int | None = None) -> None:
    """Keep the pixels that most of several tables have, for each image and class; masks are not decoded.

    Args:
        files: Two or more CSV files with the same images and classes.
        output: CSV file to write.
        at_least: Number of files that must have a pixel; by default more than half of them.
    """
    from scanfill.data.rle import vote_rle_tables  # noqa: PLC0415

    print(vote_rle_tables(files, output, at_least))


def preview(
    file: str,
    *,
    images: str,
    output: str,
    names: list[str] | None = None,
    schema: str | None = None,
    column_major: bool = False,
    cases: int = 6,
) -> None:
    """Draw the masks of a table on their images.

    Args:
        file: CSV file with the columns ``image_name``, ``class`` and ``rle``.
        images: Folder of the images.
        output: The PNG file (one image) or HTML file (several) to write.
        names: Images to draw, as the table names them; by default its first ones.
        schema: Kind of data, such as ``hand_xray``, that states the classes; by default those in the file.
        column_major: Whether pixels are counted column by column instead of row by row.
        cases: Maximum number of images, if they are not named.
    """
    from scanfill.data.rle import NamedPictures, class_names  # noqa: PLC0415
    from scanfill.report.rle_preview import preview_rle_table  # noqa: PLC0415

    pictures, classes = NamedPictures(images), None if schema is None else class_names(schema)
    print(
        preview_rle_table(
            file,
            pictures,
            output,
            names=names,
            classes=classes,
            order="column" if column_major else "row",
            number=cases,
        )
    )


def write(folder: str, *, output: str, schema: str = "hand_xray", column_major: bool = False) -> None:
    """Write the labels of a folder of images as a table of run-length encodings, such as the truth for ``rle score``.

    Args:
        folder: Folder of the labelled images.
        output: CSV file to write, with a row for each image and class.
        schema: Kind of data, of 2-D images.
        column_major: Whether to count pixels column by column instead of row by row.
    """
    from scanfill.data.rle import write_label_table  # noqa: PLC0415

    print(write_label_table(folder, output, schema=schema, order="column" if column_major else "row"))
