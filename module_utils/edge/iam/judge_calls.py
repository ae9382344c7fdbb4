# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the calls of the export plan: which succeed, and the first that fails, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..finding import Finding, Unread
from . import plan
from .case import Case
from .decision import Decision, Outcome
from .fixes import fixer
from .s3_calls import KEY, status_of_missing_object
from .scene import ALLOWED, DENIED, OPEN, Answer, StepAnswer


def listing(case: Case) -> Finding:
    return _calls(case, "IAM-02", [plan.LIST])


def reading(case: Case) -> Finding:
    return _calls(case, "IAM-03", [plan.READ])


def writing(case: Case) -> Finding:
    return _calls(case, "IAM-04", [plan.WRITE])


def multipart(case: Case) -> Finding:
    return _calls(case, "IAM-05", [plan.MULTIPART])


def tidying(case: Case) -> Finding:
    return _calls(case, "IAM-20", [plan.TIDY])


def locking(case: Case) -> Finding:
    if not any(step.purpose == plan.LOCK for step in case.plan):
        return case.ask.not_applicable("IAM-25", case.bucket_arn, "the export's configuration asks for no lock")
    return _calls(case, "IAM-25", [plan.LOCK])


def verifying(case: Case) -> Finding:
    """HeadObject or GetObjectAttributes: either will do."""
    ways = [[item for item in case.answers if item.step.call == call] for call in ("HeadObject", "GetObjectAttributes")]
    for answers in ways:
        if all(item.state == ALLOWED for item in answers):
            observed = f"by {answers[0].step.call}"
            return case.ask.passed("IAM-21", case.bucket_arn, observed, evidence=evidence(answers[:1]))
    # While one of the two ways is open, it cannot be said that there is none.
    undecided = [item for answers in ways for item in answers if _open_way(answers) and item.state == OPEN]
    return _worst(case, "IAM-21", undecided or ways[0])


def _open_way(answers: Sequence[StepAnswer]) -> bool:
    return all(item.state != DENIED for item in answers)


def missing_objects(case: Case) -> Finding:
    """What GetObject answers for a key that is not there hangs on s3:ListBucket alone."""
    probe = [item for item in case.answers if item.step.purpose == plan.PROBE]
    if probe[0].state != DENIED:
        return _worst(case, "IAM-22", probe, f"a missing recording answers {status_of_missing_object(True)}")
    status = status_of_missing_object(False)
    finding = _worst(case, "IAM-22", probe)
    return replace(
        finding, observed=f"HeadBucket fails, and a missing recording answers {status}, not 404: {finding.observed}"
    )


def key(case: Case) -> Finding:
    """The key's permissions by themselves, whatever the bucket says."""
    unclear = _key_question(case)
    if unclear is not None:
        return unclear
    asks = list(
        dict.fromkeys(
            ask
            for step in case.plan
            for ask in step.asks
            if ask.target == KEY and step.essential and step.doubt is None
        )
    )
    answers = [StepAnswer(step, answer.state, answer) for step, answer in _of_steps(case, asks)]
    finding = _worst(case, "IAM-06", answers, f"{', '.join(sorted({ask.action for ask in asks}))} are granted")
    return replace(finding, resource=case.key_arn or str(case.key_id))


def _of_steps(case: Case, asks: Sequence[plan.Ask]) -> list[tuple[plan.Step, Answer]]:
    found = []
    for ask in asks:
        step = next(step for step in case.plan if ask in step.asks)
        found.append((replace(step, asks=(ask,)), case.scene.ask(ask)))
    return found


def _key_question(case: Case) -> Finding | None:
    encryption = case.encrypted
    if isinstance(encryption, Unread):
        return case.unknown("IAM-06", encryption, case.bucket_arn)
    if case.aws_managed_key:
        return _managed(case)
    if not encryption:
        return case.ask.not_applicable("IAM-06", case.bucket_arn, "recordings are not encrypted with a KMS key")
    held = case.fact("key")
    if held is None:
        observed = f"there is no key {case.key_id}: every write is refused"
        return case.ask.failed("IAM-06", str(case.key_id), observed, evidence=({"operation": "kms:DescribeKey"},))
    if isinstance(held, Unread) and case.key_arn is None:
        return case.unknown("IAM-06", held, str(case.key_id))
    return None


def _managed(case: Case) -> Finding:
    """The key aws/s3 serves whoever of its own account may use the bucket, and no other account."""
    owner = case.fact("bucket_account")
    if isinstance(owner, Unread):
        return case.unknown("IAM-06", owner, case.bucket_arn)
    if owner == case.arn.account:
        return case.ask.passed("IAM-06", case.bucket_arn, "the key is aws/s3, which serves all of its own account")
    observed = f"the key is aws/s3 of account {owner}, which serves no principal of account {case.arn.account}"
    return case.ask.failed("IAM-06", case.bucket_arn, observed)


