# SPDX-License-Identifier: GPL-3.0-or-later
"""The condition operators: how one request value is compared with one policy value.

Source: AWS IAM User Guide, "IAM JSON policy elements: Condition operators". A negated operator is its positive one
turned round over all values, so each kind is written once, positive.
"""

from __future__ import annotations

import operator as comparison
from dataclasses import dataclass
from typing import Any, Callable, Optional

from .context import Context
from .glob import Matcher, Token, compile_tokens
from .template import Template, parse_glob, parse_plain
from .truth import MAYBE, NO, YES
from .values import in_network, read_address, read_binary, read_boolean, read_date, read_network, read_number

# One policy value made ready: (request value, context) -> NO, MAYBE (a variable is not known) or YES.
Test = Callable[[str, Context], int]
# (policy value, whether variables are recognised) -> its test, and a complaint where the value can never match.
Builder = Callable[[str, bool], tuple[Test, Optional[str]]]


@dataclass(frozen=True)
class Operator:
    """`name` in AWS's spelling; `negated` turns the answer round; `typed` names what its values must be."""

    name: str
    build: Builder
    negated: bool = False
    ordered: bool = False


def _known(matcher: Matcher) -> Test:
    return lambda value, _context: YES if matcher(value) else NO


def _string(fold: bool, wildcards: bool) -> Builder:
    def build(text: str, variables: bool) -> tuple[Test, str | None]:
        template = parse_glob(text, variables) if wildcards else parse_plain(text, variables)
        if not template.variables:
            if fold:
                folded = text_of(template.static_tokens()).lower()
                return _known(lambda value: value.lower() == folded), None
            return _known(template.static_matcher()), None
        return (_folded(template) if fold else lambda value, context: template.truth(value, context, NO)), None

    return build


def _folded(template: Template) -> Test:
    def test(value: str, context: Context) -> int:
        status, tokens = template.resolve(context)
        lowered: list[Token] = [token.lower() if isinstance(token, str) else token for token in tokens]
        if status == NO or not compile_tokens(lowered)(value.lower()):
            return NO
        return status

    return test


def text_of(tokens: list[Token]) -> str:
    """The literal text of tokens without wildcards."""
    return "".join(token for token in tokens if isinstance(token, str))


def _arn(text: str, variables: bool) -> tuple[Test, str | None]:
    template = parse_glob(text, variables)
    if not template.variables:
        segments = _segments(template.static_tokens())
        complaint = None if segments else "is no ARN of six segments, so it never matches"
        return _known(lambda value: _match_segments(segments, value)), complaint

    def test(value: str, context: Context) -> int:
        status, tokens = template.resolve(context)
        if status != YES:
            # A variable without a value equals nothing; one whose value is not known could hold any segments.
            return status
        return YES if _match_segments(_segments(tokens), value) else NO

    return test, None


def _segments(tokens: list[Token]) -> list[Matcher] | None:
    parts: list[list[Token]] = [[]]
    for token in tokens:
        if not isinstance(token, str):
            parts[-1].append(token)
            continue
        pieces = token.split(":", 6 - len(parts))
        parts[-1].append(pieces[0])
        parts.extend([piece] for piece in pieces[1:])
    if len(parts) == 1 and len(parts[0]) == 1 and isinstance(parts[0][0], int):
        parts = [list(parts[0]) for _ in range(6)]
    return [compile_tokens(part) for part in parts] if len(parts) == 6 else None


def _match_segments(segments: list[Matcher] | None, value: str) -> bool:
    parts = value.split(":", 5)
    if segments is None or len(parts) != 6 or parts[0] != "arn":
        return False
    return all(matches(part) for matches, part in zip(segments, parts))


def _typed(
    what: str, read_policy: Callable[[str], Any], read_request: Callable[[str], Any], holds: Callable[[Any, Any], Any]
) -> Builder:
    def build(text: str, _variables: bool) -> tuple[Test, str | None]:
        expected = read_policy(text)
        if expected is None:
            return (lambda _value, _context: NO), f"is no {what}, so it never matches"

        def matches(value: str) -> bool:
            actual = read_request(value)
            return actual is not None and bool(holds(actual, expected))

        return _known(matches), None

    return build


def _boolean(text: str, variables: bool) -> tuple[Test, str | None]:
    template = parse_plain(text, variables)
    if not template.variables:
        return _typed("boolean", read_boolean, read_boolean, comparison.eq)(text, variables)
    return _folded(template), None


def _presence(_text: str, _variables: bool) -> tuple[Test, str | None]:
    return (lambda _value, _context: NO), None


def _catalogue() -> dict[str, Operator]:
    entries: list[Operator] = []
    strings = {"Equals": (False, False), "EqualsIgnoreCase": (True, False), "Like": (False, True)}
    for suffix, (fold, wildcards) in strings.items():
        entries.append(Operator(f"String{suffix}", _string(fold, wildcards)))
        entries.append(Operator(f"StringNot{suffix}", _string(fold, wildcards), negated=True))
    for suffix in ("Equals", "Like"):
        entries.append(Operator(f"Arn{suffix}", _arn))
        entries.append(Operator(f"ArnNot{suffix}", _arn, negated=True))
    orders = {"LessThan": comparison.lt, "LessThanEquals": comparison.le, "GreaterThan": comparison.gt}
    orders["GreaterThanEquals"] = comparison.ge
    for prefix, what, read in (("Numeric", "number", read_number), ("Date", "date", read_date)):
        equal = _typed(what, read, read, comparison.eq)
        entries.append(Operator(f"{prefix}Equals", equal))
        entries.append(Operator(f"{prefix}NotEquals", equal, negated=True))
        entries.extend(
            Operator(prefix + name, _typed(what, read, read, holds), ordered=True) for name, holds in orders.items()
        )
    address = _typed("IP address or CIDR range", read_network, read_address, in_network)
    entries.append(Operator("IpAddress", address))
    entries.append(Operator("NotIpAddress", address, negated=True))
    entries.append(Operator("Bool", _boolean))
    entries.append(Operator("BinaryEquals", _typed("base64 text", read_binary, read_binary, comparison.eq)))
    entries.append(Operator("Null", _presence))
    return {entry.name.lower(): entry for entry in entries}


OPERATORS: dict[str, Operator] = _catalogue()
__all__ = ["MAYBE", "OPERATORS", "Operator", "Test", "text_of"]
