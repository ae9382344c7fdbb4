# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the names resolve to: at all, in all turns, fresh, usable, and as the node's own lookups say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Finding, Unread, unread
from . import nss
from .addresses import classify, in_order, is_ip, within
from .case import NSSWITCH, Case, answered, evidence, resolver_fix, server_fix, settle
from .names import GLOBAL_HOST, dns_suffix, virtual_host
from .resolution import addresses_in, resolvers

# S3 gives about 5 s; a minute is what the SDK guides allow a cache to keep (AWS SDK for Java, "Set the JVM TTL").
MAX_TTL_SECONDS = 60
NEEDED = ("sts", "kms", "platform", "configured")


def resolves(case: Case) -> list[Finding]:
    """DNS-08. The bucket's own name counts as much as the endpoint's: the SDKs use it by default."""
    check = "DNS-08"
    if not case.storage:
        return [_no_name(case, check)]
    found: list[Finding] = []
    for name in case.storage:
        resolution = case.resolutions[name]
        if resolution.because is not None:
            found.append(case.ask.unknown(check, name, resolution.because))
        elif resolution.status == "fails":
            proof = tuple(evidence(item) for item in answered(case, name=name, kind="answer")[0][:5])
            words = f"{name} does not resolve: {resolution.detail or 'no address'}"
            found.append(case.ask.failed(check, name, words, evidence=proof, fix=_cure(case)))
        else:
            words = f"{len(resolution.addresses)} addresses from {resolution.source}"
            found.append(case.ask.passed(check, name, words))
    return found


def _no_name(case: Case, check: str) -> Finding:
    words = f"the storage endpoint is the address {case.host}" if is_ip(case.host) else "no storage name to ask for"
    return case.ask.not_applicable(check, case.host, words)


def _cure(case: Case) -> dict[str, Any] | None:
    services = (case.facts["nsswitch"] or nss.default_nsswitch())["services"]
    if not any(item["service"] in nss.DNS_SERVICES for item in services):
        return {
            "action": "set_nsswitch_hosts",
            "summary": f"set `hosts: files dns` in {NSSWITCH}",
            "path": NSSWITCH,
            "value": "files dns",
        }
    silent = [server["address"] for server in resolvers(case.facts) if server["responds"] is False]
    return server_fix(case, silent[0]) if silent else None


def rotation(case: Case) -> list[Finding]:
    """DNS-17. Its share is that of the lookups which begin at a nameserver with a wrong answer."""
    check = "DNS-17"
    if not case.storage:
        return [_no_name(case, check)]
    lacking = next((item.because for item in map(case.resolutions.__getitem__, case.storage) if item.because), None)
    failed = [
        case.ask.failed(check, name, f"{item.share:.0%} of the lookups fail: {item.detail}", share=item.share)
        for name, item in ((name, case.resolutions[name]) for name in case.storage)
        if item.status == "resolves" and item.share > 0
    ]
    return settle(case, check, case.host, failed, lacking, "no turn of the nameservers fails by itself")


def others(case: Case) -> list[Finding]:
    """DNS-18."""
    check = "DNS-18"
    found: list[Finding] = []
    for item in case.facts["asked"]:
        resolution = case.resolutions[item["name"]]
        if item["purpose"] not in NEEDED or item["storage"]:
            continue
        if resolution.because is not None:
            found.append(case.ask.unknown(check, item["name"], resolution.because))
        elif resolution.status == "fails":
            words = f"{item['name']} ({item['purpose']}) does not resolve: {resolution.detail or 'no address'}"
            found.append(case.ask.failed(check, item["name"], words))
    for name in case.facts["left_out"][:1]:
        words = f"{len(case.facts['left_out'])} further names, from {name} on, were not asked for"
        found.append(case.ask.unknown(check, name, Unread("not_collected", "query", name, words)))
    region = case.edge.region
    if case.host == GLOBAL_HOST and region not in (None, "us-east-1"):
        regional = f"s3.{region}.{dns_suffix(str(region))}"
        fix = {"action": "set_storage_endpoint", "summary": f"use {regional}", "value": regional}
        words = f"the endpoint is the global {GLOBAL_HOST}; requests for a bucket in {region} are redirected (307)"
        found.append(case.ask.failed(check, GLOBAL_HOST, words, fix=fix))
    return found or [case.ask.passed(check, case.edge.name, "all of them resolve")]


