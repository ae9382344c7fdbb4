# SPDX-License-Identifier: GPL-3.0-or-later
"""The statements of one layer, indexed by action, so that a request meets only those that can speak of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Union

from .glob import Matcher
from .policy import Policy, UnreadablePolicy
from .statement import Statement

PolicyLike = Union[Policy, UnreadablePolicy]

_CACHE_LIMIT = 8192


class LayerIndex:
    """Policies that are evaluated together; the order of policies and statements has no influence on an answer."""

    def __init__(self, policies: Sequence[PolicyLike]) -> None:
        self.unreadable: tuple[UnreadablePolicy, ...] = tuple(p for p in policies if isinstance(p, UnreadablePolicy))
        self.statements: tuple[Statement, ...] = tuple(
            statement for policy in policies if isinstance(policy, Policy) for statement in policy.statements
        )
        self._exact: dict[str, list[int]] = {}
        self._service: dict[str, list[tuple[Matcher, int]]] = {}
        self._rest: list[int] = []
        self._cache: dict[str, tuple[Statement, ...]] = {}
        for number, statement in enumerate(self.statements):
            self._add(number, statement)

    def _add(self, number: int, statement: Statement) -> None:
        actions = statement.actions
        if actions.negated or actions.everything:
            self._rest.append(number)
            return
        for action in actions.exact:
            self._exact.setdefault(action, []).append(number)
        for service, matcher in actions.patterns:
            self._service.setdefault(service, []).append((matcher, number))

    def candidates(self, action: str) -> tuple[Statement, ...]:
        """The statements whose Action or NotAction covers `action` (lower case), in policy order."""
        known = self._cache.get(action)
        if known is not None:
            return known
        numbers: set[int] = set(self._exact.get(action, ()))
        for matcher, number in self._service.get(action.partition(":")[0], ()):
            if number not in numbers and matcher(action):
                numbers.add(number)
        numbers.update(number for number in self._rest if self.statements[number].actions.match(action))
        found = tuple(self.statements[number] for number in sorted(numbers))
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        self._cache[action] = found
        return found
