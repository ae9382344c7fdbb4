# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks on the way to the storage addresses: each hop alone, and all hops together."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ..finding import Asker, Finding, Unread
from . import fixes, prefixes, provider
from .analyse import AWS_HOPS, Analysis, missing_interface
from .answers import where
from .catalogue import PER_HOP
from .model import not_read
from .subject import Subject, Tally

OUTSIDE = "the edge is not in AWS: only its own firewall and its provider decide"
_OPERATIONS = {
    "host_firewall": "nft list ruleset",
    "security_group": "ec2:DescribeSecurityGroupRules",
    "network_acl": "ec2:DescribeNetworkAcls",
    "route": "ec2:DescribeRouteTables",
    "gateway": "ec2:DescribeNatGateways, DescribeInternetGateways, DescribeVpcEndpoints",
}


def judge(ask: Asker, subject: Subject) -> list[Finding]:
    """EGRESS-01 to 06 and the pairs of every hop."""
    findings = [_interface(ask, subject), *provider.judge(ask, subject)]
    tallies: dict[str, Tally] = {}
    for hop in PER_HOP:
        found, tally = _hop(ask, subject, hop)
        findings += found
        if tally is not None:
            tallies[hop] = tally
    return [*findings, *_together(ask, subject, tallies), _ranges(ask, subject)]


def _interface(ask: Asker, subject: Subject) -> Finding:
    resource = subject.interface_id
    if not subject.world.applicable:
        return ask.not_applicable("EGRESS-01", resource, OUTSIDE)
    interface = subject.world.interface
    gone = missing_interface(subject.world)
    if gone is not None and interface is None:
        evidence = ({"operation": "ec2:DescribeNetworkInterfaces"},)
        return ask.failed("EGRESS-01", resource, gone.message, evidence=evidence)
    if gone is not None:
        return ask.unknown("EGRESS-01", resource, gone)
    instance = subject.facts.get("instance")
    state = instance.get("state") if isinstance(instance, dict) else None
    evidence = ({"operation": "ec2:DescribeNetworkInterfaces", "interface": interface["id"]},)
    if interface.get("status") not in (None, "in-use") or state not in (None, "running"):
        observed = f"{interface['id']} is {interface.get('status')}; its instance is {state or 'none'}"
        return ask.failed("EGRESS-01", resource, observed, evidence=evidence)
    owner, account = interface.get("owner"), subject.facts.get("account")
    observed = f"{interface['id']} is in use in {interface.get('subnet')}"
    if isinstance(account, str) and owner not in (None, account):
        observed += f"; it belongs to account {owner}, the audit reads account {account}"
    return ask.passed("EGRESS-01", resource, observed, evidence=evidence)


def _hop(ask: Asker, subject: Subject, hop: str) -> tuple[list[Finding], Tally | None]:
    blocks, partial = PER_HOP[hop][:2]
    resource = subject.interface_id
    if hop in AWS_HOPS and not subject.world.applicable:
        return [ask.not_applicable(check, resource, OUTSIDE) for check in (blocks, partial)], None
    if isinstance(subject.addresses, Unread) or subject.by_address is None:
        gone = subject.addresses
        assert isinstance(gone, Unread)
        return [ask.unknown(check, resource, gone) for check in (blocks, partial)], None
    tally = Tally.of(subject.by_address.hops[hop], subject.addresses)
    if not tally.answers:
        reason = "an earlier hop already ends every path"
        return [ask.not_applicable(check, resource, reason) for check in (blocks, partial)], tally
    return [_blocks(ask, subject, hop, tally), _partial(ask, subject, hop, tally)], tally


