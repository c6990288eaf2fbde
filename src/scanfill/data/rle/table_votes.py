"""Vote on the masks of several tables, without decoding them."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from scanfill.data.rle.rle_table import RleRow, write_rle_table
from scanfill.data.rle.runs import write_runs
from scanfill.data.rle.table_masks import check_lines, check_rows, read_masks
from scanfill.data.rle.votes import check_votes, covered
from scanfill.errors import UsageError


def vote_rle_tables(paths: Sequence[str | Path], output: str | Path, at_least: int | None = None) -> Path:
    """Keep, for each image and class, the pixels that enough tables have.

    Args:
        paths: Two or more CSV files with the same images and classes; rows are written in the order of the first.
        output: The CSV file to write.
        at_least: Number of tables that must have a pixel; by default more than half.

    Returns:
        ``output``.

    Raises:
        CaseError: A file is not such a table, or lacks a row of another; masks seem to be of different sizes.
        UsageError: Fewer than two files, or ``at_least`` is not from 1 to their number.
    """
    if len(paths) < 2:
        msg = f"A vote needs two files or more, got {len(paths)}: python -m scanfill rle vote A.csv B.csv -o OUT.csv"
        raise UsageError(msg)
    try:
        needed = check_votes(len(paths), at_least)
    except ValueError as error:
        raise UsageError(str(error)) from None
    first, *others = tables = [read_masks(path) for path in paths]
    for path, masks in zip(paths[1:], others, strict=True):
        check_rows(masks, path, first, paths[0])
        check_rows(first, paths[0], masks, path)
        check_lines(masks, path, first, paths[0])

    def rows() -> Iterator[RleRow]:
        for image, structure in first:
            runs = covered([masks[image, structure] for masks in tables], needed)
            yield RleRow(image, structure, write_runs(runs))

    return write_rle_table(rows(), output)
