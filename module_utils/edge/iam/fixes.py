# SPDX-License-Identifier: GPL-3.0-or-later
"""The smallest change that lets the plan through, at the layer that stops it, decided again with it made. Pure.

A fix is data for converge: {"action", "summary", "policy", "statement", ..., "then": [further changes of that shape],
"proof": {"calls": {call: state}, "plan": str, "adds": [witness], "caller": str, "proven": bool}}.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any

from ..finding import unread
from .case import Case
from .changes import POLICY, Change, Place, grant, sid_of
from .decision import Decision, Outcome
from .documents import LAYERS, Documents, Named
from .engine import PolicySet, Request, RequestError, decide
from .exceptions import exceptions
from .plan import VERIFY, Step
from .s3_calls import BUCKET, KEY
from .scene import ALLOWED, DENIED, Answer, Scene, StepAnswer
from .scope import Witness, beyond, elsewhere

LOCKED_OUT = "locked out"
# Each round takes away one reason of failure; a plan has fewer permissions times layers than this.
_ROUNDS = 64
_EVERYTHING = Named(
    "everything", {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}
)


@lru_cache(maxsize=1)
def fixer(case: Case) -> Fixer:
    """The fixer of a case; kept while the checks of one edge are judged one after the other."""
    return Fixer(case)


@dataclass(frozen=True, eq=False)
class Fixer:
    """Makes the fixes of one case."""

    case: Case

    @cached_property
    def place(self) -> Place:
        case = self.case
        held = [*(case.principal.get("policies") or ()), case.principal.get("boundary")]
        return Place(
            str(case.principal["arn"]),
            case.bucket_arn,
            case.edge.prefix,
            case.edge.region or "us-east-1",
            case.key_arn,
            case.network.endpoint,
            {str(item["name"]): str(item["arn"]) for item in held if isinstance(item, Mapping) and item.get("arn")},
        )

    @cached_property
    def whole(self) -> list[Change]:
        """The changes with which the whole plan is allowed, as far as changes of policy can do that."""
        # HeadObject verifies as well: GetObjectAttributes is not worth a grant of its own.
        steps = [step for step in self.case.plan if step.doubt is None and step.purpose != VERIFY]
        return self._merged(self._search(steps))

    def fix(self, steps: Sequence[Step]) -> dict[str, Any] | None:
        """The fix for calls that fail; None where no change of policy that is ours to make would do."""
        own = self._merged(self._search(steps))
        # One statement has one content, whichever check asks for it.
        known = {change.name: change for change in self.whole}
        return self._fix([known.get(change.name, change) for change in own], steps)

    def fix_misplaced(self, actions: Sequence[str], steps: Sequence[Step]) -> dict[str, Any] | None:
        """Actions on the bucket, granted on its own ARN: those of the plan's calls, and others that were meant."""
        own = self._merged(self._search(steps))
        known = {change.name: change for change in self.whole}
        changes = [known.get(change.name, change) for change in own]
        planned = {ask.action for step in self.case.plan for ask in step.asks}
        rest = [action for action in actions if action not in planned]
        if rest:
            changes.append(grant("identity", POLICY, "EdgepathBucket", BUCKET, rest, self.place))
        return self._fix(changes, steps)

    def fix_layer(self, layer: str, steps: Sequence[Step]) -> dict[str, Any] | None:
        """The part of the whole fix that concerns one layer."""
        return self._fix([change for change in self.whole if change.layer == layer], steps, self.whole)

    def _fix(
        self, changes: Sequence[Change], steps: Sequence[Step], made: Sequence[Change] | None = None
    ) -> dict[str, Any] | None:
        if not changes:
            return None
        scene = self.case.scene
        after = scene.with_documents(_applied(scene.documents, changes if made is None else made))
        if any(item.state == DENIED for item in after.decide_all(steps)):
            return None
        proof = self._proof(changes, steps, after)
        # Each part carries the proof of the whole: converge applies them one by one.
        first, *rest = [
            {**change.to_dict(self.place), "summary": change.describe(), "proof": proof} for change in changes
        ]
        fix = {**first, "summary": "; ".join(change.describe() for change in changes)}
        if rest:
            fix["then"] = rest
        return fix

    # Finding the changes.

    def _search(self, steps: Sequence[Step]) -> list[Change]:
        """One change after the other, each taking away the reason for which the first call fails."""
        scene, left, found = self.case.scene, list(steps), []
        for _ in range(_ROUNDS):
            refused = next((item for item in scene.decide_all(left) if item.state == DENIED), None)
            if refused is None:
                break
            change = self._change(scene, refused)
            if change is None:
                # What cannot be cured must not hide what can: the other calls are looked at without it.
                left = [step for step in left if step is not refused.step]
                continue
            found.append(change)
            scene = scene.with_documents(change.apply(scene.documents))
        return found

    def _merged(self, found: Sequence[Change]) -> list[Change]:
        """One statement for all that is granted in one layer under one name; exceptions as they were found."""
        groups: dict[tuple[Any, ...], list[Change]] = {}
        for change in found:
            groups.setdefault(change.name, []).append(change)
        return [_united(members) for members in groups.values()]

    def _change(self, scene: Scene, refused: StepAnswer) -> Change | None:
        answer = refused.answer
        decision = answer.decision
        if decision is None or decision.layer not in LAYERS:
            return None
        if decision.outcome is Outcome.EXPLICIT_DENY:
            return self._exception(scene, refused, decision)
        ask = answer.ask
        if ask.target == KEY and self.place.key_arn is None:
            return None
        sid = sid_of(refused.step.purpose, ask.target)
        change = grant(decision.layer, self._policy(decision.layer), sid, ask.target, [ask.action], self.place)
        return change if self._helps(scene, change, answer) else None

    def _policy(self, layer: str) -> str:
        """The name of the policy that a statement goes into."""
        if layer == "identity":
            return POLICY
        held = self.case.scene.documents.of(layer)
        return held[0].name if held else {"resource": "bucket policy", "key_policy": "key policy"}.get(layer, layer)

    def _exception(self, scene: Scene, refused: StepAnswer, decision: Decision) -> Change | None:
        for change in exceptions(scene.documents, decision, scene.network, self.place):
            if self._helps(scene, change, refused.answer):
                return change
        return None

    @staticmethod
    def _helps(scene: Scene, change: Change, answer: Answer) -> bool:
        """Whether the same statement, or the lack of one in the same layer, stops the call no longer."""
        after = scene.with_documents(change.apply(scene.documents)).ask(answer.ask)
        if after.state != DENIED or after.decision is None or answer.decision is None:
            return True
        return (after.decision.layer, after.decision.statement) != (answer.decision.layer, answer.decision.statement)

    # Proving them.

    def _proof(self, changes: Sequence[Change], steps: Sequence[Step], after: Scene) -> dict[str, Any]:
        calls = {item.step.call: item.state for item in after.decide_all(steps)}
        scene = self.case.scene
        everything = scene.with_documents(_applied(scene.documents, self.whole))
        essential = [step for step in self.case.plan if step.essential and step.doubt is None]
        adds = self.adds(after)
        caller = self._caller(changes)
        return {
            "calls": calls,
            "plan": _sentence(everything.decide_all(essential)),
            "adds": [witness.to_dict() for witness in adds],
            "caller": caller,
            "proven": all(state == ALLOWED for state in calls.values()) and not adds and caller != LOCKED_OUT,
        }

    def adds(self, after: Scene) -> list[Witness]:
        """What the change allows beyond the plan that was not allowed before."""
        before = {(witness.action, witness.resource) for witness in self._before}
        return [witness for witness in self._witnesses(after) if (witness.action, witness.resource) not in before]

    @cached_property
    def _before(self) -> list[Witness]:
        return self._witnesses(self.case.scene)

    def _witnesses(self, scene: Scene) -> list[Witness]:
        case = self.case
        planned = frozenset(ask.action for step in case.plan for ask in step.asks)
        own = beyond(scene, case.bucket_arn, case.edge.prefix, planned, self.place.key_arn)
        return [*own.witnesses, *elsewhere(scene, case.bucket_arn).witnesses]

    def _caller(self, changes: Sequence[Change]) -> str:
        """Whether the one who audits could still undo a change of the bucket's or the key's policy."""
        if all(change.layer not in ("resource", "key_policy") for change in changes):
            return "not concerned: no policy of the bucket or the key is changed"
        caller = self.case.fact("caller")
        arn = caller.get("arn") if isinstance(caller, Mapping) and not unread(caller) else None
        if not isinstance(arn, str):
            return "not known: who audits could not be read"
        before = self.case.scene.documents
        after = _applied(before, changes)
        asks = [("resource", "s3:PutBucketPolicy", self.place.bucket_arn)]
        if self.place.key_arn is not None:
            asks.append(("key_policy", "kms:PutKeyPolicy", self.place.key_arn))
        for layer, action, resource in asks:
            was = self._may(arn, layer, action, resource, before)
            if was == Outcome.ALLOW and self._may(arn, layer, action, resource, after) != Outcome.ALLOW:
                return LOCKED_OUT
        return "keeps what it may do to these policies"

    def _may(self, arn: str, layer: str, action: str, resource: str, documents: Documents) -> Outcome | None:
        alone = Documents(identity=(_EVERYTHING,)).put(layer, documents.of(layer))
        policies: PolicySet = alone.compile()
        try:
            owner = self.case.scene.owner if layer == "resource" else None
            return decide(Request(arn, action, resource, owner, self.case.scene.base), policies).outcome
        except RequestError:
            return None


def _united(members: Sequence[Change]) -> Change:
    first = members[0]
    if first.replaces is not None:
        return members[-1]
    actions = sorted({action for change in members for action in change.statement["Action"]})
    return replace(first, statement={**first.statement, "Action": actions})


def _applied(documents: Documents, changes: Iterable[Change]) -> Documents:
    for change in changes:
        documents = change.apply(documents)
    return documents


def _sentence(answers: Sequence[StepAnswer]) -> str:
    worst = next((item for item in answers if item.state == DENIED), None)
    worst = worst or next((item for item in answers if item.state != ALLOWED), None)
    if worst is None:
        return "every call of the plan is allowed once all fixes are made"
    how = "still fails" if worst.state == DENIED else "is open"
    return f"with all fixes made, {worst.step.call} {how}: {worst.answer.why()}"
