#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes a module in one small place after another, and tells which changes no test of the module notices.

    python tests/mutants.py                  all of MODULES
    python tests/mutants.py verdict path     these alone; status 1 where one of their mutants survives

Why no tool from the registry: mutmut 3 changes nothing outside of functions, where this project keeps its tables (the
order of `_WORST` decides a verdict), and knows a module by its path, which is not the name that Ansible gives it
(ansible.module_utils.edge); cosmic-ray changes the files of the checkout itself while it works, begins a new Python and
pytest for each mutant, which takes hours here, and reorders no table either.

Here nothing is written: a mutant is a syntax tree that a forked process compiles in the place of the file's own, under
whatever name the module is imported. What imports slowly is imported once, before the forks.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import copy
import importlib.machinery
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
EDGE = ROOT / "module_utils" / "edge"
# By the module, the tests that are to notice its mutants: patterns below tests/unit. Of a module that is a folder, too.
MODULES = {
    "finding": ("core/test_finding.py", "core/test_verdict.py"),
    "verdict": ("core/test_verdict.py",),
    "path": ("core/test_path.py", "core/test_verdict.py"),
    "missing": ("core/test_missing.py",),
    "merge": ("core/test_merge.py",),
    "latest": ("core/test_latest.py",),
    "visible": ("core/test_visible.py",),
    "aws": ("core/test_aws*.py",),
    "converge/journal": ("converge/test_rollback.py", "converge/test_execute.py"),
    "converge/work": ("converge/test_work*.py", "converge/test_execute.py", "converge/test_node_actions.py"),
    "redaction/shapes": ("redaction/test_secrets.py", "redaction/test_ordinary.py"),
    "redaction/choose": ("redaction/test_secrets.py", "redaction/test_ordinary.py"),
}
# A mutant that takes so many times as long as the module itself does not end.
PATIENCE = 5
# Without the plugins that happen to be installed, but for the one that draws examples: half of the time was theirs.
_OPTIONS = ("-x", "-q", "-p", "no:cacheprovider", "-p", "_hypothesis_pytestplugin", "--hypothesis-seed=1")

# In a few words, and what makes it in a copy of the node.
Change = tuple[str, Callable[[Any], None]]
_SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.And: ast.Or, ast.Or: ast.And,
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.BitOr: ast.BitAnd, ast.BitAnd: ast.BitOr,
}  # fmt: skip
_CALLS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "set": "list"}


@dataclass(frozen=True)
class Mutant:
    """line: of the file.  what: the change in a few words.  tree: the module with it."""

    line: int
    what: str
    tree: ast.Module


def mutants(source: str) -> Iterator[Mutant]:
    """Each change of the source that this file knows, one at a time."""
    tree = ast.parse(source)
    places = [node for node in ast.walk(tree) if hasattr(node, "lineno") or isinstance(node, ast.Module)]
    untouched = set(map(id, _untouched(tree)))
    asked_for = {id(each) for node in places if isinstance(node, ast.Compare) for each in node.comparators}
    for number, node in enumerate(places):
        if id(node) in untouched:
            continue
        for what, change in _changes(node):
            if id(node) in asked_for and what.endswith("change places"):
                continue  # where something is only looked for in it, the order says nothing
            mutated = copy.deepcopy(tree)
            again = [each for each in ast.walk(mutated) if hasattr(each, "lineno") or isinstance(each, ast.Module)]
            change(again[number])
            if ast.dump(mutated) != ast.dump(tree):
                yield Mutant(getattr(node, "lineno", 0), what, ast.fix_missing_locations(mutated))


def _untouched(tree: ast.AST) -> Iterator[ast.AST]:
    """What changes nothing that runs, or a wording alone: annotations, docstrings, the text of f-strings, imports."""
    for node in ast.walk(tree):
        wholes: list[ast.AST | None] = []
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            wholes = [node.returns, *(each.annotation for each in ast.walk(node.args) if isinstance(each, ast.arg))]
        elif isinstance(node, ast.AnnAssign):
            wholes = [node.annotation]
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            wholes = [node]
        elif isinstance(node, ast.JoinedStr):
            yield from (each for each in node.values if isinstance(each, ast.Constant))
            wholes = [each.format_spec for each in node.values if isinstance(each, ast.FormattedValue)]
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            wholes = [node]
        for whole in wholes:
            if whole is not None:
                yield from ast.walk(whole)


def _changes(node: ast.AST) -> Iterator[Change]:
    for each in (_of_operators, _of_values, _of_tables, _of_statements):
        yield from each(node)


def _of_operators(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Compare):
        for place, old in enumerate(node.ops):
            if type(old) in _SWAPS:
                yield _named(old), partial(_other_comparison, place, _SWAPS[type(old)])
    elif isinstance(node, (ast.BoolOp, ast.BinOp, ast.AugAssign)) and type(node.op) in _SWAPS:
        yield _named(node.op), partial(_set, "op", _SWAPS[type(node.op)]())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.Not, ast.USub)):
        yield f"without {type(node.op).__name__}", _bare
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
        yield f"{node.func.id} -> {_CALLS[node.func.id]}", _other_call
    elif isinstance(node, (ast.IfExp, ast.If, ast.While)):
        yield "condition negated", lambda found: _set("test", ast.UnaryOp(ast.Not(), found.test), found)


def _set(name: str, value: object, found: ast.AST) -> None:
    setattr(found, name, value)


def _other_comparison(place: int, new: type[ast.AST], found: Any) -> None:
    found.ops[place] = new()


def _bare(found: Any) -> None:
    """`not x` becomes `not not x`, and `-1` becomes `+1`."""
    if isinstance(found.op, ast.USub):
        found.op = ast.UAdd()
    else:
        found.operand = ast.UnaryOp(ast.Not(), found.operand)


