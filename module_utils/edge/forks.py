# SPDX-License-Identifier: GPL-3.0-or-later
"""Work that is done in a further process, which has all that this one has read already."""

from __future__ import annotations

import multiprocessing
import os
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


@contextmanager
def beside(job: Callable[[], Result], what: str) -> Iterator[Callable[[], Result]]:
    """Do the job in a fork; yields what waits for its result, which must be picklable.

    Waiting raises the job's own EdgepathError, or one that says that the process ended early. what: the job, for that.
    """
    forking = multiprocessing.get_context("fork")
    answer, sender = forking.Pipe(duplex=False)
    process = forking.Process(target=_send, args=(answer, sender, job))
    process.start()
    sender.close()  # the other process has its own: where that ends, this side sees it

    def wait() -> Result:
        try:
            result: Any = answer.recv()
        except EOFError:
            raise EdgepathError(f"the process for {what} ended early; is memory short?") from None
        if isinstance(result, EdgepathError):
            raise result
        return result  # type: ignore[no-any-return]

    try:
        yield wait
    finally:
        answer.close()
        process.join()


def _send(answer: Connection, sender: Connection, job: Callable[[], Any]) -> None:
    answer.close()  # else this process would itself be the reader that it waits for
    try:
        sender.send(job())
    except EdgepathError as error:
        sender.send(error)
    except BrokenPipeError:
        pass  # nobody waits any more: the other process has failed and says so


def shared_out(
    work: Callable[[Sequence[Item]], list[Result]], items: Sequence[Item], least: int, what: str
) -> list[Result]:
    """work(items), of as many slices as there are processors, each in a process of its own; in the order of the items.

    least: how many items are worth a further process.
    """
    count = max(1, min(_processors(), MOST_PROCESSES, len(items) // least))
    size = -(-len(items) // count)
    slices = [items[number * size : (number + 1) * size] for number in range(count)]
    with ExitStack() as started:
        waiting = [started.enter_context(beside(partial(work, part), what)) for part in slices[1:] if part]
        results = work(slices[0])
        for wait in waiting:
            results += wait()
    return results


def _processors() -> int:
    """How many this process may use; macOS does not tell that, but how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
