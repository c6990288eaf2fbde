"""Prepare every case of a folder, several at once, so that one bad case does not stop the others."""

from __future__ import annotations

import multiprocessing
import signal
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from tqdm import tqdm

from scanfill.data.failures import one_line, report_failures
from scanfill.domains.brain_mri.finder import list_cases
from scanfill.domains.brain_mri.prepare.case import Options, prepare_case
from scanfill.domains.brain_mri.schema import SCHEMA
from scanfill.errors import UsageError
from scanfill.files import writable_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

Case = dict[str, Any]

FINEST, COARSEST = 0.1, 10.0
"""mm; beyond these a spacing is a slip of the keyboard."""


@dataclass
class Preparation:
    """What became of the cases of a folder.

    Attributes:
        output: Where the prepared cases lie.
        prepared: Cases that were prepared now.
        unchanged: Cases that had been prepared before from the same input with the same options.
        failures: ``(case_id, message)`` of the others.
    """

    output: Path
    prepared: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failures: list[tuple[str, str]] = field(default_factory=list)

    def report(self) -> None:
        """Print what was done, then what failed and why.

        Raises:
            SystemExit: With code 1, if a case failed.
        """
        print(self.describe())  # noqa: T201 - what the command line says
        report_failures(self.failures, len(self.prepared) + len(self.unchanged) + len(self.failures))

    def describe(self) -> str:
        """Say in one line what was done."""
        parts = [f"{len(self.prepared)} cases prepared in {self.output}"]
        if self.unchanged:
            parts.append(f"{len(self.unchanged)} left as they were (same input, same options)")
        return ", ".join(parts) + "."


def prepare_folder(
    folder: str | Path,
    output: str | Path,
    *,
    reference: str | None = None,
    spacing: float = 1.0,
    workers: int = 1,
    check_skull: bool = True,
) -> Preparation:
    """Register each case's modalities to one of them and resample all to one grid; originals stay as they are.

    A case's folder in ``output`` appears when it is complete. A case that is there already, from the same input and
    with the same options, is left alone, so a killed run goes on where it stopped.

    Args:
        folder: Where the cases are, as :py:func:`scanfill.data.find_cases` finds them.
        output: Where the prepared cases go; neither inside ``folder`` nor around it.
        reference: Modality onto which the others are registered; by default T1CE, else T1.
        spacing: Side of a voxel in mm.
        workers: Cases at a time, each in a process of its own. One case keeps one core busy.
        check_skull: Whether a case stops where a skull seems to be on and there is no mask.

    Returns:
        What became of the cases.

    Raises:
        UsageError: An option makes no sense; one folder lies inside the other.
        CaseError: No case.
    """
    source, target = (Path(path).expanduser().resolve() for path in (folder, output))
    _check_options(reference, spacing, workers)
    check_apart(source, target)
    cases = list_cases(source, synthetic=True).cases  # what is marked stays marked
    writable_folder(target)
    options = Options(reference, float(spacing), check_skull)
    result = Preparation(target)
    run = _one_by_one if workers == 1 else _side_by_side
    with tqdm(total=len(cases), desc="Preparing", unit="case") as progress:
        for case_id, outcome in run(cases, _Job(source, target, options), workers):
            if isinstance(outcome, str):
                result.failures.append((case_id, outcome))
            else:
                (result.prepared if outcome else result.unchanged).append(case_id)
            progress.update()
    for done in (result.prepared, result.unchanged, result.failures):
        done.sort()
    return result


def _check_options(reference: str | None, spacing: float, workers: int) -> None:
    if reference is not None and len(SCHEMA.check_images(reference) or []) != 1:
        msg = f"The reference must be one modality, got {reference!r}: name t1ce, t1, t2 or flair."
        raise UsageError(msg)
    if isinstance(spacing, bool) or not isinstance(spacing, int | float) or not FINEST <= spacing <= COARSEST:
        msg = f"The spacing must be one number of mm from {FINEST} to {COARSEST}, got --spacing {spacing}."
        raise UsageError(msg)
    if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
        msg = f"The number of workers must be a whole number from 1, got --workers {workers}."
        raise UsageError(msg)


def check_apart(source: Path, output: Path) -> None:
    """Refuse folders of which one holds the other: what is prepared would be taken for a case, or originals replaced.

    Args:
        source: Resolved path of the input.
        output: Resolved path of the output.

    Raises:
        UsageError: They are one, or nested.
    """
    if source == output:
        relation = "are the same folder"
    elif source in output.parents:
        relation = "lie one in the other: the output folder is inside the input folder"
    elif output in source.parents:
        relation = "lie one in the other: the input folder is inside the output folder"
    else:
        return
    msg = f"Input {source} and output {output} {relation}. Choose an output folder beside the input, so that prepared "
    msg += "cases are never taken for originals."
    raise UsageError(msg)


@dataclass(frozen=True)
class _Job:
    """Prepares one case; a failure comes back as its message."""

    source: Path
    output: Path
    options: Options

    def __call__(self, case: Case) -> bool | str:
        try:
            return prepare_case(case, self.source, self.output, self.options)
        except Exception as error:  # noqa: BLE001 - any failure is this case's own and must not stop the others
            return one_line(error)


def _one_by_one(cases: Sequence[Case], job: Callable[[Case], bool | str], _: int) -> Iterator[tuple[str, bool | str]]:
    for case in cases:
        yield case["case_id"], job(case)


def _side_by_side(
    cases: Sequence[Case], job: Callable[[Case], bool | str], workers: int
) -> Iterator[tuple[str, bool | str]]:
    """Keep ``workers`` processes busy.

    No more cases are handed over than are worked on, so that Ctrl-C leaves none behind in a queue; and a process that
    dies, of lack of memory say, takes down only the cases that were in work.
    """
    waiting = list(reversed(cases))
    while waiting:
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)
        running: dict[Future[bool | str], str] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    case = waiting.pop()
                    running[pool.submit(job, case)] = case["case_id"]
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    yield running.pop(future), outcome
        except BrokenProcessPool:
            for case_id in running.values():
                yield case_id, "a process died, probably of lack of memory: try again with fewer --workers."
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Set up a process: one core, and Ctrl-C ends it without a word of its own."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
