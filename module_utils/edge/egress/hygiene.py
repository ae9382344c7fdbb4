# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks on settings that are wrong, or will be, though the path works: rules, quota, endpoints, the resolver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..finding import Asker, Finding, Unread, unread
from . import fixes, groups, prefixes, routes
from .analyse import Analysis, missing_interface
from .model import UDP, GroupRule, RouteTable, not_read
from .paths import OUTSIDE, private
from .subject import Subject

# Amazon VPC User Guide, "Amazon DNS server": the base of the VPC's range plus two, and these link-local addresses.
AMAZON_RESOLVERS = ("169.254.169.253", "fd00:ec2::253")
_DNS_PORT = 53
MORE_SPECIFIC = "MORE_SPECIFIC_ROUTE"
HIGHER_PRIORITY = "HIGHER_PRIORITY_ROUTE"


def judge(ask: Asker, subject: Subject) -> list[Finding]:
    """EGRESS-22 to 24, 42 to 44 and 60."""
    missing = missing_interface(subject.world) if subject.world.applicable else None
    findings = []
    for check, question in _QUESTIONS.items():
        if not subject.world.applicable:
            findings.append(ask.not_applicable(check, subject.interface_id, OUTSIDE))
        elif missing is not None:
            findings.append(ask.unknown(check, subject.interface_id, missing))
        else:
            findings.append(question(ask, subject))
    return findings


def _hidden(rules: Iterable[GroupRule]) -> Unread | None:
    return next((rule.matches for rule in rules if isinstance(rule.matches, Unread)), None)


def _pinned(ask: Asker, subject: Subject) -> Finding:
    rules, resource = subject.world.egress, subject.interface_id
    if isinstance(rules, Unread):
        return ask.unknown("EGRESS-22", resource, rules)
    if isinstance(subject.storage, Unread):
        return ask.unknown("EGRESS-22", resource, subject.storage)
    if not subject.storage or private(subject):
        return ask.not_applicable("EGRESS-22", resource, "no public ranges of the storage matter to this edge")
    storage = prefixes.ranges(subject.storage)
    pinned = groups.pinned(rules, subject.edge.storage_port, storage)
    fitting = [rule for rule in rules if rule.admits(6, subject.edge.storage_port)]
    admitted = prefixes.union(
        interval for rule in fitting if not isinstance(rule.matches, Unread) for interval in rule.matches
    )
    missing = prefixes.subtract(storage, admitted)
    hidden = _hidden(fitting)
    if missing and hidden is not None:
        return ask.unknown("EGRESS-22", resource, hidden)
    if not pinned:
        return ask.passed("EGRESS-22", resource, "no address range of the storage is pinned in a rule")
    names = prefixes.some([f"{rule.source} ({rule.id})" for rule in pinned])
    if not missing:
        return ask.passed("EGRESS-22", resource, f"{len(pinned)} pinned ranges, and all of today's are covered")
    left_out = prefixes.touched(subject.storage, missing)
    return ask.failed(
        "EGRESS-22",
        pinned[0].group,
        f"{names} leave out {len(left_out)} of the storage's {len(subject.storage)} ranges: {prefixes.some(left_out)}",
        evidence=({"pinned": [rule.source for rule in pinned], "uncovered": prefixes.prefixes(missing)[:64]},),
        fix=fixes.allow_storage(subject, missing),
    )


def _over_wide(ask: Asker, subject: Subject) -> Finding:
    rules, resource = subject.world.egress, subject.interface_id
    if isinstance(rules, Unread):
        return ask.unknown("EGRESS-23", resource, rules)
    wide = groups.over_wide(rules)
    if wide:
        names = ", ".join(f"{rule.id} of {rule.group} ({rule.source})" for rule in wide)
        fix = fixes.narrow(subject, wide)
        return ask.failed("EGRESS-23", wide[0].group, f"all protocols to everywhere: {names}", fix=fix)
    unseen = next(
        (rule.matches for rule in rules if isinstance(rule.matches, Unread) and rule.source == rule.group), None
    )
    if unseen is not None:
        return ask.unknown("EGRESS-23", resource, unseen)
    return ask.passed("EGRESS-23", resource, f"{len(rules)} egress rules, none of them over-wide")


