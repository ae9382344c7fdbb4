# SPDX-License-Identifier: GPL-3.0-or-later
"""Weighing one request against a plan, three-valued, layer by layer.

Source: AWS IAM User Guide, "Policy evaluation logic" (which implicit denies limit which grants in the same account),
"Cross-account policy evaluation logic", AssumeRole in the AWS STS API Reference (root may not), AWS KMS Developer
Guide.
"""

from __future__ import annotations

from typing import NamedTuple, Optional

from .context import Context
from .decision import StatementRef
from .grantee import FORM_ACCOUNT, FORM_DIRECT, FORM_LIMITED
from .grants import Grant
from .layers import Layer, Plan
from .policy import UnreadablePolicy
from .principal import Kind
from .request import Request
from .statement import Statement
from .truth import MAYBE, NO, YES

_WITHOUT_ACCOUNT = frozenset({Kind.ANONYMOUS, Kind.SERVICE, Kind.PROVIDER})


class Doubt(NamedTuple):
    """Something undecided: a statement, an unreadable policy, a grant, or (None) the account of the resource."""

    layer: str
    about: Statement | UnreadablePolicy | Grant | None


# The truth of a grant; the layer that grants or, for NO, withholds; the granting statement; a clause on why.
Grounds = tuple[int, str, Optional[StatementRef], str]


class Evaluation:
    """One request against one plan. Call `denial` and `grant` once each; `doubts` and `passed` fill as they run."""

    __slots__ = ("_context", "_plan", "_request", "_resource", "_unset", "doubts", "passed")

    def __init__(self, request: Request, plan: Plan, unset: int, context: Context | None = None) -> None:
        self._request = request
        self._plan = plan
        self._resource = request.resource
        self._unset = unset
        self._context = context
        self.doubts: list[Doubt] = []
        self.passed: list[str] = []

    def context(self) -> Context:
        """The request context, built when something first asks for it."""
        if self._context is None:
            self._context = self._request.view()
        return self._context

    def denial(self) -> tuple[int, tuple[str, Statement] | None]:
        """Whether an explicit deny applies, and for YES its layer and statement."""
        worst = NO
        for layer in self._plan.denying:
            for statement, certainty, _form in layer.denies:
                truth = statement.covers(self._resource, self.context, self._unset)
                if truth == NO:
                    continue
                if truth == YES and certainty == YES:
                    return YES, (layer.name, statement)
                worst = MAYBE
                self.doubts.append(Doubt(layer.name, statement))
            for policy in layer.unreadable:
                worst = MAYBE
                self.doubts.append(Doubt(layer.name, policy))
        return worst, None

    def allowance(self, layer: Layer) -> tuple[int, Statement | None]:
        """Whether any statement of a layer allows, whatever the form, and the first that surely does."""
        best = NO
        doubts: list[Doubt] = []
        for statement, certainty, _form in layer.allows:
            truth = statement.covers(self._resource, self.context, self._unset)
            if truth == YES and certainty == YES:
                return YES, statement
            if truth != NO:
                best = MAYBE
                doubts.append(Doubt(layer.name, statement))
        for policy in layer.unreadable:
            best = MAYBE
            doubts.append(Doubt(layer.name, policy))
        self.doubts.extend(doubts)
        return best, None

    def grant(self) -> Grounds:
        """Whether identity and resource side together grant the request; gates and denials stand apart."""
        plan, caller = self._plan, self._plan.caller
        if caller.kind is Kind.ROOT and plan.trust:
            return NO, "trust_policy", None, "the root user of an account cannot assume a role"
        side = _Resource(self)
        if caller.kind in _WITHOUT_ACCOUNT:
            truth, statement = side.strongest()
            return truth, side.name, statement, ""
        own = _Own(self)
        owner = self._request.owner
        if owner is not None:
            return _same(plan, side, own) if owner == caller.account else _cross(side, own)
        same, cross = _same(plan, side, own), _cross(side, own)
        if same[0] == cross[0]:
            return same
        self.doubts.append(Doubt(side.name, None))
        return MAYBE, side.name, None, ""


class _Own:
    """The caller's side: identity policies, boundary and session policies."""

    __slots__ = ("boundary", "identity", "limits", "root", "session", "statement")

    def __init__(self, evaluation: Evaluation) -> None:
        plan = evaluation._plan
        self.root = plan.caller.kind is Kind.ROOT
        self.identity, found = evaluation.allowance(plan.identity)
        self.statement = None if found is None else StatementRef.of(found, "identity")
        self.boundary = YES if plan.boundary is None else evaluation.allowance(plan.boundary)[0]
        # A federated user without a session policy has no permissions of the user who federated.
        self.session = NO if plan.session_required else YES
        if plan.session is not None:
            self.session = evaluation.allowance(plan.session)[0]
        self.limits = min(self.boundary, self.session)
        for name, layer, truth in (
            ("identity", plan.identity, self.identity),
            ("boundary", plan.boundary, self.boundary),
            ("session", plan.session, self.session),
        ):
            if layer is not None and truth == YES:
                evaluation.passed.append(name)

    def chain(self) -> int:
        """Whether the caller's own policies allow; the root user has none and needs none."""
        return YES if self.root else min(self.identity, self.limits)

    def missing(self, with_identity: bool = True) -> str:
        """The first layer of the caller's side that withholds."""
        if with_identity and self.identity == NO:
            return "identity"
        return "boundary" if self.boundary == NO else "session"


