# SPDX-License-Identifier: GPL-3.0-or-later
"""The policy engine: a request and the policies around it in, a decision out.

    policies = PolicySet(identity=[Policy.parse(text, "ExportRole")], resource=Policy.parse(bucket_policy, "bucket"))
    request = Request("arn:aws:sts::111122223333:assumed-role/Export/i-0abc", "s3:PutObject",
                      "arn:aws:s3:::recordings/a.wav", resource_account="111122223333",
                      context={"aws:SecureTransport": True})
    decision = decide(request, policies)      # decision.outcome, .statement, .flips, .explain(), .to_dict()

Nothing is read or fetched here, and nothing is guessed: what is not known is UNKNOWN, wherever it could change the
answer. Source: AWS IAM User Guide, "Policy evaluation logic", "Cross-account policy evaluation logic".
"""

from __future__ import annotations

from dataclasses import replace

from .context import PRESENT, UNKNOWN, Context, endpoint_context, internet_context
from .decision import Decision, Flip, Outcome, StatementRef
from .errors import Defect, PolicyError, RequestError
from .evaluation import Evaluation
from .flips import find_flips
from .grants import Grant
from .layers import Plan, PolicySet
from .policy import Policy, UnreadablePolicy
from .principal import parse_principal
from .request import Request
from .reserved import settle
from .truth import MAYBE, NO, YES

__all__ = [
    "PRESENT",
    "UNKNOWN",
    "Decision",
    "Defect",
    "Flip",
    "Grant",
    "Outcome",
    "Policy",
    "PolicyError",
    "PolicySet",
    "Request",
    "RequestError",
    "StatementRef",
    "UnreadablePolicy",
    "decide",
    "endpoint_context",
    "internet_context",
    "parse_principal",
]

_MEMORY_LIMIT = 1024


def decide(request: Request, policies: PolicySet) -> Decision:
    """Judge one request."""
    if request.special:
        on_key = request.lowered[:4] == "kms:" and ":key/" in request.resource
        return settle(_decide(request, policies, on_key), request.lowered)
    return _decide(request, policies, False)


def _decide(request: Request, policies: PolicySet, on_key: bool) -> Decision:
    plan = policies.plans.get((request.lowered, request.caller, on_key)) or policies.plan(
        request.lowered, request.caller, on_key
    )
    if plan.plain is not None and request.owner is not None:
        return _decide_plain(request, plan, policies.unset)
    return _weighed(request, plan, policies.unset)


def _weighed(request: Request, plan: Plan, unset: int) -> Decision:
    """The decision by all statements of the plan, and for an unknown one what it hangs on."""
    evaluation = Evaluation(request, plan, unset)
    decision = _conclude(request, plan, evaluation)
    if decision.outcome is not Outcome.UNKNOWN:
        return decision

    def again(context: Context) -> Outcome:
        return _conclude(request, plan, Evaluation(request, plan, unset, context)).outcome

    return replace(decision, flips=find_flips(evaluation.doubts, evaluation.context(), again))


def _decide_plain(request: Request, plan: Plan, unset: int) -> Decision:
    """As `decide`, for a plan in which the resource settles which statements apply; what follows is then remembered."""
    resource = request.resource
    assert plan.plain is not None
    pattern = (request.owner == plan.caller.account, *[matches(resource) for matches in plan.plain])
    known = plan.memory.get(pattern)
    if known is None:
        if len(plan.memory) >= _MEMORY_LIMIT:
            plan.memory.clear()
        known = plan.memory[pattern] = _conclude(request, plan, Evaluation(request, plan, unset))
    return known.about(request.action, resource, request.principal)


def _conclude(request: Request, plan: Plan, evaluation: Evaluation) -> Decision:
    denied, denying = evaluation.denial()
    gate = YES
    closed = ""
    passed: list[str] = list(plan.checked)
    for layer in plan.gates:
        truth, _ = evaluation.allowance(layer)
        if truth == YES and layer.name not in passed:
            passed.append(layer.name)
        if truth < gate:
            gate, closed = truth, layer.name
    granted, by, statement, detail = evaluation.grant()
    passed.extend(evaluation.passed)
    if denied == YES and denying is not None:
        ref = StatementRef.of(denying[1], denying[0])
        remaining = tuple(name for name in passed if name != ref.layer)
        return Decision(
            Outcome.EXPLICIT_DENY, ref.layer, ref, remaining, (), request.action, request.resource, request.principal
        )
    outcome, layer_name, ref_or_none = _weigh(denied, gate, closed, granted, by, statement)
    if outcome is not Outcome.ALLOW and gate == NO:
        detail = ""
    return Decision(
        outcome,
        layer_name,
        ref_or_none,
        tuple(passed),
        (),
        request.action,
        request.resource,
        request.principal,
        detail,
    )


def _weigh(
    denied: int, gate: int, closed: str, granted: int, by: str, statement: StatementRef | None
) -> tuple[Outcome, str, StatementRef | None]:
    if gate == NO:
        return Outcome.IMPLICIT_DENY, closed, None
    if granted == NO:
        return Outcome.IMPLICIT_DENY, by, None
    if MAYBE in (denied, gate, granted):
        return Outcome.UNKNOWN, closed if gate == MAYBE else by, None
    return Outcome.ALLOW, by, statement
