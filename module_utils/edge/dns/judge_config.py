# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the node's files say: resolver, hosts database, pins, search list; and the resolver's allowance. Pure."""

from __future__ import annotations

from typing import Any

from ..finding import Finding, unread
from . import nss
from .case import HOSTS, NSSWITCH, RESOLV_CONF, Case, resolver_fix, settle
from .resolution import addresses_in, resolvers, results
from .resolvconf import DEFAULTS, MAX_NAMESERVERS, STUBS, worst_case_seconds

# The slowest that glibc is by itself: three nameservers, timeout 5, attempts 2 (resolv.conf(5)).
WORST_CASE_SECONDS = worst_case_seconds(MAX_NAMESERVERS, DEFAULTS)


def _quicker(case: Case) -> dict[str, Any]:
    timeout, attempts = case.edge.profile["resolver_timeout"], case.edge.profile["resolver_attempts"]
    summary = f"set options timeout:{timeout} attempts:{attempts}"
    return resolver_fix(case, summary, timeout=timeout, attempts=attempts)


def resolver(case: Case) -> list[Finding]:
    """DNS-01."""
    check = "DNS-01"
    lacking = case.unread("resolv_conf")
    if lacking is not None:
        return [case.ask.unknown(check, RESOLV_CONF, lacking)]
    conf = case.facts["resolv_conf"]
    if conf is None or conf["absent"]:
        words = "there is no such file" if conf is None else f"the link to {conf['link']} leads nowhere"
        return [case.ask.failed(check, RESOLV_CONF, f"{words}; only a nameserver on the edge itself is asked")]
    options = conf["options"]
    worst = worst_case_seconds(len(conf["nameservers"]), options)
    failed = _malformed(case, conf)
    if worst > WORST_CASE_SECONDS:
        words = f"a lookup without an answer takes {worst} s, glibc's defaults at most {WORST_CASE_SECONDS} s"
        fix = _quicker(case)
        failed.append(case.ask.failed(check, RESOLV_CONF, words, fix=fix))
    stub = [address for address in conf["nameservers"] if address in STUBS]
    lacking = case.unread("resolved") if stub else None
    if stub and lacking is None and _stub_is_off(case.facts["resolved"]["settings"]):
        words = f"{stub[0]} is asked, and systemd-resolved has DNSStubListener=no"
        failed.append(case.ask.failed(check, RESOLV_CONF, words, evidence=({"file": "/etc/systemd/resolved.conf"},)))
    words = (
        f"{', '.join(conf['nameservers'])}; a lookup without an answer takes {worst} s "
        f"(timeout {options['timeout']}, attempts {options['attempts']})"
    )
    return settle(case, check, RESOLV_CONF, failed, lacking, words)


def _stub_is_off(settings: Any) -> bool:
    return str(settings.get("DNSStubListener", "yes")).lower() in ("no", "false", "0", "off")


def _malformed(case: Case, conf: Any) -> list[Finding]:
    failed: list[Finding] = []
    check = "DNS-01"
    if not conf["nameservers"]:
        words = "no nameserver is given; only one on the edge itself is asked"
        failed.append(case.ask.failed(check, RESOLV_CONF, words))
    if conf["ignored"]:
        words = f"glibc asks the first {MAX_NAMESERVERS} nameservers only, never {', '.join(conf['ignored'][:3])}"
        fix = {
            "action": "remove_nameserver",
            "summary": f"remove nameserver {conf['ignored'][0]} from {RESOLV_CONF}, which is never asked",
            "path": RESOLV_CONF,
            "managed_by": case.managed_by(),
            "address": conf["ignored"][0],
        }
        failed.append(case.ask.failed(check, RESOLV_CONF, words, fix=fix))
    if conf["problems"]:
        first = conf["problems"][0]
        words = f"line {first['line']} {first['why']}: {first['text']}"
        more = len(conf["problems"]) - 1
        words += f" (and {more} more lines)" if more else ""
        failed.append(case.ask.failed(check, RESOLV_CONF, words, evidence=tuple(conf["problems"][:5])))
    return failed


