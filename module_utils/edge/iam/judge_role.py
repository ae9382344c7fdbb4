# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the role itself: whether it is there, who may take it on, for how long, and what stands beside it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..finding import Finding, Unread, unread
from .case import Case
from .decision import Outcome
from .documents import Named, parsed
from .engine import PolicySet, Request, UnreadablePolicy, decide
from .policy import Policy
from .trust import strangers

_EC2 = "ec2.amazonaws.com"
# An hour, the default and the least maximum (AWS STS API Reference, AssumeRole: DurationSeconds).
_DEFAULT_SESSION = 3600


def principal(case: Case) -> Finding:
    keys = case.fact("static_keys")
    held = case.fact("principal")
    arn = case.fact("principal_arn")
    if case.nobody is None:
        origin = {"edge_role_arn": "named by edge_role_arn", "instance_profile": "of the instance profile"}
        came = origin.get(str(case.fact("principal_from")), "")
        return case.ask.passed("IAM-01", str(case.principal["arn"]), f"{case.principal['kind']} {came}".strip())
    if isinstance(held, Unread) or isinstance(arn, Unread) or case.edge.storage_kind == "s3_compatible":
        return case.unknown("IAM-01", case.nobody)
    if held is not None:
        return case.unknown("IAM-01", case.nobody)
    if arn:
        return case.ask.failed("IAM-01", str(arn), "it does not exist", evidence=({"operation": "iam:GetRole"},))
    if isinstance(keys, Unread):
        return case.unknown("IAM-01", keys)
    if keys:
        place = _name(keys[0], "file")
        message = f"the export signs with the access key in {place}, and whose it is, is not known: set edge_role_arn"
        return case.unknown("IAM-01", Unread("not_collected", "edge_role_arn", case.edge.name, message))
    if case.in_aws is not True:
        return case.unknown("IAM-01", case.nobody)
    return case.ask.failed(
        "IAM-01", case.subject, "the instance has no profile and edge_role_arn is not set: nothing signs the requests"
    )


def takes_on(case: Case) -> Finding:
    """Whether EC2 may hand the role to the instance."""
    if case.principal["kind"] != "role":
        return case.ask.not_applicable("IAM-14", case.subject, f"a {case.principal['kind']} is not taken on")
    through = case.in_instance
    if isinstance(through, Unread):
        return case.unknown("IAM-14", through)
    if not through:
        return case.ask.not_applicable("IAM-14", case.subject, "the role does not come from an instance profile")
    policy = _trust(case)
    if isinstance(policy, Unread):
        return case.unknown("IAM-14", policy)
    request = Request(_EC2, "sts:AssumeRole", str(case.principal["arn"]), case.arn.account)
    decision = decide(request, PolicySet(resource=policy))
    evidence = (
        {"operation": "iam:GetRole", "action": "sts:AssumeRole", "by": _EC2, "outcome": decision.outcome.value},
    )
    if decision.outcome is Outcome.ALLOW:
        return case.ask.passed("IAM-14", case.subject, f"{_EC2} may assume it", evidence=evidence)
    if decision.outcome is Outcome.UNKNOWN:
        because = Unread("not_collected", "sts:AssumeRole", case.subject, decision.explain())
        return case.unknown("IAM-14", because, evidence=evidence)
    statement = {
        "Sid": "EdgepathInstance",
        "Effect": "Allow",
        "Principal": {"Service": _EC2},
        "Action": "sts:AssumeRole",
    }
    return case.ask.failed(
        "IAM-14",
        case.subject,
        f"the trust policy does not let {_EC2} assume it: the instance has no credentials",
        evidence=evidence,
        fix=case.fix("allow_assume_role", f"let {_EC2} assume {case.subject}", role=case.subject, statement=statement),
    )


def _trust(case: Case) -> Policy | Unread:
    held = case.principal.get("trust")
    gone = unread(held)
    if gone is not None:
        return gone
    if held is None:
        return Unread("not_collected", "iam:GetRole", case.subject, f"the trust policy of {case.subject} was not read")
    policy = parsed(Named("trust policy", held), "resource")
    if isinstance(policy, UnreadablePolicy):
        return Unread("error", "parse", case.subject, f"the trust policy {policy.reason}")
    return policy


