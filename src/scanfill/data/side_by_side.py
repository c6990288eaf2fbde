"""Run a function on cases in several processes; a process that dies takes only its own case with it."""

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, TypeVar

import torch

Case = dict[str, Any]
Result = TypeVar("Result")

START = "spawn"
"""How processes start: a forked one would inherit PyTorch's threads in an unusable state."""


@dataclass(frozen=True)
class Died:
    """The process of a case died, also when it had the computer to itself.

    Attributes:
        reason: What ended it, and what to do.
    """

    reason: str


def side_by_side(
    cases: Sequence[Case], job: Callable[[Case], Result], workers: int
) -> Iterator[tuple[int, Result | Died]]:
    """Keep ``workers`` processes busy, and yield results as they come.

    No more cases are submitted than are being worked on, so that Ctrl-C leaves none in a queue. If a process dies, it
    is not known for which case; those in progress are repeated alone, one at a time, so that only the guilty one fails.

    Args:
        cases: The cases.
        job: Called with each case, in another process; it and its result must be picklable.
        workers: Number of processes.

    Yields:
        Index of the case and the job's result, or :py:class:`Died`.
    """
    waiting = list(reversed(range(len(cases))))
    while waiting:
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context(START), _begin)
        running: dict[Future[Result], int] = {}
        try:
            while waiting or running:
                while waiting and len(running) < workers:
                    index = waiting.pop()
                    running[_submit(pool, job, cases[index])] = index
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    outcome = future.result()
                    yield running.pop(future), outcome
        except BrokenProcessPool:
            pass
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
        for index in running.values():
            yield index, run_alone(cases[index], job)


def _submit(pool: ProcessPoolExecutor, job: Callable[[Case], Result], case: Case) -> Future[Result]:
    """Submit a case; a pool that broke just before fails like one that breaks just after."""
    try:
        return pool.submit(job, case)
    except BrokenProcessPool as error:
        failed: Future[Result] = Future()
        failed.set_exception(error)
        return failed


def run_alone(case: Case, job: Callable[[Case], Result]) -> Result | Died:
    """Run the job in a process of its own, which may die."""
    context: Any = multiprocessing.get_context(START)
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(sender, job, case))
    process.start()
    sender.close()
    try:
        outcome: Result = receiver.recv()
    except EOFError:
        process.join()
        return Died(_reason(process.exitcode or 0))
    finally:
        process.join()
    return outcome


def _send(sender: Connection, job: Callable[[Case], Any], case: Case) -> None:
    _begin()
    sender.send(job(case))


def _reason(code: int) -> str:
    """Explain what ended a process, and what to do."""
    name = f"exit code {code}"
    if code < 0:
        known = {number.value for number in signal.Signals}
        name = signal.Signals(-code).name if -code in known else f"signal {-code}"
    if name == "SIGKILL":
        return (
            "its process was killed (SIGKILL), probably for lack of memory, although no other case ran beside it: crop "
            "or resample its images, or use a computer with more memory."
        )
    return (
        f"its process died ({name}) in code outside Python, also when this case ran alone; the other cases were not "
        f"affected. Look at its images and headers, and convert them again from DICOM."
    )


def _begin() -> None:
    """Set up a process: one core, and Ctrl-C ends it without output."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    torch.set_num_threads(1)
