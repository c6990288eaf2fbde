"""Scores of single cases inside a MONAI evaluator, gathered over the ranks of a distributed run."""

from collections import Counter
from typing import Any

import torch.distributed
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric


class CaseMetric(Metric):  # type: ignore[misc]  # Ignite's class is untyped
    """Base class of per-case metrics: ``update`` in a subclass adds an entry with ``case_id`` to ``cases``."""

    def reset(self) -> None:
        """Remove all cases."""
        self.cases: list[dict[str, Any]] = []

    def iteration_completed(self, engine: Any) -> None:
        """Score every case in the batch that ``engine`` has just predicted.

        Raises:
            TypeError: The batch is not decollated into cases.
        """
        batch, results = engine.state.batch, engine.state.output
        if not isinstance(batch, list) or not isinstance(results, list):
            found = type(results).__name__
            msg = f"{type(self).__name__} scores single cases, got a {found}. Pass decollate=True to the evaluator."
            raise TypeError(msg)
        for case, result in zip(batch, results, strict=True):
            self.update(case | result)

    def gather(self) -> None:
        """Gather the cases of all ranks.

        Raises:
            NotComputableError: There are no cases.
        """
        self.cases = gather_rows(self.cases)
        if not self.cases:
            msg = f"{type(self).__name__} got no cases. Check that the evaluator's data loader is not empty."
            raise NotComputableError(msg)


def _distributed() -> bool:
    """Return whether other processes score part of the cohort."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_first_rank() -> bool:
    """Return whether this process writes files."""
    return not _distributed() or torch.distributed.get_rank() == 0


def gather_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Gather the rows of all ranks, sorted by ``case_id``, with each case once.

    Raises:
        ValueError: A case occurs more than once, and not because a sampler padded a rank.
    """
    gathered = [rows]
    if _distributed():
        gathered = [[] for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather_object(gathered, rows)
    elif repeated := [case for case, count in Counter(row["case_id"] for row in rows).items() if count > 1]:
        msg = f"Cases {repeated} occur more than once, so their scores are ambiguous. Give each case a unique name."
        raise ValueError(msg)
    # A sampler pads the last rank with cases that another rank scores too.
    unique = {str(row["case_id"]): row for part in gathered for row in part}
    return [unique[case] for case in sorted(unique)]
