# SPDX-License-Identifier: GPL-3.0-or-later
"""podman, with settings of the lab's own, and whether it runs on this machine at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

from lab.process import LabError

# runc also runs where crun refuses the machine's control groups; the limits are those that any process may have.
_SETTINGS = """[containers]
default_ulimits = ["nofile=1024:4096", "nproc=4096:4096"]
[engine]
runtime = "runc"
"""
PROGRAMS = ("podman", "runc", "ssh", "ssh-keygen")
_SECONDS = 120


class CannotRun(LabError):
    """podman cannot run hosts on this machine; the message says why."""


def cache() -> Path:
    """Where the lab keeps what is costly to make: $XDG_CACHE_HOME/edgepath."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    path = Path(base) / "edgepath"
    path.mkdir(parents=True, exist_ok=True)
    return path


def podman(*arguments: str, stdin: bytes | None = None, check: bool = True) -> str:
    """What podman prints; LabError with its last words where it fails."""
    done = _run(*arguments, stdin=stdin)
    if check and done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip().splitlines()[-3:]
        raise LabError(f"podman {' '.join(arguments[:3])}: exit {done.returncode}: {' '.join(told) or 'no message'}")
    return str(done.stdout.decode(errors="replace")).strip()


def succeeds(*arguments: str) -> bool:
    return _run(*arguments).returncode == 0


def _run(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[Any]:
    given: dict[str, Any] = {"stdin": subprocess.DEVNULL} if stdin is None else {"input": stdin}
    try:
        return subprocess.run(
            ["podman", *arguments], capture_output=True, timeout=_SECONDS, env=environment(), check=False, **given
        )
    except FileNotFoundError:
        raise CannotRun("podman is not installed; apt-get install podman runc mmdebstrap") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"podman {' '.join(arguments[:3])}: no answer within {_SECONDS} s") from None


def environment() -> dict[str, str]:
    """With which podman is to be called, by hand too."""
    settings = cache() / "containers.conf"
    if not settings.exists() or settings.read_text() != _SETTINGS:
        partial = settings.with_suffix(f".{os.getpid()}")
        partial.write_text(_SETTINGS)
        partial.replace(settings)
    return {**os.environ, "CONTAINERS_CONF": str(settings)}


def require() -> None:
    """CannotRun, with the reason, where hosts cannot be run here."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        raise CannotRun(f"{', '.join(missing)} not installed; apt-get install podman runc mmdebstrap openssh-client")
    if os.geteuid() != 0:
        raise CannotRun(
            "cannot run here because hosts, which are reached at addresses of their own, take root; run it with sudo"
        )
    done = _run("info", "--format", "{{.Host.NetworkBackend}}")
    if done.returncode != 0:
        told = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        raise CannotRun(
            f"cannot run here because podman does not run on this machine: {' '.join(told) or 'no message'}"
        )
