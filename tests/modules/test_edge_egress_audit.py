# SPDX-License-Identifier: GPL-3.0-or-later
"""The module through its main(), against moto's server."""

from __future__ import annotations

import importlib
import json

import pytest
from ansible.module_utils.edge.egress.catalogue import CATALOGUE
from ansible.module_utils.edge.run import Run
from ansible.module_utils.testing import patch_module_args

from tests.unit.egress import cloud as clouds
from tests.unit.egress.builders import host

pytestmark = [pytest.mark.usefixtures("credentials"), pytest.mark.xdist_group("moto")]
MODULE = importlib.import_module("edge_egress_audit")
STORAGE = ["52.216.1.1", "3.5.1.1"]
OUTSIDE = "52.95.149.10"


def run_module(capsys, **arguments):
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        MODULE.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def edge(cloud, name, **fields):
    return {"name": name, "region": clouds.REGION, "aws_endpoint_url": cloud.url, **fields}


def test_in_a_run_the_step_is_left_in_its_directory(cloud, tmp_path, capsys):
    clouds.run_with(tmp_path, ["good", "gone"], [*STORAGE, OUTSIDE], host())
    edges = [
        edge(cloud, "good", interface_id=cloud.interfaces[0]),
        edge(cloud, "gone", interface_id="eni-00000000000000000"),
        {"name": "wrong", "region": "london"},
    ]
    code, result = run_module(capsys, edges=edges, run_dir=str(tmp_path))
    assert code == 0 and result["changed"] is False
    assert "findings" not in result and "edge_region" in result["errors"]["wrong"]
    step = Run(str(tmp_path)).step("egress")
    found = {(item["edge"], item["check"]): item for item in step["findings"]}
    assert len(found) == 3 * len(CATALOGUE)
    assert found["good", "EGRESS-21"]["share"] == pytest.approx(1 / 3)
    assert found["gone", "EGRESS-01"]["status"] == "fail"
    assert found["wrong", "EGRESS-20"]["status"] == "unknown"
    assert step["facts"]["good"]["route"]["kind"] == "gateway_endpoint"
    assert step["calls"] == result["calls"]
    assert sum(result["summary"].values()) == len(step["findings"])


def test_without_a_run_the_findings_come_back(cloud, capsys):
    code, result = run_module(capsys, edges=[edge(cloud, "e", interface_id=cloud.interfaces[0])])
    found = {item["check"]: item for item in result["findings"]}
    assert code == 0 and set(found) == set(CATALOGUE)
    # No step has resolved the storage's names: the addresses are unknown, its ranges are judged.
    assert found["EGRESS-20"]["status"] == "unknown" and "edge_dns_audit" in found["EGRESS-20"]["observed"]
    assert found["EGRESS-22"]["status"] == "pass"
    assert result["edge_facts"]["e"]["route"]["kind"] == "gateway_endpoint"


def test_storage_outside_of_aws_needs_no_call(tmp_path, capsys):
    clouds.run_with(tmp_path, ["harbour"], ["5.9.1.1"], host())
    harbour = {"name": "harbour", "storage_kind": "s3_compatible", "storage_cidrs": ["5.9.0.0/16"]}
    _, result = run_module(capsys, edges=[harbour], run_dir=str(tmp_path))
    assert result["calls"] == {}
    assert set(result["summary"]) == {"pass", "not_applicable"}


def test_check_mode_is_the_same(cloud, tmp_path, capsys):
    clouds.run_with(tmp_path, ["e"], STORAGE, host())
    arguments = {"edges": [edge(cloud, "e", interface_id=cloud.interfaces[0])], "run_dir": str(tmp_path)}
    _, first = run_module(capsys, **arguments)
    _, second = run_module(capsys, **arguments, _ansible_check_mode=True)
    assert first["summary"] == second["summary"] and not second["changed"]
