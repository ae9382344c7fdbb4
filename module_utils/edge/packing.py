# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs on the controller what reads on an edge, and dnspython with it (library/edge_facts.py imports it there).

What travels is what a visit imports, and of dnspython the part that asking a nameserver needs, without comments and
docstrings: an edge reads its program from standard input and compiles it anew at each visit, so that each line costs
there, and on the way.
"""

from __future__ import annotations

import ast
import base64
import importlib.metadata
import importlib.util
import io
import json
import tokenize
import zlib
from collections.abc import Iterator
from pathlib import Path

from .finding import EdgepathError

# The last release that runs on Python 3.9 (its metadata, Requires-Python); the list of files below is that release's.
DNSPYTHON = "2.7.0"

# What `import dns.message` loads, and the record types that an answer to A, AAAA or NS holds; records of
# other types are read as opaque data (dns.rdata.GenericRdata).
_LOADED = """
__init__ _immutable_ctx edns entropy enum exception flags immutable inet ipv4 ipv6 message name opcode rcode
rdata rdataclass rdataset rdatatype rdtypes/__init__ rdtypes/nsbase rdtypes/ANY/__init__ rdtypes/ANY/CNAME
rdtypes/ANY/DNAME rdtypes/ANY/NS rdtypes/ANY/OPT rdtypes/ANY/SOA rdtypes/ANY/TSIG rdtypes/IN/__init__ rdtypes/IN/A
rdtypes/IN/AAAA renderer rrset serial set tokenizer tsig ttl version wire
"""
# In place of dnspython's search for libraries that extend it: what they are for stays at home, should a node have them.
_FEATURES = "def have(feature):\n    return False\n"
_HERE = Path(__file__).resolve().parent
_ENTRY = "visit"


def pack() -> tuple[str, str | None]:
    """(the program of a visit as base64 text, why dnspython is not in it or None)."""
    texts = dict(_own())
    problem = None
    try:
        texts.update(_dnspython())
    except EdgepathError as error:
        problem = str(error)
    data = json.dumps(texts, sort_keys=True).encode("ascii")
    return base64.b64encode(zlib.compress(data, 9)).decode("ascii"), problem


def _own() -> Iterator[tuple[str, str]]:
    """What a visit imports of this package, as the package ``edge``, wherever it is found here."""
    wanted: list[tuple[str, ...]] = [(_ENTRY,)]
    seen: set[tuple[str, ...]] = set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        path = _HERE.joinpath(*name)
        source = (path / "__init__.py" if path.is_dir() else path.with_suffix(".py")).read_text(encoding="utf-8")
        yield "/".join(("edge", *name, *(("__init__",) if path.is_dir() else ()))) + ".py", bare(source)
        wanted += [name[:depth] for depth in range(len(name))]
        wanted += _imported(source, name if path.is_dir() else name[:-1])


def _imported(source: str, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The modules of this package that a module of `package` imports; all of its imports of them are relative."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or node.level == 0:
            continue  # of Python, or of dnspython
        base = (*package[: len(package) - node.level + 1], *(node.module.split(".") if node.module else ()))
        for name in (base, *((*base, alias.name) for alias in node.names)):
            path = _HERE.joinpath(*name)
            if path.with_suffix(".py").is_file() or path.is_dir():
                yield name


def _dnspython() -> Iterator[tuple[str, str]]:
    """EdgepathError where the controller lacks dnspython or has another release of it."""
    cure = f"install it for the Python that runs Ansible: python -m pip install dnspython=={DNSPYTHON}"
    spec = importlib.util.find_spec("dns")
    if spec is None or not spec.submodule_search_locations:
        raise EdgepathError(f"dnspython is missing on the controller; {cure}")
    try:
        version = importlib.metadata.version("dnspython")
    except importlib.metadata.PackageNotFoundError:
        version = "of an unknown release"
    if version != DNSPYTHON:
        raise EdgepathError(f"dnspython {version} on the controller cannot travel to the edges; {cure}")
    package = Path(spec.submodule_search_locations[0])
    yield "dns/_features.py", _FEATURES
    try:
        for name in _LOADED.split():
            yield f"dns/{name}.py", bare((package / f"{name}.py").read_text(encoding="utf-8"))
    except OSError as error:
        raise EdgepathError(f"cannot read dnspython on the controller: {error}; {cure}") from None
    for file in importlib.metadata.files("dnspython") or ():
        if file.name == "LICENSE":
            yield "dns/LICENSE", file.read_text(encoding="utf-8")


def bare(source: str) -> str:
    """Python source without docstrings, and without lines that hold a comment or nothing."""
    lines = source.splitlines(keepends=True)
    dropped = {number for number, line in enumerate(lines, 1) if not line.strip()}
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT and not token.line[: token.start[1]].strip():
            dropped.add(token.start[0])
        elif token.end[0] > token.start[0]:  # a blank line within a text is part of it
            dropped.difference_update(range(token.start[0], token.end[0] + 1))
    for docstring, alone in _docstrings(ast.parse(source)):
        first, last = docstring.lineno, docstring.end_lineno or docstring.lineno
        dropped.update(range(first, last + 1))
        if alone:  # a block must hold something
            lines[first - 1] = " " * docstring.col_offset + "pass\n"
            dropped.discard(first)
    return "".join(line for number, line in enumerate(lines, 1) if number not in dropped)


def _docstrings(tree: ast.Module) -> Iterator[tuple[ast.Expr, bool]]:
    """Each docstring, and whether its block holds nothing else."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)) or not node.body:
            continue
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
            yield first, len(node.body) == 1
