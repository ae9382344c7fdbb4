# SPDX-License-Identifier: GPL-3.0-or-later
"""What an audit costs over SSH, on the embedded lab: 200 edges (EDGES) behind one real sshd on loopback.

Each edge has an address of its own in 127.0.0.0/8, and so a connection of its own that stays open (ControlPersist). The
ratio is that of the audit against `ansible -m ping` on the same hosts with the same forks, in turn in one run, after
one ping that is not counted: both find the connections open. Target: at most 3. The nodes' part runs on this machine
too, and a ping costs a node less than a visit; with machines of their own the ratio is smaller.

It takes Debian's openssh-server, as root or as any user; the sshd has keys and a configuration of its own, lets in one
key, and only from this machine.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "benchmarks")]

from audit_cost import against_ping, seconds  # noqa: E402

EDGES = int(os.environ.get("EDGES", "200"))
# Longer than a run, so that no connection is closed between its ping and its visit.
PERSIST = "-o ControlMaster=auto -o ControlPersist=1800s"
PRIVILEGED = Path("/run/sshd")  # the empty directory that an sshd of root locks its unprivileged part into


def address(number: int) -> str:
    return f"127.0.{1 + number // 250}.{1 + number % 250}"


def make_keys(directory: Path) -> None:
    for name in ("host", "user"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(directory / name)]
        subprocess.run(command, check=True)
    allowed = 'from="127.0.0.0/8" ' + (directory / "user.pub").read_text()
    (directory / "authorized_keys").write_text(allowed)


@contextlib.contextmanager
def sshd(directory: Path, program: str) -> Iterator[int]:
    """A running sshd; its port."""
    make_keys(directory)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = {
        "Port": port, "ListenAddress": "0.0.0.0",  # one address would not be the edges'; the key is bound to 127/8
        "HostKey": directory / "host", "AuthorizedKeysFile": directory / "authorized_keys", "PidFile": "none",
        "StrictModes": "no", "UsePAM": "no", "PasswordAuthentication": "no", "KbdInteractiveAuthentication": "no",
        "PermitRootLogin": "prohibit-password", "MaxStartups": 4 * EDGES, "UseDNS": "no", "LogLevel": "FATAL",
    }  # fmt: skip
    (directory / "sshd_config").write_text("".join(f"{name} {value}\n" for name, value in config.items()))
    if os.geteuid() == 0:
        PRIVILEGED.mkdir(mode=0o755, exist_ok=True)
    process = subprocess.Popen([program, "-D", "-e", "-f", str(directory / "sshd_config")])
    try:
        await_port(port, process)
        yield port
    finally:
        process.terminate()
        process.wait()


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(100):
        if process.poll() is not None:
            sys.exit(f"sshd ended with {process.returncode}")
        with contextlib.suppress(OSError), socket.create_connection((address(EDGES - 1), port), timeout=1):
            return
        time.sleep(0.1)
    sys.exit(f"sshd does not listen on port {port}")


def inventory(directory: Path, port: int, names: list[str]) -> Path:
    """What the lab's edges need to be reached over SSH, as an inventory that is read after the lab's."""
    key = (directory / "host.pub").read_text().strip()
    (directory / "known_hosts").write_text(f"[127.0.*]:{port} {key}\n")
    common: dict[str, Any] = {
        "ansible_connection": "ssh", "ansible_port": port, "ansible_user": getpass.getuser(),
        "ansible_ssh_private_key_file": str(directory / "user"),
        "ansible_ssh_common_args": f"-o UserKnownHostsFile={directory}/known_hosts -o IdentitiesOnly=yes "
        "-o IdentityAgent=none -F none",
    }  # fmt: skip
    hosts = {name: {**common, "ansible_host": address(number)} for number, name in enumerate(names)}
    path = directory / "ssh.json"  # JSON is YAML, which Ansible's inventory plugin reads
    path.write_text(json.dumps({"edges": {"hosts": hosts}}))
    return path


def measure(directory: Path, program: str) -> None:
    state = json.loads((Path(os.environ["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
    names = sorted(name for name in state["hosts"] if name.startswith("fleet-"))
    with sshd(directory, program) as port:
        options = ["-i", str(ROOT / "inventories/lab"), "-i", str(inventory(directory, port, names))]
        os.environ.update(ANSIBLE_SSH_ARGS=PERSIST, ANSIBLE_SSH_CONTROL_PATH_DIR=str(directory / "cp"))
        try:
            print(f"audit against ping, {len(names)} edges over SSH, connections open", flush=True)
            opening, _ = seconds(["ansible", "fleet-*", "-m", "ping", *options], (0,))
            print(f"  first ping, which opens them: {opening:.1f} s", flush=True)
            against_ping(len(names), options)
            print(f"  connections open at the end: {sum(1 for _ in (directory / 'cp').iterdir())}")
        finally:
            close(directory / "cp")


def close(sockets: Path) -> None:
    for path in sockets.iterdir() if sockets.exists() else ():
        subprocess.run(["ssh", "-O", "exit", "-o", f"ControlPath={path}", "-F", "none", "edge"], capture_output=True)


def main() -> None:
    program = shutil.which("sshd") or shutil.which("sshd", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        print("sshd is not installed; left out (apt-get install openssh-server)")
        return
    with tempfile.TemporaryDirectory(prefix="edges-") as name:
        directory = Path(name)
        if "EDGEPATH_LAB_DIR" in os.environ:
            measure(directory, program)
            return
        lab = [sys.executable, "-m", "lab", "run", "--dir", f"{name}/lab", "--edges", str(EDGES), "--"]
        environment = {**os.environ, "EDGEPATH_RUNS_DIR": f"{name}/runs"}
        subprocess.run([*lab, sys.executable, __file__], cwd=ROOT, check=True, env=environment)


if __name__ == "__main__":
    main()
