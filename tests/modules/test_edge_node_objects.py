# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_node_objects through its main()."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

MODULE = importlib.import_module("edge_node_objects")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(**arguments: Any) -> dict[str, Any]:
        with patch_module_args(arguments), pytest.raises(SystemExit):
            MODULE.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_states_of_a_copy(call: Any, tmp_path: Path) -> None:
    (tmp_path / "hosts").write_text("::1 a\n")
    edge = {"name": "a", "root": str(tmp_path)}
    refs = [{"kind": "file", "name": "/hosts"}, {"kind": "sysctl", "name": "net.x.y"}]
    answer = call(edge=edge, refs=refs)
    assert answer["changed"] is False and answer["transfers"] == []
    assert answer["states"]["file:/hosts"]["content"] == "OjoxIGEK"
    assert "$unread" in answer["states"]["sysctl:net.x.y"]
    assert "transfers" not in call(edge=edge, refs=refs, transfers=False)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"edge": {"name": "a", "nonsense": 1}}, "nonsense"),
        ({"edge": {"name": "a"}, "refs": [{"kind": "file"}]}, "has no 'name'"),
    ],
)
def test_wrong_arguments(call: Any, arguments: dict[str, Any], why: str) -> None:
    answer = call(**arguments)
    assert answer["failed"] and why in answer["msg"]
