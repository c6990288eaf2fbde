"""Run-length encoding of masks: ``start length`` pairs, starts counted from 1, row by row unless stated otherwise."""

from scanfill.data.rle.algebra import area, dice, intersection, union
from scanfill.data.rle.codec import decode, encode
from scanfill.data.rle.label_rows import class_names, write_label_table
from scanfill.data.rle.named_pictures import NamedPictures, parse_size
from scanfill.data.rle.predicted_runs import SaveRunLengthsd, collect_run_lengths
from scanfill.data.rle.rle_table import RleRow, read_rle_table, write_rle_table
from scanfill.data.rle.runs import RunFault, run_faults
from scanfill.data.rle.table_check import TableCheck, check_rle_table
from scanfill.data.rle.table_scores import TableScores, score_rle_table
from scanfill.data.rle.table_votes import vote_rle_tables
from scanfill.data.rle.votes import majority_vote

__all__ = [
    "NamedPictures",
    "RleRow",
    "RunFault",
    "SaveRunLengthsd",
    "TableCheck",
    "TableScores",
    "area",
    "check_rle_table",
    "class_names",
    "collect_run_lengths",
    "decode",
    "dice",
    "encode",
    "intersection",
    "majority_vote",
    "parse_size",
    "read_rle_table",
    "run_faults",
    "score_rle_table",
    "union",
    "vote_rle_tables",
    "write_label_table",
    "write_rle_table",
]
