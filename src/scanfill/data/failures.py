"""Continue when a case fails, report all failures at the end, and exit with code 1."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import IterableDataset, get_worker_info
from tqdm import tqdm


@dataclass(eq=False, repr=False)
class CollectFailures(IterableDataset[Any]):
    """Dataset that prepares cases one after the other; failed cases are recorded and left out.

    It deliberately has no length: an Ignite engine that expects five cases and receives four starts again from the
    first. It shows its own progress bar instead, which counts the failed cases too.

    Args:
        data: Cases, dictionaries with ``case_id``.
        transform: Prepares a case; any exception it raises marks the case as failed.
        progress: Whether to show a progress bar on stderr.

    Attributes:
        failures: ``(case_id, message)`` of each case that failed in the last pass, messages on one line.
        warnings: ``(case_id, message)`` of what a case has under ``warnings``, one per line.
    """

    data: Sequence[dict[str, Any]]
    transform: Callable[[Any], Any]
    progress: bool = True

    def __post_init__(self) -> None:
        super().__init__()
        self.failures: list[tuple[str, str]] = []
        self.warnings: list[tuple[str, str]] = []

    def __iter__(self) -> Iterator[Any]:
        """Yield the cases that were prepared successfully.

        Raises:
            RuntimeError: In a worker process, because its list of failures would be lost.
        """
        if get_worker_info() is not None:
            msg = "CollectFailures must be read by the main process: set num_workers to 0 in its DataLoader."
            raise RuntimeError(msg)
        self.failures, self.warnings = [], []
        for case in tqdm(self.data, desc="Cases", unit="case", disable=not self.progress):
            try:
                prepared = self.transform(case)
            except Exception as error:  # noqa: BLE001 - any failure is this case's own and must not stop the others
                self.failures.append((str(case.get("case_id", "?")), one_line(error)))
            else:
                told = str(prepared.get("warnings", "")) if isinstance(prepared, dict) else ""
                self.warnings += [(str(case.get("case_id", "?")), line) for line in told.splitlines()]
                yield prepared

    def report(self) -> None:
        """Print how many cases were processed and what was wrong with which case, and exit with code 1 if any failed.

        Raises:
            SystemExit: With code 1.
        """
        done = f"{len(self.data) - len(self.failures)} of {len(self.data)} cases processed."
        print(done if self.data else "Nothing was left to do.")  # noqa: T201 - the result that a person looks for
        if self.warnings:
            print("\n  ".join(["Warnings:", *(f"{case}: {text}" for case, text in self.warnings)]))  # noqa: T201
        report_failures(self.failures, len(self.data))


def report_failures(failures: Sequence[tuple[str, str]], cases: int) -> None:
    """Print which cases failed and why, and exit with code 1 if any did.

    Args:
        failures: ``(case_id, message)`` of each failed case, messages on one line.
        cases: Total number of cases.

    Raises:
        SystemExit: With code 1.
    """
    if not failures:
        return
    lines = [f"{len(failures)} of {cases} cases failed:"]
    lines += [message if name in message else f"Case {name!r}: {message}" for name, message in failures]
    print("\n  ".join(lines))  # noqa: T201 - the result that a person looks for
    raise SystemExit(1)


def one_line(error: BaseException) -> str:
    """Format an error on one line, without the frames that MONAI's Compose adds."""
    while isinstance(error, RuntimeError) and str(error).startswith("applying transform") and error.__cause__:
        error = error.__cause__
    message = " ".join(str(error).split())
    return message if isinstance(error, ValueError) and message else f"{type(error).__name__}: {message}"
