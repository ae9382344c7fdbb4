# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits the configuration of what writes resolv.conf: systemd-resolved, NetworkManager, dhclient. Pure.

Sources: resolved.conf(5); NetworkManager.conf(5), "GLOBAL-DNS SECTION"; dhclient.conf(5), "supersede".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ...dns.resolvconf import is_address
from ..model import Refused
from .keypath import set_path
from .texts import appended, lines_of, parted


def resolved_servers(text: str, address: str, replacement: str) -> str:
    """resolved.conf without an address in DNS= of [Resolve], or with another in its place; a port or name of a server
    (10.0.0.2:53#name) belongs to it. A line that is left without any goes."""
    if replacement and not is_address(replacement):
        raise Refused(f"{replacement!r} is no address of a nameserver")
    lines, section = [], ""
    for line in lines_of(text):
        body, ending = parted(line)
        bare = body.strip()
        if bare.startswith("[") and bare.endswith("]"):
            section = bare[1:-1]
        match = re.fullmatch(r"(\s*DNS\s*=\s*)(.*?)(\s*)", body)
        if section != "Resolve" or match is None or address not in [_bare(word) for word in match.group(2).split()]:
            lines.append(line)
            continue
        words = [replacement if _bare(word) == address else word for word in match.group(2).split()]
        kept = [word for word in dict.fromkeys(words) if word]
        lines += [f"{match.group(1)}{' '.join(kept)}{match.group(3)}{ending}"] if kept else []
    return "".join(lines)


def _bare(word: str) -> str:
    """The address of `192.0.2.1:53%eth0#name` or `[2001:db8::1]:53#name`."""
    word = word.partition("#")[0].partition("%")[0]
    if word.startswith("["):
        return word[1:].partition("]")[0]
    return word.partition(":")[0] if word.count(":") == 1 else word


def network_manager(text: str, path: str, servers: Sequence[str], options: Mapping[str, int] | None = None) -> str:
    """NetworkManager's global DNS: the nameservers for every name, and options; it overrides what connections bring."""
    if not servers or not all(is_address(server) for server in servers):
        raise Refused(
            f"{path}: {', '.join(servers) or 'no nameserver'}: no nameservers that could be set for all names"
        )
    held = text or "# Set by edgepath.\n"
    if options:
        words = ",".join(f"{name}:{value}" for name, value in options.items())
        held = set_path(held, "ini", path, ("global-dns", "options"), words)
    return set_path(held, "ini", path, ("global-dns-domain-*", "servers"), ",".join(servers))


def dhclient_servers(text: str, path: str, servers: Sequence[str]) -> str:
    """dhclient.conf with the nameservers that stand for those of any lease."""
    if not servers or not all(is_address(server) and ":" not in server for server in servers):
        raise Refused(
            f"{path}: {', '.join(servers) or 'no nameserver'}: dhclient takes IPv4 addresses; set them by hand"
        )
    statement = re.compile(r"^([ \t]*supersede[ \t]+domain-name-servers[ \t]+)[^;]*;", re.MULTILINE)
    value = ", ".join(servers)
    if statement.search(text):
        return statement.sub(lambda match: f"{match.group(1)}{value};", text)
    return appended(text, f"supersede domain-name-servers {value};")
