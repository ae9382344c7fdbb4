# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m lab up | down | run -- COMMAND | env``: start the lab, stop it, or run a command within it."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .process import PROJECT, LabError, die_with_parent, process_start, python

_DOWN_SECONDS = 30.0
_GRACE_SECONDS = 10.0
_READY = "ready"


class _Ended(BaseException):
    """A signal asked this process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(sys.argv[1:] if arguments is None else list(arguments))
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _end)
    try:
        return int({"up": _up, "down": _down, "run": _run, "env": _env, "serve": _serve}[options.action](options))
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1  # whoever read what this says has gone away, and the lab with it
    except _Ended as ended:
        return 128 + ended.number


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True, metavar="up|down|run|env")
    helps = {
        "up": "start the lab and leave it running",
        "down": "stop the lab",
        "run": "start the lab, run a command within it, and stop it whatever happens",
        "env": 'print the environment of the running lab for a shell: eval "$(python -m lab env)"',
    }
    for name in (*helps, "serve"):
        sub = actions.add_parser(name, help=helps.get(name), description=helps.get(name))
        sub.add_argument(
            "--dir", type=Path, default=PROJECT / ".lab", help="its directory (default .lab of the project)"
        )
        if name in ("up", "run", "serve"):
            sub.add_argument("--edges", type=_count, default=0, metavar="N", help="further copies of a healthy edge")
        if name == "run":
            sub.add_argument("command", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="what to run")
    options = parser.parse_args(arguments)
    if options.action == "run":
        options.command = options.command[1:] if options.command[:1] == ["--"] else options.command
        if not options.command:
            parser.error("run: name the command after --")
    return options


def _count(text: str) -> int:
    number = int(text)
    if not 0 <= number <= 4000:
        raise argparse.ArgumentTypeError("must lie between 0 and 4000")
    return number


def _up(options: argparse.Namespace) -> int:
    """Start a process of its own that serves the lab, and wait until it is ready.

    It starts with a pipe from here: when this process ends before the lab is ready, however it ends, so does that.
    """
    command = python("lab", "serve", "--dir", str(options.dir.resolve()), "--edges", str(options.edges))
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=PROJECT,
    )
    assert process.stdout is not None and process.stdin is not None
    try:
        for line in process.stdout:
            if line.strip() == _READY:
                process.stdin.write(_READY + "\n")
                process.stdin.close()
                return 0
            _say(line.rstrip("\n"))
    except _Ended:
        process.terminate()
        process.wait()
        raise
    return process.wait() or 1


def _serve(options: argparse.Namespace) -> int:
    """What `up` leaves running: holds the lab until a signal ends it."""
    from .lifecycle import Lab

    with Lab(options.dir, options.edges, _say):
        _say(_READY)
        if sys.stdin.readline().strip() != _READY:
            raise LabError("whoever started the lab went away before it was ready")
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        while True:
            signal.pause()


def _down(options: argparse.Namespace) -> int:
    from .lifecycle import holder, sweep

    found = holder(options.dir)
    if found is None:
        swept = sweep(options.dir)
        print(f"removed what a killed lab had left in {options.dir}" if swept else f"no lab runs in {options.dir}")
        return 0
    pid, started = found
    os.kill(pid, signal.SIGTERM)
    until = time.monotonic() + _DOWN_SECONDS
    while process_start(pid) == started:
        if time.monotonic() > until:
            raise LabError(f"the lab in {options.dir} (pid {pid}) did not end within {_DOWN_SECONDS:.0f} s")
        time.sleep(0.05)
    print(f"lab in {options.dir} stopped")
    return 0


def _env(options: argparse.Namespace) -> int:
    from .lifecycle import environment, running

    state = running(options.dir)
    if state is None:
        raise LabError(f"no lab runs in {options.dir}; start it with `python -m lab up`")
    for name, value in sorted(environment(options.dir, state).items()):
        if os.environ.get(name) != value:
            print(f"export {name}={shlex.quote(value)}")
    for name in sorted(name for name in os.environ if name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")):
        print(f"unset {name}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from .lifecycle import Lab, environment

    with Lab(options.dir, options.edges, _say) as lab:
        try:
            process = subprocess.Popen(
                options.command,
                env=environment(options.dir, lab.state),
                preexec_fn=die_with_parent(signal.SIGTERM, os.getpid()),
            )
        except OSError as error:
            raise LabError(f"cannot run {options.command[0]}: {error.strerror}") from None
        try:
            status = process.wait()
        except _Ended as ended:
            _finish(process, ended.number)
            raise
    return status if status >= 0 else 128 - status


def _finish(process: subprocess.Popen[Any], number: int) -> None:
    """Let the command end as this process was asked to; a terminal's Ctrl-C has reached it already."""
    if number != signal.SIGINT:
        process.send_signal(number)
    try:
        process.wait(_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _end(number: int, _frame: Any) -> None:
    # One signal is enough: what follows is the orderly end, and another must not cut it short.
    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise _Ended(number)


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
