# SPDX-License-Identifier: GPL-3.0-or-later
"""One edge's requests and the policies around them: decides the plan call by call, along a given way. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ..finding import Unread
from .context import ContextInput
from .decision import Decision, Flip, Outcome
from .documents import Documents
from .engine import PolicySet, Request, decide
from .network import UNKNOWN_KEYS, Network
from .plan import Ask, Step
from .s3_calls import KEY

ALLOWED, DENIED, OPEN = "allowed", "denied", "unknown"
# S3 has taken nothing older since 2024, and no client can be told from outside which of the two it speaks
# (Amazon S3 User Guide, "Internetwork traffic privacy": TLS 1.2 required, TLS 1.3 recommended).
_TLS = ("1.2", "1.3")
# What a grant can allow (AWS KMS API Reference, CreateGrant: Operations), as far as S3 or an export could ask for it.
_GRANTABLE = frozenset(
    {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:DescribeKey"}
)
# The hop of the path on which a layer's decision stands.
HOP_OF_LAYER = {
    "identity": "identity_policy",
    "boundary": "identity_policy",
    "session": "identity_policy",
    "scp": "identity_policy",
    "trust_policy": "identity_policy",
    "root": "identity_policy",
    "resource": "bucket_policy",
    "rcp": "bucket_policy",
    "endpoint": "endpoint_policy",
    "key_policy": "key",
    "grant": "key",
}


@dataclass(frozen=True)
class Principal:
    """Who asks, as the engine takes it. arn: a role's, a session's or a user's; issuer: the role behind a session."""

    arn: str
    issuer: str | None
    account: str
    context: Mapping[str, ContextInput]


@dataclass(frozen=True)
class Answer:
    """The answer for one permission. state: ALLOWED, DENIED or OPEN.

    because: what was not read, where that alone leaves it open.
    """

    ask: Ask
    state: str
    decision: Decision | None
    because: Unread | None = None

    @property
    def hop(self) -> str | None:
        return HOP_OF_LAYER.get(self.decision.layer) if self.decision is not None else None

    def why(self) -> str:
        """The answer in one clause."""
        if self.because is not None:
            return self.because.message
        decision = self.decision
        if decision is None or decision.outcome is Outcome.ALLOW:
            return f"{self.ask.action} is granted"
        if decision.outcome is Outcome.EXPLICIT_DENY:
            return f"{self.ask.action} is denied by {decision.statement}"
        if decision.outcome is Outcome.UNKNOWN:
            hangs = "; ".join(dict.fromkeys(flip.reason for flip in decision.flips)) or "what was not read"
            return f"whether {self.ask.action} is granted hangs on {hangs}"
        return f"{self.ask.action} is not granted by {_layer(decision.layer)}"


@dataclass(frozen=True)
class StepAnswer:
    """The answer for one call: that of the first permission that fails, else the first open one, else allowed."""

    step: Step
    state: str
    answer: Answer

    def why(self) -> str:
        return f"{self.step.call}: {self.answer.why()}"


def _layer(name: str) -> str:
    return {
        "identity": "any identity policy",
        "boundary": "the permission boundary",
        "session": "the session policy",
        "scp": "the organisation's service control policies",
        "rcp": "the organisation's resource control policies",
        "resource": "the bucket policy",
        "endpoint": "the endpoint policy",
        "key_policy": "the key policy",
        "trust_policy": "the trust policy",
    }.get(name, name)


