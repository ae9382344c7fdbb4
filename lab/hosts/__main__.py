# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m lab.hosts check | image | up | down | shell``: hosts with systemd and sshd, for tests on real nodes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from lab.process import PROJECT, LabError

from . import image, site
from .podman import CannotRun, environment, require

# What `check` ends with where hosts cannot be run: as automake has it for a test that was skipped.
NOT_RUN = 77
_DEFAULT = PROJECT / ".lab-hosts"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parse(arguments)
    try:
        if options.action == "check":
            require()
        elif options.action == "image":
            require()
            print(image.ensure())
        elif options.action == "up":
            site.up(options.dir, [site.Node.parse(text) for text in options.nodes])
        elif options.action == "down":
            require()
            print("hosts stopped" if site.down(options.dir) else f"no hosts in {options.dir}")
        else:
            return _shell(options)
    except CannotRun as error:
        print(f"hosts: not run: {error}", file=sys.stderr)
        return NOT_RUN
    except LabError as error:
        print(f"hosts: {error}", file=sys.stderr)
        return 1
    return 0


def _shell(options: argparse.Namespace) -> int:
    """Replaces this process by a shell, or a command, on the host."""
    state = site.running(options.dir)
    found = {**state["hosts"], "platform": state["platform"]}
    if options.host not in found:
        raise LabError(f"no host {options.host}; there are {', '.join(found)}")
    command = options.command or ["bash", "-l"]
    terminal = ["--interactive", "--tty"] if sys.stdin.isatty() else ["--interactive"]
    os.execvpe("podman", ["podman", "exec", *terminal, found[options.host]["container"], *command], environment())


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m lab.hosts", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    helps = {
        "check": f"whether hosts can be run here; status {NOT_RUN} and the reason where not",
        "image": "build the hosts' image where it is not there yet",
        "up": "start nodes, and the platform that they export to",
        "down": "stop them",
        "shell": "look around in a host",
    }
    for name, text in helps.items():
        sub = actions.add_parser(name, help=text, description=text)
        sub.add_argument("--dir", type=Path, default=_DEFAULT, help="their directory (default .lab-hosts)")
        if name == "up":
            kinds = "|".join(site.KINDS)
            sub.add_argument("nodes", nargs="+", metavar="NAME[=KIND[:EDGE]]", help=f"kind: {kinds}")
        if name == "shell":
            sub.add_argument("host")
            sub.add_argument("command", nargs=argparse.REMAINDER)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
