# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges whether the way that requests take decides against them: through the endpoint compared with NAT. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..finding import Finding, Unread, unread
from .case import Case
from .judge_calls import open_because
from .network import Network, other_ways, over_internet, through_endpoint
from .scene import ALLOWED, DENIED, OPEN, StepAnswer

# An endpoint that no policy names: what it is told is what any new endpoint would be told.
SOME_ENDPOINT = "vpce-0edgepathwitness"


def ways(case: Case) -> Finding:
    """The plan by the real way, by the ways of the other addresses, and by the way that the edge could take instead."""
    real = _essential(case.answers)
    for other in other_ways(case.egress):
        if other.kind != "unknown":
            split = _first(_by(case, other), DENIED)
            if split is not None and _state(real) == ALLOWED:
                observed = f"allowed {case.network.label}; {other.label}, where other addresses lead, {split.why()}"
                return case.ask.failed("IAM-18", case.bucket_arn, observed)
    alternative = _alternative(case)
    elsewhere = _by(case, alternative)
    if _state(real) == OPEN:
        open_one = _first(real, OPEN)
        assert open_one is not None
        return case.unknown("IAM-18", open_because(case, open_one.answer), case.bucket_arn)
    if _state(real) == ALLOWED:
        hidden = _hidden_routes(case)
        if hidden is not None:
            return case.unknown("IAM-18", hidden, case.bucket_arn)
        return case.ask.passed("IAM-18", case.bucket_arn, _compared(case, alternative, elsewhere))
    refused = _first(real, DENIED)
    assert refused is not None
    if _state(elsewhere) == ALLOWED:
        observed = f"{case.network.label} {refused.why()}; {alternative.label} the plan is allowed"
        return case.ask.failed("IAM-18", case.bucket_arn, observed, hop=refused.answer.hop or "bucket_policy")
    if _state(elsewhere) == OPEN:
        open_one = _first(elsewhere, OPEN)
        assert open_one is not None
        return case.unknown("IAM-18", open_because(case, open_one.answer), case.bucket_arn)
    return case.ask.passed("IAM-18", case.bucket_arn, f"the calls that fail, fail {alternative.label} as well")


def _compared(case: Case, alternative: Network, elsewhere: Sequence[StepAnswer]) -> str:
    refused = _first(elsewhere, DENIED)
    if refused is None:
        return f"allowed {case.network.label}; the policies do not care"
    return f"allowed {case.network.label}; {alternative.label} {refused.why()}"


def _hidden_routes(case: Case) -> Unread | None:
    """What was not read of the ways that the other addresses take."""
    routes = case.egress.get("routes") if isinstance(case.egress, Mapping) else None
    gone = unread(routes)
    for route in routes if isinstance(routes, list) else ():
        for held in (route, *(route.values() if isinstance(route, Mapping) else ())):
            gone = gone or unread(held)
    return gone


def _alternative(case: Case) -> Network:
    if case.network.kind == "internet":
        vpc = case.egress.get("vpc_id") if isinstance(case.egress, Mapping) else None
        return through_endpoint(SOME_ENDPOINT, True, vpc if isinstance(vpc, str) else None)
    return over_internet(None, "through NAT")


def _by(case: Case, network: Network) -> list[StepAnswer]:
    return case.scene.along(network).decide_all([step for step in case.plan if step.essential])


def _essential(answers: Sequence[StepAnswer]) -> list[StepAnswer]:
    return [item for item in answers if item.step.essential]


def _state(answers: Sequence[StepAnswer]) -> str:
    states = {item.state for item in answers}
    return DENIED if DENIED in states else OPEN if OPEN in states else ALLOWED


def _first(answers: Sequence[StepAnswer], state: str) -> StepAnswer | None:
    return next((item for item in answers if item.state == state), None)
