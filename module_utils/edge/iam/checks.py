# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges permissions: every check of the catalogue, in its order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ..finding import Finding, unread
from ..targets import Edge
from . import judge_calls, judge_layers, judge_observed, judge_path, judge_role, judge_scope
from .case import Case
from .catalogue import CATALOGUE

__all__ = ["CATALOGUE", "judge"]

# These can be answered even where nobody knows who exports.
_WITHOUT_PRINCIPAL: dict[str, Callable[[Case], Finding]] = {
    "IAM-01": judge_role.principal,
    "IAM-17": judge_role.static_keys,
}
_JUDGES: dict[str, Callable[[Case], Finding]] = {
    "IAM-02": judge_calls.listing,
    "IAM-03": judge_calls.reading,
    "IAM-04": judge_calls.writing,
    "IAM-05": judge_calls.multipart,
    "IAM-06": judge_calls.key,
    "IAM-07": judge_layers.denials,
    "IAM-08": judge_layers.endpoint,
    "IAM-09": judge_layers.bucket,
    "IAM-10": judge_scope.own_bucket,
    "IAM-11": judge_scope.other_buckets,
    "IAM-12": judge_layers.bucket_actions,
    "IAM-13": judge_layers.dead_grants,
    "IAM-14": judge_role.takes_on,
    "IAM-15": judge_role.trust,
    "IAM-16": judge_role.session,
    "IAM-18": judge_path.ways,
    "IAM-19": judge_layers.organisation,
    "IAM-20": judge_calls.tidying,
    "IAM-21": judge_calls.verifying,
    "IAM-22": judge_calls.missing_objects,
    "IAM-23": judge_layers.validity,
    "IAM-25": judge_calls.locking,
}

_ORDER = {check: place for place, check in enumerate(CATALOGUE)}

# What these answer hangs on the bucket's encryption.
_ON_KEY = ("IAM-04", "IAM-05", "IAM-06")

# Of storage that has no policies of AWS's kind, and for which no role is named, these ask nothing.
_MEANINGLESS = {
    "IAM-08": "the storage is not reached through a VPC endpoint with a policy for S3",
    "IAM-14": "no role is named that an instance could take on",
    "IAM-15": "no role is named that somebody could take on",
    "IAM-16": "no role is named whose sessions could end",
    "IAM-19": "the storage is not in AWS",
}


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:
    """The findings of one edge. facts: as facts.gather leaves them. upstream: {"egress": its facts or Unread}."""
    gone = unread(facts)
    case = Case.of(edge, {} if gone is not None else facts, upstream)
    if gone is not None:
        return [case.unknown(check, gone) for check in CATALOGUE]
    found = [_answer(case, check) for check in CATALOGUE if check != "IAM-24"]
    return sorted([*found, *judge_observed.observed(case)], key=lambda finding: _ORDER[finding.check])


def _answer(case: Case, check: str) -> Finding:
    if check in _WITHOUT_PRINCIPAL:
        return _WITHOUT_PRINCIPAL[check](case)
    if case.nobody is not None:
        meaningless = _MEANINGLESS.get(check) if case.without_policies else None
        return (
            case.ask.not_applicable(check, case.subject, meaningless)
            if meaningless
            else case.unknown(check, case.nobody)
        )
    if case.edge.bucket is None:
        return case.unknown(check, case.no_bucket)
    return _labelled(case, _JUDGES[check](case))


def _labelled(case: Case, finding: Finding) -> Finding:
    """A finding on the key says where AWS Config, and not S3, told which key it is."""
    recorded = case.facts.get("recorded")
    if finding.check not in _ON_KEY or not isinstance(recorded, Mapping) or "encryption" not in recorded:
        return finding
    source = {"operation": "config:BatchGetResourceConfig", "fact": "encryption", "captured": recorded.get("captured")}
    return replace(finding, evidence=(*finding.evidence, source))
