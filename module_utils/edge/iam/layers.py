# SPDX-License-Identifier: GPL-3.0-or-later
"""The layers of policies around a request, and the plan of which statements a caller's action has to face.

Source: AWS IAM User Guide, "Policy evaluation logic"; AWS Organizations User Guide, "SCP evaluation", "RCP evaluation";
AWS KMS Developer Guide, "Key policies"; Amazon VPC, "Control access to VPC endpoints using endpoint policies".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from .decision import Decision
from .errors import Defect, PolicyError
from .glob import Matcher
from .grants import Grant
from .index import LayerIndex, PolicyLike
from .policy import Policy, UnreadablePolicy
from .principal import Caller, Kind
from .statement import Statement
from .truth import MAYBE, NO, YES

_PLAN_LIMIT = 8192
_WITH_IDENTITY = frozenset({Kind.USER, Kind.ROLE, Kind.SESSION, Kind.FEDERATED})
_WITH_SESSION = frozenset({Kind.ROLE, Kind.SESSION, Kind.FEDERATED})
_OUTSIDE_ORGANISATION = frozenset({Kind.ANONYMOUS, Kind.SERVICE, Kind.PROVIDER})
_TRUST_ACTIONS = frozenset(
    {
        "sts:assumerole",
        "sts:assumerolewithsaml",
        "sts:assumerolewithwebidentity",
        "sts:tagsession",
        "sts:setsourceidentity",
    }
)

OneOrMore = Union[PolicyLike, Sequence[PolicyLike], None]
# A statement, how certainly it reaches the caller, and in which form.
Reached = tuple[Statement, int, int]


@dataclass(frozen=True)
class Layer:
    """The statements of one layer that an action of a caller meets."""

    name: str
    denies: tuple[Reached, ...]
    allows: tuple[Reached, ...]
    unreadable: tuple[UnreadablePolicy, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything of a decision that does not hang on resource and context.

    gates: layers that must each allow (SCP by level, endpoint). own: identity, boundary and session policy; None where
    there is none. plain: the predicates on the resource that settle everything, where no condition, policy variable,
    grant or unreadable policy has a say; `memory` then keeps the answer for each combination of theirs.
    """

    caller: Caller
    denying: tuple[Layer, ...]
    gates: tuple[Layer, ...]
    checked: tuple[str, ...]
    identity: Layer
    boundary: Layer | None
    session: Layer | None
    session_required: bool
    resource: Layer
    grants: tuple[tuple[Grant, int, int], ...]
    key: bool
    trust: bool
    plain: tuple[Matcher, ...] | None
    memory: dict[tuple[object, ...], Decision]


