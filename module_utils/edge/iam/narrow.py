# SPDX-License-Identifier: GPL-3.0-or-later
"""The least change that takes away what lies beyond the export's plan: the wide statement, narrowed in its place. Pure.

A statement of the role's own policies keeps of the service in question only the plan's actions that it allowed, on the
plan's own resources; what it allows of other services stays. The plan is decided again: what was allowed still is, no
witness is left, and none is new. Where that cannot be had, the reason is told in place of a fix.
Source: AWS IAM User Guide, "Apply least-privilege permissions".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .case import Case
from .changes import Change, Place, load, statements_of
from .decision import StatementRef
from .documents import Documents
from .engine import Policy, PolicyError
from .fixes import fixer
from .plan import Ask
from .s3_calls import BUCKET, OBJECT
from .scene import ALLOWED, Scene
from .scope import OTHER_KEY, Scope

# Each round narrows one statement; more of them than this are better written anew.
_ROUNDS = 16
_ADVICE = "name the export's calls and its prefix by hand"


@dataclass(frozen=True)
class Narrowing:
    """fix: as data, proven; None where there is none, and why says so in a clause."""

    fix: dict[str, Any] | None
    why: str = ""


def narrowing(case: Case, scope_of: Callable[[Scene], Scope]) -> Narrowing:
    """The fix for the witnesses that scope_of finds in a scene."""
    if case.principal.get("kind") != "role":
        return Narrowing(None, f"the principal is no role, and its groups' policies are others' as well: {_ADVICE}")
    scene, place, changes = case.scene, fixer(case).place, list[Change]()
    for _ in range(_ROUNDS):
        found = scope_of(scene).witnesses
        if not found:
            return _proven(case, scene, changes)
        made = _narrowed(case, scene.documents, place, found[0].statement, found[0].action.partition(":")[0])
        if isinstance(made, str):
            return Narrowing(None, made)
        for change in made:
            changes.append(change)
            scene = scene.with_documents(change.apply(scene.documents))
    return Narrowing(None, f"more than {_ROUNDS} statements are too wide: write the policies anew")


def _narrowed(
    case: Case, documents: Documents, place: Place, ref: StatementRef | None, service: str
) -> list[Change] | str:
    """The changes that narrow one statement, or why there are none."""
    if ref is None or ref.layer != "identity":
        where = f"the {ref.layer} layer" if ref is not None else "something else"
        return f"{where} allows it, and not a policy of the role's own: {_ADVICE}"
    if ":iam::aws:" in place.arns.get(ref.policy, ""):
        return f"{ref.policy} belongs to AWS, and nobody else can change it: attach one that allows the plan alone"
    document = next((load(item.document) for item in documents.of("identity") if item.name == ref.policy), {})
    held = statements_of(document)[ref.index]
    if not isinstance(held, Mapping) or "NotAction" in held or "NotResource" in held:
        return f"{ref} is written by exclusion: {_ADVICE}"
    actions = _listed(held.get("Action"))
    if any(action.partition(":")[0].lower() not in _SERVICES and "*" in action.partition(":")[0] for action in actions):
        return f"{ref} allows other services too, and what of those is needed is not known: {_ADVICE}"
    others = [action for action in actions if action.partition(":")[0].lower() != service]
    kept = _kept(case, held, service)
    narrow = {**held, **kept} if kept else {}
    if not others:
        if narrow == held:
            return f"{ref} already names no more than the plan's calls: {_ADVICE}"
        return [Change("identity", ref.policy, narrow, ref.index, taken=held)]
    changes = [Change("identity", ref.policy, {**held, "Action": others}, ref.index, taken=held)]
    if narrow:
        named = {"Sid": f"{held['Sid']}Export"} if held.get("Sid") else {}
        changes.append(Change("identity", ref.policy, {**narrow, **named}))
    return changes


_SERVICES = ("s3", "kms")


def _kept(case: Case, held: Mapping[str, Any], service: str) -> dict[str, Any]:
    """{"Action", "Resource"}: what of the plan the statement covers; {} where it covers nothing of it."""
    try:
        policy = Policy.parse({"Version": "2012-10-17", "Statement": [held]}, "statement", lenient=True)
    except PolicyError:
        return {}
    (statement,) = policy.statements
    matches = statement.resources.static
    asks: dict[Ask, None] = dict.fromkeys(ask for step in case.plan for ask in step.asks)
    covered = [
        ask
        for ask in asks
        if ask.resource is not None
        and ask.action.partition(":")[0] == service
        and statement.actions.match(ask.action.lower())
        and (matches is None or matches(ask.resource))
    ]
    if not covered:
        return {}
    resources = dict.fromkeys(name for ask in covered for name in _resources(case, ask, held, matches))
    return {"Action": sorted({ask.action for ask in covered}), "Resource": list(resources)}


def _resources(case: Case, ask: Ask, held: Mapping[str, Any], matches: Callable[[str], bool] | None) -> list[str]:
    """The plan's own resource, where the statement covers all of it; else the statement's own words."""
    if ask.target == BUCKET:
        whole, samples = case.bucket_arn, [case.bucket_arn]
    elif ask.target == OBJECT:
        below = f"{case.bucket_arn}/{case.edge.prefix}"
        whole, samples = f"{below}*", [below + OTHER_KEY, f"{below}{OTHER_KEY}/{OTHER_KEY}.wav", below]
    else:
        whole, samples = str(ask.resource), [str(ask.resource)]
    if matches is not None and all(matches(sample) for sample in samples):
        return [whole]
    return _listed(held.get("Resource"))


def _proven(case: Case, after: Scene, changes: list[Change]) -> Narrowing:
    place = fixer(case).place
    before = [item for item in case.answers if item.state == ALLOWED]
    calls = {item.step.call: item.state for item in after.decide_all([item.step for item in before])}
    lost = [call for call, state in calls.items() if state != ALLOWED]
    adds = fixer(case).adds(after)
    if lost or adds:
        what = f"{', '.join(lost)} would not be allowed any more" if lost else "it would allow something else"
        return Narrowing(None, f"narrowed, {what}: {_ADVICE}")
    proof = {
        "calls": calls,
        "plan": "every call of the plan that is allowed stays allowed",
        "adds": [],
        "left": [],
        "caller": "not concerned: no policy of the bucket or the key is changed",
        "proven": True,
    }
    first, *rest = [{**change.to_dict(place), "summary": change.describe(), "proof": proof} for change in changes]
    fix = {**first, "summary": "; ".join(change.describe() for change in changes)}
    return Narrowing({**fix, "then": rest} if rest else fix)


def _listed(value: Any) -> list[str]:
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else [] if value is None else [str(value)]