def hosts(case: Case) -> list[Finding]:
    """DNS-02."""
    check = "DNS-02"
    failed: list[Finding] = []
    lacking = case.unread("nsswitch", "hosts")
    order = nss.default_nsswitch()
    if unread(case.facts["nsswitch"]) is None:
        order = case.facts["nsswitch"] or order
        if nss.decide(order["services"], "name.example", _dns_alone) is None:
            words = f"`hosts: {order['text']}` never comes to DNS"
            fix = {
                "action": "set_nsswitch_hosts",
                "summary": f"set `hosts: files dns` in {NSSWITCH}",
                "path": NSSWITCH,
                "value": "files dns",
            }
            failed.append(case.ask.failed(check, NSSWITCH, words, fix=fix))
    if unread(case.facts["hosts"]) is None:
        for item in case.facts["asked"]:
            failed += [_pin(case, item["name"], entry) for entry in nss.pins(case.facts["hosts"] or [], item["name"])]
    origin = order["text"] if order["line"] else f"{order['text']}, glibc's default"
    return settle(case, check, HOSTS, failed, lacking, f"hosts: {origin}; none of the export's names is pinned")


def _dns_alone(service: str) -> str:
    return "SUCCESS" if service == "dns" else "NOTFOUND"


def _pin(case: Case, name: str, entry: Any) -> Finding:
    # The stub of systemd-resolved answers from this very file (resolved.conf(5), ReadEtcHosts=): no witness of its own.
    asked = [item for item in results(case.facts, name=name) if item["server"] not in STUBS]
    given = {address for item in asked for address in addresses_in(item["result"])}
    words = f"line {entry['line']} pins {name} to {entry['address']}"
    if given:
        agrees = entry["address"] in given
        words += ", which the nameservers give as well" if agrees else ", which no nameserver gives"
    resolution = case.resolutions[name]
    if resolution.source == "dns" and entry["address"] not in resolution.addresses:
        words += "; not in effect while DNS answers"
    fix = {
        "action": "remove_hosts_pin",
        "summary": f"remove {name} from line {entry['line']} of {HOSTS}",
        "path": HOSTS,
        "line": entry["line"],
        "address": entry["address"],
        "name": name,
    }
    proof = {"file": HOSTS, "line": entry["line"], "address": entry["address"], "nameservers": sorted(given)}
    return case.ask.failed("DNS-02", name, words, fix=fix, evidence=(proof,))


def allowance(case: Case) -> list[Finding]:
    """DNS-12."""
    check, resource = "DNS-12", case.edge.name
    lacking = case.unread("allowance")
    if lacking is not None:
        return [case.ask.unknown(check, resource, lacking)]
    counted = case.facts["allowance"]
    if not counted:
        return [case.ask.not_applicable(check, resource, "no interface of the edge has this counter")]
    dropped = {interface: packets for interface, packets in counted.items() if packets}
    if not dropped:
        return [case.ask.passed(check, resource, f"no packet dropped on {', '.join(counted)} since the start")]
    words = ", ".join(f"{packets} packets dropped on {interface}" for interface, packets in dropped.items())
    return [case.ask.failed(check, resource, f"{words} since the start", evidence=(dict(dropped),))]


def search(case: Case) -> list[Finding]:
    """DNS-14."""
    check = "DNS-14"
    lacking = case.unread("resolv_conf")
    if lacking is not None:
        return [case.ask.unknown(check, RESOLV_CONF, lacking)]
    conf = case.facts["resolv_conf"] or {"search": [], "options": {**DEFAULTS, "flags": []}}
    ndots, domains = conf["options"]["ndots"], conf["search"]
    families = 1 if "no-aaaa" in conf["options"]["flags"] else 2
    amplified = [item["name"] for item in case.facts["asked"] if item["name"].count(".") < ndots] if domains else []
    if not amplified:
        return [case.ask.passed(check, RESOLV_CONF, f"ndots {ndots}: {families} queries a lookup")]
    queries = (len(domains) + 1) * families
    words = f"ndots {ndots} and {len(domains)} search domains: {queries} queries for {amplified[0]}, not {families}"
    fix = resolver_fix(case, "set options ndots:1", ndots=1)
    return [case.ask.failed(check, RESOLV_CONF, words, fix=fix, evidence=({"search": domains, "names": amplified},))]


def silent_seconds(case: Case, address: str) -> int:
    """How long glibc waits for one nameserver before it asks the next, once round."""
    conf = case.facts["resolv_conf"]
    options = DEFAULTS if conf is None or unread(conf) is not None else conf["options"]
    order = [server["address"] for server in resolvers(case.facts)]
    place = order.index(address) if address in order else 0
    return max(1, (int(options["timeout"]) << place) // (len(order) if place else 1))
