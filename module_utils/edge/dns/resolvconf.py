# SPDX-License-Identifier: GPL-3.0-or-later
"""resolv.conf and resolved.conf as glibc and systemd-resolved take them, and the longest that a lookup can last. Pure.

Sources: resolv.conf(5); glibc resolv/res_init.c and res_send.c; resolved.conf(5).
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..redaction.resolver_text import line_of_resolver
from ..redaction.shapes import mask

# resolv.conf(5): defaults and silent caps of the options, and MAXNS of <resolv.h>.
MAX_NAMESERVERS = 3
DEFAULTS = {"ndots": 1, "timeout": 5, "attempts": 2}
CAPS = {"ndots": 15, "timeout": 30, "attempts": 5}
FLAGS = {
    "rotate", "debug", "no-check-names", "inet6", "ip6-bytestring", "ip6-dotint", "no-ip6-dotint", "edns0",
    "single-request", "single-request-reopen", "no-tld-query", "use-vc", "no-reload", "trust-ad", "no-aaaa",
    "strict-error",
}  # fmt: skip
KEYWORDS = ("nameserver", "domain", "search", "sortlist", "options")
STUBS = ("127.0.0.53", "127.0.0.54")  # systemd-resolved(8), the stub listeners
MAX_PROBLEMS = 20
_SHOWN = 80
# A misspelt option may be quoted; what looks like none may be anything.
_OPTION_LIKE = re.compile(r"[a-z0-9-]{1,30}(?::-?[0-9a-z.]{0,12})?", re.IGNORECASE)


def parse(text: str) -> dict[str, Any]:
    """``{"nameservers": [all, in order], "ignored": [beyond the third], "search": [], "options": {...},
    "problems": [{"line", "text", "why"}]}``. Never raises, whatever the text."""
    found: dict[str, Any] = {"search": [], "options": {**DEFAULTS, "flags": []}, "problems": []}
    servers: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        bare = line.rstrip("\r\0 \t")
        if not bare.strip() or bare[0] in "#;":
            continue
        words = bare.split()
        why = _take(words, servers, found) if bare[0] not in " \t" else "starts with a space, which glibc ignores"
        if why and len(found["problems"]) < MAX_PROBLEMS:
            found["problems"].append({"line": number, "text": _shown(line_of_resolver(bare)), "why": why})
    return {"nameservers": servers[:MAX_NAMESERVERS], "ignored": servers[MAX_NAMESERVERS:][:MAX_PROBLEMS], **found}


def _take(words: list[str], servers: list[str], found: dict[str, Any]) -> str | None:
    """Take one line in; the reason where it is wrong."""
    keyword, values = words[0], words[1:]
    if keyword not in KEYWORDS:
        return "is no keyword of resolv.conf(5)"
    if not values:
        return "has no value"
    if keyword == "nameserver":
        if not is_address(values[0]):
            return "is not an IP address"
        servers.append(values[0])
    elif keyword in ("search", "domain"):
        found["search"] = [value.rstrip(".").lower() for value in (values if keyword == "search" else values[:1])]
    elif keyword == "options":
        return _options(values, found["options"])
    return None


def _options(values: Iterable[str], options: dict[str, Any]) -> str | None:
    wrong: list[str] = []
    for value in values:
        name, colon, number = value.partition(":")
        if name in DEFAULTS and colon and number.isascii() and number.isdigit() and len(number) < 10:
            options[name] = min(int(number), CAPS[name])
        elif value in FLAGS:
            options["flags"] = [*(flag for flag in options["flags"] if flag != value), value]
        else:
            wrong.append(_shown(value if _OPTION_LIKE.fullmatch(value) else mask(value)))
    return f"has options that resolv.conf(5) does not know: {', '.join(wrong[:5])}" if wrong else None


def is_address(text: str) -> bool:
    """Whether glibc takes this for a nameserver: IPv4, or IPv6 with or without a scope."""
    try:
        ipaddress.ip_address(text.split("%", 1)[0])
    except ValueError:
        return False
    return True


def worst_case_seconds(servers: int, options: Mapping[str, Any]) -> int:
    """How long glibc waits for one query when no server answers.

    It waits `timeout` seconds for the first server and (timeout << n) / servers, at least 1, for the n-th after it, and
    goes round `attempts` times (glibc resolv/res_send.c, send_dg).
    """
    count = max(1, min(servers, MAX_NAMESERVERS))
    timeout, attempts = int(options["timeout"]), int(options["attempts"])
    waits = [max(1, (timeout << place) // (count if place else 1)) for place in range(count)]
    return sum(waits) * max(1, attempts)


def parse_resolved(texts: Iterable[str]) -> dict[str, str]:
    """The settings of resolved.conf and its drop-ins, in order; a later value wins, lists of servers add up."""
    settings: dict[str, str] = {}
    for text in texts:
        section = ""
        for line in text.split("\n"):
            line = line.strip()
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif section == "Resolve" and "=" in line and line[0] not in "#;":
                key, value = (part.strip() for part in line.split("=", 1))
                adds = key in ("DNS", "FallbackDNS", "Domains") and value and settings.get(key)
                settings[key] = f"{settings[key]} {value}" if adds else value
    return settings


def _shown(text: str) -> str:
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _SHOWN else clean[:_SHOWN] + "..."