def override(case: Case) -> list[Finding]:
    """DNS-03. Different sets of a name whose answers change all the time are told apart by their kind alone."""
    check = "DNS-03"
    if case.facts["getaddrinfo"] is None:
        words = "a copy of a node makes no lookups of its own"
        return [case.ask.not_applicable(check, case.edge.name, words)]
    lacking = case.unread("getaddrinfo", "answers")
    if lacking is not None:
        return [case.ask.unknown(check, case.edge.name, lacking)]
    found: list[Finding] = []
    for item in case.facts["asked"]:
        found += _compare(case, item["name"])
    return found or [case.ask.passed(check, case.edge.name, "the same addresses as from the nameservers")]


def _compare(case: Case, name: str) -> list[Finding]:
    seen = case.facts["getaddrinfo"].get(name)
    items, unanswered = answered(case, name=name, kind="answer")
    lacking = unread(seen) or unanswered
    if lacking is not None or seen is None:
        because = lacking or Unread("not_collected", "getaddrinfo", name, f"getaddrinfo({name}) was not asked")
        return [case.ask.unknown("DNS-03", name, because)]
    samples = [set(addresses_in(item["result"])) for item in items if addresses_in(item["result"])]
    given, own = set(in_order(set().union(*samples))), set(seen["addresses"])
    if own & given or not (own or given):
        return []
    proof = ({"getaddrinfo": sorted(own), "error": seen["error"], "nameservers": sorted(given)},)
    kinds = ["/".join(sorted({classify(address) for address in group})) or "none" for group in (own, given)]
    rotating = any(sample != samples[0] for sample in samples[1:])
    if kinds[0] == kinds[1] and rotating:
        message = f"getaddrinfo({name}) gives other addresses than the nameservers, whose answers change by themselves"
        return [case.ask.unknown("DNS-03", name, Unread("error", "getaddrinfo", name, message), evidence=proof)]
    words = f"getaddrinfo gives {len(own)} addresses ({kinds[0]}), the nameservers {len(given)} others ({kinds[1]})"
    return [case.ask.failed("DNS-03", name, words, evidence=proof)]


def ipv6(case: Case) -> list[Finding]:
    """DNS-07. glibc sorts addresses without a route last (RFC 6724), so that they cost time and do not fail."""
    check = "DNS-07"
    if not case.storage:
        return [_no_name(case, check)]
    lacking = case.unread("resolv_conf", "answers")
    if lacking is not None:
        return [case.ask.unknown(check, case.host, lacking)]
    if case.facts["resolv_conf"] is not None and "no-aaaa" in case.facts["resolv_conf"]["options"]["flags"]:
        return [case.ask.not_applicable(check, case.host, "options no-aaaa: IPv6 addresses are not asked for")]
    failed: list[Finding] = []
    for name in case.storage:
        items, unanswered = answered(case, name=name, type="AAAA", kind="answer")
        lacking = lacking or unanswered
        failed += _unanswered_ipv6(case, name, items)
        given = in_order(address for item in items for address in addresses_in(item["result"]))
        route = case.unread("ipv6_route")
        if given and route is not None:
            lacking = lacking or route
        elif given and not case.facts["ipv6_route"]:
            words = f"{name} has IPv6 addresses ({given[0]}), and the edge has no IPv6 default route"
            fix = resolver_fix(case, "set options no-aaaa", **{"no-aaaa": True})
            failed.append(case.ask.failed(check, name, words, fix=fix))
    return settle(case, check, case.host, failed, lacking, "no IPv6 address without a route")


def _unanswered_ipv6(case: Case, name: str, items: list[Mapping[str, Any]]) -> list[Finding]:
    for item in items:
        fours, _ = answered(case, name=name, server=item["server"], type="A", kind="answer")
        works = any(addresses_in(four["result"]) for four in fours)
        if works and item["result"].get("rcode") not in ("NOERROR", "NXDOMAIN"):
            word = item["result"].get("rcode") or item["result"]["error"]
            words = f"{item['server']} answers A for {name} and for AAAA {word}; each lookup waits for it"
            return [case.ask.failed("DNS-07", name, words, evidence=(evidence(item),))]
    return []


