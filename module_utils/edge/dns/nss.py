# SPDX-License-Identifier: GPL-3.0-or-later
"""The order in which a node asks for host names (nsswitch.conf) and what its hosts file pins. Pure.

Sources: nsswitch.conf(5); hosts(5); glibc nss/nss_database.c for the default; nss-resolve(8); nss-mdns.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..redaction.resolver_text import actions
from .resolvconf import is_address

# What glibc does without an nsswitch.conf or without its line (nss/nss_database.c).
DEFAULT_HOSTS = "dns [!UNAVAIL=return] files"
DNS_SERVICES = ("dns", "resolve")
STATUSES = ("SUCCESS", "NOTFOUND", "UNAVAIL", "TRYAGAIN")
MAX_ENTRIES = 20000

_TOKENS = re.compile(r"\[[^\]]*\]|[^\s\[\]]+")


def parse_nsswitch(text: str) -> dict[str, Any]:
    """``{"line": number or None, "text": "files dns", "services": [{"service", "actions": {status: action}}]}`` of the
    `hosts` database; glibc's default where the file has no such line. Never raises."""
    for number, line in enumerate(text.split("\n"), start=1):
        name, colon, value = line.split("#", 1)[0].partition(":")
        if colon and name.strip() == "hosts":
            shown = actions(value)
            return {"line": number, "text": shown, "services": _services(shown)}
    return default_nsswitch()


def default_nsswitch() -> dict[str, Any]:
    """The `hosts` database of a node without nsswitch.conf."""
    return {"line": None, "text": DEFAULT_HOSTS, "services": _services(DEFAULT_HOSTS)}


def _services(value: str) -> list[dict[str, Any]]:
    services: list[dict[str, Any]] = []
    for token in _TOKENS.findall(value):
        if not token.startswith("["):
            services.append({"service": token, "actions": {"SUCCESS": "return"}})
        elif services:
            services[-1]["actions"].update(_actions(token[1:-1]))
    return services


def _actions(text: str) -> dict[str, str]:
    actions: dict[str, str] = {}
    for pair in text.split():
        status, equals, action = pair.partition("=")
        negated, status = status.startswith("!"), status.lstrip("!").upper()
        if not equals or status not in STATUSES:
            continue
        hit = [other for other in STATUSES if other != status] if negated else [status]
        actions.update(dict.fromkeys(hit, action.lower()))
    return actions


def parse_hosts(text: str) -> list[dict[str, Any]]:
    """The entries of a hosts file: ``[{"line", "address", "names": [...]}]``, lines that are none left out."""
    entries: list[dict[str, Any]] = []
    for number, line in enumerate(text.split("\n"), start=1):
        words = line.split("#", 1)[0].replace("\0", " ").split()
        if len(words) > 1 and is_address(words[0]):
            names = [word.rstrip(".").lower() for word in words[1:]]
            entries.append({"line": number, "address": words[0], "names": names})
            if len(entries) == MAX_ENTRIES:
                break
    return entries


def pins(entries: Sequence[Mapping[str, Any]], name: str) -> list[Mapping[str, Any]]:
    """The entries of a hosts file that give an address to a name."""
    return [entry for entry in entries if name in entry["names"]]


def decide(services: Sequence[Mapping[str, Any]], name: str, status_of: Callable[[str], str]) -> str | None:
    """The service whose answer glibc takes for a name, or None where none has one.

    status_of: of ``files`` and ``dns``, one of STATUSES. Services that know nothing of public names are passed over.
    """
    for item in services:
        service = item["service"]
        kind = "dns" if service in DNS_SERVICES else service
        status = status_of(kind) if kind in ("files", "dns") else _other(service, name)
        action = item["actions"].get(status, "continue")
        if status == "SUCCESS":
            if action != "continue":
                return str(kind)
        elif action == "return":
            return None
    return None


def _other(service: str, name: str) -> str:
    # nss-mdns answers for .local alone and is unavailable for the rest, so that [NOTFOUND=return] does not end there.
    if service.startswith("mdns"):
        return "NOTFOUND" if name.endswith(".local") else "UNAVAIL"
    return "NOTFOUND" if service in ("myhostname", "mymachines", "compat", "db", "nis") else "UNAVAIL"
