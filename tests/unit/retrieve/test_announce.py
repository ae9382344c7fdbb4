# SPDX-License-Identifier: GPL-3.0-or-later
"""What a person sees: the plan in lines, the progress, the account at the end."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.retrieve.announce import ProgressFile, account_lines, plan_lines, words
from ansible.module_utils.edge.retrieve.request import storage_of
from ansible.module_utils.edge.targets import Edge, from_variables

ACTION = Path(__file__).parents[3] / "action_plugins" / "edge_recording_retrieve.py"
STATE = {"bytes": 1 << 20, "total": 4 << 20, "bytes_per_second": 1 << 19, "eta_seconds": 6.0, "object": "a.wav",
         "number": 1, "of": 2}  # fmt: skip
LINE = "1.0 MiB of 4.0 MiB (25 %), 512.0 KiB/s, 0:00:06 left; 1 of 2: a.wav"


def item(key: str, state: str = "fetch", **changes: Any) -> dict[str, Any]:
    return {"key": key, "state": state, "reason": "the only version", "notes": [], "version_id": "v1", "size": 2048,
            **changes}  # fmt: skip


def plan(*objects: dict[str, Any], missing: list[dict[str, str]] | None = None) -> dict[str, Any]:
    size = sum(each["size"] for each in objects if each["state"] == "fetch")
    return {"asked": [{}], "objects": list(objects), "missing": missing or [], "duplicates": [], "size": size,
            "rule": "fail"}  # fmt: skip


def test_what_is_refused_comes_first() -> None:
    refused = item("b.wav", "deleted", reason="a delete marker hides it", notes=["2 versions"])
    lines = plan_lines(plan(item("a.wav"), refused, missing=[{"asked": "recording x", "reason": "nothing has it"}]))
    assert lines == [
        "plan: 1 asked for; 1 of 2 objects are to be fetched, 2.0 KiB; rule fail",
        "  MISSING    recording x: nothing has it",
        "  DELETED    b.wav: a delete marker hides it; 2 versions",
        "  fetch      a.wav, version v1, 2.0 KiB: the only version",
    ]


def test_a_long_list_hides_nothing_that_is_refused() -> None:
    lines = plan_lines(plan(*(item(f"{number}.wav") for number in range(500)), item("z.wav", "archived")))
    assert len(lines) == 101
    assert lines[1].startswith("  ARCHIVED   z.wav")
    assert lines[-1] == "  and 402 lines more, see plan.json"


def test_the_account() -> None:
    found: dict[str, Any] = {
        "asked": 2, "found": 1, "fetched": 1, "verified": 1, "missing": 1, "duplicate": 0, "complete": False,
        "items": [{"asked": "recording a", "state": "verified", "reason": ""},
                  {"asked": "recording b", "state": "missing", "reason": "nothing has it"}],
    }  # fmt: skip
    head = "asked 2, found 1, fetched 1, verified 1, missing 1, duplicate 0: NOT COMPLETE"
    assert account_lines(found) == [head, "recording b is missing: nothing has it"]
    in_package = {**found, "packaged": 0}
    assert "recording a is verified: " in account_lines(in_package)


def test_the_file_is_there_while_it_runs(tmp_path: Path) -> None:
    file = ProgressFile(str(tmp_path))
    file(STATE)
    assert json.loads((tmp_path / "progress.json").read_text()) == {**STATE, "line": LINE}
    file({**STATE, "bytes": 0})
    assert [path.name for path in tmp_path.iterdir()] == ["progress.json"]
    file.remove()
    file.remove()
    assert list(tmp_path.iterdir()) == []
    assert words({name: value for name, value in STATE.items() if name != "object"}) == LINE.partition(";")[0]


@pytest.fixture
def follower_class() -> Any:
    spec = importlib.util.spec_from_file_location("edge_recording_retrieve_action", ACTION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Follower


def test_the_follower_tells_the_plan_once_and_the_progress_now_and_then(tmp_path: Path, follower_class: Any) -> None:
    told: list[str] = []
    file = ProgressFile(str(tmp_path))
    (tmp_path / "plan.json").write_text(json.dumps(plan(item("a.wav"))))
    file(STATE)
    follower = follower_class(str(tmp_path), 10.0, told.append)
    follower.look(0.0)
    assert told == [], "what a killed run has left is not this run's"
    file(STATE)
    follower.look(1.0)
    assert told[-1] == LINE
    assert len(told) == 3
    file({**STATE, "bytes": 2 << 20})
    follower.look(10.9)
    assert len(told) == 3
    follower.look(11.0)
    assert told[-1].startswith("2.0 MiB of 4.0 MiB (50 %)")
    follower.look(30.0)
    assert len(told) == 4, "the same line is not told again"
    file.remove()
    follower.look(60.0)
    assert len(told) == 4


EDGES = [
    ({"edge_bucket": "bucket", "edge_region": "eu-west-2", "edge_prefix": "exports/"},
     {"bucket": "bucket", "region": "eu-west-2", "prefix": "exports/"}),
    ({"edge_bucket": "bucket", "edge_storage_kind": "s3_compatible", "edge_storage_endpoint": "s3.example.net:9000"},
     {"bucket": "bucket", "endpoint_url": "https://s3.example.net:9000"}),
    ({"edge_bucket": "bucket", "edge_storage_endpoint": "s3.eu-west-2.amazonaws.com", "edge_retrieve_keys": ["x"],
      "edge_aws_profile": "legal"}, {"bucket": "bucket", "aws_profile": "legal"}),
    ({"edge_bucket": "bucket", "edge_storage_kind": "s3_compatible", "edge_storage_endpoint": "s3.example.net",
      "edge_aws_endpoint_url": "http://127.0.0.1:1"}, {"bucket": "bucket", "endpoint_url": "http://127.0.0.1:1"}),
    ({}, {}),
]  # fmt: skip


@pytest.mark.parametrize(("variables", "options"), EDGES)
def test_the_storage_of_an_edge(variables: dict[str, Any], options: dict[str, str]) -> None:
    assert storage_of(Edge.from_mapping(from_variables("london-1", variables))) == options