def freshness(case: Case) -> list[Finding]:
    """DNS-09, for S3's public addresses; an interface endpoint has the same ones always."""
    check = "DNS-09"
    names = [name for name in case.storage if name.endswith((".amazonaws.com", ".amazonaws.com.cn"))]
    if not names or case.edge.storage_kind != "aws":
        return [case.ask.not_applicable(check, case.host, "the storage endpoint is none of Amazon S3's own names")]
    failed: list[Finding] = []
    lacking: Unread | None = None
    seen: list[str] = []
    for name in names:
        items, unanswered = answered(case, name=name, type="A", kind="answer")
        lacking = lacking or unanswered
        samples = [set(addresses_in(item["result"])) for item in items if addresses_in(item["result"])]
        every = set().union(*samples)
        if not every or {classify(address) for address in every} != {"public"}:
            continue
        ttl = max(int(item["result"]["ttl"] or 0) for item in items if addresses_in(item["result"]))
        seen.append(f"{name} {len(every)} addresses, TTL up to {ttl} s")
        if ttl > MAX_TTL_SECONDS:
            words = f"{name} comes with a TTL of {ttl} s, S3 gives about 5 s: a cache keeps it"
            failed.append(case.ask.failed(check, name, words, evidence=tuple(map(evidence, items[:3]))))
        if len(every) == 1:
            words = f"{name} is always {min(every)} in {len(samples)} samples: a cache or an override keeps it"
            failed.append(case.ask.failed(check, name, words, evidence=tuple(map(evidence, items[:3]))))
    if not seen and lacking is None and not failed:
        return [case.ask.not_applicable(check, case.host, "no public address was given")]
    return settle(case, check, case.host, failed, lacking, "; ".join(seen))


def destinations(case: Case) -> list[Finding]:
    """DNS-15. A loopback address may be the storage where the operator's own storage stands; never for S3."""
    check = "DNS-15"
    if not case.storage:
        return [_no_name(case, check)]
    found = [case.resolutions[name] for name in case.storage]
    lacking = next((item.because for item in found if item.because is not None), None)
    addresses = in_order(address for item in found for address in item.addresses)
    bad = [address for address in addresses if not _can_be_storage(case, address)]
    failed: list[Finding] = []
    if bad:
        share = len(bad) / len(addresses)
        words = f"{len(bad)} of {len(addresses)} addresses lead nowhere, such as {bad[0]}"
        failed.append(case.ask.failed(check, case.host, words, share=share, evidence=({"addresses": bad},)))
    if not addresses and lacking is None:
        return [case.ask.not_applicable(check, case.host, "the storage names have no address")]
    kinds = ", ".join(f"{word}" for word in sorted({classify(address) for address in addresses}))
    return settle(case, check, case.host, failed, lacking, f"{len(addresses)} addresses ({kinds}) go on to egress")


def _can_be_storage(case: Case, address: str) -> bool:
    kind = classify(address)
    if within(address, case.edge.storage_cidrs):
        return True
    return kind != "unusable" and (kind != "loopback" or case.edge.storage_kind == "s3_compatible")


def certificate(case: Case) -> list[Finding]:
    """DNS-13. Not blocking: whether the export uses the virtual-host style is not known here."""
    check, bucket = "DNS-13", case.edge.bucket
    if bucket is None or virtual_host(case.edge) or is_ip(case.host):
        words = "no bucket is named" if bucket is None else f"{bucket} is one label, or there is no TLS"
        return [case.ask.not_applicable(check, bucket or case.host, words)]
    name = f"{bucket}.{case.host}"
    shown = case.facts["tls"]
    because = unread(shown)
    fix = {"action": "set_addressing_style", "summary": "use path-style addressing", "value": "path"}
    if because is None and shown is not None:
        if shown["matches"]:
            return [case.ask.passed(check, name, shown["message"])]
        return [case.ask.failed(check, name, f"the certificate does not match: {shown['message']}", fix=fix)]
    if case.edge.storage_kind == "aws":
        words = f"{bucket} has dots, and the wildcard certificate of {case.host} covers one label"
        return [case.ask.failed(check, name, words, fix=fix)]
    missing = Unread("not_collected", "TLS handshake", name, f"no handshake was made with {name}")
    return [case.ask.unknown(check, name, because or missing)]


def drift(case: Case) -> list[Finding]:
    """DNS-16."""
    words = "an audit makes no transfer; edge_path_probe resolves again during its own"
    return [case.ask.not_applicable("DNS-16", case.host, words)]
