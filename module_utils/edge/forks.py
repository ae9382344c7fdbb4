# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done in a further process, which has all that this one has read already."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from .finding import EdgepathError

Item = TypeVar("Item")
Result = TypeVar("Result")

# More would not be faster by as much, and each may come to hold all that this process holds.
MOST_PROCESSES = 4


class Ended(EdgepathError):
    """The process is gone, and has left no result."""


@contextmanager
def beside(job: Callable[[], Result], what: str) -> Iterator[Callable[[], Result]]:
    """Do the job in a fork; yields what waits for its result, which must be picklable.

    Waiting raises the job's own EdgepathError, one that tells what else broke there, or Ended. OSError where no process
    is to be had. what: the job, as the messages name it.
    """
    forking = multiprocessing.get_context("fork")
    answer, sender = forking.Pipe(duplex=False)
    process = forking.Process(target=_send, args=(answer, sender, job, what))
    try:
        process.start()
    except OSError:
        answer.close()
        sender.close()
        raise
    sender.close()  # the other process has its own: where that ends, this side sees it

    def wait() -> Result:
        try:
            result: Any = answer.recv()
        except (EOFError, OSError):
            raise Ended(f"the process for {what} ended early; is memory short?") from None
        if isinstance(result, EdgepathError):
            raise result
        return result  # type: ignore[no-any-return]

    try:
        yield wait
    finally:
        answer.close()
        process.join()


def _send(answer: Connection, sender: Connection, job: Callable[[], Any], what: str) -> None:
    answer.close()  # else this process would itself be the reader that it waits for
    try:
        sender.send(job())
    except BrokenPipeError:
        pass  # nobody waits any more: the other process has failed and says so
    except EdgepathError as error:
        sender.send(EdgepathError(str(error)))
    except Exception as error:  # noqa: BLE001 - nobody sees what is printed here: it is told on the other side
        sender.send(EdgepathError(broke(what, error)))


def broke(what: str, error: Exception) -> str:
    """A defect of this program as one sentence, with the place that a report of it needs."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({'/'.join(frames[-1].filename.split('/')[-2:])}:{frames[-1].lineno})" if frames else ""
    return f"{what} broke: {type(error).__name__}: {error}{where}; this is a defect of edgepath, please report it"


def shared_out(
    work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], least: int, what: str
) -> list[Result]:
    """work(items), of as many slices as there are processors, each in a process of its own; in the order of the items.

    least: how many items are worth a further process. What a process that cannot be had, or ended early, should have
    done is done here.
    """
    count = max(1, min(_processors(), MOST_PROCESSES, len(items) // least))
    size = -(-len(items) // count)
    slices = [items[number * size : (number + 1) * size] for number in range(count)]
    results: list[Result] = []
    # They end in the reverse order of their start: a later one has inherited the earlier ones' ends of the pipes.
    with ExitStack() as started:
        waiting = [_started(started, partial(work, part), what) for part in slices[1:] if part]
        results += work(slices[0])
        for wait in waiting:
            results += wait()
    return results


def _started(stack: ExitStack, job: Callable[[], Result], what: str) -> Callable[[], Result]:
    """Begin the job beside; what waits for its result, or does it here where that gave none."""
    try:
        wait = stack.enter_context(beside(job, what))
    except OSError:
        return job

    def result() -> Result:
        try:
            return wait()
        except Ended:
            return job()

    return result


def _processors() -> int:
    """How many this process may use; macOS does not tell that, but how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