class _Resource:
    """The resource's side: its policy by form of grant, and the grants of a key."""

    __slots__ = ("_statements", "_truths", "granted", "granted_limited", "grant_name", "name")

    def __init__(self, evaluation: Evaluation) -> None:
        layer = evaluation._plan.resource
        self.name = layer.name
        # By form: none, account, limited, direct.
        self._truths = [NO, NO, NO, NO]
        self._statements: list[Statement | None] = [None, None, None, None]
        self.granted = self.granted_limited = NO
        self.grant_name = ""
        for statement, certainty, form in layer.allows:
            truth = min(certainty, statement.covers(evaluation._resource, evaluation.context, evaluation._unset))
            if truth == MAYBE:
                evaluation.doubts.append(Doubt(layer.name, statement))
            if truth > self._truths[form]:
                self._truths[form] = truth
                self._statements[form] = statement
        for policy in layer.unreadable:
            self._truths = [max(truth, MAYBE) for truth in self._truths]
            evaluation.doubts.append(Doubt(layer.name, policy))
        for grant, form, certainty in evaluation._plan.grants:
            self._add_grant(evaluation, grant, form, certainty)
        if max(self._truths) == YES:
            evaluation.passed.append(self.name)

    def _add_grant(self, evaluation: Evaluation, grant: Grant, form: int, certainty: int) -> None:
        truth = min(certainty, grant.truth(evaluation._resource, evaluation.context()))
        if truth == MAYBE:
            evaluation.doubts.append(Doubt("grant", grant))
        if form == FORM_DIRECT:
            self.granted = max(self.granted, truth)
        else:
            self.granted_limited = max(self.granted_limited, truth)
        if truth != NO:
            self.grant_name = grant.name

    def at(self, form: int) -> int:
        """The truth of a grant in exactly this form."""
        return self._truths[form]

    def strongest(self) -> tuple[int, StatementRef | None]:
        """The best truth over all forms, and the statement behind a YES."""
        best = max(self._truths)
        for form in (FORM_DIRECT, FORM_LIMITED, FORM_ACCOUNT):
            if self._truths[form] == best:
                return best, self.ref(form)
        return best, None

    def ref(self, form: int) -> StatementRef | None:
        """The statement that grants in a form."""
        statement = self._statements[form]
        return None if statement is None else StatementRef.of(statement, self.name)


def _same(plan: Plan, side: _Resource, own: _Own) -> Grounds:
    required = plan.key or plan.trust
    delegated = min(own.chain(), side.at(FORM_ACCOUNT)) if required else own.chain()
    limited = min(side.at(FORM_LIMITED), own.limits)
    by_grant = max(side.granted, min(side.granted_limited, own.limits))
    truth = max(side.at(FORM_DIRECT), limited, delegated, by_grant)
    if truth == NO:
        return _withheld(side, own, required)
    if delegated == truth:
        return truth, "root" if own.root else "identity", own.statement, ""
    if by_grant == truth:
        return truth, "grant", None, f"grant {side.grant_name}"
    form = FORM_DIRECT if side.at(FORM_DIRECT) == truth else FORM_LIMITED
    return truth, side.name, side.ref(form), ""


def _withheld(side: _Resource, own: _Own, required: bool) -> Grounds:
    if required and side.strongest()[0] == NO:
        return NO, side.name, None, ""
    if max(side.at(FORM_LIMITED), side.granted_limited) != NO:
        return NO, own.missing(with_identity=False), None, "it limits a grant to the role"
    if required and side.at(FORM_ACCOUNT) == NO:
        return NO, side.name, None, ""
    return NO, own.missing(), None, ""


def _cross(side: _Resource, own: _Own) -> Grounds:
    shared, statement = side.strongest()
    by_grant = max(side.granted, min(side.granted_limited, own.limits))
    truth = max(min(shared, own.chain()), by_grant)
    if truth == NO:
        if shared == NO:
            return NO, side.name, None, "the resource belongs to another account, which must allow it too"
        return NO, own.missing(), None, "the resource belongs to another account: both sides must allow"
    if min(shared, own.chain()) == truth:
        return truth, side.name, statement, "the resource belongs to another account, and both sides allow"
    return truth, "grant", None, f"grant {side.grant_name}"
