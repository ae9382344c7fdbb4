# SPDX-License-Identifier: GPL-3.0-or-later
"""Section "host" of an edge's facts: packet filter, ephemeral ports, addresses, routes. Standard library only.

Read from the running node, or, where edge.root is a copy of one, from the files recorded in it. Nothing is changed:
`nft list`, `iptables-save` and `ip` only read.

    vendor               the machine's maker as firmware names it ("Amazon EC2") | None | Unread
    ip_local_port_range  [first, last] | Unread
    firewall             [{"kind": "nft" | "iptables" | "ip6tables", "command", "ruleset"} | Unread, ...] | Unread;
                         [] where there is none
    addresses            [{"interface", "address", "scope"}, ...] | Unread
    routes, routes6      [{"dst", "dev", "prefsrc", "metric"}, ...] | Unread
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from ..dns.rootfile import NodeFile, read_text
from ..finding import Unread
from ..redaction.prose import redact_prose
from ..redaction.resolver_text import redact_filter, redact_ruleset
from ..targets import Edge

RECORDED = "/var/lib/edgepath/recorded"
# Seconds; these commands answer in milliseconds, with very large sets in a few seconds.
COMMAND_SECONDS = 20
MOST_BYTES = 16 * 1024 * 1024
_PART = 65536
_PATH = "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"
_REJECT = 0x0200  # RTF_REJECT, linux/ipv6_route.h
_UP = 0x0001  # RTF_UP


def gather_node(edge: Edge) -> dict[str, Any]:
    """The section "host", Unread where something could not be read."""
    node = _Node(edge)
    section: dict[str, Any] = {
        "vendor": _shown(node.text("/sys/class/dmi/id/sys_vendor")),
        "ip_local_port_range": _port_range(node.text("/proc/sys/net/ipv4/ip_local_port_range")),
        "firewall": _firewall(node),
        "addresses": _addresses(node.json("ip-addr.json", ["ip", "-j", "addr"])),
        "routes": _routes(node.json("ip-route.json", ["ip", "-j", "-4", "route"])),
        "routes6": _routes6(node.text("/proc/net/ipv6_route")),
    }
    return {key: _plain(value) for key, value in section.items()}


def _shown(text: str | Unread | None) -> Any:
    return redact_prose(text) if isinstance(text, str) else text


def _plain(value: Any) -> Any:
    if isinstance(value, Unread):
        return value.to_fact()
    return [_plain(item) for item in value] if isinstance(value, list) else value


class _Node:
    def __init__(self, edge: Edge) -> None:
        self.root = edge.root
        self.copy = edge.root != "/"

    def text(self, path: str) -> str | Unread | None:
        """A file of the node, None where it is absent."""
        if not self.copy:
            return _kernel_text(path)
        held = read_text(self.root, path)
        return held.text.strip() if isinstance(held, NodeFile) and held.text is not None else _or_none(held)

    def output(self, recorded: str, command: Sequence[str]) -> str | Unread | None:
        """What a command prints: recorded in a copy, else run. None where a running node does not have the command."""
        if self.copy:
            path = f"{RECORDED}/{recorded}"
            held = self.text(path)
            if held is None:
                return Unread("not_collected", " ".join(command), path, f"the copy of the node has no {path}")
            return held
        return _run(command)

    def json(self, recorded: str, command: Sequence[str]) -> Any:
        printed = self.output(recorded, command)
        if printed is None:
            name = " ".join(command)
            return Unread("not_collected", name, name, f"{command[0]} is not installed on the edge")
        if isinstance(printed, Unread):
            return printed
        try:
            return json.loads(printed or "[]")
        except ValueError as error:
            name = " ".join(command)
            return Unread("error", name, name, f"the output of {name} is not JSON: {error}")


def _kernel_text(path: str) -> str | Unread | None:
    """A file of /proc or /sys. Read in small parts: the kernel refuses to fill a buffer of megabytes from a sysctl."""
    parts = []
    try:
        with open(path, "rb", buffering=0) as stream:
            while part := stream.read(_PART):
                parts.append(part)
    except FileNotFoundError:
        return None
    except PermissionError:
        return Unread("denied", "read", path, f"cannot read {path}: permission denied; run the audit with become: true")
    except OSError as error:
        return Unread("error", "read", path, f"cannot read {path}: {error.strerror or error}")
    return b"".join(parts).decode("utf-8", errors="replace").strip()


def _or_none(held: NodeFile | Unread) -> Unread | None:
    return held if isinstance(held, Unread) else None


def _run(command: Sequence[str]) -> str | Unread | None:
    name = " ".join(command)
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:{_PATH}")
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            env={**os.environ, "LC_ALL": "C"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Unread("error", name, name, f"{name} did not end within {COMMAND_SECONDS} s")
    except OSError as error:
        return Unread("error", name, name, f"cannot run {name}: {error.strerror or error}")
    if done.returncode != 0:
        told = redact_prose(" ".join(done.stderr.decode("utf-8", errors="replace").split())[:200])
        denied = "permitted" in told or "ermission denied" in told or "must be root" in told
        hint = "; run the audit with become: true" if denied else ""
        return Unread("denied" if denied else "error", name, name, f"{name} failed: {told or done.returncode}{hint}")
    if len(done.stdout) > MOST_BYTES:
        return Unread("error", name, name, f"the output of {name} is larger than {MOST_BYTES} bytes")
    return done.stdout.decode("utf-8", errors="replace")


def _port_range(text: str | Unread | None) -> Any:
    name = "net.ipv4.ip_local_port_range"
    if isinstance(text, Unread):
        return text
    words = (text or "").split()
    if len(words) != 2 or not all(word.isdigit() for word in words):
        return Unread("not_collected", "read", name, f"{name} was not found on the edge")
    return [int(words[0]), int(words[1])]


def _firewall(node: _Node) -> Any:
    """All packet filters: nftables (iptables-nft included), and the older iptables where its tables are in use."""
    if node.copy:
        return _recorded(node)
    printed = _run(["nft", "-j", "list", "ruleset"])
    found = [] if printed is None else [_nft(printed)]
    for kind, tables in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names")):
        names = node.text(f"/proc/net/{tables}")
        if printed is None or (isinstance(names, str) and names):
            found += _iptables(kind, in_use=isinstance(names, str) and bool(names))
    return found if found or printed is not None else _no_tool(node)


def _iptables(kind: str, in_use: bool) -> list[Any]:
    for command in (f"{kind}-legacy-save", f"{kind}-save"):
        printed = _run([command])
        if printed is not None:
            return [printed if isinstance(printed, Unread) else _part(kind, command, redact_filter(printed))]
    if not in_use:
        return []
    message = f"tables of {kind} are in use, and {kind}-save, which would list them, is not installed on the edge"
    return [Unread("not_collected", f"{kind}-save", "host firewall", message)]


def _no_tool(node: _Node) -> Any:
    """Neither nft nor iptables-save: no filter where the kernel has loaded none, else it cannot be told."""
    modules = node.text("/proc/modules")
    loaded = {line.split()[0] for line in modules.splitlines()} if isinstance(modules, str) else set()
    if loaded and not loaded & {"nf_tables", "ip_tables", "ip6_tables"}:
        return []
    message = "the packet filter cannot be listed: neither nft nor iptables-save is installed on the edge"
    return Unread("not_collected", "nft list ruleset", "host firewall", message)


def _recorded(node: _Node) -> Any:
    found: list[Any] = []
    printed = node.output("nft.json", ["nft", "-j", "list", "ruleset"])
    if isinstance(printed, str):
        found.append(_nft(printed))
    for kind in ("iptables", "ip6tables"):
        held = node.text(f"{RECORDED}/{kind}-save.txt")
        if held is not None:
            found.append(held if isinstance(held, Unread) else _part(kind, f"{kind}-save", redact_filter(held)))
    return found or printed


def _part(kind: str, command: str, ruleset: Any) -> dict[str, Any]:
    return {"kind": kind, "command": command, "ruleset": ruleset}


def _nft(printed: str | Unread) -> Any:
    if isinstance(printed, Unread):
        return printed
    try:
        return _part("nft", "nft -j list ruleset", redact_ruleset(json.loads(printed)))
    except ValueError as error:
        return Unread("error", "nft -j list ruleset", "host firewall", f"the output of nft is not JSON: {error}")


def _addresses(held: Any) -> Any:
    if isinstance(held, Unread):
        return held
    return [
        {"interface": item.get("ifname"), "address": entry["local"], "scope": entry.get("scope")}
        for item in held
        for entry in item.get("addr_info") or []
        if entry.get("local")
    ]


def _routes(held: Any) -> Any:
    if isinstance(held, Unread):
        return held
    kept = ("dst", "dev", "prefsrc", "metric", "gateway", "type")
    return [{key: item[key] for key in kept if key in item} for item in held if item.get("type") != "blackhole"]


def _routes6(text: str | Unread | None) -> Any:
    """The IPv6 routes of /proc/net/ipv6_route (proc(5)); [] where the kernel has no IPv6."""
    if isinstance(text, Unread):
        return text
    routes = []
    for line in (text or "").splitlines():
        words = line.split()
        if len(words) != 10 or words[9] == "lo" or int(words[8], 16) & _REJECT or not int(words[8], 16) & _UP:
            continue
        length = int(words[1], 16)
        groups = [words[0][start : start + 4] for start in range(0, 32, 4)]
        destination = "default" if length == 0 else f"{':'.join(groups)}/{length}"
        routes.append({"dst": destination, "dev": words[9], "metric": int(words[5], 16)})
    return routes
