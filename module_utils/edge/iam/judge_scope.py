# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges what the principal may do beyond the export plan. Pure."""

from __future__ import annotations

from collections.abc import Callable

from ..finding import Finding
from .case import Case
from .judge_calls import open_because
from .narrow import narrowing
from .scene import Scene
from .scope import Scope, beyond, elsewhere

_SHOWN = 4
_EVIDENCE = 12


def own_bucket(case: Case) -> Finding:
    planned = frozenset(ask.action for step in case.plan for ask in step.asks)
    key_arn = case.key_arn if case.encrypted is True else None

    def scope_of(scene: Scene) -> Scope:
        return beyond(scene, case.bucket_arn, case.edge.prefix, planned, key_arn)

    return _judged(case, "IAM-10", scope_of, "nothing but the export's calls is allowed on the bucket")


def other_buckets(case: Case) -> Finding:
    def scope_of(scene: Scene) -> Scope:
        return elsewhere(scene, case.bucket_arn)

    return _judged(case, "IAM-11", scope_of, "no other bucket is within reach")


def _judged(case: Case, check: str, scope_of: Callable[[Scene], Scope], good: str) -> Finding:
    scope = scope_of(case.scene)
    if scope.witnesses:
        shown = ", ".join(f"{item.action} on {item.resource}" for item in scope.witnesses[:_SHOWN])
        more = len(scope.witnesses) - _SHOWN
        observed = f"may also: {shown}" + (f", and {more} more" if more > 0 else "")
        evidence = tuple(item.to_dict() for item in scope.witnesses[:_EVIDENCE])
        narrower = narrowing(case, scope_of)
        if narrower.fix is None:
            observed += f". No change is proposed: {narrower.why}"
        return case.ask.failed(check, case.subject, observed, evidence=evidence, fix=narrower.fix)
    if scope.open:
        return case.unknown(check, open_because(case, scope.open[0]))
    return case.ask.passed(check, case.subject, good)
