# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(): ad hoc on a copy of a node, and in a run with what earlier steps left."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.run import Run, Step, facts_path, plain, write_json
from ansible.module_utils.edge.timeouts.catalogue import CATALOGUE
from ansible.module_utils.testing import patch_module_args

from tests.unit.timeouts import node_copy

MODULE = importlib.import_module("edge_timeouts_audit")


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(**arguments: Any) -> dict[str, Any]:
        with patch_module_args(plain(arguments)), pytest.raises(SystemExit):
            MODULE.main()
        answer: dict[str, Any] = json.loads(capsys.readouterr().out)
        return answer

    return run


def test_ad_hoc_the_copy_is_read_where_the_module_runs(call: Any, tmp_path: Path) -> None:
    node_copy.write(tmp_path, {**node_copy.FILES, **node_copy.LONDON})
    answer = call(edges=[node_copy.options(tmp_path)])
    found = {finding["check"]: finding for finding in answer["findings"]}
    assert sorted(found) == sorted(CATALOGUE) and answer["changed"] is False and answer["calls"] == {}
    squid = found["TIMEOUTS-04"]
    assert (squid["status"], squid["longest_minutes"], squid["bound"]["seconds"]) == ("fail", 45.0, 900.0)
    assert answer["edge_facts"]["london"]["longest_minutes"] == 45.0
    assert answer["edge_facts"]["london"]["limited_by"] == "TIMEOUTS-04"
    # Without the egress audit the gateways are not known.
    assert {found[f"TIMEOUTS-{number}"]["status"] for number in ("09", "10")} == {"unknown"}


def test_in_a_run_the_facts_of_the_edge_and_of_egress_are_judged(call: Any, tmp_path: Path) -> None:
    edge, section = node_copy.make(tmp_path / "node")
    run = str(tmp_path / "run")
    blind = {"unreachable": "ssh: connect to host paris port 22: Connection timed out"}
    write_json(str(tmp_path / "run/run.json"), {"edges": [node_copy.options(tmp_path), {"name": "paris"}]})
    write_json(facts_path(run, "london"), {"timeouts": section})
    write_json(facts_path(run, "paris"), blind)
    Run(run).store(Step("dns", facts={"london": node_copy.DNS}))
    Run(run).store(Step("egress", facts={"london": node_copy.BEHIND_NAT["egress"]}))
    answer = call(run_dir=run)
    assert "findings" not in answer
    step = json.loads((tmp_path / "run/timeouts.json").read_text())
    london = {finding["check"]: finding for finding in step["findings"] if finding["edge"] == "london"}
    assert (london["TIMEOUTS-09"]["status"], london["TIMEOUTS-09"]["longest_minutes"]) == ("fail", 17.5)
    assert step["facts"]["london"]["longest_by_codec"]["g711"] == 17.5
    paris = [finding for finding in step["findings"] if finding["edge"] == "paris"]
    assert len(paris) == len(CATALOGUE)
    assert {(finding["status"], finding["reason"]) for finding in paris} == {("unknown", "unreachable")}


def test_a_wrong_edge_does_not_keep_the_others_from_being_judged(call: Any, tmp_path: Path) -> None:
    node_copy.write(tmp_path, node_copy.FILES)
    answer = call(edges=[node_copy.options(tmp_path), {"name": "paris", "payload": {"pace": 0}}])
    assert "edge_payload.pace" in answer["errors"]["paris"]
    assert {finding["status"] for finding in answer["findings"] if finding["edge"] == "paris"} == {"unknown"}
    assert any(finding["status"] == "pass" for finding in answer["findings"] if finding["edge"] == "london")


def test_a_section_that_is_not_as_expected_is_unknown(call: Any, tmp_path: Path) -> None:
    run = str(tmp_path / "run")
    write_json(str(tmp_path / "run/run.json"), {"edges": [{"name": "london"}]})
    broken = Unread("error", "edge_facts:timeouts", "london", "edge london: reading timeouts broke").to_fact()
    for section in (broken, ["nonsense"]):
        write_json(facts_path(run, "london"), {"timeouts": section})
        assert call(run_dir=run)["summary"] == {"unknown": len(CATALOGUE)}
