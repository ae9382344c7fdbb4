# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_log_audit through its main(): the incident of the lab, ad hoc and in a run that edge_run began."""

from __future__ import annotations

import json
from pathlib import Path

import edge_log_audit
import edge_run
import pytest
from ansible.module_utils.edge.log.catalogue import CATALOGUE
from ansible.module_utils.edge.run import plain, write_json
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.visit import gather
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
JOB = ROOT / "lab/data/failed-job.json"
WINDOW = {"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}
SQUID = {
    "check": "TIMEOUTS-04", "setting": "read_timeout", "seconds": 900.0, "kind": "idle", "hop": "proxy",
    "origin": "default of Squid",
}  # fmt: skip


@pytest.fixture
def edge(tmp_path):
    """The lab's london, whose log is silent while its recording dies."""
    root = tmp_path / "root"
    for part in ("common", "london"):
        for source in (ROOT / "lab/roots" / part).rglob("*"):
            if source.is_file() and ("log" in source.parts or "proc" in source.parts or "recorded" in source.parts):
                target = root / source.relative_to(ROOT / "lab/roots" / part)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read_bytes())
    return {
        "name": "london", "region": "eu-west-2", "bucket": "recordings", "root": str(root), "job_path": str(JOB),
        "log_path": "/var/log/genesys/edge.log", "export_service": "edge-export.service",
    }  # fmt: skip


def run(capsys, module, **arguments):
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        module.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def by_check(findings, name="london"):
    return {finding["check"]: finding for finding in findings if finding["edge"] == name}


def test_the_incident_ad_hoc(capsys, edge):
    code, result = run(capsys, edge_log_audit, edges=[edge])
    assert code == 0
    findings = by_check(result["findings"])
    assert set(findings) == set(CATALOGUE)
    assert [check for check, finding in findings.items() if finding["status"] != "pass"] == ["LOG-08"]
    assert "2 lines, none of a failure; it is silent for 900.006 s" in findings["LOG-08"]["observed"]
    facts = result["edge_facts"]["london"]
    assert facts["window"] == WINDOW
    assert facts["observed"]["duration_seconds"] == 900.006
    assert facts["culprits"][0]["check"] == "TIMEOUTS-04"


def begin(capsys, tmp_path, edges):
    code, result = run(capsys, edge_run, runs_dir=str(tmp_path / "runs"), edges=edges)
    assert code == 0
    return Path(result["run_dir"]), result


def visit(directory, name):
    """What the edge's one visit would keep."""
    [given] = [item for item in json.loads((directory / "run.json").read_text())["edges"] if item["name"] == name]
    write_json(str(directory / f"facts/{name}.json"), plain(gather(Edge.from_mapping(given), ["log"])))


def test_the_incident_in_a_run(capsys, edge, tmp_path):
    healthy = {**edge, "name": "healthy", "job_path": None}
    directory, _ = begin(capsys, tmp_path, [edge, healthy])
    assert json.loads((directory / "run.json").read_text())["edges"][0]["window"] == WINDOW
    for name in ("london", "healthy"):
        visit(directory, name)
    write_json(str(directory / "timeouts.json"), {"facts": {"london": {"ladder": [SQUID]}}, "findings": []})
    code, result = run(capsys, edge_log_audit, run_dir=str(directory))
    assert code == 0
    assert "findings" not in result
    stored = json.loads((directory / "log.json").read_text())
    london = by_check(stored["findings"])["LOG-08"]
    assert london["status"] == "fail"
    [squid] = [item for item in stored["facts"]["london"]["culprits"] if item["rank"] == 1]
    assert "it is on this path: read_timeout (default of Squid)" in squid["for"]
    assert by_check(stored["findings"], "healthy")["LOG-08"]["status"] == "not_applicable"
    assert stored["facts"]["healthy"]["culprits"] == []


def test_a_job_document_that_is_wrong(capsys, edge, tmp_path):
    """The edge is judged all the same; what hangs on the job is unknown, with the file and the key."""
    bad = tmp_path / "job.json"
    bad.write_text('{"state": "EXPLODED"}')
    directory, begun = begin(capsys, tmp_path, [{**edge, "job_path": str(bad)}])
    assert begun["errors"] == {}
    assert any("state: 'EXPLODED'" in str(warning) for warning in begun["warnings"])
    visit(directory, "london")
    run(capsys, edge_log_audit, run_dir=str(directory))
    findings = by_check(json.loads((directory / "log.json").read_text())["findings"])
    assert findings["LOG-08"]["status"] == "unknown"
    assert f"{bad}: state: 'EXPLODED' is not a state" in findings["LOG-08"]["observed"]
    assert findings["LOG-01"]["status"] == "pass"


def test_an_edge_that_did_not_answer(capsys, edge, tmp_path):
    directory, _ = begin(capsys, tmp_path, [edge])
    write_json(str(directory / "facts/london.json"), {"unreachable": "no route to host"})
    run(capsys, edge_log_audit, run_dir=str(directory))
    findings = by_check(json.loads((directory / "log.json").read_text())["findings"])
    assert {finding["status"] for finding in findings.values()} == {"unknown"}
    assert {finding["reason"] for finding in findings.values()} == {"unreachable"}


def test_a_bad_edge_does_not_keep_the_others_from_being_judged(capsys, edge):
    code, result = run(capsys, edge_log_audit, edges=[{"name": "bad", "bucket": "Not A Bucket"}, edge])
    assert code == 0
    assert set(result["errors"]) == {"bad"}
    assert by_check(result["findings"])["LOG-08"]["status"] == "fail"
