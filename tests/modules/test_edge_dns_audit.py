# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_dns_audit through its main(), with a real nameserver, ad hoc and in a run."""

from __future__ import annotations

import json

import edge_dns_audit
import pytest
import yaml
from ansible.module_utils.edge.dns.catalogue import CATALOGUE
from ansible.module_utils.edge.dns.node import gather_node
from ansible.module_utils.edge.run import plain, write_json
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.testing import patch_module_args

from lab.nameserver import NameServer

HOST = "minio.corp.example"
ZONES = {HOST: {"A": ["192.0.2.10", "192.0.2.11"]}}


@pytest.fixture
def edge(tmp_path):
    root = tmp_path / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/resolv.conf").write_text("nameserver 127.0.0.31\n")
    (root / "etc/nsswitch.conf").write_text("hosts: files dns\n")
    with NameServer(ZONES, "127.0.0.31") as server:
        yield {
            "name": "leeds-1", "storage_kind": "s3_compatible", "storage_endpoint": f"https://{HOST}:9000",
            "root": str(root), "dns_port": server.port,
        }  # fmt: skip


def run(capsys, **arguments):
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        edge_dns_audit.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_ad_hoc(capsys, edge):
    code, result = run(capsys, edges=[edge])
    assert code == 0
    assert result["changed"] is False
    assert {finding["check"] for finding in result["findings"]} == set(CATALOGUE)
    assert not [finding for finding in result["findings"] if finding["status"] == "fail"]
    facts = result["edge_facts"]["leeds-1"]
    assert facts["storage_addresses"] == ["192.0.2.10", "192.0.2.11"]
    assert facts["storage_names"] == [HOST]
    assert facts["names"][HOST]["status"] == "resolves"


def test_in_a_run(capsys, edge, tmp_path):
    directory = tmp_path / "runs/1"
    other = {**edge, "name": "leeds-2"}
    write_json(str(directory / "run.json"), {"edges": [edge, other]})
    write_json(str(directory / "facts/leeds-1.json"), {"dns": plain(gather_node(Edge.from_mapping(edge)))})
    code, result = run(capsys, run_dir=str(directory))
    assert code == 0
    assert "findings" not in result
    stored = json.loads((directory / "dns.json").read_text())
    assert stored["facts"]["leeds-1"]["storage_addresses"] == ["192.0.2.10", "192.0.2.11"]
    status = {(item["edge"], item["check"]): item["status"] for item in stored["findings"]}
    assert status["leeds-1", "DNS-08"] == "pass"
    assert {status["leeds-2", check] for check in CATALOGUE} == {"unknown"}


def test_a_bad_edge_does_not_keep_the_others_from_being_judged(capsys, edge):
    code, result = run(capsys, edges=[{"name": "bad", "bucket": "Not A Bucket"}, edge])
    assert code == 0
    assert set(result["errors"]) == {"bad"}
    assert {item["status"] for item in result["findings"] if item["edge"] == "bad"} == {"unknown"}
    assert {item["edge"] for item in result["findings"]} == {"bad", "leeds-1"}


def test_the_documentation_is_whole():
    document = yaml.safe_load(edge_dns_audit.DOCUMENTATION)
    assert document["module"] == "edge_dns_audit"
    assert yaml.safe_load(edge_dns_audit.EXAMPLES)
    assert set(yaml.safe_load(edge_dns_audit.RETURN)) == {"summary", "calls", "errors", "findings", "edge_facts"}