class PolicySet:
    """The policies that could bear on a request, compiled; reuse it for many requests.

    identity: all policies of the user or role, inline, managed and group alike. boundary: the permissions boundary.
    session: the session policies, where any were passed (several are united). resource: the policy of the resource: a
    bucket policy, a role's trust policy, a key policy. endpoint: the policy of the VPC endpoint that the request goes
    through; None: no endpoint, or its default policy (full access). endpoint_type: "gateway" or "interface".
    scps: service control policies, one list for each level from the root to the account (no levels: no organisation, or
    the management account). rcps: resource control policies by level, for a resource of a member account; the policy
    RCPFullAWSAccess, which AWS attaches to every level and which cannot be detached, need not be among them.
    key_policy, grants: of the KMS key, used for kms: actions (a key policy may as well be given as `resource`).
    unset_variable: what a pattern of Resource or NotResource says where its policy variable has no value: "unknown"
    (the documentation both says that it matches no resource and that the statement may be invalid) or "no_match".
    Each policy is a Policy or, where its text could not be had, an UnreadablePolicy.
    Raises PolicyError where a policy does not fit its layer (a Principal in an identity policy).
    """

    def __init__(
        self,
        identity: OneOrMore = (),
        boundary: OneOrMore = None,
        session: OneOrMore = (),
        resource: OneOrMore = None,
        endpoint: OneOrMore = None,
        scps: Sequence[Sequence[PolicyLike]] = (),
        rcps: Sequence[Sequence[PolicyLike]] = (),
        key_policy: OneOrMore = None,
        grants: Sequence[Grant] = (),
        endpoint_type: str = "interface",
        unset_variable: str = "unknown",
    ) -> None:
        if endpoint_type not in ("gateway", "interface"):
            raise ValueError(f"endpoint_type {endpoint_type!r}: gateway or interface")
        if unset_variable not in ("unknown", "no_match"):
            raise ValueError(f"unset_variable {unset_variable!r}: unknown or no_match")
        self._identity = _own(identity, "identity")
        self._boundary = _own(boundary, "boundary")
        self._session = _own(session, "session")
        self._resource = _attached(resource, "resource")
        self._key_policy = _attached(key_policy, "key_policy")
        self._endpoint = _attached(endpoint, "endpoint")
        self._scps = tuple(_own(level, "scp") for level in scps)
        self._rcps = _attached([policy for level in rcps for policy in level], "rcp")
        self._grants = tuple(grants)
        self._gateway = endpoint_type == "gateway"
        self.unset = MAYBE if unset_variable == "unknown" else NO
        # What `plan` has made, by its arguments: the engine looks here first.
        self.plans: dict[tuple[str, Caller, bool], Plan] = {}

    def plan(self, action: str, caller: Caller, on_key: bool) -> Plan:
        """The plan for an action (lower case) of a caller; `on_key` says that the resource is a KMS key."""
        key = (action, caller, on_key)
        known = self.plans.get(key)
        if known is None:
            if len(self.plans) >= _PLAN_LIMIT:
                self.plans.clear()
            known = self.plans[key] = self._make_plan(action, caller, on_key)
        return known

    def _make_plan(self, action: str, caller: Caller, on_key: bool) -> Plan:
        bounded = self._boundary is not None and caller.kind in _WITH_IDENTITY

        def layer(name: str, index: LayerIndex | None, gateway: bool = False) -> Layer:
            return _layer(name, index, action, caller, gateway, bounded)

        has_own = caller.kind in _WITH_IDENTITY
        has_session = caller.kind in _WITH_SESSION
        in_organisation = caller.kind not in _OUTSIDE_ORGANISATION and not caller.service_linked
        trust = action in _TRUST_ACTIONS
        policy = self._key_policy if on_key and self._key_policy is not None else self._resource
        resource = layer("key_policy" if on_key else "trust_policy" if trust else "resource", policy)
        scps = [layer("scp", index) for index in self._scps] if in_organisation else []
        endpoint = [layer("endpoint", self._endpoint, self._gateway)] if self._endpoint is not None else []
        rcp = [layer("rcp", self._rcps)] if self._rcps is not None and not caller.service_linked else []
        identity = layer("identity", self._identity if has_own else None)
        boundary = layer("boundary", self._boundary) if bounded else None
        session = layer("session", self._session) if has_session and self._session is not None else None
        grants = [(grant, *grant.reach(action, caller)) for grant in self._grants] if on_key else []
        everything = [*scps, *rcp, *endpoint, resource, identity, *filter(None, (boundary, session))]
        return Plan(
            caller=caller,
            denying=tuple(one for one in everything if one.denies or one.unreadable),
            gates=(*scps, *endpoint),
            checked=tuple(one.name for one in rcp),
            identity=identity,
            boundary=boundary,
            session=session,
            session_required=caller.kind is Kind.FEDERATED,
            resource=resource,
            grants=tuple(entry for entry in grants if entry[2] != NO),
            key=on_key,
            trust=trust,
            plain=None if grants else _plain(everything),
            memory={},
        )


def _layer(name: str, index: LayerIndex | None, action: str, caller: Caller, gateway: bool, bounded: bool) -> Layer:
    if index is None:
        return Layer(name, (), (), ())
    denies: list[Reached] = []
    allows: list[Reached] = []
    for statement in index.candidates(action):
        target = allows if statement.allows else denies
        target.extend((statement, truth, form) for form, truth in statement.reach(caller, gateway, bounded))
    return Layer(name, tuple(denies), tuple(allows), index.unreadable)


def _plain(layers: Sequence[Layer]) -> tuple[Matcher, ...] | None:
    """The predicates of all statements, if each of them is two-valued and hangs on the resource alone."""
    matchers: list[Matcher] = []
    for layer in layers:
        for statement, certainty, _form in (*layer.denies, *layer.allows):
            if statement.plain is None or certainty != YES:
                return None
            matchers.append(statement.plain)
        if layer.unreadable:
            return None
    return tuple(matchers)


def _as_list(given: OneOrMore) -> list[PolicyLike]:
    if given is None:
        return []
    return [given] if isinstance(given, (Policy, UnreadablePolicy)) else list(given)


def _own(given: OneOrMore, layer: str) -> LayerIndex | None:
    """The index of a layer whose policies name no principals; None where there is no policy."""
    policies = _as_list(given)
    for policy in policies:
        _fit(policy, layer, principals=False)
    return LayerIndex(policies) if policies else None


def _attached(given: OneOrMore, layer: str) -> LayerIndex | None:
    """The index of a layer whose policies must name principals; None where there is no policy."""
    policies = _as_list(given)
    for policy in policies:
        _fit(policy, layer, principals=True)
    return LayerIndex(policies) if policies else None


def _fit(policy: object, layer: str, principals: bool) -> None:
    if isinstance(policy, UnreadablePolicy):
        return
    if not isinstance(policy, Policy):
        raise TypeError(f"{layer}: expected a Policy or an UnreadablePolicy, not {type(policy).__name__}")
    defects: list[Defect] = []
    for statement in policy.statements:
        path = f"$.Statement[{statement.index}]"
        if principals and not statement.names_principals:
            defects.append(Defect(path, f"a policy of the layer {layer} must say Principal"))
        if not principals and statement.names_principals:
            defects.append(Defect(path, f"a policy of the layer {layer} cannot say Principal or NotPrincipal"))
        if not principals and statement.resources.absent:
            defects.append(Defect(path, f"a policy of the layer {layer} must say Resource or NotResource"))
    if defects:
        raise PolicyError(policy.name, defects)
