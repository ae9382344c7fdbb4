# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Squid on loopback that shares nothing with any other Squid of the machine: no name, no memory, no file.

Squid makes shared memory even where one process runs without a cache, and names it by its service name: of two with
one name the second does not start (two users'), or takes the first one's memory away (one user's, or root's). So each
has a service name of its own, made of who started it; by that name what a killed one left is known, and removed.

It gets its configuration as its standard input, writes to its standard error, and runs as an ordinary account from its
first moment. So it needs no directory that it may enter, and the kernel still tells it when its parent ends: a process
that gives up root by itself is forgotten there (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pwd
import re
import shutil
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .process import LabError, Server, again_where_taken, free_ports, process_start

SHARED = Path("/dev/shm")
_PREFIX = "edgepath"
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_WIDTHS = (7, 5, 7)  # digits, base 36, of the process numbers' namespace, the number, and when that process started
# The segments of one of ours: by whom it was started.
_OWN = re.compile(_PREFIX + "".join(f"([0-9a-z]{{{width}}})" for width in _WIDTHS) + r"[0-9a-z]{3}-[\w.]+")
_ACCOUNTS = ("proxy", "squid", "nobody")  # Debian's, the other distributions', everybody's
_SECONDS = 20.0
_NUMBERS = itertools.count()
_CONFIGURATION = """\
http_port 127.0.0.1:{port}
acl here src 127.0.0.1
http_access allow here
visible_hostname localhost
cache deny all
max_filedescriptors 1024
pid_filename none
access_log none
cache_log /dev/null
coredump_dir none
shutdown_lifetime 1 seconds
pinger_enable off
{settings}
"""


def program() -> str | None:
    """Where Squid is, or None. An ordinary user's path often lacks the directories of servers."""
    return shutil.which("squid") or shutil.which("squid", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running(where: str, directory: Path, settings: str) -> Iterator[tuple[int, Path]]:
    """(port, path of its configuration) of a Squid without a cache; LabError, of one line, where it does not start."""
    sweep()
    with contextlib.ExitStack() as stack:
        yield again_where_taken(lambda number: _attempt(where, directory, settings, number, stack))


def _attempt(where: str, directory: Path, settings: str, number: int, stack: contextlib.ExitStack) -> tuple[int, Path]:
    (port,) = free_ports(1)
    path = directory / "squid.conf"
    path.write_text(_CONFIGURATION.format(port=port, settings=settings))
    path.chmod(0o644)  # it opens its standard input by name, as the account that it runs as
    name = service_name()
    command = [where, "-n", name, "-N", "-d", "1", "-f", "/dev/stdin"]
    server = Server(
        "Squid", command, directory / f"squid-{number}.log", stdin=path, account=account(), dies_by=signal.SIGTERM
    )
    stack.callback(_end, server, name)
    try:
        server.wait(lambda: "accepting http" in server.text().lower() and _listens(port), _SECONDS)
    except LabError as error:
        # The same kind: where the port was taken, another is tried.
        raise type(error)(f"{where} {_why(server)}") from None
    return port, path


def _why(server: Server) -> str:
    """Why it does not serve, in its own words."""
    lines = [re.sub(r"^[\d/: ]+\| *", "", line.strip()) for line in server.text().splitlines()]
    said = [line for line in lines if line.startswith("FATAL")] or [line for line in lines if line]
    status = server.process.poll()
    if status is None:
        return f"did not listen within {_SECONDS:.0f} s"
    ended = f"ended with status {status}" if status >= 0 else f"was ended by {signal.Signals(-status).name}"
    return f"{ended}: {said[0]}" if said else ended


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1.0)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _end(server: Server, name: str) -> None:
    server.stop()
    for path in SHARED.glob(f"{name}-*"):
        path.unlink(missing_ok=True)


def account() -> pwd.struct_passwd | None:
    """Whom Squid runs as where root starts it, which it refuses to be; None: whoever starts it."""
    if os.geteuid() != 0:
        return None
    for name in _ACCOUNTS:
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise LabError(f"Squid does not run as root, and none of the accounts {', '.join(_ACCOUNTS)} is here")


def service_name() -> str:
    """A name that no other Squid has, of letters and digits, and of no more than 32, which is what Squid takes."""
    return f"{_PREFIX}{''.join(_starter(os.getpid()))}{_base36(next(_NUMBERS), 3)}"


def _starter(pid: int) -> tuple[str, ...]:
    """A process, as names hold it. With its namespace: the same number is another process in another container."""
    numbers = (os.stat("/proc/self/ns/pid").st_ino, pid, int(process_start(pid) or 0))
    return tuple(_base36(number, width) for number, width in zip(numbers, _WIDTHS, strict=True))


def _base36(number: int, width: int) -> str:
    """The last digits of a number, all of them for every number that Linux gives."""
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits


def sweep() -> None:
    """Remove the shared memory of Squids that were killed, with whoever had started them. Only of the same account."""
    try:
        mine = account()
        owner = os.geteuid() if mine is None else mine.pw_uid
        found = list(SHARED.iterdir())
    except (LabError, OSError):
        return  # without the account or the memory no Squid can have run
    for path in found:
        own = _OWN.fullmatch(path.name)
        now = _starter(int(own[2], 36)) if own else ()
        if own is None or own[1] != now[0] or own[3] == now[2]:
            continue
        with contextlib.suppress(OSError):
            if path.lstat().st_uid == owner:
                path.unlink()
