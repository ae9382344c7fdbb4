# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose the addresses are that the edge resolves: to another's, no transfer goes, whatever is let through."""

from __future__ import annotations

from collections.abc import Mapping

from ..finding import Asker, Finding, Unread, unread
from . import prefixes
from .model import storage_of
from .subject import Subject

ALL, SOME = "EGRESS-05", "EGRESS-06"
_MOST = 4


def judge(ask: Asker, subject: Subject) -> list[Finding]:
    """EGRESS-05 and EGRESS-06. The ranges are those of the AWS-managed prefix list of the storage's region."""
    resource = subject.edge.storage_host
    if subject.edge.storage_kind != "aws":
        reason = "the storage is not AWS's, whose ranges are published"
        return [ask.not_applicable(check, resource, reason) for check in (ALL, SOME)]
    if isinstance(subject.addresses, Unread):
        gone = subject.addresses
        return [ask.unknown(check, resource, gone) for check in (ALL, SOME)]
    if not any(subject.public(address) for address in subject.addresses):
        reason = "the storage names resolve to private addresses"
        return [ask.not_applicable(check, resource, reason) for check in (ALL, SOME)]
    if isinstance(subject.storage, Unread):
        gone = subject.storage
        return [ask.unknown(check, resource, gone) for check in (ALL, SOME)]
    return _compared(ask, subject, resource, subject.addresses)


def _compared(ask: Asker, subject: Subject, resource: str, addresses: list[str]) -> list[Finding]:
    stray = [address for address in addresses if subject.astray(address)]
    lists = storage_of(subject.facts).get("lists") or ()
    named = ", ".join(f"{item['id']} ({item['name']})" for item in lists)
    if not stray:
        words = "the only address is" if len(addresses) == 1 else f"all {len(addresses)} addresses are"
        return [ask.passed(check, resource, f"{words} in {named}") for check in (ALL, SOME)]
    observed = f"{prefixes.some(stray, _MOST)} {'is' if len(stray) == 1 else 'are'} in no range of {named}"
    evidence = ({"operation": "ec2:GetManagedPrefixListEntries", "addresses": stray[:16], "of": len(addresses)},)
    if len(stray) == len(addresses):
        return [
            ask.failed(ALL, resource, observed, evidence=evidence, message=_pinned(subject, stray)),
            ask.not_applicable(SOME, resource, f"no address is the provider's: see {ALL}"),
        ]
    counted = f"{len(addresses) - len(stray)} of {len(addresses)} addresses are in {named}"
    share = len(stray) / len(addresses)
    return [
        ask.passed(ALL, resource, counted),
        ask.failed(SOME, resource, observed, share=share, evidence=evidence, message=_pinned(subject, stray)),
    ]


def _pinned(subject: Subject, stray: list[str]) -> str:
    """What to do where the node's own hosts file gives the address; empty where a nameserver does."""
    names = subject.dns.get("names") if isinstance(subject.dns, Mapping) else None
    if not isinstance(names, Mapping) or unread(names) is not None:
        return ""
    pinned = [
        name
        for name, held in names.items()
        if unread(held) is None and held.get("source") == "files" and set(held.get("addresses") or ()) & set(stray)
    ]
    return f"the edge's hosts file pins {prefixes.some(pinned, _MOST)}: take the pins out (DNS-02)" if pinned else ""
