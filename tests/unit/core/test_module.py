# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell around gather and judge: a defect in one place costs the answers of that place, and is said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible.module_utils.edge.finding import Asker, Check, Finding, catalogue
from ansible.module_utils.edge.module import Domain, audit
from ansible.module_utils.edge.run import Run
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.testing import patch_module_args

CHECKS = catalogue([Check("T-01", "blocks", "critical", "route", "blocks", "open it", "test")])
TARGETS = {"edges": [{"name": "odd"}, {"name": "even"}]}


def gather(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
    return {edge.name: {"seen": edge.name} for edge in edges}, {"ec2:DescribeVpcs": 1}


def judge(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:
    return [Asker(edge.name, CHECKS).passed("T-01", "r", "good")]


def statuses(capsys: pytest.CaptureFixture[str], gathers: Any, judges: Any) -> dict[str, dict[str, Any]]:
    with patch_module_args(TARGETS), pytest.raises(SystemExit) as ended:
        audit(Domain("t", CHECKS, gathers, judges))
    assert ended.value.code == 0
    return {finding["edge"]: finding for finding in json.loads(capsys.readouterr().out)["findings"]}


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert {name: found["status"] for name, found in statuses(capsys, gather, judge).items()} == {
        "odd": "pass",
        "even": "pass",
    }


def test_a_judge_that_breaks_on_one_edge_judges_the_other(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(edge: Edge, facts: Any, upstream: Mapping[str, Any]) -> list[Finding]:
        if edge.name == "odd":
            raise AttributeError("no requester")
        return judge(edge, facts, upstream)

    found = statuses(capsys, gather, broken)
    assert (found["odd"]["status"], found["odd"]["reason"]) == ("unknown", "error")
    assert "edge odd: judging broke: AttributeError: no requester (core/test_module.py:" in found["odd"]["observed"]
    assert found["even"]["status"] == "pass"


def test_facts_that_cannot_be_gathered_are_unknown_for_every_edge(capsys: pytest.CaptureFixture[str]) -> None:
    def broken(edges: Sequence[Edge], run: Run) -> tuple[dict[str, Any], dict[str, int]]:
        raise ZeroDivisionError("odd")

    found = statuses(capsys, broken, judge)
    assert {item["status"] for item in found.values()} == {"unknown"}
    assert "gathering t broke: ZeroDivisionError" in found["even"]["observed"]
