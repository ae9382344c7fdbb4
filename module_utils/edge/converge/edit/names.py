# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits the files of name resolution: resolv.conf, hosts, nsswitch.conf. Pure.

Sources: resolv.conf(5), hosts(5), nsswitch.conf(5).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ...dns.resolvconf import is_address
from ..model import Refused
from .texts import appended, lines_of, parted

# resolv.conf


def remove_nameserver(text: str, path: str, address: str) -> str:
    """resolv.conf without a nameserver; Refused where it is the last."""
    kept = [line for line in lines_of(text) if not _is_server(line, address)]
    if text and not any(line.split()[:1] == ["nameserver"] for line in kept):
        raise Refused(f"{path}: {address} is the only nameserver; name one that answers first")
    return "".join(kept)


def replace_nameserver(text: str, path: str, address: str, replacement: str) -> str:
    """resolv.conf with another nameserver in one's place."""
    if not is_address(replacement):
        raise Refused(f"{path}: {replacement!r} is no address of a nameserver")
    lines = lines_of(text)
    if any(_is_server(line, replacement) for line in lines):
        return remove_nameserver(text, path, address)
    for at, line in enumerate(lines):
        if _is_server(line, address):
            lines[at] = re.sub(r"^(nameserver\s+)\S+", lambda match: match.group(1) + replacement, line)
    return "".join(lines)


def _is_server(line: str, address: str) -> bool:
    words = line.split()
    return len(words) > 1 and line[0] not in " \t" and words[0] == "nameserver" and words[1] == address


def nameservers(text: str) -> list[str]:
    """The nameservers of resolv.conf, in order."""
    lines = [line.split() for line in lines_of(text) if line[:1] not in (" ", "\t")]
    return [words[1] for words in lines if len(words) > 1 and words[0] == "nameserver"]


def set_resolver_options(text: str, path: str, options: Mapping[str, int]) -> str:
    """resolv.conf with options such as timeout:2 on its last line of options, or on one of their own."""
    for name, value in options.items():
        if name not in ("ndots", "timeout", "attempts") or not isinstance(value, int) or not 0 <= value <= 30:
            raise Refused(f"{path}: {name}:{value} is no option of resolv.conf(5)")
    lines = lines_of(text)
    left = dict(options)
    standing = [at for at, line in enumerate(lines) if line.split()[:1] == ["options"] and line[0] not in " \t"]
    for at in standing:
        body, ending = parted(lines[at])
        for name, value in options.items():
            # glibc takes the last of several; all of them are set, so that the order does not matter.
            body, count = re.subn(rf"(?<=\s){name}:\d+(?=\s|$)", f"{name}:{value}", body)
            if count:
                left.pop(name, None)
        lines[at] = body + ending
    words = " ".join(f"{name}:{value}" for name, value in left.items())
    if not words:
        return "".join(lines)
    if standing:
        body, ending = parted(lines[standing[-1]])
        lines[standing[-1]] = f"{body.rstrip()} {words}{ending}"
        return "".join(lines)
    return appended("".join(lines), f"options {words}")


# hosts and nsswitch.conf


def remove_pin(text: str, path: str, name: str, address: str) -> str:
    """The hosts file in which a name has not that address any more; other names of its line stay."""
    if not name or not address:
        raise Refused(f"{path}: no name, or no address, is given")
    lines = []
    for line in lines_of(text):
        body, ending = parted(line)
        words, sign, comment = body.partition("#")
        named = words.split()
        if len(named) < 2 or named[0] != address or all(_plain(word) != name for word in named[1:]):
            lines.append(line)
            continue
        if all(_plain(word) == name for word in named[1:]):
            lines += [f"{sign}{comment}{ending}"] if comment.strip() else []
            continue
        kept = re.sub(r"\s+(\S+)", lambda match: "" if _plain(match.group(1)) == name else match.group(), words)
        gap = words[len(words.rstrip()) :]
        lines.append(f"{kept.rstrip()}{gap}{sign}{comment}{ending}")
    return "".join(lines)


def _plain(word: str) -> str:
    return word.rstrip(".").lower()


def set_nsswitch_hosts(text: str, path: str, value: str) -> str:
    """nsswitch.conf with another order for host names."""
    if not re.fullmatch(r"[a-z0-9_]+( ([a-z0-9_]+|\[[A-Za-z!= ]+\]))*", value):
        raise Refused(f"{path}: {value!r} is no order of services")
    lines = lines_of(text)
    for at, line in enumerate(lines):
        body, ending = parted(line)
        match = re.fullmatch(r"(\s*hosts\s*:[ \t]*)([^#]*?)([ \t]*(?:#.*)?)", body)
        if match:
            lines[at] = f"{match.group(1)}{value}{match.group(3)}{ending}"
            return "".join(lines)
    return appended("".join(lines), f"hosts: {value}")
