"""Scores of single cases inside a MONAI evaluator, brought together over the ranks of a distributed run."""

from collections import Counter
from typing import Any

import torch.distributed
from ignite.exceptions import NotComputableError
from ignite.metrics import Metric


class CaseMetric(Metric):  # type: ignore[misc]  # Ignite's class is untyped
    """Base of metrics that score case by case: a subclass adds an entry with ``case_id`` to ``cases`` in ``update``."""

    def reset(self) -> None:
        """Forget all cases."""
        self.cases: list[dict[str, Any]] = []

    def iteration_completed(self, engine: Any) -> None:
        """Score every case of the batch that ``engine`` has just predicted.

        Raises:
            TypeError: The batch is not decollated into cases.
        """
        batch, results = engine.state.batch, engine.state.output
        if not isinstance(batch, list) or not isinstance(results, list):
            found = type(results).__name__
            msg = f"{type(self).__name__} scores single cases, found a {found}. Pass decollate=True to the evaluator."
            raise TypeError(msg)
        for case, result in zip(batch, results, strict=True):
            self.update(case | result)

    def gather(self) -> None:
        """Bring the cases of all ranks together.

        Raises:
            NotComputableError: There is none.
        """
        self.cases = gather_rows(self.cases)
        if not self.cases:
            msg = f"{type(self).__name__} has seen no case. Check that the evaluator's data loader is not empty."
            raise NotComputableError(msg)


def _distributed() -> bool:
    """Tell whether other processes score a part of the cohort."""
    return torch.distributed.is_available() and torch.distributed.is_initialized()


def is_first_rank() -> bool:
    """Tell whether this process is the one that writes files."""
    return not _distributed() or torch.distributed.get_rank() == 0


def gather_rows(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Bring the rows of all ranks together, sorted by ``case_id``, each case once.

    Raises:
        ValueError: A case came more than once, and not because a sampler filled up a rank.
    """
    gathered = [rows]
    if _distributed():
        gathered = [[] for _ in range(torch.distributed.get_world_size())]
        torch.distributed.all_gather_object(gathered, rows)
    elif repeated := [case for case, count in Counter(row["case_id"] for row in rows).items() if count > 1]:
        msg = (
            f"Cases {repeated} came more than once, so their scores cannot be told apart. Give each case its own name."
        )
        raise ValueError(msg)
    # A sampler fills up the last rank with cases that another one scores too.
    unique = {str(row["case_id"]): row for part in gathered for row in part}
    return [unique[case] for case in sorted(unique)]