def _quota(ask: Asker, subject: Subject) -> Finding:
    rules, resource = subject.world.egress, subject.interface_id
    if isinstance(rules, Unread):
        return ask.unknown("EGRESS-24", resource, rules)
    weights = fixes.weights(subject.world, 4)
    gone = next((held for held in weights.values() if isinstance(held, Unread)), None)
    if gone is not None:
        return ask.unknown("EGRESS-24", resource, gone)
    told = ", ".join(f"{group} {held} of {groups.RULES_PER_GROUP}" for group, held in weights.items())
    evidence = ({"weights": dict(weights), "quota": groups.RULES_PER_GROUP},)
    if weights and all(isinstance(held, int) and held >= groups.RULES_PER_GROUP for held in weights.values()):
        return ask.failed("EGRESS-24", resource, f"every group is full: {told}", evidence=evidence)
    return ask.passed("EGRESS-24", resource, f"IPv4 egress weight: {told or 'no group'}", evidence=evidence)


def _table(subject: Subject) -> RouteTable | Unread:
    return routes.table_of(subject.world.tables, subject.world.interface["subnet"])


def _gateway_endpoint(ask: Asker, subject: Subject) -> Finding:
    check, resource = "EGRESS-42", subject.interface_id
    if subject.edge.storage_kind != "aws":
        return ask.not_applicable(check, resource, "the storage is not Amazon S3")
    endpoints = fixes.gateway_endpoints(subject)
    table = _table(subject)
    gone = next((item for item in (endpoints, table) if isinstance(item, Unread)), None)
    if isinstance(endpoints, Unread) or isinstance(table, Unread):
        return ask.unknown(check, resource, gone or not_read(resource, "not read"))
    if not endpoints:
        return ask.not_applicable(check, resource, "the VPC has no gateway endpoint of S3")
    used = [item for item in endpoints if any(route.target == item["id"] for route in table.routes)]
    if used:
        return _served(ask, subject, table, used[0]["id"])
    kinds = sorted({f"{path.kind.replace('_', ' ')} {path.id}" for path in (_ways(subject) or ())})
    observed = f"{endpoints[0]['id']} is not associated with {table.id}; the traffic takes {', '.join(kinds) or 'none'}"
    fix = fixes.associate(endpoints[0]["id"], table.id)
    return ask.failed(check, table.id, observed, fix=fix, evidence=({"operation": "ec2:DescribeVpcEndpoints"},))


def _served(ask: Asker, subject: Subject, table: RouteTable, endpoint: str) -> Finding:
    """The endpoint is in the table; whether its routes are also the ones that are taken."""
    own = [route for route in table.routes if route.target == endpoint]
    gone = next((route.matches for route in own if isinstance(route.matches, Unread)), None)
    analysis = _analysis(subject)
    if gone is not None or analysis is None:
        return ask.unknown("EGRESS-42", table.id, gone or not_read(table.id, "no storage address or range is known"))
    led = prefixes.union(span for route in own if not isinstance(route.matches, Unread) for span in route.matches)
    choices = routes.choose(table, prefixes.intersect(analysis.destinations, led))
    others = [choice for choice in choices if choice.route is not None and choice.route.target != endpoint]
    if not others:
        return ask.passed("EGRESS-42", table.id, f"{endpoint} serves {table.id}")
    evidence = tuple(
        {"from": prefixes.address(choice.low), "code": code, "route": choice.answer.to_dict()}
        for choice, code in ((choice, _precedence(choice, own)) for choice in others[:8])
    )
    names = ", ".join(
        sorted({f"{choice.route.destination} to {choice.route.target}" for choice in others if choice.route})
    )
    observed = f"{endpoint} is in {table.id}, but other routes go before its own: {names}"
    return ask.failed("EGRESS-42", table.id, observed, evidence=evidence)


def _precedence(choice: routes.Choice, own: Iterable[Any]) -> str:
    """Why another route goes before the endpoint's: it is more specific, or of a higher priority."""

    def narrowest(listed: Iterable[Any]) -> int:
        spans = [span for route in listed for span in route.matches if span[0] <= choice.low <= span[1]]
        return min(prefixes.size([span]) for span in spans)

    return MORE_SPECIFIC if narrowest([choice.route]) < narrowest(own) else HIGHER_PRIORITY


def _analysis(subject: Subject) -> Analysis | None:
    return subject.by_address or subject.by_range


def _ways(subject: Subject) -> Iterable[Any] | None:
    analysis = _analysis(subject)
    return analysis.paths if analysis is not None else None