def _blocks(ask: Asker, subject: Subject, hop: str, tally: Tally) -> Finding:
    check = PER_HOP[hop][0]
    evidence = tally.evidence(_OPERATIONS[hop])
    if tally.blocked:
        first = next(iter(tally.answers.values()))
        number = len(tally.answers)
        none = (
            "the only address does not get through" if number == 1 else f"none of the {number} addresses gets through"
        )
        observed = f"{none}: {first.reason}{_stray_note(subject, tally)}"
        fields: dict[str, Any] = {"evidence": _with_uncovered(subject, hop, evidence)}
        fix = fixes.propose(subject, hop, tally)
        if fix is None and _stray_note(subject, tally):
            fields["message"] = (
                "cure name resolution first; a rule for an address that is not the storage's cures nothing"
            )
        return ask.failed(check, first.resource or subject.interface_id, observed, fix=fix, **fields)
    passing = tally.having("allow", "partial")
    if passing:
        rules = ", ".join(sorted({f"{item.resource} {item.rule}".strip() for item in passing.values()})[:4])
        observed = f"{len(passing)} of {len(tally.answers)} addresses get through ({rules})"
        return ask.passed(check, subject.interface_id, observed, evidence=evidence)
    return ask.unknown(check, subject.interface_id, _because(tally))


def _partial(ask: Asker, subject: Subject, hop: str, tally: Tally) -> Finding:
    blocks, check = PER_HOP[hop][:2]
    if tally.blocked:
        return ask.not_applicable(check, subject.interface_id, f"no address gets through at all: see {blocks}")
    failing = tally.having("deny", "partial")
    if failing:
        first = next(iter(failing.values()))
        return ask.failed(
            check,
            first.resource or subject.interface_id,
            f"{_counts(failing, tally)}: {first.reason}{_stray_note(subject, tally)}",
            share=float(tally.share),
            evidence=_with_uncovered(subject, hop, tally.evidence(_OPERATIONS[hop])),
            fix=fixes.propose(subject, hop, tally),
        )
    if tally.hidden is not None:
        return ask.unknown(check, subject.interface_id, tally.hidden)
    return ask.passed(check, subject.interface_id, f"all {len(tally.answers)} addresses get through")


def _counts(failing: dict[str, Any], tally: Tally) -> str:
    denied = [address for address, answer in failing.items() if answer.outcome == "deny"]
    if denied:
        return f"{len(denied)} of {tally.total} addresses do not get through ({prefixes.some(denied, 4)})"
    return f"{float(tally.share):.0%} of the connections do not get through"


def _stray_note(subject: Subject, tally: Tally) -> str:
    astray = [address for address in tally.having("deny", "partial") if subject.astray(address)]
    return f"; {', '.join(astray[:4])} is not the storage provider's: cure name resolution first" if astray else ""


def _because(tally: Tally) -> Unread:
    return tally.hidden or not_read("hop", "the hop gave no answer")


