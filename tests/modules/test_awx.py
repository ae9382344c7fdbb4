# SPDX-License-Identifier: GPL-3.0-or-later
"""awx/ against the collection that runs it: each task's arguments through the argument spec of its own module.

No AWX is asked: what is known is that its modules take these arguments, and that names refer to what is made before.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from dateutil.rrule import rrulestr

ROOT = Path(__file__).resolve().parents[2]
AWX = ROOT / "awx"
# The `ansible` package of requirements-test.lock brings the collection up to its release for Python 3.11.
REASON = (
    "the collection awx.awx is not installed"
    if sys.version_info < (3, 12)
    else "cannot run here because the `ansible` package for this Python comes without the collection awx.awx"
)


class Captured(Exception):
    def __init__(self, spec: dict[str, Any], rules: dict[str, Any]) -> None:
        self.spec, self.rules = spec, rules


def spec_of(module: str, monkeypatch: pytest.MonkeyPatch) -> Captured:
    """The argument spec that a module of the collection declares, with that of its connection."""
    shared = pytest.importorskip("ansible_collections.awx.awx.plugins.module_utils.controller_api", reason=REASON)

    def capture(self: Any, argument_spec: dict[str, Any], direct_params: Any = None, **rules: Any) -> None:
        raise Captured({**shared.ControllerAPIModule.AUTH_ARGSPEC, **argument_spec}, rules)

    code = importlib.import_module(f"ansible_collections.awx.awx.plugins.modules.{module}")
    monkeypatch.setattr(shared.ControllerAPIModule, "__init__", capture)
    with pytest.raises(Captured) as captured:
        code.main()
    return captured.value


def load(name: str) -> Any:
    return DataLoader().load_from_file(str(AWX / name), trusted_as_template=True)


VARIABLES = {key: value for name in ("defaults.yml", "credential_types.yml", "survey.yml")
             for key, value in load(name).items()}  # fmt: skip
TASKS = load("define.yml")[0]["tasks"]


def plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def rendered(task: dict[str, Any]) -> list[dict[str, Any]]:
    """The arguments of a task, one for each round of its loop."""
    [module] = [key for key in task if key.startswith("awx.awx.")]
    templar = Templar(DataLoader(), variables=VARIABLES)
    items = templar.template(task["loop"]) if "loop" in task else [None]
    found = []
    for item in items:
        templar.available_variables = {**VARIABLES, "item": item}
        found.append(plain(templar.template(task[module])))
    return found


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task["name"])
def test_the_collection_takes_these_arguments(task: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    [module] = [key for key in task if key.startswith("awx.awx.")]
    spec = spec_of(module.removeprefix("awx.awx."), monkeypatch)
    for arguments in rendered(task):
        assert "{{ awx" not in json.dumps(arguments)
        result = ArgumentSpecValidator(spec.spec, **spec.rules).validate(arguments)
        assert result.error_messages == []


def of(module: str) -> list[dict[str, Any]]:
    return [each for task in TASKS if f"awx.awx.{module}" in task for each in rendered(task)]


def test_everything_that_is_named_is_made() -> None:
    templates = of("job_template")
    made = {kind: {each["name"] for each in of(kind)} for kind in ("project", "inventory", "execution_environment")}
    for template in templates:
        assert template["project"] in made["project"]
        assert template["inventory"] in made["inventory"]
        assert template["execution_environment"] in made["execution_environment"]
        assert (ROOT / template["playbook"]).exists()
    [workflow] = of("workflow_job_template")
    nodes = {node["identifier"]: node["unified_job_template"]["name"] for node in workflow["workflow_nodes"]}
    assert set(nodes.values()) == {template["name"] for template in templates}
    assert of("schedule")[0]["unified_job_template"] == workflow["name"]
    types = {each["name"] for each in of("credential_type")}
    assert {name for template in templates for name in template["credentials"]} <= types


def test_what_jobs_are_given_the_roles_know() -> None:
    known: set[str] = set()
    for path in (ROOT / "roles").glob("*/meta/argument_specs.yml"):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8"))["argument_specs"].values():
            known |= set(entry["options"])
    asked = {each["variable"] for each in VARIABLES["awx_survey"]["spec"]}
    given = {name for template in of("job_template") for name in template["extra_vars"]}
    assert asked | given <= known


def test_the_schedule_is_a_rule_that_comes_again() -> None:
    start, _, rule = of("schedule")[0]["rrule"].partition(" ")
    assert start.startswith("DTSTART;TZID=Europe/London:")
    times = rrulestr(f"DTSTART:{start.rpartition(':')[2]}\n{rule}")
    assert [time.strftime("%F %R") for time in times[:2]] == ["2026-01-01 02:30", "2026-01-02 02:30"]


def test_credentials_give_what_they_ask_for_and_nothing_else() -> None:
    for kind in of("credential_type"):
        fields = {field["id"] for field in kind["inputs"]["fields"]}
        assert set(kind["inputs"].get("required", [])) <= fields
        text = json.dumps(kind["injectors"])
        assert all(f"{{{{ {name}" in text for name in fields)
        files = {name.removeprefix("template.") for name in kind["injectors"].get("file", {})}
        assert all(f"tower.filename.{name}" in text for name in files)
        secret = [field for field in kind["inputs"]["fields"] if "secret" in field["id"] or field["id"][-3:] == "key"]
        assert all(field.get("secret") for field in secret)
