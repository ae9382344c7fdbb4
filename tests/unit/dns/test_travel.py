# SPDX-License-Identifier: GPL-3.0-or-later
"""dnspython reaches a Python that has nothing installed, works there, and leaves no file."""

from __future__ import annotations

import ast
import base64
import importlib.util
import io
import json
import os
import subprocess
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
from ansible.module_utils.edge import packing, travel
from ansible.module_utils.edge.finding import EdgepathError

from lab.nameserver import NameServer

ROOT = Path(__file__).resolve().parents[3]
ZONES = {"s3.example": {"A": ["192.0.2.1", "192.0.2.2"], "ttl": 7}, "www.s3.example": {"CNAME": "s3.example"}}

# Runs on the bare Python: `edge` is found as a plain package, as it is not below Ansible there.
PROGRAM = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
request = json.load(sys.stdin)
if request["without_memfd"]:
    os.__dict__.pop("memfd_create", None)
if request["without_proc"]:
    isdir = os.path.isdir
    os.path.isdir = lambda path: path != "/proc/self/fd" and isdir(path)
from edge import travel
from edge.dns.query import ask
path = travel.unpack(request["packed"])
import dns
asked = {"name": "www.s3.example", "type": "A", "transport": request["transport"], "edns": None}
answer = ask("127.0.0.1", request["port"], asked, 5.0)
print(json.dumps({"path": path, "dns": dns.__file__, "answer": answer, "python": sys.version_info[:2]}))
"""


def _pythons() -> list[str]:
    found = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"))
    return [str(path) for path in found[:1]] or [sys.executable]


def _run(tmp_path: Path, **request: object) -> dict[str, object]:
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    request = {"without_memfd": False, "without_proc": False, "transport": "udp", **request}
    done = subprocess.run(
        [_pythons()[0], "-B", "-S", "-I", str(tmp_path / "program.py"), str(ROOT / "module_utils")],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        timeout=60,
        env={"TMPDIR": str(temporary), "PATH": os.defpath},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
    return dict(json.loads(done.stdout))


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(
    ("without", "place"),
    [
        ({}, "/proc/self/fd/"),
        ({"without_memfd": True}, "/proc/self/fd/"),
        ({"without_memfd": True, "without_proc": True}, "/"),
    ],
    ids=["memory", "nameless file", "temporary file"],
)
def test_resolves_on_a_bare_python_and_leaves_nothing(tmp_path, transport, without, place):
    with NameServer(ZONES) as server:
        result = _run(tmp_path, packed=packing.pack(), port=server.port, transport=transport, **without)
    assert result["path"].startswith(place)
    assert result["dns"] == f"{result['path']}/dns/__init__.py"
    assert result["answer"]["answers"] == ["192.0.2.1", "192.0.2.2"]
    assert result["answer"]["cnames"] == ["s3.example"]
    assert ("www.s3.example", "A") in {query[1:] for query in server.queries}


def test_is_small_and_the_same_every_time():
    packed = packing.pack()
    assert packed == packing.pack()
    assert len(packed) < 64 * 1024


def _packed_files() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(zlib.decompress(base64.b64decode(packing.pack())))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_carries_the_licence_of_dnspython():
    assert b"Dnspython Contributors" in _packed_files()["dns/LICENSE"]


class _WithoutDocstrings(ast.NodeTransformer):
    def generic_visit(self, node):
        super().generic_visit(node)
        documented = isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        if documented and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:] or [ast.Pass()]
        return node


def _meaning(source):
    return ast.dump(_WithoutDocstrings().visit(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        '"""Doc."""\n\nx = 1  # kept\n# gone\n',
        'class A:\n    """Doc."""\n',
        'def f():\n    """Doc\n\n    more"""\n    return """a\n\n# b\n"""\n',
        'def f(x):\n    return f"""a\n\n{x}\n\n# b"""\n',
        "x = (\n    # why\n\n    1,\n)\n",
        'async def f():\n    "one"\n    return "two"\n',
    ],
)
def test_bare_source_means_the_same(source):
    assert _meaning(packing.bare(source)) == _meaning(source)


def test_what_travels_means_what_dnspython_means():
    package = Path(importlib.util.find_spec("dns").submodule_search_locations[0]).parent
    for name, data in _packed_files().items():
        if name.endswith(".py") and name != "dns/_features.py":
            assert _meaning(data.decode()) == _meaning((package / name).read_text(encoding="utf-8")), name


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", base64.b64encode(b"no zip").decode(), packing.pack()[: 4 * 1000]],
    ids=["empty", "no base64", "no zip", "cut"],
)
def test_a_damaged_text_is_one_sentence(text):
    before = list(sys.path)
    with pytest.raises(EdgepathError, match="did not arrive whole"):
        travel.unpack(text)
    assert sys.path == before


def test_another_release_does_not_travel(monkeypatch):
    monkeypatch.setattr(packing.importlib.metadata, "version", lambda _: "2.9.2")
    with pytest.raises(EdgepathError, match=r"dnspython 2\.9\.2 .* pip install dnspython==2\.7\.0"):
        packing.pack()


def test_missing_on_the_controller(monkeypatch):
    monkeypatch.setattr(packing.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(EdgepathError, match="dnspython is missing on the controller"):
        packing.pack()
