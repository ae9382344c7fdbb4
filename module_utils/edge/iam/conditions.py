# SPDX-License-Identifier: GPL-3.0-or-later
"""One condition of a statement: an operator with its qualifiers, a key and the policy's values.

Sources: AWS IAM User Guide, "Condition operators" and "Conditions with multiple context keys or values". Choices where
the guide leaves room: a key with several values and no set operator never matches, negated operators included; and
ForAnyValue on an absent key is false even with IfExists (the set operator has no value to test).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .context import PRESENT, UNKNOWN, Context
from .operators import OPERATORS, Operator, Test
from .truth import MAYBE, NO, YES, negate
from .values import read_boolean

_SETS = {"forallvalues": "ForAllValues", "foranyvalue": "ForAnyValue"}


class Condition:
    """A compiled condition. `key` is in lower case; `shown`, `operator` and `values` are as written in the policy."""

    __slots__ = ("_base", "_if_exists", "_null", "_set", "_tests", "key", "operator", "shown", "values")

    def __init__(
        self,
        operator: str,
        base: Operator,
        qualifier: str,
        if_exists: bool,
        key: str,
        values: Sequence[str],
        tests: Sequence[Test],
    ) -> None:
        self.operator = operator
        self.shown = key
        self.key = key.lower()
        self.values = tuple(values)
        self._base = base
        self._set = qualifier
        self._if_exists = if_exists
        self._tests = tuple(tests)
        self._null = tuple(read_boolean(value) for value in values) if base.name == "Null" else ()

    @property
    def base(self) -> Operator:
        """The operator without its qualifiers."""
        return self._base

    def truth(self, context: Context) -> int:
        """NO, MAYBE or YES for this request context."""
        actual = context.get(self.key)
        if self._base.name == "Null":
            return self._presence(actual)
        if actual is None:
            return self._absent()
        if actual is UNKNOWN or actual is PRESENT:
            return self._unknown(actual is PRESENT)
        assert isinstance(actual, tuple)
        if self._set:
            return self._over_set(actual, context)
        return self._one(actual[0], context) if len(actual) == 1 else NO

    def _presence(self, actual: object) -> int:
        if actual is UNKNOWN:
            return YES if set(self._null) >= {True, False} else MAYBE
        return YES if (actual is None) in self._null else NO

    def _absent(self) -> int:
        if self._set:
            return YES if self._set == "ForAllValues" else NO
        return YES if self._if_exists or self._base.negated else NO

    def _unknown(self, present: bool) -> int:
        if self._base.name not in ("StringLike", "StringNotLike") or "*" not in self.values:
            return MAYBE
        matched = NO if self._base.negated else YES
        # The lone * matches every value there could be; only the absent key is left open.
        if present or self._absent() == matched:
            return matched
        return MAYBE

    def _one(self, value: str, context: Context) -> int:
        best = NO
        for test in self._tests:
            best = max(best, test(value, context))
            if best == YES:
                break
        return negate(best) if self._base.negated else best

    def _over_set(self, values: tuple[str, ...], context: Context) -> int:
        every = self._set == "ForAllValues"
        if values == ("",):
            # An empty string is the empty data set.
            return YES if every else NO
        answers = (self._one(value, context) for value in values)
        return min(answers) if every else max(answers)


def all_hold(conditions: Iterable[Condition], context: Context) -> int:
    """The three-valued AND of a statement's conditions."""
    worst = YES
    for condition in conditions:
        worst = min(worst, condition.truth(context))
        if worst == NO:
            break
    return worst


def split_operator(text: str) -> tuple[Operator, str, bool] | None:
    """The operator, its set qualifier ("" for none) and whether IfExists; None where AWS knows no such operator."""
    qualifier, name = "", text
    if ":" in text:
        head, name = text.split(":", 1)
        qualifier = _SETS.get(head.lower(), "")
        if not qualifier:
            return None
    lowered = name.lower()
    if_exists = lowered.endswith("ifexists")
    found = OPERATORS.get(lowered[: -len("ifexists")] if if_exists else lowered)
    if found is None or (found.name == "Null" and if_exists):
        return None
    return found, qualifier, if_exists


def compile_condition(operator: str, key: str, values: Sequence[str], variables: bool) -> tuple[Condition, list[str]]:
    """The condition, and a complaint for each value that can never match. Raises KeyError for an unknown operator."""
    parts = split_operator(operator)
    if parts is None:
        raise KeyError(operator)
    base, qualifier, if_exists = parts
    tests: list[Test] = []
    complaints: list[str] = []
    for value in values:
        test, complaint = base.build(value, variables)
        tests.append(test)
        if base.name == "Null" and read_boolean(value) is None:
            complaint = "is neither true nor false, so it never matches"
        if complaint:
            complaints.append(f"{value[:80]!r} {complaint}")
    return Condition(operator, base, qualifier, if_exists, key, values, tests), complaints
