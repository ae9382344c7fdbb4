# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the lifecycle does to uploads in parts: broken ones must go, and long ones must have time to finish."""

from __future__ import annotations

from collections.abc import Iterable

from ..finding import Bound, Finding
from .case import Case
from .lifecycle import abort_rule
from .retention import not_understood
from .rules import Configuration, Rule, parse

_DAY = 86400.0


def abort_missing(case: Case) -> Finding:
    lifecycle = case.fact("lifecycle")
    unclear = case.open_question("BUCKET-13", lifecycle)
    if unclear is not None:
        return unclear
    configuration = parse(lifecycle)
    rule = abort_rule(configuration, f"{case.edge.prefix}recording")
    if rule is not None:
        return case.passed("BUCKET-13", f"rule {rule.name} aborts them after {rule.abort_days} days")
    if configuration.malformed:
        return not_understood(case, "BUCKET-13", configuration)
    if case.fact("mfa_delete") == "Enabled":
        return case.not_applicable("BUCKET-13", "a bucket with MFA delete takes no lifecycle")
    days = case.edge.profile["abort_days"]
    return case.failed(
        "BUCKET-13",
        "no enabled rule aborts incomplete uploads below the prefix",
        evidence=({"operation": "s3:GetLifecycleConfiguration", "rules": len(configuration.rules)},),
        fix=case.fix("add_abort_rule", f"abort them after {days} days", days=days, prefix=case.edge.prefix),
    )


def abort_too_soon(case: Case) -> Finding:
    """An upload in parts ends with the abort, so the days are a bound on the whole transfer."""
    lifecycle = case.fact("lifecycle")
    unclear = case.open_question("BUCKET-14", lifecycle)
    if unclear is not None:
        return unclear
    configuration = parse(lifecycle)
    rule = _first_abort(configuration, (f"{case.edge.prefix}recording", *(
        rule.filter.prefix for rule in configuration.rules if rule.filter.prefix.startswith(case.edge.prefix)
    )))  # fmt: skip
    if rule is None or rule.abort_days is None:
        return _no_abort(case, configuration)
    bound = Bound(
        kind="total",
        hop="bucket",
        setting="AbortIncompleteMultipartUpload.DaysAfterInitiation",
        origin=f"lifecycle rule {rule.name} of {case.arn}",
        seconds=rule.abort_days * _DAY,
        source="Amazon S3 User Guide, Lifecycle configuration elements",
    )
    longest = case.edge.payload.survives(bound)
    text = f"rule {rule.name} aborts after {rule.abort_days} days"
    if longest >= case.edge.payload.longest_minutes:
        if configuration.malformed:
            return _no_abort(case, configuration)
        return case.passed("BUCKET-14", text, bound=bound)
    hours = case.edge.payload.transfer_seconds / 3600.0
    days = int(case.edge.payload.transfer_seconds // _DAY) + 1
    return case.failed(
        "BUCKET-14",
        f"{text}; the longest export takes {hours:.0f} h",
        bound=bound,
        longest_minutes=longest,
        evidence=({"operation": "s3:GetLifecycleConfiguration", "rule": rule.name, "days": rule.abort_days},),
        fix=case.fix(
            "add_abort_rule", f"abort after {days} days", days=days, rules=[rule.name], prefix=case.edge.prefix
        ),
    )


def _first_abort(configuration: Configuration, keys: Iterable[str]) -> Rule | None:
    rules = [rule for rule in (abort_rule(configuration, key) for key in keys) if rule is not None]
    return min(rules, key=lambda rule: rule.abort_days or 0, default=None)


def _no_abort(case: Case, configuration: Configuration) -> Finding:
    if configuration.malformed:
        return not_understood(case, "BUCKET-14", configuration)
    return case.passed("BUCKET-14", "no rule aborts uploads in progress")
