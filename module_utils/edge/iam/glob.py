# SPDX-License-Identifier: GPL-3.0-or-later
"""Wildcard matching without backtracking: `*` is any run of characters, `?` is exactly one, all else is itself.

A pattern is a list of tokens: a str is literal text, the integers below are wildcards. Matching is always of the whole
text, case-sensitive, and the text is never read as a pattern (a key may hold `*`, `?` or a newline). Literal runs
between stars are found leftmost-first, which is exact for `*`; every other shape runs as a bit-parallel automaton whose
cost is len(text) machine operations on len(pattern) bits, whatever the pattern.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable, Union

ANY = 0
ONE = 1
# As ANY and ONE, but never a colon: wildcards inside one of the first five segments of an ARN.
ANY_IN_SEGMENT = 2
ONE_IN_SEGMENT = 3

Token = Union[str, int]
Matcher = Callable[[str], bool]


def always(_text: str) -> bool:
    """The matcher of the lone `*`."""
    return True


def tokenize(pattern: str) -> list[Token]:
    """Split a pattern into literal runs and wildcards; runs of `*` become one."""
    tokens: list[Token] = []
    start = 0
    for position, char in enumerate(pattern):
        if char != "*" and char != "?":
            continue
        if position > start:
            tokens.append(pattern[start:position])
        tokens.append(ANY if char == "*" else ONE)
        start = position + 1
    if start < len(pattern):
        tokens.append(pattern[start:])
    return tokens


def compile_glob(pattern: str) -> Matcher:
    """Compile a pattern such as "GetObject*" into a predicate on the whole text."""
    return compile_tokens(tokenize(pattern))


def compile_tokens(tokens: Sequence[Token]) -> Matcher:
    """Compile tokens into a predicate; picks the cheapest exact method for the shape of the pattern."""
    tokens = _merge(tokens)
    if all(isinstance(token, str) or token == ANY for token in tokens):
        return _compile_runs(tokens)
    return _compile_automaton(tokens)


def _merge(tokens: Sequence[Token]) -> list[Token]:
    merged: list[Token] = []
    for token in tokens:
        if merged and isinstance(token, str) and isinstance(merged[-1], str):
            merged[-1] += token
        elif merged and token == ANY and merged[-1] in (ANY, ANY_IN_SEGMENT):
            merged[-1] = ANY
        elif merged and token == ANY_IN_SEGMENT and merged[-1] in (ANY, ANY_IN_SEGMENT):
            continue
        elif token != "":
            merged.append(token)
    return merged


def _compile_runs(tokens: Sequence[Token]) -> Matcher:
    literals = [token for token in tokens if isinstance(token, str)]
    if len(tokens) == len(literals):
        exact = "".join(literals)
        return lambda text: text == exact
    if not literals:
        return always
    prefix = literals.pop(0) if isinstance(tokens[0], str) else ""
    suffix = literals.pop() if literals and isinstance(tokens[-1], str) else ""
    if not literals and not suffix:
        return lambda text: text.startswith(prefix)
    least = len(prefix) + len(suffix) + sum(map(len, literals))
    middles = tuple(literals)

    def match(text: str) -> bool:
        if len(text) < least or not text.startswith(prefix) or not text.endswith(suffix):
            return False
        position, end = len(prefix), len(text) - len(suffix)
        for run in middles:
            found = text.find(run, position, end)
            if found < 0:
                return False
            position = found + len(run)
        return True

    return match


def _compile_automaton(tokens: Sequence[Token]) -> Matcher:
    """State i means: the first i symbols are matched. The set of states is one integer, bit i for state i."""
    literal: dict[str, int] = {}
    wild = {ANY: 0, ONE: 0, ANY_IN_SEGMENT: 0, ONE_IN_SEGMENT: 0}
    size = 0
    for token in tokens:
        if isinstance(token, str):
            for char in token:
                literal[char] = literal.get(char, 0) | 1 << size
                size += 1
        else:
            wild[token] |= 1 << size
            size += 1
    # What a state may step over, and where it may stay: for a colon, and for every other character.
    step_colon, stay_colon = wild[ONE], wild[ANY]
    step_other, stay_other = step_colon | wild[ONE_IN_SEGMENT], stay_colon | wild[ANY_IN_SEGMENT]
    stars, final = stay_other, 1 << size
    least = size - bin(stars).count("1")

    def match(text: str) -> bool:
        if len(text) < least:
            return False
        states = 1
        states |= (states & stars) << 1
        for char in text:
            step, stay = (step_colon, stay_colon) if char == ":" else (step_other, stay_other)
            states = (states & (literal.get(char, 0) | step)) << 1 | states & stay
            states |= (states & stars) << 1
            if not states:
                return False
        return bool(states & final)

    return match