@dataclass(frozen=True)
class Scene:
    """Everything that a decision needs. owner: the account of the bucket, None where it is not known.

    base: the context that all requests share. key_owner: the account of the key, where it is known.
    """

    principal: Principal
    documents: Documents
    network: Network
    base: Mapping[str, ContextInput]
    owner: str | None

    @cached_property
    def policies(self) -> PolicySet:
        return self.documents.compile()

    @cached_property
    def key_policies(self) -> PolicySet:
        """What bears on the key: the bucket's policy and that of an endpoint for S3 have no say there."""
        return replace(self.documents, resource=(), endpoint=()).compile()

    def along(self, network: Network) -> Scene:
        """The same requests by another way. The endpoint's policy belongs to the way on which it was read."""
        same = network.kind == "endpoint" and network.endpoint == self.network.endpoint
        documents = self.documents if same else replace(self.documents, endpoint=())
        return replace(self, network=network, documents=documents)

    def with_documents(self, documents: Documents) -> Scene:
        return replace(self, documents=documents)

    def decide(self, step: Step) -> StepAnswer:
        """The answer for one call."""
        answers = [self.ask(ask) for ask in step.asks]
        for state in (DENIED, OPEN):
            found = next((answer for answer in answers if answer.state == state), None)
            if found is not None:
                return self._refused(step, found)
        return StepAnswer(step, ALLOWED, answers[0])

    @staticmethod
    def _refused(step: Step, answer: Answer) -> StepAnswer:
        """A call that the export may not make at all leaves the question open where it would fail."""
        if step.doubt is None or answer.state == OPEN:
            return StepAnswer(step, answer.state, answer)
        message = f"{step.call} would fail ({answer.why()}), and whether the export makes it is not known: "
        because = replace(step.doubt, message=message + step.doubt.message)
        return StepAnswer(step, OPEN, replace(answer, state=OPEN, because=because))

    def decide_all(self, steps: Sequence[Step]) -> list[StepAnswer]:
        return [self.decide(step) for step in steps]

    def ask(self, ask: Ask) -> Answer:
        """The answer for one permission."""
        if ask.resource is None:
            because = Unread("not_collected", "kms:DescribeKey", "key", "which key encrypts is not known")
            return Answer(ask, OPEN, None, because)
        decision = self._decision(ask)
        if decision.outcome is Outcome.ALLOW:
            return Answer(ask, ALLOWED, decision)
        grants = self.documents.grants_unread
        if ask.action in _GRANTABLE and decision.outcome is Outcome.IMPLICIT_DENY and grants is not None:
            message = f"whether a grant of the key allows {ask.action} is not known: {grants.message}"
            return Answer(ask, OPEN, decision, replace(grants, message=message))
        return Answer(ask, OPEN if decision.outcome is Outcome.UNKNOWN else DENIED, decision)

    def _decision(self, ask: Ask) -> Decision:
        policies = self.key_policies if ask.target == KEY else self.policies
        decisions = [decide(self._request(ask, version), policies) for version in self._versions(ask)]
        if all(decision.outcome is decisions[0].outcome for decision in decisions):
            return decisions[0]
        flips = tuple(
            Flip(
                "", decision.layer, f"whether the edge speaks TLS {version}", "s3:TlsVersion", version, decision.outcome
            )
            for version, decision in zip(_TLS, decisions)
        )
        return replace(decisions[0], outcome=Outcome.UNKNOWN, flips=flips)

    def _versions(self, ask: Ask) -> Sequence[str | None]:
        if ask.target == KEY or self.base.get("aws:SecureTransport") is not True or not self._matters("s3:TlsVersion"):
            return (None,)
        return _TLS

    @cached_property
    def _mattering(self) -> dict[str, bool]:
        return {}

    def _matters(self, key: str) -> bool:
        """Whether any policy or grant speaks of a context key: building a context of all of them costs most of a
        decision. The encryption context may be asked for by grants, which are no documents."""
        known = self._mattering.get(key)
        if known is None:
            name = key.lower()
            on_grant = name.startswith("kms:encryptioncontext")
            known = self._mattering[key] = on_grant or name.rstrip("*") in self.documents.words
        return known

    @cached_property
    def _shared(self) -> dict[bool, dict[str, Any]]:
        """What all requests have in their context: to the bucket (False) and to the key (True).

        What S3 asks of KMS does not come from the edge's own address.
        """
        own = {**self.base, **self.principal.context}
        return {
            on_key: {key: value for key, value in {**own, **keys}.items() if self._matters(key)}
            for on_key, keys in ((False, self.network.context), (True, UNKNOWN_KEYS))
        }

    def _request(self, ask: Ask, tls: str | None) -> Request:
        on_key = ask.target == KEY
        context = dict(self._shared[on_key])
        if tls is not None:
            context["s3:TlsVersion"] = tls
        context.update((key, value) for key, value in ask.context.items() if self._matters(key))
        return Request(
            self.principal.arn,
            ask.action,
            str(ask.resource),
            None if on_key else self.owner,
            context,
            self.principal.issuer,
        )
