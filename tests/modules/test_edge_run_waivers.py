# SPDX-License-Identifier: GPL-3.0-or-later
"""Waivers from the inventory's variables to run.json: collected by the filter, validated by edge_run."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError, AnsibleUndefinedVariable
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
MODULE = importlib.import_module("edge_run")
SPEC = importlib.util.spec_from_file_location("filter_edge_waivers", ROOT / "filter_plugins" / "edge_waivers.py")
assert SPEC is not None
assert SPEC.loader is not None
FILTER = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(FILTER)

WAIVER = {"check": "BUCKET-07", "scope": {"groups": "em*"}, "reason": "why", "approver": "who", "ticket": "T-1",
          "expires": "2027-01-31"}  # fmt: skip
EDGE = {"name": "london", "bucket": "recordings", "region": "eu-west-2"}


class Broken(dict):  # type: ignore[type-arg]
    def __getitem__(self, key: str) -> Any:
        if key == "edge_waivers":
            raise AnsibleUndefinedVariable("'nothing' is undefined")
        return super().__getitem__(key)


def test_a_list_of_a_group_is_there_once_with_its_hosts() -> None:
    hostvars = {name: {"edge_waivers": [dict(WAIVER)], "group_names": ["edges"]} for name in ("a", "b")}
    hostvars["c"] = {"edge_waivers": [{**WAIVER, "ticket": "T-2"}], "edge_waivers_file": "/w.yml", "group_names": []}
    hostvars["d"] = {"edge_waivers": [], "group_names": ["edges"]}
    told = FILTER.edge_waivers(list("abcd"), hostvars, list("abcde"))
    assert [(sorted(source), source["hosts"]) for source in told["sources"]] == [
        (["hosts", "waivers"], ["a", "b"]), (["hosts", "waivers"], ["c"]), (["file", "hosts"], ["c"]),
    ]  # fmt: skip
    assert told["groups"]["a"] == ["edges"]
    assert told["partial"] is True
    assert FILTER.edge_waivers(["d"], hostvars, ["d"]) == {"sources": [], "groups": {}, "partial": False}


def test_waivers_that_cannot_be_resolved_are_an_error() -> None:
    with pytest.raises(AnsibleFilterError, match="edge a: edge_waivers cannot be resolved: .*undefined"):
        FILTER.edge_waivers(["a"], {"a": Broken(edge_waivers=[])})


def begin(capsys: pytest.CaptureFixture[str], runs: Path, *sources: dict[str, Any], **options: Any) -> dict[str, Any]:
    waivers = {"sources": list(sources), "groups": {"london": ["emea"]}, "partial": False}
    arguments = {"runs_dir": str(runs), "edges": [EDGE], "waivers": waivers, **options}
    with patch_module_args(arguments), pytest.raises(SystemExit):
        MODULE.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_waivers_of_a_variable_and_a_file_stand_in_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "waivers.yml"
    path.write_text("waivers:\n- " + "\n  ".join(
        ["check: BUCKET-05", "scope: {edges: '*'}", "reason: r", "approver: a", "ticket: 17", "expires: 2027-01-31"]
    ))  # fmt: skip
    result = begin(
        capsys, tmp_path / "runs", {"waivers": [WAIVER], "hosts": ["london"]}, {"file": str(path), "hosts": ["london"]},
        waivers_timezone="Asia/Tokyo", waivers_warn_days=7,
    )  # fmt: skip
    begun = json.loads(Path(result["run_dir"], "run.json").read_text(encoding="utf-8"))["waivers"]
    assert (begun["partial"], begun["warn_days"]) == (False, 7)
    assert [(item["ticket"], item["hosts"], item["ends"]) for item in begun["list"]] == [
        ("T-1", ["london"], "2027-01-31T15:00:00+00:00"), ("17", ["london"], "2027-01-31T15:00:00+00:00"),
    ]  # fmt: skip
    assert [item["origin"] for item in begun["list"]] == ["edge_waivers of london[0]", f"{path}[0]"]


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("waivers.yml", None, "must be an absolute path"),
        (["a"], None, "must be an absolute path"),
        ("{path}/absent.yml", None, "cannot read edge_waivers_file {path}/absent.yml: No such file or directory"),
        ("{path}/w.yml", "- check: [", "edge_waivers_file {path}/w.yml is not YAML: while parsing"),
        ("{path}/w.yml", "- {check: BUCKET-05}", "w.yml[0]: scope, reason, approver, ticket, expires are missing"),
        ("{path}/w.yml", "text", "{path}/w.yml: must be a list of waivers, not str"),
    ],
)  # fmt: skip
def test_a_file_that_is_wrong_begins_no_run(
    file: Any, content: str | None, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if content is not None:
        (tmp_path / "w.yml").write_text(content)
    given = file.format(path=tmp_path) if isinstance(file, str) else file
    result = begin(capsys, tmp_path / "runs", {"file": given, "hosts": ["london"]})
    assert result["failed"] is True
    assert said.format(path=tmp_path) in result["msg"]
    assert not (tmp_path / "runs").exists()
