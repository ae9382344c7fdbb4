# SPDX-License-Identifier: GPL-3.0-or-later
"""What every judging function of this domain is given, and the small questions that they share. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from ..targets import Edge
from .resolution import Resolution, results

RESOLV_CONF = "/etc/resolv.conf"
NSSWITCH = "/etc/nsswitch.conf"
HOSTS = "/etc/hosts"


@dataclass(frozen=True)
class Case:
    """One edge with its facts. resolutions: by name, of resolution.resolve()."""

    edge: Edge
    facts: Mapping[str, Any]
    ask: Asker
    resolutions: Mapping[str, Resolution]

    @property
    def storage(self) -> list[str]:
        return [item["name"] for item in self.facts["asked"] if item["storage"]]

    @property
    def host(self) -> str:
        """The storage endpoint's host, as the resource of findings about it."""
        return self.edge.storage_host or "storage endpoint"

    def unread(self, *keys: str) -> Unread | None:
        """The first of these facts that could not be read."""
        return next((because for because in (unread(self.facts[key]) for key in keys) if because is not None), None)

    def managed_by(self) -> str | None:
        """What writes resolv.conf, as its link tells; a change in the file itself would not last."""
        conf = self.facts["resolv_conf"]
        link = "" if conf is None or unread(conf) is not None else conf["link"] or ""
        return next((name for name in ("systemd", "NetworkManager", "resolvconf") if name in link), None)


def answered(case: Case, **wanted: Any) -> tuple[list[Mapping[str, Any]], Unread | None]:
    """The matching answers that were read, and the first that was not."""
    items = results(case.facts, **wanted)
    lacking = case.unread("answers") or next(
        (because for because in (unread(item["result"]) for item in items) if because is not None), None
    )
    return [item for item in items if unread(item["result"]) is None], lacking


def settle(
    case: Case, check: str, resource: str, failed: Sequence[Finding], lacking: Unread | None, observed: str
) -> list[Finding]:
    """Fails where something failed, unknown where something could not be read, else a pass; both where both are."""
    found = list(failed)
    if lacking is not None:
        found.append(case.ask.unknown(check, resource, lacking))
    return found or [case.ask.passed(check, resource, observed)]


def evidence(item: Mapping[str, Any]) -> dict[str, Any]:
    """A query and its answer, as evidence."""
    transport = item["transport"] if item["edns"] is None else f"{item['transport']} edns {item['edns']}"
    return {"query": f"{item['name']} {item['type']} @{item['server']} {transport}", **item["result"]}


def resolver_fix(case: Case, summary: str, **options: Any) -> dict[str, Any]:
    """The change of resolver options, for whoever writes the file."""
    return {
        "action": "set_resolver_options",
        "summary": summary,
        "path": RESOLV_CONF,
        "managed_by": case.managed_by(),
        "options": options,
    }


def server_fix(case: Case, address: str) -> dict[str, Any]:
    """Take a nameserver out where others remain; else it has to be replaced, in a VPC by Amazon's own.

    One that systemd-resolved asks stands in its configuration, whatever resolv.conf leads to.
    """
    role = next((server["role"] for server in case.facts["servers"] if server["address"] == address), "resolver")
    others = [
        server["address"]
        for server in case.facts["servers"]
        if server["role"] == role and server["address"] != address and server["responds"] is True
    ]
    manager, place = ("systemd", "systemd-resolved") if role == "uplink" else (case.managed_by(), RESOLV_CONF)
    base = {"path": RESOLV_CONF, "managed_by": manager, "address": address}
    if others:
        return {**base, "action": "remove_nameserver", "summary": f"remove nameserver {address} from {place}"}
    # The Amazon-provided resolver answers at this address in every VPC (Amazon VPC guide, Amazon DNS server).
    known = "169.254.169.253" if case.edge.instance_id or case.edge.interface_id else None
    summary = f"replace nameserver {address} in {place} by {known or 'one that answers'}"
    return {**base, "action": "replace_nameserver", "summary": summary, "replacement": known}
