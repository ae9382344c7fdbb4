# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module's documentation says what its argument spec does, and ansible-doc renders it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.edge import visit
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted(path.stem for path in (ROOT / "library").glob("*.py"))
FRAGMENTS = ROOT / "doc_fragments"
COMPARED = {"type": "str", "required": False, "elements": None, "choices": None, "default": None}


class SpecCaptured(Exception):
    def __init__(self, spec: dict[str, Any]) -> None:
        self.spec = spec


def spec_of(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    import ansible.module_utils.basic as basic

    if name == "edge_facts":  # it runs without Ansible's library; its action plugin holds the options to this
        return visit.ARGUMENT_SPEC

    def capture(self: Any, argument_spec: dict[str, Any], **_: Any) -> None:
        raise SpecCaptured(argument_spec)

    monkeypatch.setattr(basic.AnsibleModule, "__init__", capture)
    module = importlib.import_module(name)
    with patch_module_args({}), pytest.raises(SpecCaptured) as captured:
        module.main()
    return captured.value.spec


def documented(name: str) -> dict[str, Any]:
    document = yaml.safe_load(importlib.import_module(name).DOCUMENTATION)
    options = dict(document.get("options") or {})
    for fragment in document.get("extends_documentation_fragment", []):
        source = (FRAGMENTS / f"{fragment}.py").read_text(encoding="utf-8")
        scope: dict[str, Any] = {}
        exec(compile(source, fragment, "exec"), scope)
        options.update(yaml.safe_load(scope["ModuleDocFragment"].DOCUMENTATION)["options"])
    return options


def differences(spec: dict[str, Any], options: dict[str, Any], where: str) -> list[str]:
    found = [f"{where}.{key}: only in one of the two" for key in set(spec) ^ set(options)]
    for key in set(spec) & set(options):
        for field, default in COMPARED.items():
            ours, theirs = spec[key].get(field, default), options[key].get(field, default)
            if ours != theirs:
                found.append(f"{where}.{key}.{field}: spec {ours!r}, documentation {theirs!r}")
        if not options[key].get("description"):
            found.append(f"{where}.{key}: no description")
        found += differences(spec[key].get("options", {}), options[key].get("suboptions", {}), f"{where}.{key}")
    return found


@pytest.mark.parametrize("name", MODULES)
def test_documentation_matches_the_argument_spec(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert differences(spec_of(name, monkeypatch), documented(name), name) == []


@pytest.mark.parametrize("name", MODULES)
def test_examples_and_return_are_yaml(name: str) -> None:
    module = importlib.import_module(name)
    assert yaml.safe_load(module.EXAMPLES)
    assert yaml.safe_load(module.RETURN)


def test_ansible_doc_renders_every_module() -> None:
    command = [sys.executable, "-m", "ansible", "doc", "--json", "-t", "module", *MODULES]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    rendered = json.loads(answer.stdout)
    assert sorted(rendered) == MODULES
    for name, parts in rendered.items():
        assert parts["doc"]["short_description"], name
        assert parts["examples"], name
        assert parts["return"], name
