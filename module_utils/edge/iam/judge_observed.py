# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges refused requests that were observed against what the policies say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..finding import Finding, Unread, unread
from ..targets import Edge
from . import plan
from .case import Case
from .context import UNKNOWN
from .decision import Outcome
from .documents import LAYERS, Documents, Named
from .judge_calls import evidence, open_because
from .observed import Denial, parse_denials
from .s3_calls import BUCKET, CALLS, KEY, OBJECT
from .scene import ALLOWED, DENIED, HOP_OF_LAYER, OPEN, Answer, Scene, StepAnswer

_READS = ("GetObject", "HeadObject")
_EVERYTHING = Named(
    "everything", {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
_MOST = 20


def observed(case: Case) -> list[Finding]:
    """Of the audit's own step: the refusals that the edge's log tells of, a finding each."""
    held = case.facts.get("denials")
    hidden = [gone for gone in map(unread, [held, *(held if isinstance(held, list) else ())]) if gone is not None]
    if hidden:
        return [case.unknown("IAM-24", hidden[0])]
    lines = [str(item) for item in held] if isinstance(held, (list, tuple)) else []
    found = reconcile_case(case, parse_denials(lines))
    return found or [case.ask.not_applicable("IAM-24", case.subject, "no refused request was observed")]


def reconcile(edge: Edge, facts: Any, upstream: Mapping[str, Any], lines: Iterable[str]) -> list[Finding]:
    """A finding for each distinct refusal in lines of a log or of a probe's errors.

    facts: what the iam step left for the edge; upstream: {"egress": ...}. Where nobody knows who exports, each finding
    is unknown.
    """
    return reconcile_case(Case.of(edge, facts, upstream), parse_denials(lines))


def reconcile_case(case: Case, denials: Sequence[Denial]) -> list[Finding]:
    """The findings, those in which observation and policies disagree first."""
    order = {"fail": 0, "unknown": 1, "pass": 2}
    return sorted((_reconciled(case, denial) for denial in denials[:_MOST]), key=lambda item: order[item.status])


def _reconciled(case: Case, denial: Denial) -> Finding:
    if case.nobody is not None:
        return case.unknown("IAM-24", case.nobody, denial.resource)
    other = _other_principal(case, denial)
    if other is not None:
        return other
    predicted = _predicted(case, denial)
    if predicted is None:
        told = "no call of the export's plan asks for it" if denial.call else "the message does not say which call"
        message = f"{denial.describe()}: {told}"
        return case.unknown("IAM-24", Unread("not_collected", "plan", str(denial.call), message), denial.resource)
    fields: dict[str, Any] = {
        "evidence": ({"observed": denial.describe(), "call": denial.call}, *evidence([predicted]))
    }
    hop = HOP_OF_LAYER.get(denial.layer or "") or predicted.answer.hop
    if hop is not None:
        fields["hop"] = hop
    resource = denial.resource or str(predicted.answer.ask.resource)
    if predicted.state == OPEN:
        return case.unknown("IAM-24", open_because(case, predicted.answer), resource, **fields)
    if predicted.state == ALLOWED:
        doubtful = _may_be_missing(case, denial, predicted)
        if doubtful is not None:
            return case.unknown("IAM-24", doubtful, resource, **fields)
        return case.ask.failed("IAM-24", resource, _unexpected(case, denial, predicted), **fields)
    if _same_layer(case, denial, predicted.answer):
        observed = f"{denial.describe()}, as the policies say: {predicted.answer.why()}"
        return case.ask.passed("IAM-24", resource, observed, **fields)
    observed = (
        f"{denial.describe()}; by the policies as they were read {predicted.answer.why()}, and that layer does not"
    )
    return case.ask.failed("IAM-24", resource, observed, **fields)


def _other_principal(case: Case, denial: Denial) -> Finding | None:
    """The finding where somebody else than the export was refused: its credentials are not those expected."""
    if denial.principal is None or not denial.principal.startswith("arn:"):
        return None
    parts = denial.principal.split(":", 5)
    role = parts[5].split("/")[1] if len(parts) == 6 and parts[5].count("/") >= 1 else ""
    if len(parts) == 6 and parts[4] == case.arn.account and role == _role_name(case, parts):
        return None
    observed = f"{denial.describe()}, to {denial.principal}: the export does not sign as {case.principal['arn']}"
    return case.ask.failed("IAM-24", denial.resource or case.subject, observed)


def _role_name(case: Case, parts: Sequence[str]) -> str:
    # A session's ARN shows the role without its path.
    own = case.arn.resource.split("/")
    return own[-1] if parts[2] == "sts" else parts[5].split("/")[1] if parts[5] == case.arn.resource else ""


def _predicted(case: Case, denial: Denial) -> StepAnswer | None:
    """What the policies say of the refused request."""
    if denial.action is not None:
        target = KEY if denial.action.lower().startswith("kms:") else _target(denial)
        resource = denial.resource if denial.resource and denial.resource != "*" else _default(case, target)
        step = _step_of(case, denial)
        ask = plan.Ask(denial.action, target, resource, _context(step, denial.action))
        answer = case.scene.ask(ask)
        return StepAnswer(step or plan.Step(denial.call or denial.action, plan.PROBE, (ask,)), answer.state, answer)
    steps = [step for step in case.plan if step.call == denial.call]
    answers = case.scene.decide_all(steps)
    order = (DENIED, OPEN, ALLOWED)
    return min(answers, key=lambda item: order.index(item.state)) if answers else None


def _target(denial: Denial) -> str:
    resource = denial.resource or ""
    if resource.startswith("arn:"):
        return OBJECT if "/" in resource else BUCKET
    return (
        BUCKET
        if str(denial.action).startswith("s3:List") and denial.action != "s3:ListMultipartUploadParts"
        else OBJECT
    )


def _default(case: Case, target: str) -> str | None:
    if target == KEY:
        return case.key_arn
    return case.bucket_arn if target == BUCKET else f"{case.bucket_arn}/{case.keys[0]}"


def _step_of(case: Case, denial: Denial) -> plan.Step | None:
    """The call of the plan that was refused: by its name, else the first that asks for the action."""
    named = [step for step in case.plan if step.call == denial.call] if denial.call in CALLS else []
    asking = [step for step in named or case.plan if any(ask.action == denial.action for ask in step.asks)]
    return asking[0] if asking else None


def _context(step: plan.Step | None, action: str) -> Mapping[str, Any]:
    for ask in step.asks if step is not None else ():
        if ask.action == action:
            return ask.context
    return {"s3:prefix": UNKNOWN}


def _may_be_missing(case: Case, denial: Denial, predicted: StepAnswer) -> Unread | None:
    """Why a 403 may really be a 404: it is not known whether the export may list."""
    listing = next((item for item in case.answers if item.step.purpose == plan.PROBE), None)
    if listing is None or listing.state != OPEN or predicted.step.call not in _READS or denial.layer is not None:
        return None
    because = open_because(case, listing.answer)
    message = (
        f"{denial.describe()}, and the policies allow {predicted.answer.ask.action}: a 403 that is really 404 where "
        f"s3:ListBucket is not granted, and whether it is, is not known: {because.message}"
    )
    return replace(because, message=message)


def _unexpected(case: Case, denial: Denial, predicted: StepAnswer) -> str:
    listing = [item for item in case.answers if item.step.purpose == plan.PROBE]
    if predicted.step.call in _READS and denial.layer is None and listing and listing[0].state == DENIED:
        return (
            f"403 that is really 404: {denial.describe()}, the policies allow {predicted.answer.ask.action}, and "
            "without s3:ListBucket a key that does not exist answers 403; look for the key, not for a permission"
        )
    hidden = case.fact("organisation")
    blind = " (the organisation's policies were not read)" if isinstance(hidden, Unread) else ""
    if denial.layer in ("scp", "rcp", "session"):
        return f"{denial.describe()}, which the policies that were read do not show{blind}: ask whoever manages it"
    return (
        f"{denial.describe()}, and by the policies as they were read it is allowed{blind}: they were changed, "
        "or another way was taken"
    )


def _same_layer(case: Case, denial: Denial, answer: Answer) -> bool:
    """Whether the layer that AWS names refuses by itself: it names one, where several may refuse."""
    if denial.layer is None:
        return True
    decision = answer.decision
    if decision is not None and decision.layer == denial.layer:
        return denial.explicit is None or denial.explicit is (decision.outcome is Outcome.EXPLICIT_DENY)
    if denial.layer not in LAYERS:
        return False
    alone = _alone(case.scene, denial.layer)
    refused = alone.ask(answer.ask)
    if refused.state == OPEN:
        return True
    explicit = refused.decision is not None and refused.decision.outcome is Outcome.EXPLICIT_DENY
    return refused.state == DENIED and denial.explicit in (None, explicit)


def _alone(scene: Scene, layer: str) -> Scene:
    """The scene with one layer, everything else allowing."""
    kept = Documents(identity=(_EVERYTHING,), gateway=scene.documents.gateway)
    return replace(scene, documents=kept.put(layer, scene.documents.of(layer)))
