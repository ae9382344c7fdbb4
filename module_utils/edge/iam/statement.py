# SPDX-License-Identifier: GPL-3.0-or-later
"""A compiled statement: what it says of an action, a caller, a resource and a context, each three-valued.

Source: AWS IAM User Guide, "IAM JSON policy elements reference".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from .conditions import Condition, all_hold
from .context import Context
from .glob import Matcher, always
from .grantee import FORM_DIRECT, FORM_NONE, Grantee, reach, spared
from .principal import Caller
from .template import Template
from .truth import NO, YES, negate


class Actions:
    """The Action or NotAction element: `exact` lower-case names, `patterns` of (service prefix, matcher)."""

    __slots__ = ("everything", "exact", "negated", "patterns")

    def __init__(
        self, negated: bool, exact: frozenset[str], patterns: Sequence[tuple[str, Matcher]], everything: bool
    ) -> None:
        self.negated = negated
        self.exact = exact
        self.patterns = tuple(patterns)
        self.everything = everything

    def match(self, action: str) -> bool:
        """Whether the element covers an action given in lower case."""
        named = self.everything or action in self.exact or any(matches(action) for _, matches in self.patterns)
        return named is not self.negated


class Resources:
    """The Resource or NotResource element; no element at all covers the resource that the policy is attached to."""

    __slots__ = ("_dynamic", "_named", "_negated", "absent", "static")

    def __init__(
        self,
        negated: bool,
        exact: frozenset[str],
        matchers: Sequence[Matcher],
        dynamic: Sequence[Template],
        absent: bool = False,
    ) -> None:
        self._negated = negated
        self._dynamic = tuple(dynamic)
        self._named = always if absent else _any_of(exact, tuple(matchers))
        self.absent = absent
        # The whole answer where no policy variable is in it.
        self.static: Matcher | None = None if dynamic else _turned(self._named) if negated else self._named

    @property
    def dynamic(self) -> tuple[Template, ...]:
        """The patterns that hold policy variables."""
        return self._dynamic

    def truth(self, resource: str, context: Callable[[], Context], unset: int) -> int:
        """Whether the element covers `resource`; `unset` is the answer of a pattern whose variable has no value."""
        if self.static is not None:
            return YES if self.static(resource) else NO
        named = YES
        if not self._named(resource):
            view = context()
            named = max(template.truth(resource, view, unset) for template in self._dynamic)
        return negate(named) if self._negated else named


def _any_of(exact: frozenset[str], matchers: tuple[Matcher, ...]) -> Matcher:
    if always in matchers:
        return always
    if not matchers:
        return exact.__contains__
    if len(matchers) == 1 and not exact:
        return matchers[0]
    return lambda text: text in exact or any(matches(text) for matches in matchers)


def _turned(matcher: Matcher) -> Matcher:
    return lambda text: not matcher(text)


class Statement:
    """One statement of a policy, ready to be asked."""

    __slots__ = (
        "actions", "allows", "conditions", "grantees", "index", "not_grantees", "plain", "policy", "resources", "sid"
    )  # fmt: skip

    def __init__(
        self,
        policy: str,
        index: int,
        sid: str | None,
        allows: bool,
        actions: Actions,
        resources: Resources,
        conditions: Sequence[Condition],
        grantees: Sequence[Grantee] | None,
        not_grantees: Sequence[Grantee] | None,
    ) -> None:
        self.policy = policy
        self.index = index
        self.sid = sid
        self.allows = allows
        self.actions = actions
        self.resources = resources
        self.conditions = tuple(conditions)
        self.grantees = None if grantees is None else tuple(grantees)
        self.not_grantees = None if not_grantees is None else tuple(not_grantees)
        # The whole answer, action and caller apart, where nothing but the resource matters.
        self.plain: Matcher | None = None if conditions else resources.static

    @property
    def names_principals(self) -> bool:
        """Whether there is a Principal or NotPrincipal element."""
        return self.grantees is not None or self.not_grantees is not None

    def covers(self, resource: str, context: Callable[[], Context], unset: int) -> int:
        """Whether resource and conditions hold; action and caller are settled before this is asked."""
        covered = self.resources.truth(resource, context, unset)
        if covered == NO or not self.conditions:
            return covered
        return min(covered, all_hold(self.conditions, context()))

    def reach(self, caller: Caller, gateway: bool, bounded: bool) -> tuple[tuple[int, int], ...]:
        """The forms in which the statement reaches the caller, with certainty; empty where it does not.

        gateway: the policy is that of a gateway endpoint. bounded: the caller has a permissions boundary.
        """
        if self.grantees is not None:
            return reach(self.grantees, caller, gateway)
        if self.not_grantees is None:
            return ((FORM_DIRECT, YES),)
        if self.allows:
            named = reach(self.not_grantees, caller, False)
            excepted = max((truth for form, truth in named if form != FORM_NONE), default=NO)
        else:
            excepted = NO if bounded else spared(self.not_grantees, caller)
        reached = negate(excepted)
        return ((FORM_DIRECT, reached),) if reached != NO else ()

    def dead_grants(self) -> list[str]:
        """The ids of deleted users and roles that the statement still names."""
        entries = (self.grantees or ()) + (self.not_grantees or ())
        return [entry.text for entry in entries if entry.kind == "dead"]
