# SPDX-License-Identifier: GPL-3.0-or-later
"""What the kernel and systemd of a node say: sysctls, the export service's unit and process, open sockets.

Standard library only: this runs on the edge. Of a copy only files are read, and what was recorded of commands.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
from typing import Any, Callable, Union

from ..finding import Unread
from ..redaction.choose import redact
from ..redaction.command import arguments as shown_arguments
from ..redaction.command import environment as shown_environment
from ..redaction.lines import numbers
from .files import Node

SYSCTLS = (
    "net.ipv4.tcp_keepalive_time", "net.ipv4.tcp_keepalive_intvl", "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_retries2", "net.ipv4.tcp_mtu_probing", "net.ipv4.tcp_slow_start_after_idle",
    "net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem", "net.core.rmem_max", "net.core.wmem_max",
    "net.netfilter.nf_conntrack_tcp_timeout_established", "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans",
)  # fmt: skip
# sysctl.d(5): a file of the same name in an earlier directory replaces those in later ones.
SYSCTL_DIRECTORIES = ("/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d")
# systemd.unit(5), "Unit File Load Path", highest priority first.
UNIT_DIRECTORIES = (
    "/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
    "/lib/systemd/system",
)  # fmt: skip
UNIT_PROPERTIES = (
    "Id", "Type", "MainPID", "ActiveState", "FragmentPath", "DropInPaths", "RuntimeMaxUSec", "TimeoutStartUSec",
    "TimeoutStopUSec", "Restart", "Environment", "EnvironmentFiles", "NeedDaemonReload",
)  # fmt: skip
RECORDED = "/var/lib/edgepath/recorded"
COMMAND_SECONDS = 15
MAX_OUTPUT = 4 * 1024 * 1024

Answer = Union[str, Unread]
Runner = Callable[["list[str]"], Answer]


def run_command(arguments: list[str]) -> Answer:
    """What a command of the node prints, errors included; Unread where it is missing, fails or takes too long."""
    shown = " ".join(arguments)
    program = shutil.which(arguments[0], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin:/usr/local/sbin")
    if program is None:
        return Unread("not_collected", shown, arguments[0], f"{arguments[0]} is not installed on the edge")
    environment = {"LC_ALL": "C", "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands, no shell
            [program, *arguments[1:]], capture_output=True, timeout=COMMAND_SECONDS, env=environment,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return Unread("error", shown, arguments[0], f"{shown}: no answer within {COMMAND_SECONDS} s")
    except OSError as error:
        state = "denied" if isinstance(error, PermissionError) else "error"
        return Unread(state, shown, arguments[0], f"{shown}: {error.strerror}")
    output = done.stdout[:MAX_OUTPUT].decode("utf-8", errors="replace")
    if done.returncode != 0:
        reason = redact(done.stderr.decode("utf-8", errors="replace").strip()[-300:], "prose")
        return Unread("error", shown, arguments[0], f"{shown}: exit {done.returncode}: {reason or 'no message'}")
    return output


def recorded(node: Node, name: str, command: list[str], run: Runner = run_command) -> Answer:
    """A command's output: from the node itself, or what was recorded of it in a copy."""
    if node.live:
        return run(command)
    text = node.read_raw(posixpath.join(RECORDED, name), MAX_OUTPUT)
    if text is None:
        message = (
            f"{' '.join(command)}: a copy of a node has no live state, and nothing is recorded in {RECORDED}/{name}"
        )
        return Unread("not_collected", " ".join(command), name, message)
    return text


def sysctls(node: Node) -> dict[str, Any]:
    """{"runtime": {name: text | None (the kernel has none) | unread}, "disk": ...} of SYSCTLS."""
    return {"runtime": {name: _running(node, name) for name in SYSCTLS}, "disk": _on_disk(node)}


def _running(node: Node, name: str) -> Any:
    path = "/proc/sys/" + name.replace(".", "/")
    value = node.read_raw(path, 4096)
    # A copy that holds the node's sysctls, and none of connection tracking, is of a node that tracks nothing.
    unloaded = ".netfilter." in name and node.exists("/proc/sys/net/ipv4")
    if value is None and not node.live and not unloaded:
        message = f"{name}: the copy of the node holds no {path}"
        return Unread("not_collected", "read", path, message).to_fact()
    return value.to_fact() if isinstance(value, Unread) else value and numbers(" ".join(value.split()))


def _on_disk(node: Node) -> Any:
    """{"files": [{"path", "text"} in the order in which systemd-sysctl applies them], "sysctl_conf": text | None}."""
    chosen: dict[str, str] = {}
    for directory in reversed(SYSCTL_DIRECTORIES):
        names = node.names(directory)
        if isinstance(names, Unread):
            return names.to_fact()
        chosen.update({name: posixpath.join(directory, name) for name in names if name.endswith(".conf")})
    files: list[dict[str, Any]] = []
    for name in sorted(chosen):
        if not node.is_masked(chosen[name]):
            text = node.read(chosen[name], "sysctl")
            files.append({"path": chosen[name], "text": _fact(text)})
    return {"files": files, "sysctl_conf": _fact(node.read("/etc/sysctl.conf", "sysctl"))}


