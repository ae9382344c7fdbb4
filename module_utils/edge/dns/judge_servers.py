# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges each nameserver by itself: life, transports, rewritten answers, agreement with the others. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from ..finding import Finding, Unread, unread
from .addresses import classify
from .case import RESOLV_CONF, Case, answered, evidence, server_fix, settle
from .judge_config import silent_seconds
from .resolution import ANSWERS, NEGATIVE, addresses_in, outcome, resolvers

_GIVEN = ("NOERROR", "NXDOMAIN")
_MOST_EVIDENCE = 5


def each(case: Case) -> list[Finding]:
    """DNS-04."""
    check = "DNS-04"
    lacking = case.unread("resolv_conf", "answers") or _unasked(case)
    failed: list[Finding] = []
    for server in case.facts["servers"]:
        if server["responds"] is False:
            failed.append(_silent(case, server))
        elif server["responds"] is True:
            failed += _erring(case, server)
    failed += _disagreeing(case)
    _, unanswered = answered(case, kind="answer")
    words = ", ".join(f"{server['address']} {_latency(case, server)}" for server in case.facts["servers"])
    return settle(case, check, RESOLV_CONF, failed, lacking or unanswered, f"all answer: {words}")


def _unasked(case: Case) -> Unread | None:
    found = (unread(server["responds"]) for server in case.facts["servers"])
    return next((because for because in found if because is not None), None)


def _latency(case: Case, server: Mapping[str, Any]) -> str:
    items, _ = answered(case, server=server["address"], kind="answer")
    times = sorted(float(item["result"]["latency_ms"]) for item in items)
    return f"(median {times[len(times) // 2]:.0f} ms)" if times else ""


def _silent(case: Case, server: Mapping[str, Any]) -> Finding:
    address = server["address"]
    items, _ = answered(case, server=address)
    why = ", ".join(sorted({item["result"].get("error", "?") for item in items}))
    words = f"{address} does not answer ({why})"
    if server["role"] == "uplink":
        words += "; systemd-resolved asks it"
    else:
        words += f"; lookups that come to it wait {silent_seconds(case, address)} s"
    proof = tuple(evidence(item) for item in items[:_MOST_EVIDENCE])
    return case.ask.failed("DNS-04", address, words, fix=server_fix(case, address), evidence=proof)


def _erring(case: Case, server: Mapping[str, Any]) -> list[Finding]:
    items, _ = answered(case, server=server["address"], kind="answer")
    bad = [item for item in items if item["result"].get("rcode") not in _GIVEN]
    if not bad:
        return []
    counted = Counter(str(item["result"].get("rcode") or item["result"]["error"]) for item in bad)
    words = ", ".join(f"{word} {count} times" for word, count in sorted(counted.items()))
    whole = len(bad) == len(items)
    fix = server_fix(case, server["address"]) if whole else None
    observed = f"{server['address']} fails {len(bad)} of {len(items)} queries: {words}"
    proof = tuple(evidence(item) for item in bad[:_MOST_EVIDENCE])
    return [case.ask.failed("DNS-04", server["address"], observed, fix=fix, evidence=proof)]


def _disagreeing(case: Case) -> list[Finding]:
    """Nameservers that deny a name for which another has an address. Different addresses are S3's rotation."""
    failed: list[Finding] = []
    for item in case.facts["asked"]:
        kinds = {server["address"]: outcome(case.facts, server, item["name"]) for server in resolvers(case.facts)}
        given = [address for address, (kind, _, _) in kinds.items() if kind == ANSWERS]
        for address, (kind, words, _) in kinds.items():
            if kind == NEGATIVE and given:
                observed = f"{words} for {item['name']}, for which {given[0]} has an address"
                fix = server_fix(case, address)
                failed.append(case.ask.failed("DNS-04", address, observed, fix=fix))
    return failed


def transports(case: Case) -> list[Finding]:
    """DNS-05."""
    check = "DNS-05"
    lacking = case.unread("answers") or _unasked(case)
    alive = [server["address"] for server in case.facts["servers"] if server["responds"] is True]
    if lacking is None and not alive:
        lacking = Unread("unreachable", "query", RESOLV_CONF, "no nameserver answers, over any transport")
    failed: list[Finding] = []
    for address in alive:
        items, unanswered = answered(case, server=address)
        lacking = lacking or unanswered
        faults = [fault for fault in map(_transport_fault, items) if fault]
        if faults:
            bad = [item for item in items if _transport_fault(item)][:_MOST_EVIDENCE]
            words = f"{address}: {', '.join(dict.fromkeys(faults))}"
            failed.append(case.ask.failed(check, address, words, evidence=tuple(map(evidence, bad))))
    words = f"UDP, TCP, EDNS 1232 and 4096 all work with {', '.join(alive)}"
    return settle(case, check, RESOLV_CONF, failed, lacking, words)


def _transport_fault(item: Mapping[str, Any]) -> str | None:
    result = item["result"]
    if result.get("truncated"):
        again = result.get("tcp") or {"error": "not asked"}
        return f"a cut answer is not given over TCP ({again['error']})" if "error" in again else None
    if item["kind"] != "probe":
        return None
    way = item["transport"].upper() if item["edns"] is None else f"EDNS {item['edns']}"
    if "error" in result:
        return f"{way} fails ({result['error']})"
    return f"{way} is answered {result['rcode']}" if result["rcode"] in ("FORMERR", "NOTIMP", "BADVERS") else None


def invented(case: Case) -> list[Finding]:
    """DNS-06."""
    check = "DNS-06"
    lacking = case.unread("resolv_conf", "answers") or _unasked(case)
    items, unanswered = answered(case, kind="random")
    lacking = lacking or unanswered
    failed: list[Finding] = []
    denied: list[str] = []
    for item in items:
        result, address = item["result"], item["server"]
        domain = item["name"].split(".", 1)[1]
        if addresses_in(result):
            words = f"{address} gives {addresses_in(result)[0]} for a made-up name in {domain}"
            failed.append(case.ask.failed(check, f"{address} {domain}", words, evidence=(evidence(item),)))
        elif result.get("rcode") in _GIVEN:
            denied.append(domain)
        else:
            word = result.get("rcode") or result.get("error")
            message = f"{address} answers {word} for a made-up name in {domain}, neither NXDOMAIN nor an address"
            lacking = lacking or Unread("error", "query", item["name"], message)
    if lacking is None and not items:
        lacking = Unread("unreachable", "query", case.host, "no nameserver answered for a made-up name")
    words = f"made-up names in {', '.join(dict.fromkeys(denied))} do not exist"
    return settle(case, check, case.host, failed, lacking, words)


def horizon(case: Case) -> list[Finding]:
    """DNS-10, the part that the nameservers alone show: one view for all."""
    failed: list[Finding] = []
    cidrs = vpc_cidrs(case)
    for name in case.storage:
        views: dict[str, set[str]] = {}
        items, _ = answered(case, name=name)
        for item in items:
            kinds = {classify(address, cidrs) for address in addresses_in(item["result"])}
            views.setdefault(item["server"], set()).update("private" if kind == "vpc" else kind for kind in kinds)
        distinct = {frozenset(view) for view in views.values() if view}
        if len(distinct) > 1:
            words = ", ".join(f"{server} gives {'/'.join(sorted(view))}" for server, view in views.items() if view)
            failed.append(case.ask.failed("DNS-10", name, f"split horizon: {words} addresses"))
    return failed


def vpc_cidrs(case: Case) -> list[str]:
    """The ranges of the edge's VPC, where it is known."""
    network = case.facts["vpc"]
    return [] if network is None or unread(network) is not None else list(network["cidrs"])