def _named(old: ast.AST) -> str:
    return f"{type(old).__name__} -> {_SWAPS[type(old)].__name__}"


def _other_call(found: ast.AST) -> None:
    assert isinstance(found, ast.Call) and isinstance(found.func, ast.Name)
    new = _CALLS[found.func.id]
    if new == "list":
        found.args, found.keywords = found.args[:1], []
    found.func.id = new


def _of_values(node: ast.AST) -> Iterator[Change]:
    if isinstance(node, ast.Constant):
        value = node.value
        if isinstance(value, bool):
            yield f"{value} -> {not value}", partial(_set, "value", not value)
        elif isinstance(value, (int, float)):
            yield f"{value} -> {value + 1}", partial(_set, "value", value + 1)
        elif isinstance(value, str):
            yield f"{value[:30]!r} -> another text", partial(_set, "value", f"{value}~")
    elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
        yield "returns None", partial(_set, "value", ast.Constant(None))


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _of_tables(node: ast.AST) -> Iterator[Change]:
    """A tuple or list of words: two that change places, and one that is lost."""
    if isinstance(node, (ast.Tuple, ast.List)) and isinstance(node.ctx, ast.Load):
        words = [isinstance(each, ast.Constant) for each in node.elts]
        for place in range(len(words) - 1):
            if words[place] and words[place + 1]:
                yield f"elements {place} and {place + 1} change places", partial(_swapped, place)
        for place in range(len(words)):
            if words[place] and len(words) > 1:
                yield f"element {place} is lost", partial(_lost, place)


def _swapped(place: int, found: Any) -> None:
    found.elts.insert(place, found.elts.pop(place + 1))


def _lost(place: int, found: Any) -> None:
    found.elts.pop(place)


def _of_statements(node: ast.AST) -> Iterator[Change]:
    for name in ("body", "orelse", "finalbody"):
        block = getattr(node, name, None)
        for place, each in enumerate(block if isinstance(block, list) else ()):
            call = isinstance(each, ast.Expr) and isinstance(each.value, (ast.Call, ast.Yield, ast.YieldFrom))
            if call or isinstance(each, (ast.AugAssign, ast.Raise, ast.Continue, ast.Break, ast.Delete)):
                yield f"line {each.lineno} is dropped", partial(_dropped, name, place)


def _dropped(block: str, place: int, found: ast.AST) -> None:
    getattr(found, block)[place] = ast.Pass()


# --- running ---------------------------------------------------------------------------------------------------------


def tests_of(module: str) -> list[str]:
    return sorted({str(path) for pattern in MODULES[module] for path in (ROOT / "tests" / "unit").glob(pattern)})


def child(path: Path, tree: ast.Module | None, tests: list[str], seconds: float) -> int:
    """Begin the tests in a process in which the file is that tree; its process id."""
    process = os.fork()
    if process:
        return process
    status = 3
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)  # the signal's own action ends the process
        silence = os.open(os.devnull, os.O_RDWR)
        for handle in (0, 1, 2):
            os.dup2(silence, handle)
        if tree is not None:
            _imported_as(path, tree)
        status = int(pytest.main([*_OPTIONS, *tests]))
    finally:
        os._exit(status)


def _imported_as(path: Path, tree: ast.Module) -> None:
    """Let whoever imports the file get what the tree says."""
    own = importlib.machinery.SourceFileLoader.get_code

    def get_code(loader: importlib.machinery.SourceFileLoader, name: str) -> object:
        if os.path.realpath(loader.path) == str(path):
            return compile(tree, str(path), "exec")
        return own(loader, name)

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign,assignment]


def survivors(module: str, jobs: int) -> tuple[int, list[Mutant]]:
    """How many mutants the module has, and those that no test noticed."""
    path, tests = EDGE / f"{module}.py", tests_of(module)
    begun = time.monotonic()
    _, status = os.waitpid(child(path, None, tests, 600), 0)
    if status != 0 or not tests:
        raise SystemExit(f"{module}: its own tests do not pass, or there are none: {', '.join(tests)}")
    patience = 10 + PATIENCE * jobs * (time.monotonic() - begun)
    waiting, left, running = list(mutants(path.read_text(encoding="utf-8"))), [], {}
    total = len(waiting)
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop(0)
            running[child(path, mutant.tree, tests, patience)] = mutant
        process, status = os.wait()
        mutant = running.pop(process)
        if status == 0:
            left.append(mutant)
    return total, sorted(left, key=lambda mutant: mutant.line)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of {', '.join(MODULES)}")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args()
    unknown = [name for name in given.modules if name not in MODULES]
    if unknown:
        parser.error(f"{', '.join(unknown)}: not among {', '.join(MODULES)}")
    for slow in ("ansible.module_utils.basic", "ansible.module_utils.testing", "boto3", "hypothesis", "yaml"):
        with contextlib.suppress(ImportError):
            importlib.import_module(slow)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(ROOT)
    all_of_them = all_left = 0
    for module in given.modules or MODULES:
        total, left = survivors(module, max(1, given.jobs))
        print(f"{module}: {total - len(left)} of {total} noticed ({1 - len(left) / max(1, total):.1%})", flush=True)
        for mutant in left:
            print(f"  module_utils/edge/{module}.py:{mutant.line}: {mutant.what}", flush=True)
        all_of_them, all_left = all_of_them + total, all_left + len(left)
    print(f"score: {1 - all_left / max(1, all_of_them):.1%} of {all_of_them} mutants")
    return 1 if all_left else 0


if __name__ == "__main__":
    sys.exit(main())
