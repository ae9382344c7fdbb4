# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kind of text a file of a node holds, by its place and its name."""

from __future__ import annotations

import posixpath

from .choose import format_of

_PROXIES = ("squid", "nginx", "haproxy", "envoy")
_RESOLVER = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf")


def kind_of_file(path: str, text: str = "") -> str:
    """As redaction.choose.redact takes it. text: its start may tell where the name does not."""
    name = posixpath.basename(path).lower()
    if path in _RESOLVER or name == "resolv.conf":
        return "resolver"
    if "sysctl" in path:
        return "sysctl"
    if "nftables" in name or name.endswith(".nft") or text.startswith("#!/usr/sbin/nft") or "iptables" in path:
        return "filter"
    if "/systemd/" in path and name != "resolved.conf" and "/resolved.conf.d/" not in path:
        return "unit"
    if "/.aws/" in path:
        return "aws"
    named = [kind for kind in _PROXIES if kind in name] or [kind for kind in _PROXIES if kind in path.lower()]
    if len(named) == 1:
        return named[0]
    if "/default/" in path or "/sysconfig/" in path or name.endswith(".env") or name == "environment":
        return "environment"
    return format_of(path)
