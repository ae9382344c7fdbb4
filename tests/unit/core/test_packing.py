# SPDX-License-Identifier: GPL-3.0-or-later
"""What reads on an edge reaches a Python that has nothing installed, works there, and leaves no file."""

from __future__ import annotations

import ast
import base64
import importlib.util
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

import edge_facts
import pytest
from ansible.module_utils.edge import packing

from lab.nameserver import NameServer

ROOT = Path(__file__).resolve().parents[3]
MODULE = (ROOT / "library/edge_facts.py").read_text(encoding="utf-8")
MARK = "<<INCLUDE_ANSIBLE_MODULE_JSON_ARGS>>"
ZONES = {"s3.example": {"A": ["192.0.2.1", "192.0.2.2"], "ttl": 7}, "www.s3.example": {"CNAME": "s3.example"}}
PACKED, PROBLEM = packing.pack()

# In place of the visit: one question to a nameserver, by the libraries that came along.
ASKING = """
import sys
from edge.dns.query import ask
import dns
def answer(options):
    asked = {"name": "www.s3.example", "type": "A", "transport": options["transport"], "edns": None}
    said = ask("127.0.0.1", options["port"], asked, 5.0)
    return {"dns": dns.__spec__.origin, "answer": said, "python": sys.version_info[:2], "argv": sys.argv}
"""


def _pythons() -> list[str]:
    found = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"))
    return [str(path) for path in found[:1]] or [sys.executable]


def _run(tmp_path: Path, text: str = MODULE, **options: object) -> dict[str, object]:
    """What the module says, piped to a bare Python as Ansible does."""
    temporary, home = tmp_path / "tmp", tmp_path / "home"
    temporary.mkdir()
    # A directory whose files would take the place of what travels, were it on the path.
    (home / "dns").mkdir(parents=True)
    (home / "dns/__init__.py").write_text("raise SystemExit('the dnspython of the node')", encoding="utf-8")
    for name in ("json", "zlib", "queue", "calendar"):
        (home / f"{name}.py").write_text("raise SystemExit('imported from the working directory')", encoding="utf-8")
    done = subprocess.run(
        [_pythons()[0]],
        input=text.replace(MARK, json.dumps(options)),
        capture_output=True,
        text=True,
        timeout=60,
        cwd=home,
        env={"TMPDIR": str(temporary), "PATH": os.defpath, "HOME": str(home)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert list(temporary.iterdir()) == []
    assert not list(home.rglob("__pycache__"))
    return dict(json.loads(done.stdout))


def _with(name: str, text: str) -> str:
    texts = {**edge_facts.unpack(PACKED), name: text}
    return base64.b64encode(zlib.compress(json.dumps(texts).encode())).decode()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_resolves_on_a_bare_python_and_leaves_nothing(tmp_path, transport):
    with NameServer(ZONES) as server:
        program = _with("edge/visit.py", ASKING)
        result = _run(tmp_path, program=program, port=server.port, transport=transport)
    assert result["dns"] == "edgepath:dns/__init__.py"
    assert result["answer"]["answers"] == ["192.0.2.1", "192.0.2.2"]
    assert result["answer"]["cnames"] == ["s3.example"]
    assert ("www.s3.example", "A") in {query[1:] for query in server.queries}


def test_a_whole_visit_on_a_bare_python(tmp_path):
    (tmp_path / "root/etc").mkdir(parents=True)
    (tmp_path / "root/etc/resolv.conf").write_text("search example.com\n", encoding="utf-8")
    quoted = 'it\'s """quoted""" \\'  # the options stand in a text of the program
    edge = {
        "name": "leeds-1",
        "root": str(tmp_path / "root"),
        "bucket": "recordings",
        "region": "eu-west-2",
        "prefix": quoted,
    }
    result = _run(tmp_path, program=PACKED, edge=edge, sections=["dns", "host", "timeouts", "log"])
    assert "failed" not in result, result["msg"]
    assert set(result["edge_facts"]) == {"dns", "host", "timeouts", "log"}
    assert result["edge_facts"]["dns"]["resolv_conf"]["search"] == ["example.com"]
    assert result["unread"] == {} and result["changed"] is False


def test_wrong_options_are_one_sentence(tmp_path):
    result = _run(tmp_path, program=PACKED, edge={"name": "london-1", "buket": "b"}, sections=["dns"])
    assert result["failed"] is True
    assert "buket" in result["msg"] and "\n" not in result["msg"]


def test_an_old_python_is_told_so(tmp_path):
    result = _run(tmp_path, MODULE.replace("OLDEST = (3, 9)", "OLDEST = (3, 99)"), program=PACKED)
    assert result["failed"] is True
    assert "it takes 3.99; name one in ansible_python_interpreter" in result["msg"]


def test_is_small_and_the_same_every_time():
    assert packing.pack() == (PACKED, PROBLEM) == (PACKED, None)
    # A tenth of a second on a line of 12 Mbit/s; a quarter of it are the vocabularies of what may be shown.
    assert len(PACKED) < 160 * 1024


def test_nothing_travels_that_a_visit_does_not_import():
    own = {name for name in edge_facts.unpack(PACKED) if name.startswith("edge/")}
    program = (
        "import sys, edge.visit, edge.dns.query\nprint(*(name for name in sys.modules if name.startswith('edge')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT / "module_utils"
    )
    imported = {name.replace(".", "/") for name in done.stdout.split()}
    assert imported <= {name[: -len(".py")].removesuffix("/__init__") for name in own}
    # Beyond these, only what is imported when it is needed.
    assert len(own) <= len(imported) + 5


def test_what_travels_imports_nothing_of_ansible():
    for name, text in edge_facts.unpack(PACKED).items():
        assert "ansible" not in {part for line in text.splitlines() if "import " in line for part in line.split(".")}, (
            name
        )


def test_carries_the_licence_of_dnspython():
    assert "Dnspython Contributors" in edge_facts.unpack(PACKED)["dns/LICENSE"]


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


def test_what_travels_means_what_it_means_here():
    package = Path(importlib.util.find_spec("dns").submodule_search_locations[0]).parent
    for name, text in edge_facts.unpack(PACKED).items():
        if name.endswith(".py") and name != "dns/_features.py":
            home = package if name.startswith("dns/") else ROOT / "module_utils"
            assert _meaning(text) == _meaning((home / name).read_text(encoding="utf-8")), name


@pytest.mark.parametrize(
    "text",
    ["", "not base64!", base64.b64encode(b"not packed").decode(), PACKED[: 4 * 1000]],
    ids=["empty", "no base64", "not packed", "cut"],
)
def test_a_damaged_program_is_one_sentence(tmp_path, text):
    result = _run(tmp_path, program=text)
    assert result["failed"] is True
    assert result["msg"].startswith("the program did not arrive whole on the edge")


def test_another_release_does_not_travel(monkeypatch):
    monkeypatch.setattr(packing.importlib.metadata, "version", lambda _: "2.9.2")
    program, problem = packing.pack()
    assert "dnspython 2.9.2 on the controller" in problem and "pip install dnspython==2.7.0" in problem
    assert not any(name.startswith("dns/") for name in edge_facts.unpack(program))


def test_missing_on_the_controller(monkeypatch):
    monkeypatch.setattr(packing.importlib.util, "find_spec", lambda _: None)
    program, problem = packing.pack()
    assert problem.startswith("dnspython is missing on the controller")
    assert "edge/visit.py" in edge_facts.unpack(program)
