# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges the layers one by one: denials, endpoint policy, bucket policy, the organisation, and the documents. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..finding import Finding, Unread
from .case import Case
from .decision import Outcome
from .documents import Documents, Named, parsed
from .fixes import fixer
from .judge_calls import evidence, open_because
from .plan import LIST, PROBE, Ask
from .policy import Policy
from .s3_calls import BUCKET
from .scene import DENIED, HOP_OF_LAYER, OPEN, Scene, StepAnswer

_EVERYTHING = Named(
    "everything", {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)
# Actions that are judged on the ARN of the bucket (Service Authorization Reference, "Actions for Amazon S3").
_ON_BUCKET = (
    "s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation",
    "s3:GetBucketVersioning", "s3:GetEncryptionConfiguration", "s3:GetBucketPolicy",
)  # fmt: skip


def denials(case: Case) -> Finding:
    """Explicit denies, in whichever layer; what is hidden could hold one."""
    denied = [item for item in _essential(case) if _explicit(item)]
    if denied:
        answer = denied[0].answer
        calls = ", ".join(dict.fromkeys(item.step.call for item in denied))
        return case.ask.failed(
            "IAM-07",
            str(answer.ask.resource),
            f"{answer.decision.statement if answer.decision else ''} denies {calls} {case.network.label}",
            hop=answer.hop or "bucket_policy",
            evidence=evidence(denied),
            fix=fixer(case).fix([item.step for item in denied]),
        )
    for layer, name, because in case.hidden:
        if layer == "key_policy" and not case.encrypted:
            continue
        message = f"policy {name} could deny: {because.message}"
        return case.unknown("IAM-07", replace(because, message=message), hop=HOP_OF_LAYER.get(layer, "bucket_policy"))
    open_ones = [item for item in _essential(case) if item.state == OPEN and item.answer.decision is not None]
    if open_ones:
        return case.unknown(
            "IAM-07", open_because(case, open_ones[0].answer), case.bucket_arn, evidence=evidence(open_ones[:1])
        )
    return case.ask.passed("IAM-07", case.bucket_arn, f"no statement denies the plan {case.network.label}")


def _explicit(item: StepAnswer) -> bool:
    decision = item.answer.decision
    return decision is not None and decision.outcome is Outcome.EXPLICIT_DENY


def endpoint(case: Case) -> Finding:
    held = case.endpoint_policy
    if case.network.kind == "internet":
        return case.ask.not_applicable(
            "IAM-08", case.subject, f"the edge goes {case.network.label}, not through an endpoint"
        )
    if isinstance(held, Unread):
        return case.unknown("IAM-08", held)
    if held is None:
        if case.network.kind == "endpoint":
            return case.ask.passed(
                "IAM-08", str(case.network.endpoint), "the endpoint has the default policy, full access"
            )
        because = case.network.because
        if because is not None:
            return case.unknown("IAM-08", because)
        return case.ask.not_applicable("IAM-08", case.subject, "no VPC endpoint of this account is on the way")
    documents = case.scene.documents
    alone = Documents(identity=(_EVERYTHING,), endpoint=documents.endpoint, gateway=documents.gateway)
    name = f"the policy of {held.get('id')}"
    scene = replace(case.scene, documents=alone, owner=case.arn.account)
    return _alone(case, "IAM-08", "endpoint", scene, str(held.get("id")), name)


def bucket(case: Case) -> Finding:
    owner = case.fact("bucket_account")
    alone = Documents(identity=(_EVERYTHING,), resource=case.scene.documents.resource, rcps=case.scene.documents.rcps)
    name = "the bucket policy" if alone.resource else "the bucket, which has no policy,"
    finding = _alone(case, "IAM-09", "resource", replace(case.scene, documents=alone), case.bucket_arn, name)
    if finding.status == "unknown" and isinstance(owner, Unread) and not alone.unread():
        return case.unknown("IAM-09", owner, case.bucket_arn)
    return finding


def _alone(case: Case, check: str, layer: str, scene: Scene, resource: str, name: str) -> Finding:
    """The plan against one layer alone, everything else allowing."""
    steps = [step for step in case.plan if step.essential]
    # The key has layers of its own, and is judged apart.
    own = [replace(step, asks=tuple(ask for ask in step.asks if ask.action.startswith("s3:"))) for step in steps]
    answers = scene.decide_all(own)
    for state in (DENIED, OPEN):
        found = next((item for item in answers if item.state == state), None)
        if found is None:
            continue
        if state == DENIED:
            stopped = [item.step for item in answers if item.state == DENIED]
            return case.ask.failed(
                check,
                resource,
                f"{name} stops {found.why()}",
                evidence=evidence([found]),
                fix=fixer(case).fix_layer(
                    layer, [step for step in case.plan if step.call in {s.call for s in stopped}]
                ),
            )
        return case.unknown(check, open_because(case, found.answer), resource, evidence=evidence([found]))
    return case.ask.passed(check, resource, f"{name} lets the plan pass {case.network.label}")


def _essential(case: Case) -> list[StepAnswer]:
    return [item for item in case.answers if item.step.essential]


def organisation(case: Case) -> Finding:
    held = case.fact("organisation")
    if isinstance(held, Unread):
        message = (
            "organisation policies are not visible to this account: every other answer assumes that they allow "
            f"({held.message})"
        )
        if held.state != "denied":
            message = f"organisation policies were not read: {held.message}"
        return case.unknown("IAM-19", replace(held, message=message))
    if held is None:
        return case.ask.not_applicable("IAM-19", case.subject, "the account is in no organisation, or in none of AWS")
    hidden = [because for layer, _, because in case.hidden if layer in ("scp", "rcp")]
    if hidden:
        return case.unknown("IAM-19", hidden[0])
    if held.get("management"):
        return case.ask.passed(
            "IAM-19", case.subject, "the account manages the organisation: its policies do not reach it"
        )
    levels = len(held.get("scps") or ())
    return case.ask.passed("IAM-19", case.subject, f"read at {levels} levels of {held.get('id')}")


def bucket_actions(case: Case) -> Finding:
    """Allow statements that name actions on the bucket and, of this bucket, objects alone."""
    found: list[dict[str, Any]] = []
    hidden: list[Unread] = []
    for layer, item in case.scene.documents.layered():
        if layer not in ("identity", "resource"):
            continue
        policy = parsed(item, layer)
        if isinstance(policy, Policy):
            found += _misplaced(case, policy)
        else:
            hidden += [because for _, name, because in case.hidden if name == item.name]
    states = {name: case.scene.ask(_on_bucket(case, name)) for item in found for name in item["actions"]}
    missing = [name for name, answer in states.items() if answer.state == DENIED]
    if missing:
        return _misplaced_finding(case, [item for item in found if set(item["actions"]) & set(missing)], missing)
    undecided = [answer for answer in states.values() if answer.state == OPEN]
    if undecided:
        return case.unknown("IAM-12", open_because(case, undecided[0]))
    if hidden:
        return case.unknown("IAM-12", hidden[0])
    return case.ask.passed("IAM-12", case.subject, "no action on the bucket is granted on its objects alone")


def _on_bucket(case: Case, action: str) -> Ask:
    asks = [ask for step in case.plan for ask in step.asks if ask.action == action]
    return asks[0] if asks else Ask(action, BUCKET, case.bucket_arn)


def _misplaced_finding(case: Case, found: Sequence[dict[str, Any]], missing: Sequence[str]) -> Finding:
    observed = f"{', '.join(missing)} granted on {case.edge.bucket}/* in {found[0]['statement']}: this grants nothing"
    listing = [item.step for item in case.answers if item.step.purpose in (LIST, PROBE) and item.state == DENIED]
    fix = fixer(case).fix_misplaced(missing, listing)
    return case.ask.failed("IAM-12", case.subject, observed, evidence=tuple(found), fix=fix)


def _misplaced(case: Case, policy: Policy) -> list[dict[str, Any]]:
    """The statements of a policy that name actions on the bucket explicitly, and match its objects but not itself."""
    found = []
    for statement in policy.statements:
        static = statement.resources.static
        named = [name for name in _ON_BUCKET if statement.allows and name.lower() in statement.actions.exact]
        if not named or static is None or statement.resources.absent or statement.actions.negated:
            continue
        if not static(case.bucket_arn) and any(static(f"{case.bucket_arn}/{key}") for key in case.keys):
            sid = statement.sid or f"number {statement.index}"
            found.append({"policy": policy.name, "statement": f"statement {sid} of {policy.name}", "actions": named})
    return found


def dead_grants(case: Case) -> Finding:
    found: list[dict[str, Any]] = []
    hidden: list[Unread] = []
    documents = [*case.scene.documents.layered()]
    trust = case.principal.get("trust")
    if trust is not None:
        documents.append(("resource", Named("trust policy", trust)))
    for layer, item in documents:
        if layer not in ("resource", "key_policy", "endpoint"):
            continue
        policy = parsed(item, layer)
        if isinstance(policy, Policy):
            found += [{"policy": item.name, "id": text} for text in policy.dead_grants]
        elif item.gone is not None:
            hidden.append(item.gone)
        else:
            hidden += [because for _, name, because in case.hidden if name == item.name]
    if found:
        observed = "; ".join(f"{item['policy']} names {item['id']}, a principal that was deleted" for item in found)
        fix = case.fix(
            "remove_dead_principals",
            "take the ids of deleted principals out",
            principals=found,
            bucket=case.edge.bucket,
            key=case.key_arn,
            role=case.subject,
        )
        return case.ask.failed("IAM-13", case.bucket_arn, observed, evidence=tuple(found), fix=fix)
    if hidden:
        return case.unknown("IAM-13", hidden[0])
    return case.ask.passed("IAM-13", case.bucket_arn, "every principal that the policies name still has its ARN")


def validity(case: Case) -> Finding:
    invalid = [(layer, name, because) for layer, name, because in case.hidden if because.operation == "parse"]
    if invalid:
        layer, _, because = invalid[0]
        return case.ask.failed(
            "IAM-23",
            case.subject,
            because.message,
            hop=HOP_OF_LAYER.get(layer, "identity_policy"),
            evidence=tuple({"policy": name, "layer": layer, "defect": held.message} for layer, name, held in invalid),
        )
    if case.hidden:
        return case.unknown("IAM-23", case.hidden[0][2])
    return case.ask.passed("IAM-23", case.subject, f"{len([*case.scene.documents.layered()])} policies are valid")