def _ambiguous(ask: Asker, subject: Subject) -> Finding:
    table = _table(subject)
    if isinstance(table, Unread):
        return ask.unknown("EGRESS-43", subject.interface_id, table)
    listed: dict[prefixes.Interval, list[Any]] = {}
    for route in table.routes:
        if isinstance(route.matches, Unread):
            return ask.unknown("EGRESS-43", table.id, route.matches)
        for interval in route.matches if route.rank == 1 else ():
            listed.setdefault(interval, []).append(route)
    rivals = {span: held for span, held in listed.items() if len({route.target for route in held}) > 1}
    if rivals:
        names = ", ".join(
            sorted({f"{route.destination} to {route.target}" for held in rivals.values() for route in held})
        )
        return ask.failed("EGRESS-43", table.id, f"{', '.join(prefixes.prefixes(rivals)[:4])}: {names}")
    return ask.passed("EGRESS-43", table.id, "no prefix lists with the same range and different targets")


def _nat(ask: Asker, subject: Subject) -> Finding:
    check, resource = "EGRESS-44", subject.interface_id
    if subject.edge.storage_kind != "aws":
        return ask.not_applicable(check, resource, "the storage is not Amazon S3")
    if isinstance(subject.addresses, Unread):
        return ask.unknown(check, resource, subject.addresses)
    ways = list(_ways(subject) or ())
    nats = sorted({path.id for path in ways if path.kind == "nat_gateway"})
    if nats:
        observed = f"storage traffic takes {', '.join(nats)}, which forgets a connection idle for 350 s"
        return ask.failed(check, nats[0], observed, fix=fixes.gateway_endpoint(subject))
    hidden = next((path.answer.because for path in ways if path.answer.because is not None), None)
    if hidden is not None:
        return ask.unknown(check, resource, hidden)
    return ask.passed(check, resource, "no NAT gateway on the way")


def _resolver(ask: Asker, subject: Subject) -> Finding:
    check, resource = "EGRESS-60", subject.interface_id
    resolvers = _resolvers(subject)
    if isinstance(resolvers, Unread):
        return ask.unknown(check, resource, resolvers)
    own = [address for address in resolvers if not _exempt(subject, address)]
    if not own:
        return ask.passed(check, resource, "the resolver is Amazon's own, which security groups do not filter")
    judged = groups.judge(
        subject.world.egress, prefixes.ranges(own), _DNS_PORT, UDP, ", ".join(subject.world.interface["groups"])
    )
    denied = [item for _, _, item in judged if item.outcome == "deny"]
    if len(denied) == len(judged):
        observed = f"udp {_DNS_PORT} to {', '.join(own)}: {denied[0].reason}"
        return ask.failed(check, resource, observed, evidence=tuple(item.to_dict() for item in denied))
    if any(item.outcome == "allow" for _, _, item in judged):
        return ask.passed(check, resource, f"udp {_DNS_PORT} to {', '.join(own)}")
    hidden = next((item.because for _, _, item in judged if item.because is not None), None)
    return ask.unknown(check, resource, hidden or not_read(resource, "not judged"))


def _resolvers(subject: Subject) -> list[str] | Unread:
    """The resolvers that the edge asks: its own configuration, or where that names a local stub, the DHCP options'."""
    dns = subject.dns
    if isinstance(dns, Mapping) and unread(dns) is None:
        held = [item.get("address", "") for item in dns.get("servers") or () if isinstance(item, Mapping)]
        asked = [address.partition("%")[0] for address in held if not address.startswith(("127.", "::1"))]
        if asked:
            return asked
    options = subject.world.network.get("dhcp_options")
    gone = unread(options)
    if gone is not None:
        return gone
    return list((options or {}).get("domain_name_servers") or ["AmazonProvidedDNS"])


def _exempt(subject: Subject, address: str) -> bool:
    if address == "AmazonProvidedDNS" or address in AMAZON_RESOLVERS or address.startswith("127."):
        return True
    vpc = subject.world.network.get("vpc")
    if unread(vpc) is not None or not vpc:
        return False
    bases = [prefixes.parse(text)[0] for text in vpc.get("cidrs") or () if ":" not in text]
    return any(prefixes.parse(address)[0] == base + 2 for base in bases)


_QUESTIONS: dict[str, Callable[[Asker, Subject], Finding]] = {
    "EGRESS-22": _pinned,
    "EGRESS-23": _over_wide,
    "EGRESS-24": _quota,
    "EGRESS-42": _gateway_endpoint,
    "EGRESS-43": _ambiguous,
    "EGRESS-44": _nat,
    "EGRESS-60": _resolver,
}