def _with_uncovered(subject: Subject, hop: str, evidence: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    """The evidence, and as information what the hop does with the provider's ranges."""
    if subject.by_range is None or hop not in subject.by_range.hops:
        return evidence
    return (*evidence, range_evidence(subject.by_range, where(subject.by_range.hops[hop], "deny"), subject.storage))


def range_evidence(analysis: Analysis, missing: prefixes.Ranges, storage: Any) -> dict[str, Any]:
    """What of the provider's ranges is not covered: minimal prefixes, and the reachable fraction of each family."""
    listed = list(storage)
    data: dict[str, Any] = {
        "storage_prefixes": len(listed),
        "storage_prefixes_covered": len(listed) - len(prefixes.touched(listed, missing)),
        "uncovered": prefixes.prefixes(missing)[:64],
    }
    for version in (4, 6):
        whole = prefixes.of_family(analysis.destinations, version)
        if whole:
            share = Fraction(1) - prefixes.share(missing, whole)
            data[f"covered_share_ipv{version}"] = round(float(share), 6)
    return data


def _together(ask: Asker, subject: Subject, tallies: dict[str, Tally]) -> list[Finding]:
    resource = subject.interface_id
    if isinstance(subject.addresses, Unread) or subject.by_address is None:
        gone = subject.addresses
        assert isinstance(gone, Unread)
        return [ask.unknown(check, resource, gone) for check in ("EGRESS-02", "EGRESS-03")]
    whole = Tally.of(subject.by_address.overall, subject.addresses)
    blockers = [PER_HOP[hop][0] for hop, tally in tallies.items() if tally.blocked]
    if blockers:
        reason = f"already a single hop stops every address: {', '.join(blockers)}"
        return [ask.not_applicable(check, resource, reason) for check in ("EGRESS-02", "EGRESS-03")]
    return [_some(ask, subject, whole), _all(ask, subject, whole, tallies)]


def _some(ask: Asker, subject: Subject, whole: Tally) -> Finding:
    if whole.blocked:
        observed = "each address is stopped by one hop or another, so that none gets through"
        return ask.failed("EGRESS-02", subject.interface_id, observed, evidence=whole.evidence("analysis"))
    passing = whole.having("allow", "partial")
    if passing:
        observed = f"{len(passing)} of {whole.total} addresses are reachable end to end"
        if subject.skipped:
            observed += f"; {len(subject.skipped)} IPv6 addresses do not count: the edge has no IPv6 path"
        return ask.passed("EGRESS-02", subject.interface_id, observed, evidence=whole.evidence("analysis"))
    return ask.unknown("EGRESS-02", subject.interface_id, _because(whole))


def _all(ask: Asker, subject: Subject, whole: Tally, tallies: dict[str, Tally]) -> Finding:
    resource = subject.interface_id
    if whole.blocked:
        return ask.not_applicable("EGRESS-03", resource, "no address gets through at all: see EGRESS-02")
    worst = max((tally.share for tally in tallies.values()), default=Fraction(0))
    if whole.share > worst:
        observed = f"together the hops fail for {float(whole.share):.0%} of the connections, more than any one of them"
        return ask.failed(
            "EGRESS-03", resource, observed, share=float(whole.share), evidence=whole.evidence("analysis")
        )
    if whole.hidden is not None:
        return ask.unknown("EGRESS-03", resource, whole.hidden)
    if whole.share:
        return ask.not_applicable("EGRESS-03", resource, "a single hop's finding states the whole share")
    return ask.passed("EGRESS-03", resource, f"all {whole.total} addresses are reachable end to end")


def _ranges(ask: Asker, subject: Subject) -> Finding:
    resource = subject.interface_id
    if isinstance(subject.storage, Unread):
        return ask.unknown("EGRESS-04", resource, subject.storage)
    if subject.by_range is None:
        return ask.not_applicable("EGRESS-04", resource, "no ranges of the storage are known (edge_storage_cidrs)")
    if private(subject):
        return ask.not_applicable("EGRESS-04", resource, "the storage names resolve to private addresses")
    overall = subject.by_range.overall
    missing = where(overall, "deny", "partial")
    evidence = range_evidence(subject.by_range, missing, subject.storage)
    if missing:
        first = next(item for _, _, item in overall if item.outcome in ("deny", "partial"))
        observed = (
            f"{evidence['storage_prefixes_covered']} of {evidence['storage_prefixes']} ranges are reachable; "
            f"not: {prefixes.some(prefixes.touched(subject.storage, missing))} ({first.reason})"
        )
        return ask.failed("EGRESS-04", first.resource or resource, observed, evidence=(evidence, first.to_dict()))
    hidden = next((item.because for _, _, item in overall if item.outcome == "unknown" and item.because), None)
    if hidden is not None:
        return ask.unknown("EGRESS-04", resource, hidden)
    return ask.passed("EGRESS-04", resource, f"all {evidence['storage_prefixes']} ranges", evidence=(evidence,))


def private(subject: Subject) -> bool:
    """Whether all storage addresses are private ones (an interface endpoint), so that public ranges do not matter."""
    if isinstance(subject.addresses, Unread) or isinstance(subject.storage, Unread) or not subject.addresses:
        return False
    if prefixes.intersect(prefixes.ranges(subject.addresses), prefixes.ranges(subject.storage)):
        return False
    return not any(subject.public(address) for address in subject.addresses)