def _calls(case: Case, check: str, purposes: Sequence[str]) -> Finding:
    finding = _worst(case, check, [item for item in case.answers if item.step.purpose in purposes])
    works = _works(case, purposes) if finding.status == "fail" else ""
    return replace(finding, observed=f"{works}{finding.observed}") if works else finding


def _works(case: Case, purposes: Sequence[str]) -> str:
    """What of the plan before these calls works: "a small PutObject works; "."""
    if plan.MULTIPART not in purposes:
        return ""
    before = [item for item in case.answers if item.step.purpose == plan.WRITE]
    return f"{plan.words(plan.WRITE)} works; " if before and all(item.state == ALLOWED for item in before) else ""


def _worst(case: Case, check: str, answers: Sequence[StepAnswer], good: str = "") -> Finding:
    """The finding on calls that all must succeed: the first that fails, else the first that is open, else passed."""
    for state in (DENIED, OPEN):
        found = next((item for item in answers if item.state == state), None)
        if found is not None:
            return _not_allowed(case, check, found, answers)
    observed = good or _succeed([item.step.call for item in answers], case.network.label)
    return case.ask.passed(check, case.bucket_arn, observed, evidence=evidence(answers))


def _succeed(calls: Sequence[str], way: str) -> str:
    names = list(dict.fromkeys(calls))
    return f"{', '.join(names)} {'succeeds' if len(names) == 1 else 'succeed'} {way}"


def _not_allowed(case: Case, check: str, found: StepAnswer, answers: Sequence[StepAnswer]) -> Finding:
    answer = found.answer
    fields: dict[str, Any] = {"evidence": evidence([found])}
    if answer.hop is not None:
        fields["hop"] = answer.hop
    resource = answer.ask.resource or str(case.key_id)
    if found.state == DENIED:
        fields["fix"] = fixer(case).fix([item.step for item in answers])
        return case.ask.failed(check, resource, f"{found.step.call} fails: {answer.why()}", **fields)
    because = open_because(case, answer)
    fields["evidence"] += tuple(
        {"operation": each.operation, "resource": each.resource, "state": each.state}
        for each in {**_hidden(case, answer), "": because}.values()
    )
    return case.unknown(check, because, resource, **fields)


def open_because(case: Case, answer: Answer) -> Unread:
    """Why a permission is open: what was not read, else the values that the answer hangs on."""
    if answer.because is not None:
        return answer.because
    decision = answer.decision
    flips = decision.flips if decision is not None else ()
    hidden = _hidden(case, answer)
    if hidden:
        first = next(iter(hidden.values()))
        rest = list(hidden)[1:]
        also = f"; nor without {', '.join(rest)}" if rest else ""
        # All that was missing, and not the first alone: who grants that one is denied again at the next.
        missing = dict.fromkeys(name for each in hidden.values() for name in each.permissions)
        message = f"{answer.ask.action} cannot be decided: {first.message}{also}"
        return replace(first, message=message, permissions=tuple(missing))
    network = case.network.because
    if network is not None and decision is not None and _hangs_on_network(decision):
        return replace(network, message=f"{answer.why()}: {network.message}")
    owner = case.fact("bucket_account")
    if isinstance(owner, Unread) and any(flip.key == "aws:ResourceAccount" for flip in flips):
        return replace(owner, message=f"{answer.ask.action} cannot be decided: {owner.message}")
    return Unread("not_collected", answer.ask.action, str(answer.ask.resource), answer.why())


def _hidden(case: Case, answer: Answer) -> dict[str, Unread]:
    """The policies that were not read and could change the answer, by name."""
    flips = answer.decision.flips if answer.decision is not None else ()
    names = {flip.policy for flip in flips if flip.key is None}
    return {name: because for _, name, because in case.hidden if name in names}


def _hangs_on_network(decision: Decision) -> bool:
    keys = {str(flip.key).lower() for flip in decision.flips}
    return bool(keys & {"aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip"})


def evidence(answers: Sequence[StepAnswer]) -> tuple[dict[str, Any], ...]:
    """What was decided for each call, and by which statement."""
    return tuple(_evidence(item) for item in answers)


def _evidence(item: StepAnswer) -> dict[str, Any]:
    found: dict[str, Any] = {"call": item.step.call, "action": item.answer.ask.action, "on": item.answer.ask.resource}
    decision = item.answer.decision
    if decision is not None:
        found.update(outcome=decision.outcome.value, layer=decision.layer)
        if decision.statement is not None:
            found["statement"] = str(decision.statement)
        if decision.outcome is Outcome.UNKNOWN:
            found["flips"] = [
                {"policy": flip.policy, "key": flip.key, "value": flip.value, "outcome": flip.outcome.value}
                for flip in decision.flips[:8]
            ]
    return found
