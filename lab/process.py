# SPDX-License-Identifier: GPL-3.0-or-later
"""Child processes that never outlive their parent, and waiting for them by asking."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from pwd import struct_passwd
from typing import Any, TypeVar

_PR_SET_PDEATHSIG = 1  # prctl(2)
_POLL_SECONDS = 0.05
_TAIL_LINES = 8
_ATTEMPTS = 5
PROJECT = Path(__file__).resolve().parents[1]
_LIBC = ctypes.CDLL(None, use_errno=True)
Started = TypeVar("Started")


class LabError(Exception):
    """What went wrong and what to do, in one sentence or two."""


def die_with_parent(number: int, parent: int) -> Callable[[], None]:
    """For Popen's preexec_fn: the child gets this signal when its parent ends, however it ends.

    The kernel watches the thread that started the child, so start children from the main thread.
    """

    def before_exec() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, number)
        if os.getppid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)

    return before_exec


class PortTaken(LabError):
    """The server ended since another program listens where it should."""


class Server:
    """One server of the lab: its process, its log, and what it prints when it is ready.

    stdin: a file that it reads.  account: whom it runs as; None: whoever starts it.  dies_by: the signal that it gets
    when its parent ends.  sockets: files that the process leaves behind, to be removed once it has ended.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        *,
        stdin: Path = Path(os.devnull),
        account: struct_passwd | None = None,
        dies_by: int = signal.SIGKILL,
    ) -> None:
        self.name = name
        self.log = log
        self.started = time.monotonic()
        self.sockets: tuple[Path, ...] = ()
        with log.open("ab") as stream, stdin.open("rb") as given:
            self.process = self._begin(
                list(command),
                stdin=given,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=PROJECT,
                env={**os.environ, **(environment or {})},
                # Before the function: a process that becomes another afterwards is told nothing of its parent's end.
                user=account and account.pw_uid,
                group=account and account.pw_gid,
                extra_groups=account and [],
                preexec_fn=die_with_parent(dies_by, os.getpid()),
            )

    @staticmethod
    def _begin(command: list[str], **options: Any) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(command, **options)
        except OSError as error:
            raise LabError(f"{command[0]} cannot be run: {error.strerror}") from None

    def wait(self, ask: Callable[[], bool], seconds: float) -> None:
        """Ask until the answer is yes. LabError where the process ends first or the time is over; seconds count from
        the start of the process."""
        while not ask():
            if self.process.poll() is not None:
                kind = PortTaken if "address already in use" in self.text().lower() else LabError
                raise kind(f"{self.name} ended with status {self.process.returncode}. {self.tail()}")
            if time.monotonic() - self.started > seconds:
                raise LabError(f"{self.name} was not ready within {seconds:.0f} s. {self.tail()}")
            time.sleep(_POLL_SECONDS)

    def said(self, word: str) -> str | None:
        """What follows this word on a line of the log of its own, or None."""
        for line in self.text().splitlines():
            if line == word or line.startswith(word + " "):
                return line[len(word) :].strip()
        return None

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def tail(self) -> str:
        """The last lines of the log, for an error message."""
        lines = self.text().splitlines()[-_TAIL_LINES:]
        return f"Last lines of {self.log}:\n  " + "\n  ".join(lines or ["(nothing)"])

    def stop(self) -> None:
        """End the process at once: nothing that it holds is worth saving."""
        self.process.kill()
        self.process.wait()
        for path in self.sockets:
            path.unlink(missing_ok=True)


def again_where_taken(attempt: Callable[[int], Started]) -> Started:
    """Between the moment at which a port was free and its use, another program may have taken it."""
    for number in range(1, _ATTEMPTS):
        try:
            return attempt(number)
        except PortTaken:
            continue
    return attempt(_ATTEMPTS)


def free_ports(count: int) -> list[int]:
    """TCP ports of 127.0.0.1 that were free a moment ago, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def python(*arguments: str) -> list[str]:
    """The command line of a module of the lab under the Python that runs this."""
    return [sys.executable, "-m", *arguments]


def process_start(pid: int) -> str | None:
    """When a process started, in the kernel's clock ticks: with the pid it names one process for ever (proc(5)).

    None where there is no such process, or only its remains that nobody has waited for.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