def trust(case: Case) -> Finding:
    if case.principal["kind"] != "role":
        return case.ask.not_applicable("IAM-15", case.subject, f"a {case.principal['kind']} is not taken on")
    policy = _trust(case)
    if isinstance(policy, Unread):
        return case.unknown("IAM-15", policy)
    found = strangers(case.principal["trust"], case.arn.account)
    if found:
        return case.ask.failed("IAM-15", case.subject, found[0]["why"], evidence=tuple(found))
    return case.ask.passed(
        "IAM-15", case.subject, "only named principals of the account, or others with an external id"
    )


def session(case: Case) -> Finding:
    if case.principal["kind"] != "role":
        return case.ask.not_applicable("IAM-16", case.subject, "long-lived credentials do not end")
    longest = case.edge.payload.transfer_seconds
    held = case.principal.get("max_session_seconds")
    gone = unread(held)
    if case.in_instance is True:
        return case.ask.passed("IAM-16", case.subject, "the instance profile's credentials are renewed before they end")
    if gone is not None:
        return case.unknown("IAM-16", gone)
    if isinstance(case.in_instance, Unread):
        return case.unknown("IAM-16", case.in_instance)
    limit = held if isinstance(held, int) else _DEFAULT_SESSION
    if longest <= limit:
        return case.ask.passed(
            "IAM-16", case.subject, f"sessions of up to {limit} s, the longest export {longest:.0f} s"
        )
    # AssumeRole gives at most twelve hours.
    wanted = min(43200, -(-int(longest) // 3600) * 3600)
    fix = case.fix(
        "set_max_session_duration",
        f"let sessions of {case.subject} last {wanted} s",
        role=case.subject,
        seconds=wanted,
    )
    observed = f"a session ends after {limit} s at most, the longest export takes {longest:.0f} s"
    return case.ask.failed("IAM-16", case.subject, observed, fix=fix)


def static_keys(case: Case) -> Finding:
    found = case.fact("static_keys")
    if isinstance(found, Unread):
        return case.unknown("IAM-17", found, case.edge.name)
    nowhere = found is None
    hidden = next((unread(item) for item in found or () if unread(item) is not None), None)
    found = [item for item in found or () if unread(item) is None]
    users = case.principal.get("access_keys") if case.nobody is None else None
    gone = unread(users)
    aged = [item for item in users if item.get("status") == "Active"] if isinstance(users, list) else []
    if found or aged:
        return _keys_found(case, found, aged)
    gone = gone or hidden
    if gone is not None:
        return case.unknown("IAM-17", gone)
    if nowhere:
        observed = "no settings were named: edge_recording_storage_path and edge_export_config_path are not set"
        return case.ask.not_applicable("IAM-17", case.edge.name, observed)
    return case.ask.passed("IAM-17", case.edge.name, "no access key stands in the settings that were read")


def _keys_found(case: Case, found: list[Mapping[str, str]], aged: list[Mapping[str, Any]]) -> Finding:
    places = [f"{_name(item, 'setting')} in {_name(item, 'file')}" for item in found]
    places += [f"key ...{_name(item, 'ends_with')} of {case.subject}, made {_name(item, 'created')}" for item in aged]
    fix = None
    if found:
        fix = case.fix(
            "remove_static_keys",
            f"take {', '.join(_name(item, 'setting') for item in found)} out and use the role",
            settings=[dict(item) for item in found],
        )
    evidence = tuple({name: _name(item, name) for name in ("file", "setting")} for item in found)
    return case.ask.failed("IAM-17", case.edge.name, "; ".join(places), evidence=evidence, fix=fix)


def _name(item: Mapping[str, Any], name: str) -> str:
    held = item.get(name)
    return held if isinstance(held, str) else f"a {name} that is not known"
