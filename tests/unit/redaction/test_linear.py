# SPDX-License-Identifier: GPL-3.0-or-later
"""The work grows with the text, and no faster. Counted, not timed: calls, and repetitions within repetitions."""

from __future__ import annotations

import ast
import importlib.util
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.module_utils.edge import redaction
from ansible.module_utils.edge.redaction.choose import KINDS, redact

if sys.version_info >= (3, 11):
    from re import _constants as constants
    from re import _parser as parser
else:
    import sre_constants as constants
    import sre_parse as parser

HERE = Path(next(iter(redaction.__path__)))
_spec = importlib.util.spec_from_file_location("redaction_benchmark", HERE.parents[2] / "benchmarks/redaction.py")
assert _spec is not None and _spec.loader is not None
benchmark = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(benchmark)
_REPEATS = (constants.MAX_REPEAT, constants.MIN_REPEAT)


def calls(text: str, kind: str) -> int:
    """How many functions are called, Python's own included."""
    count = 0

    def seen(frame: object, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        redact(text, kind)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize("name", sorted(benchmark.TEXTS))
def test_twice_the_text_is_no_more_than_about_twice_the_calls(name: str) -> None:
    for kind in KINDS:
        make = benchmark.TEXTS[name]
        small, large = calls(make(400), kind), calls(make(1600), kind)
        assert large <= 4.6 * small + 400, (kind, small, large)


def patterns() -> Iterator[tuple[str, str]]:
    """The expressions of the package, as they are written."""
    for path in sorted(HERE.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            compiles = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if compiles and getattr(node.func.value, "id", "") == "re" and node.args:
                yield path.name, ast.unparse(node.args[0])


def unbounded(parsed: object, inside: bool = False) -> Iterator[str]:
    """Repetitions without an end inside of others, where the inner could be the whole of the outer's turn."""
    for operator, argument in parsed:  # type: ignore[attr-defined]
        if operator in _REPEATS:
            _, most, body = argument
            endless = most is constants.MAXREPEAT
            if endless and inside and len(body) == 1:
                yield str(argument)
            yield from unbounded(body, inside or (endless and len(body) == 1))
        elif operator is constants.SUBPATTERN:
            yield from unbounded(argument[3], inside)
        elif operator is constants.BRANCH:
            for branch in argument[1]:
                yield from unbounded(branch, inside)


@pytest.mark.parametrize(("file", "written"), list(patterns()))
def test_no_expression_repeats_a_repetition(file: str, written: str) -> None:
    names = {"REDACTED": redaction.shapes.REDACTED}
    pattern = eval(written, {"__builtins__": {}}, names)  # noqa: S307 - our own literals
    assert not list(unbounded(parser.parse(pattern)))
    assert re.compile(pattern)


def test_that_such_an_expression_would_be_found() -> None:
    assert list(unbounded(parser.parse("(?:a+)+b"))) and not list(unbounded(parser.parse("a+b*(?:c+d)*")))
