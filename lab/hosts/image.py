# SPDX-License-Identifier: GPL-3.0-or-later
"""The image of the hosts, from Debian's own packages by the machine's own apt sources. No registry is asked.

Built once: the tar is kept below the cache under a hash of all that goes into it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

from lab.process import LabError

from .podman import CannotRun, cache, podman, succeeds

SUITE = "bookworm"
PACKAGES = (
    "ca-certificates", "conntrack", "curl", "dbus", "haproxy", "iproute2", "libnginx-mod-stream", "nftables",
    "nginx-light", "openssh-server", "procps", "python3", "squid", "sudo", "systemd", "systemd-resolved",
    "systemd-sysv",
)  # fmt: skip
# Run in the new system. Proxies are started where a host is to have one; the host keys are made for each run.
STEPS = (
    "useradd --system --create-home --home-dir /var/lib/export --shell /usr/sbin/nologin export",
    "useradd --create-home --shell /bin/bash auditor",
    "printf 'auditor ALL=(ALL) NOPASSWD: ALL\\n' > /etc/sudoers.d/auditor && chmod 0440 /etc/sudoers.d/auditor",
    "systemctl disable nginx haproxy squid nftables apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer "
    "fstrim.timer dpkg-db-backup.timer",
    "rm -f /etc/ssh/ssh_host_* /etc/nginx/sites-enabled/default",
    "mkdir -p /var/log/genesys && chown export: /var/log/genesys",
)
_SOURCES = Path("/etc/apt/sources.list.d/debian.sources")
_OLD_SOURCES = Path("/etc/apt/sources.list")
_BUILD_SECONDS = 900


def ensure() -> str:
    """The name of the image, built and imported where it is not there yet."""
    key = hashlib.sha256(json.dumps([SUITE, PACKAGES, STEPS]).encode()).hexdigest()[:16]
    name = f"localhost/edgepath-host:{key}"
    if succeeds("image", "exists", name):
        return name
    path = cache() / f"host-{SUITE}-{key}.tar"
    if not path.exists():
        _build(path)
    podman("import", str(path), name)
    return name


def _build(path: Path) -> None:
    program = shutil.which("mmdebstrap")
    if program is None:
        raise CannotRun("mmdebstrap is not installed; apt-get install mmdebstrap")
    partial = path.with_suffix(f".{os.getpid()}.tar")
    hooks = [f'--customize-hook=chroot "$1" sh -c {_quoted(step)}' for step in STEPS]
    command = [program, "--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}", *hooks, SUITE, str(partial)]
    sources = next((each for each in (_SOURCES, _OLD_SOURCES) if each.exists()), None)
    try:
        subprocess.run(
            [*command, *([str(sources)] if sources else [])],
            check=True, capture_output=True, timeout=_BUILD_SECONDS, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        partial.replace(path)
    except subprocess.CalledProcessError as error:
        told = error.stderr.decode(errors="replace").strip().splitlines()[-4:]
        raise LabError(f"mmdebstrap could not build the hosts' image: {' '.join(told)}") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"mmdebstrap did not build the hosts' image within {_BUILD_SECONDS} s") from None
    finally:
        partial.unlink(missing_ok=True)


def _quoted(step: str) -> str:
    return "'" + step.replace("'", "'\\''") + "'"
