# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's settings that bear on long transfers: the known-good table, and what runs now against the next boot.

Sources: Linux Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst; sysctl.d(5), systemd-sysctl(8).
"""

from __future__ import annotations

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import Unread, unread
from .unread_parts import readable

KEEPALIVE_TIME = "net.ipv4.tcp_keepalive_time"
ESTABLISHED = "net.netfilter.nf_conntrack_tcp_timeout_established"
# Where converge writes settings for the next boot; the second where a file that is read after the first sets the same.
SYSCTL_FILE = "/etc/sysctl.d/90-edgepath.conf"
LAST_SYSCTL_FILE = "/etc/sysctl.d/zz-edgepath.conf"
# The shortest idle timers on AWS: NAT gateway, interface endpoint, Nitro v6 tracking (Amazon VPC User Guide).
SHORTEST_IDLE = 350


@dataclass(frozen=True)
class Wanted:
    """key: the sysctl; good: what is accepted; value: what converge sets; says: the rule in words."""

    check: str
    key: str
    good: Callable[[int], bool]
    value: str
    says: str


# Every number with its reason; the default of the kernel follows in brackets.
WANTED = (
    # The first probe must reach the gateway before it forgets the flow. [7200]
    Wanted("TIMEOUTS-13", KEEPALIVE_TIME, lambda value: 0 < value < SHORTEST_IDLE, "60", "1 to 349 s"),
    # A lost probe or two must still leave one before 350 s. [75]
    Wanted("TIMEOUTS-13", "net.ipv4.tcp_keepalive_intvl", lambda value: 0 < value <= 75, "30", "1 to 75 s"),
    # Fewer than 3 take a short disturbance for a dead peer. [9]
    Wanted("TIMEOUTS-13", "net.ipv4.tcp_keepalive_probes", lambda value: 3 <= value <= 9, "5", "3 to 9"),
    # 15 leaves a dead transfer hanging for at least 924.6 s; 8 is RFC 1122's least, 100 s. [15]
    Wanted("TIMEOUTS-15", "net.ipv4.tcp_retries2", lambda value: 8 <= value <= 10, "8", "8 to 10"),
    Wanted("TIMEOUTS-16", "net.ipv4.tcp_mtu_probing", lambda value: value >= 1, "1", "1 or 2"),  # [0]
    Wanted("TIMEOUTS-17", "net.ipv4.tcp_slow_start_after_idle", lambda value: value == 0, "0", "0"),  # [1]
    Wanted("TIMEOUTS-18", "net.ipv4.tcp_rmem", lambda value: value >= 6291456, "4096 131072 6291456", "6 MB or more"),
    Wanted("TIMEOUTS-18", "net.ipv4.tcp_wmem", lambda value: value >= 4194304, "4096 16384 4194304", "4 MB or more"),
    Wanted("TIMEOUTS-19", "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged", lambda value: value >= 300, "900",
           "300 s or more"),  # [300]
    Wanted("TIMEOUTS-19", "net.netfilter.nf_conntrack_tcp_timeout_max_retrans", lambda value: value >= 300, "900",
           "300 s or more"),  # [300]
)  # fmt: skip


def running(facts: Mapping[str, Any], key: str) -> int | Unread | None:
    """The value in force; the last number of three. None where the kernel has no such setting."""
    sysctl = facts.get("sysctl")
    problem = unread(sysctl) or (unread(sysctl["runtime"]) if sysctl else None)
    if problem is not None or not sysctl:
        return problem or Unread("not_collected", "read", key, f"{key}: sysctls were not read")
    value = sysctl["runtime"].get(key)
    problem = unread(value)
    if problem is not None or value is None:
        return problem
    if not re.fullmatch(r"\s*\d{1,18}(\s+\d{1,18})*\s*", str(value)):
        return Unread("error", "read", key, f"{key}: {str(value)[:40]!r} is not a number")
    return int(str(value).split()[-1])


def next_boot(facts: Mapping[str, Any]) -> dict[str, tuple[str, str]] | Unread:
    """What systemd-sysctl will set: {key: (value, file:line)}, the last assignment in the order of files winning."""
    sysctl = facts.get("sysctl")
    disk = (sysctl or {}).get("disk") if unread(sysctl) is None else sysctl
    problem = unread(disk)
    if problem is not None or disk is None:
        return problem or Unread("not_collected", "read", "/etc/sysctl.d", "sysctl.d was not read")
    gaps: list[Unread] = []
    found: dict[str, tuple[str, str]] = {}
    for item in readable(disk["files"], gaps):
        found.update(_assignments(item["text"] or "", item["path"]))
    return gaps[0] if gaps else found


def file_for(facts: Mapping[str, Any], keys: Iterable[str]) -> str:
    """The file of sysctl.d in which converge sets keys so that no later file overrules it."""
    found = next_boot(facts)
    known = {} if isinstance(found, Unread) else found
    origins = [origin for key in keys for origin in [planned(known, key)] if origin is not None]
    names = [posixpath.basename(origin.rpartition(":")[0]) for _, origin in origins]
    return LAST_SYSCTL_FILE if any(name > posixpath.basename(SYSCTL_FILE) for name in names) else SYSCTL_FILE


def sysctl_conf(facts: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """What /etc/sysctl.conf sets. systemd-sysctl does not read that file, unless sysctl.d holds a link to it."""
    sysctl = facts.get("sysctl")
    disk = sysctl.get("disk") if isinstance(sysctl, Mapping) and unread(sysctl) is None else None
    text = disk.get("sysctl_conf") if isinstance(disk, Mapping) and unread(disk) is None else None
    return _assignments(text, "/etc/sysctl.conf") if isinstance(text, str) else {}


def planned(found: Mapping[str, tuple[str, str]], key: str) -> tuple[str, str] | None:
    """The assignment of a key: its own, else that of a pattern that matches (sysctl.d(5), "glob")."""
    if key in found:
        return found[key]
    matching = [value for pattern, value in found.items() if "*" in pattern and fnmatch.fnmatchcase(key, pattern)]
    return matching[-1] if matching else None


def _assignments(text: str, path: str) -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        match = re.match(r"\s*-?\s*([^\s#;=][^=]*?)\s*=\s*(.*?)\s*$", line)
        if match:
            key = match.group(1)
            # sysctl.d(5): where the first separator is a slash, slashes separate and dots are literal.
            first = re.search(r"[./]", key)
            key = key.replace("/", ".") if first and first.group() == "/" else key
            found[key] = (" ".join(match.group(2).split()), f"{path}:{number}")
    return found
