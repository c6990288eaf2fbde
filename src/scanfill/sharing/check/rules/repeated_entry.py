"""Entries that are written twice in one dictionary."""

from collections.abc import Iterator

from scanfill.sharing.check.finding import Fault, Rule
from scanfill.sharing.check.pipeline import Pipeline


def look(pipeline: Pipeline) -> Iterator[Fault]:
    """Find entries that a later entry of the same name in the same dictionary replaces."""
    for document in (*pipeline.config.documents, *pipeline.config.included):
        for name, first, last in document.repeated:
            what = f"`{name}` is written twice: in line {first.line}, and again here."
            why = "MONAI uses the last one and ignores the first without an error."
            yield Fault(last, what, why, "Remove one of them, or correct its name.")


RULE = Rule("repeated-entry", "entries that are written twice", look)
