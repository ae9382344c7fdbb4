# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands beside the log: the kernel's counters of TCP and of connection tracking, the driver's, the journal.

Standard library only: this runs on the edge. Of a copy only files are read, and what was recorded of commands.
"""

from __future__ import annotations

import grp
import os
import re
from typing import Any

from ..finding import Unread, unread
from ..targets import Edge
from ..timeouts.files import Node
from ..timeouts.node_system import MAX_OUTPUT, RECORDED, Runner, recorded, run_command
from .redact import sample_text
from .scan import Scan
from .stamps import Clock, choose
from .window import Window, iso
from .zones import UTC

NETSTAT, SNMP, CONNTRACK, UPTIME = "/proc/net/netstat", "/proc/net/snmp", "/proc/net/stat/nf_conntrack", "/proc/uptime"
# Linux Documentation/networking/snmp_counter.rst; RFC 4022 (tcpEstabResets and the others of Tcp).
TCP_COUNTERS = (
    "TcpExt.TCPAbortOnTimeout", "TcpExt.TCPAbortOnData", "TcpExt.TCPAbortOnClose", "TcpExt.TCPTimeouts",
    "Tcp.ActiveOpens", "Tcp.PassiveOpens", "Tcp.AttemptFails", "Tcp.EstabResets", "Tcp.OutRsts", "Tcp.RetransSegs",
    "Tcp.OutSegs",
)  # fmt: skip
TRACKS = "/proc/sys/net/netfilter/nf_conntrack_max"
TRACKING_COUNTERS = ("drop", "early_drop", "insert_failed")
RECORDED_JOURNAL = f"{RECORDED}/journalctl.txt"
JOURNAL_LINES = 5000
_MAX_ENDS = 5
# What systemd writes when a service does not end as it should (systemd.service(5), systemd.exec(5)).
_ENDS = re.compile(
    r"Main process exited|Failed with result|oom-kill|Out of memory|Watchdog timeout|State '[\w-]+' timed out"
    r"|Killing process|Scheduled restart job|Runtime limit|reached runtime"
)


def tcp_counters(node: Node) -> Any:
    """{"TcpExt.TCPAbortOnTimeout": 3, ...} of TCP_COUNTERS that the kernel has, or unread."""
    found: dict[str, int] = {}
    for path in (NETSTAT, SNMP):
        text = node.read_raw(path)
        if text is None:
            text = Unread("not_collected", "read", path, f"the copy of the node holds no {path}")
        if isinstance(text, Unread):
            return text.to_fact()
        found.update(_pairs(text))
    return {name: found[name] for name in TCP_COUNTERS if name in found}


def _pairs(text: str) -> dict[str, int]:
    """Of /proc/net/netstat and snmp: a line of names, then a line of values, both under the same title."""
    found: dict[str, int] = {}
    lines = text.splitlines()
    for names, values in zip(lines[::2], lines[1::2]):
        title, _, rest = names.partition(":")
        numbers = values.partition(":")[2].split()
        for name, number in zip(rest.split(), numbers):
            if re.fullmatch(r"-?\d{1,20}", number):
                found[f"{title}.{name}"] = int(number)
    return found


def deltas(before: Any, after: Any) -> dict[str, int]:
    """What was added between two readings; {} where either could not be read."""
    if unread(before) is not None or unread(after) is not None:
        return {}
    return {name: after[name] - before[name] for name in after if name in before}


def tracking(node: Node, run: Runner = run_command) -> Any:
    """Summed over processors: {"drop", "early_drop", "insert_failed"}; None where the kernel tracks nothing.

    A kernel may track and have no such file (CONFIG_NF_CONNTRACK_PROCFS): then conntrack(8) is asked.
    """
    text = node.read_raw(CONNTRACK)
    if text is None:
        if node.exists(TRACKS):
            return _told(recorded(node, "conntrack.txt", ["conntrack", "-S"], run))
        if node.live or node.exists(NETSTAT):
            return None
        return Unread("not_collected", "read", CONNTRACK, f"the copy of the node holds no {CONNTRACK}").to_fact()
    if isinstance(text, Unread):
        return text.to_fact()
    names, *rows = [line.split() for line in text.splitlines() if line.strip()] or [[]]
    try:
        table = [dict(zip(names, (int(cell, 16) for cell in row))) for row in rows]
    except ValueError:
        return Unread("error", "read", CONNTRACK, f"{CONNTRACK}: is not as the kernel writes it").to_fact()
    return {name: sum(row.get(name, 0) for row in table) for name in TRACKING_COUNTERS if name in names}


def _told(text: Any) -> Any:
    """Of `conntrack -S`: a line a processor, `cpu=0 found=1 ... drop=0 early_drop=0 ...`."""
    if isinstance(text, Unread):
        return text.to_fact()
    rows = [dict(re.findall(r"(\w+)=(\d{1,20})\b", line)) for line in text.splitlines()]
    if not any(rows):
        return Unread("error", "conntrack -S", "conntrack", "conntrack -S: is not as conntrack(8) writes it").to_fact()
    return {name: sum(int(row[name]) for row in rows if name in row) for name in TRACKING_COUNTERS if name in rows[0]}


def uptime(node: Node) -> float | None:
    """Seconds since the node's start, which its counters count from; None where that is not told."""
    text = node.read_raw(UPTIME)
    first = text.split()[:1] if isinstance(text, str) else []
    try:
        return float(first[0]) if first else None
    except ValueError:
        return None