def unit(node: Node, name: str | None, run: Runner = run_command) -> Any:
    """The export service's unit: {"name", "properties", "files": [{"path", "text"}], "environment_files", "masked"};
    None where no service is named."""
    if name is None:
        return None
    name = name if "." in name else f"{name}.service"
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", name):
        return Unread(
            "error", "systemctl show", name, f"{name!r} is no unit name; correct edge_export_service"
        ).to_fact()
    shown = recorded(
        node, "systemctl-show.txt", ["systemctl", "show", name, "--property", ",".join(UNIT_PROPERTIES)], run
    )
    properties = {} if isinstance(shown, Unread) else _properties(redact(shown, "unit"))
    files = _unit_files(node, name)
    if isinstance(files, Unread):
        return files.to_fact()
    if not files and not properties.get("FragmentPath"):
        return Unread("error", "read", name, f"{name}: no such unit; correct edge_export_service").to_fact()
    return {
        "name": name,
        "properties": properties or _fact(shown),
        "files": files,
        "environment_files": _environment_files(node, files),
        "masked": any(item["text"] is None for item in files[:1]),
    }


def _properties(text: str) -> dict[str, str]:
    pairs = (line.partition("=") for line in text.splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}


def _unit_files(node: Node, name: str) -> list[dict[str, Any]] | Unread:
    """The fragment, then its drop-ins, in the order in which systemd applies them (systemd.unit(5))."""
    stem, dot, kind = name.rpartition(".")
    template = f"{stem.partition('@')[0]}@{dot}{kind}" if "@" in stem else None
    files: list[dict[str, Any]] = []
    for candidate in (item for item in (name, template) if item):
        paths = [posixpath.join(directory, candidate) for directory in UNIT_DIRECTORIES]
        path = next((path for path in paths if node.exists(path) or node.is_masked(path)), None)
        if path is not None:
            files.append({"path": path, "text": None if node.is_masked(path) else _fact(node.read(path, "unit"))})
            break
    chosen: dict[str, str] = {}
    for owner in _drop_in_owners(name, template, stem, kind):
        for directory in reversed(UNIT_DIRECTORIES):
            names = node.names(posixpath.join(directory, f"{owner}.d"))
            if isinstance(names, Unread):
                return names
            chosen.update(
                {item: posixpath.join(directory, f"{owner}.d", item) for item in names if item.endswith(".conf")}
            )
    files += [
        {"path": chosen[item], "text": _fact(node.read(chosen[item], "unit"))}
        for item in sorted(chosen)
        if not node.is_masked(chosen[item])
    ]
    return files


def _drop_in_owners(name: str, template: str | None, stem: str, kind: str) -> list[str]:
    """Whose NAME.d directories apply, the least specific first."""
    parts = stem.split("-")
    prefixes = ["-".join(parts[:count]) + f"-.{kind}" for count in range(1, len(parts))]
    return [kind, *prefixes, *([template] if template else []), name]


def _environment_files(node: Node, files: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The texts of EnvironmentFile=, redacted. A leading - allows the file to be absent."""
    found: list[dict[str, Any]] = []
    for item in files:
        for line in item["text"].splitlines() if isinstance(item["text"], str) else []:
            match = re.match(r"\s*EnvironmentFile\s*=\s*(-?)(/\S+)\s*$", line)
            if match and len(found) < 32:
                optional, path = match.groups()
                text = node.read_raw(path) if optional else node.wanted(path, "EnvironmentFile= of the unit")
                shown = redact(text, "environment") if isinstance(text, str) else _fact(text)
                found.append({"path": path, "text": shown})
    return found


def process(node: Node, properties: Any) -> Any:
    """The running service: {"pid", "environment", "command_line"}, redacted; None where none runs or none is known."""
    pid = properties.get("MainPID", "0") if isinstance(properties, dict) else "0"
    if not pid.isdecimal() or pid == "0":
        return None
    if not node.live and not node.exists(f"/proc/{pid}"):
        return None
    environment = node.nul_separated(f"/proc/{pid}/environ")
    arguments = node.nul_separated(f"/proc/{pid}/cmdline")
    pairs = [] if isinstance(environment, Unread) else [item.partition("=") for item in environment]
    variables = {name: value for name, _, value in pairs}
    return {
        "pid": int(pid),
        "environment": _fact(environment) if isinstance(environment, Unread) else shown_environment(variables),
        "command_line": _fact(arguments) if isinstance(arguments, Unread) else shown_arguments(arguments),
    }


def sockets(node: Node, run: Runner = run_command) -> Any:
    """What `ss -tnoi` prints, or unread."""
    text = recorded(node, "ss.txt", ["ss", "-tnoi"], run)
    return redact(text, "sockets") if isinstance(text, str) else _fact(text)


def _fact(value: Any) -> Any:
    return value.to_fact() if isinstance(value, Unread) else value
