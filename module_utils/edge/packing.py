# SPDX-License-Identifier: GPL-3.0-or-later
"""Packs dnspython on the controller, so that it travels to an edge with the visit (travel.py unpacks it there).

What travels is the part that asking a nameserver needs, without comments and docstrings: an edge reads its program
from standard input and compiles it anew at each visit, so that each line costs there, and on the way.
"""

from __future__ import annotations

import ast
import base64
import importlib.metadata
import importlib.util
import io
import os
import tokenize
import zipfile
import zlib
from collections.abc import Iterator

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
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: the same files make the same text


def pack() -> str:
    """A zip, compressed as a whole, as base64 text.

    EdgepathError where the controller lacks dnspython or has another release of it.
    """
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
    target = io.BytesIO()
    try:
        with zipfile.ZipFile(target, "w") as archive:
            for name, data in _contents(spec.submodule_search_locations[0]):
                archive.writestr(zipfile.ZipInfo(name, _EPOCH), data)
    except OSError as error:
        raise EdgepathError(f"cannot read dnspython on the controller: {error}; {cure}") from None
    return base64.b64encode(zlib.compress(target.getvalue(), 9)).decode("ascii")


def _contents(package: str) -> Iterator[tuple[str, bytes]]:
    yield "dns/_features.py", _FEATURES.encode()
    for name in _LOADED.split():
        with open(os.path.join(package, f"{name}.py"), encoding="utf-8") as stream:
            yield f"dns/{name}.py", bare(stream.read()).encode()
    for file in importlib.metadata.files("dnspython") or ():
        if file.name == "LICENSE":
            yield "dns/LICENSE", file.read_binary()


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
