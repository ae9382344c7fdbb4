# SPDX-License-Identifier: GPL-3.0-or-later
"""What an unknown answer hangs on: context keys, tried value by value, and policies that could not be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Callable

from .conditions import Condition
from .context import PRESENT, Context, ContextValue, Unknown
from .decision import Flip, Outcome, policy_words
from .evaluation import Doubt
from .grants import Grant
from .policy import UnreadablePolicy
from .statement import Statement
from .truth import MAYBE

Judge = Callable[[Context], Outcome]

_MOST_KEYS = 16
_MOST_VALUES = 8
# By the start of an operator's name: values that the policy is unlikely to mention, shown as themselves.
_OTHERS: dict[str, tuple[str, ...]] = {
    "Bool": ("true", "false"),
    "Numeric": ("-1", "999999999999"),
    "Date": ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z"),
    "IpAddress": ("192.0.2.1", "2001:db8::1"),
    "NotIpAddress": ("192.0.2.1", "2001:db8::1"),
    "Arn": ("arn:aws:edgepath:::any-other",),
    "String": ("edgepath-any-other-value",),
    "Binary": ("ZWRnZXBhdGg=",),
    "Null": ("edgepath-any-value",),
}


def find_flips(doubts: Sequence[Doubt], context: Context, judge: Judge) -> tuple[Flip, ...]:
    """The flips of an unknown decision; each value of a key was put in and the request judged again."""
    flips: list[Flip] = []
    keys: dict[str, list[tuple[Flip, ContextValue]]] = {}
    seen = set()
    for doubt in doubts:
        if (doubt.layer, id(doubt.about)) in seen:
            continue
        seen.add((doubt.layer, id(doubt.about)))
        if isinstance(doubt.about, Statement):
            for key, trial in _trials(doubt.layer, doubt.about, context):
                keys.setdefault(key, []).append(trial)
            if not any(True for _ in _trials(doubt.layer, doubt.about, context)):
                flips.append(_settled_by(doubt.layer, doubt.about))
        else:
            flips.append(_other(doubt.layer, doubt.about))
    for key in list(keys)[:_MOST_KEYS]:
        flips.extend(_judge_key(key, keys[key], context, judge))
    return tuple(dict.fromkeys(flips))


def _judge_key(key: str, trials: list[tuple[Flip, ContextValue]], context: Context, judge: Judge) -> Iterator[Flip]:
    tried: dict[ContextValue, Outcome] = {}
    for template, value in trials[: _MOST_VALUES * 2]:
        if value not in tried:
            tried[value] = judge(context.override(key, value))
        shown = None if not isinstance(value, tuple) else value[0]
        yield Flip(template.policy, template.layer, template.reason, template.key, shown, tried[value])


def _trials(layer: str, statement: Statement, context: Context) -> Iterator[tuple[str, tuple[Flip, ContextValue]]]:
    """For each context key that leaves the statement open, the values worth trying."""
    for condition in statement.conditions:
        if condition.truth(context) != MAYBE:
            continue
        actual = context.get(condition.key)
        if isinstance(actual, Unknown):
            reason = f"the value of {condition.shown} in {_name(statement, layer)}"
            template = Flip(statement.policy, layer, reason, condition.shown)
            for value in _values(condition, actual):
                yield condition.key, (template, value)
    for name, shown in _variables(statement):
        if isinstance(context.get(name), Unknown):
            template = Flip(statement.policy, layer, f"the value of ${{{shown}}} in {_name(statement, layer)}", shown)
            yield name, (template, _OTHERS["String"])


def _variables(statement: Statement) -> Iterator[tuple[str, str]]:
    for template in statement.resources.dynamic:
        for variable in template.variables:
            yield variable.key, variable.shown


def _values(condition: Condition, actual: Unknown) -> Iterator[ContextValue]:
    if condition.base.name != "Null":
        for value in condition.values[:_MOST_VALUES]:
            yield (_example(condition, value),)
    for start, others in _OTHERS.items():
        if condition.base.name.startswith(start):
            yield from ((other,) for other in others)
    if actual is not PRESENT:
        yield None


def _example(condition: Condition, value: str) -> str:
    """A request value that the policy value matches."""
    if condition.base.name.endswith("IpAddress"):
        return value.partition("/")[0]
    if condition.base.name.endswith("Like") or condition.base.name.startswith("Arn"):
        return value.replace("*", "x").replace("?", "x")
    return value


def _settled_by(layer: str, statement: Statement) -> Flip:
    variables = [shown for _, shown in _variables(statement)]
    if variables:
        reason = f"the policy variable ${{{variables[0]}}}, which has no value, in {_name(statement, layer)}"
        return Flip(statement.policy, layer, reason, variables[0])
    return Flip(statement.policy, layer, f"whether {_name(statement, layer)} names this principal")


def _other(layer: str, about: UnreadablePolicy | Grant | Statement | None) -> Flip:
    if isinstance(about, UnreadablePolicy):
        return Flip(about.name, layer, f"policy {about.name} of the layer {layer}, which {about.reason}")
    if isinstance(about, Grant):
        return Flip(
            about.name, layer, f"the encryption context that grant {about.name} asks for", "kms:EncryptionContextKeys"
        )
    return Flip("", layer, "the account that owns the resource", "aws:ResourceAccount")


def _name(statement: Statement, layer: str) -> str:
    sid: str | None = statement.sid
    return f"statement {sid or statement.index} of {policy_words(statement.policy, layer)}"