def journal(node: Node, edge: Edge, window: Window | None, run: Runner) -> Any:
    """The journal of the export's service in the window: {"lines", "classes", "ends"}; None: none is named."""
    if edge.export_service is None:
        return None
    if not re.fullmatch(r"[A-Za-z0-9:_.\\@-]+", edge.export_service):
        message = f"{edge.export_service!r} is no unit name; correct edge_export_service"
        return Unread("error", "journalctl", edge.export_service, message).to_fact()
    command = ["journalctl", "--unit", edge.export_service, "--output", "short-unix", "--no-pager", "--quiet"]
    command += ["--lines", str(JOURNAL_LINES)]
    if window is not None:
        command += ["--since", f"@{int(window.start)}", "--until", f"@{int(window.end) + 1}"]
    text = run(command) if node.live else node.read_raw(RECORDED_JOURNAL, MAX_OUTPUT)
    if text is None:
        message = f"the copy of the node holds no {RECORDED_JOURNAL}"
        text = Unread("not_collected", "journalctl", RECORDED_JOURNAL, message)
    if isinstance(text, Unread):
        return text.to_fact()
    if node.live and not text.strip() and not _may_read_journal():
        message = "journalctl: shows nothing to this user; become root, or join the group systemd-journal"
        return Unread("denied", "journalctl", edge.export_service, message, ("group systemd-journal",)).to_fact()
    return _journal_said(text, window)


def _may_read_journal() -> bool:
    """Root, and the groups that journalctl(1) names."""
    if os.geteuid() == 0:
        return True
    groups = {*os.getgroups(), os.getegid()}
    for name in ("systemd-journal", "adm", "wheel"):
        try:
            if grp.getgrnam(name).gr_gid in groups:
                return True
        except KeyError:  # this node has no such group, so nobody is in it
            continue
    return False


def _journal_said(text: str, window: Window | None) -> dict[str, Any]:
    block = b"\n" + text.encode("utf-8", "replace").rstrip(b"\n")
    format_ = choose(None, block)
    scan = Scan(window)
    ends: list[dict[str, Any]] = []
    if format_ is not None:
        clock = Clock(UTC.info, 4e9)
        scan.start("journal", format_, clock)
        scan.feed(block)
        for match in format_.stamp.finditer(block):
            line = block[match.start() + 1 : block.find(b"\n", match.end()) if b"\n" in block[match.end() :] else None]
            at = clock.read(match, None)
            if at is None or (window is not None and not window.wider(10.0).holds(at)):
                continue
            if len(ends) < _MAX_ENDS and _ENDS.search(line.decode("utf-8", "replace")):
                ends.append({"time": iso(at), "text": sample_text(line)})
    return {
        "lines": scan.lines_in_window,
        "classes": {name: seen.to_fact() for name, seen in scan.classes.items() if seen.count},
        "ends": ends,
    }
