# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_path_probe through its main(), its action plugin and the playbook, and under the edges' oldest Python."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import edge_path_probe
import pytest
from ansible.module_utils.edge.probe.catalogue import CATALOGUE
from ansible.module_utils.edge.run import write_json
from ansible.module_utils.testing import patch_module_args

from lab.fault_proxy import Fault, FaultProxy
from tests.unit.probe import stub_storage

ROOT = Path(__file__).resolve().parents[2]
NAT = {"kind": "idle", "hop": "gateway", "setting": "NAT gateway idle timeout", "origin": "nat-1", "seconds": 0.4,
       "reset_by": "packets", "check": "TIMEOUTS-09", "on_path": True, "longest_minutes": 17.5}  # fmt: skip
BEGUN = {"id": "20261123T031500Z-5f0c1d", "started": "2026-11-23T03:15:00+00:00", "version": "0", "commit": "",
         "caller": "", "errors": {}, "waivers": {"list": [], "partial": False, "warn_days": 30}}  # fmt: skip
SHORT = {"paced_seconds": 0.2, "stage_timeout": 1.0, "max_seconds": 30.0}


@pytest.fixture
def storage():
    with stub_storage.running() as server:
        yield server


def edge(storage, **more):
    return {"name": "london", "storage_kind": "s3_compatible", "storage_endpoint": f"http://{storage.where}",
            "bucket": stub_storage.BUCKET, "prefix": "exports/", **more}  # fmt: skip


def run(capsys, check_mode=False, **arguments):
    given = {**stub_storage.CREDENTIALS, **SHORT, **arguments, "_ansible_check_mode": check_mode}
    with patch_module_args(given), pytest.raises(SystemExit) as ended:
        edge_path_probe.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def test_check_mode_announces_and_sends_nothing(capsys, storage):
    code, result = run(capsys, check_mode=True, edge=edge(storage), bounds=[NAT], write=True)
    assert code == 0 and result["changed"] is False
    assert set(result["plan"]["at_most"]) == {"seconds", "bytes", "requests", "cost_usd"}
    assert [pause["seconds"] for pause in result["plan"]["pauses"]] == [0.38, 0.42]
    assert storage.requests == [] and "edge_facts" not in result


def test_a_probe(capsys, storage):
    code, result = run(capsys, edge=edge(storage), bounds=[NAT], write=True)
    assert code == 0 and result["changed"] is False
    facts = result["edge_facts"]
    assert {stage["status"] for stage in facts["stages"]} == {"ok", "skipped"}
    assert [pause["outcome"] for pause in facts["pauses"]] == ["survived", "survived"]
    assert facts["transfer"]["status"] == "ok" and facts["plan"] == result["plan"]
    text = json.dumps(result)
    assert stub_storage.SECRET not in text and stub_storage.CREDENTIALS["access_key_id"] not in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"edge": {"name": "london", "bucket": "b" * 3}}, "edge_region is not set"),
        ({"edge": {"name": "london"}}, "edge_bucket is not set"),
        ({"max_cost_usd": 1e-9}, "max_cost_usd"),
        ({"max_seconds": 1.0}, "raise max_seconds"),
        ({"bounds": [{"kind": "idle"}]}, "bounds"),
        ({"proxy": "socks://10.0.0.1"}, "the proxy must be a URL"),
        ({"session_token": "t", "access_key_id": None, "secret_access_key": None}, "access_key_id"),
    ],
)
def test_wrong_options_are_one_clear_sentence(capsys, storage, arguments, words):
    code, result = run(capsys, **{"edge": edge(storage), **arguments})
    assert code == 1 and words in result["msg"] and "Traceback" not in json.dumps(result)
    assert storage.requests == []


def environment(tmp_path):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    key, secret = stub_storage.CREDENTIALS["access_key_id"], stub_storage.CREDENTIALS["secret_access_key"]
    runs = {"EDGEPATH_RUNS_DIR": str(tmp_path / "runs"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCAL_TEMP": str(tmp_path)}
    return {
        **kept,
        **runs,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def play(tmp_path, inventory, *arguments):
    path = tmp_path / "hosts.yml"
    write_json(str(path), {"edges": {"hosts": {"london": {"ansible_connection": "local", **inventory}}}})
    command = [sys.executable, "-m", "ansible", *arguments, "-i", str(path)]
    return subprocess.run(
        command, cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=120, check=False
    )


def inventory(storage, **more):
    own = {f"edge_{name}": value for name, value in edge(storage).items() if name != "name"}
    return {**own, "ansible_python_interpreter": sys.executable, **more}


def begun_run(tmp_path, storage, ladder):
    run_dir = tmp_path / "runs" / "20261123T031500Z-5f0c1d"
    write_json(str(run_dir / "run.json"), {**BEGUN, "edges": [edge(storage)]})
    (run_dir.parent / "latest").symlink_to(run_dir.name)
    write_json(str(run_dir / "timeouts.json"), {"facts": {"london": {"ladder": ladder}}, "findings": [], "calls": {}})
    write_json(str(run_dir / "report.json"), {})  # ended; the probe's own report takes its place
    return run_dir


def test_the_playbook_announces_probes_compares_and_fails_the_edge(tmp_path, storage):
    run_dir = begun_run(tmp_path, storage, [NAT])
    with FaultProxy(storage.where, [Fault("idle_kill", seconds=1.0)]) as gateway:
        hosts = inventory(storage, edge_storage_endpoint=gateway.url, edge_probe_paced_seconds=0,
                          edge_probe_pause_factors=[0.5, 4.0])  # fmt: skip
        write_json(str(run_dir / "run.json"), {**BEGUN, "edges": [edge(storage, storage_endpoint=gateway.url)]})
        answer = play(tmp_path, hosts, "playbook", "probe.yml", "-v")
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert answer.stdout.index("silence: 1.6 s (held)") < answer.stdout.index("Probe | Walk the path")
    assert "a silence of 1.6 s (held) ended the connection, one of 0.2 s did not" in answer.stdout
    assert stub_storage.SECRET not in answer.stdout + answer.stderr
    stored = json.loads((run_dir / "probe" / "london.json").read_text())
    statuses = {finding["check"]: finding["status"] for finding in stored["findings"]}
    assert set(statuses) == set(CATALOGUE)
    assert statuses["PROBE-11"] == "fail" and statuses["PROBE-12"] == "pass"
    facts = stored["facts"]["london"]
    assert [line["agrees"] for line in facts["comparison"]] == [True, True]
    assert facts["causes"][0]["causes"][0]["check"] == "TIMEOUTS-09"
    report = json.loads((run_dir / "report.json").read_text())
    told = {item["check"]: item["status"] for item in report["edges"]["london"]["findings"]}
    assert told["PROBE-11"] == "fail" and told["TIMEOUTS-01"] == "unknown"
    assert report["edges"]["london"]["verdict"] == "truncates"
    assert [line["agrees"] for line in report["edges"]["london"]["probe"]["comparison"]] == [True, True]
    assert (run_dir.parent / "latest").readlink() == Path(run_dir.name)
    assert "TRUNCATES" in answer.stdout
    assert "PROBE-11" in (run_dir / "report.html").read_text()


def test_check_mode_of_the_playbook_only_announces(tmp_path, storage):
    run_dir = begun_run(tmp_path, storage, [])
    told = {"told": [{"url": "http://127.0.0.1:3128", "origin": "export.yaml:3"}], "gaps": []}
    facts = {"london": {"ladder": [], "proxies": told}}
    write_json(str(run_dir / "timeouts.json"), {"facts": facts, "findings": [], "calls": {}})
    answer = play(tmp_path, inventory(storage), "playbook", "probe.yml", "--check")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "at most" in answer.stdout and storage.requests == []
    assert "through http://127.0.0.1:3128, as the export is told (export.yaml:3)" in answer.stdout
    assert not (run_dir / "probe").exists() and (run_dir / "report.json").read_text().strip() == "{}"


def test_ad_hoc_takes_the_edge_from_the_inventory(tmp_path, storage):
    arguments = "paced_seconds=0 stage_timeout=1"
    answer = play(tmp_path, inventory(storage), "adhoc", "london", "-m", "edge_path_probe", "-a", arguments)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    result = json.loads(answer.stdout.partition("=>")[2])
    assert {finding["check"] for finding in result["findings"]} == set(CATALOGUE)
    assert storage.requests[0].startswith("HEAD /recordings")


def test_a_run_that_is_none_is_said(tmp_path, storage):
    answer = play(
        tmp_path, inventory(storage), "adhoc", "london", "-m", "edge_path_probe", "-a", f"run_dir={tmp_path}/no"
    )
    assert answer.returncode == 2 and "holds no run; audit the edges first" in answer.stdout


def old_python():
    """A Python 3.9 that runs; a name on the path may be a launcher that does not."""
    candidates = ["python3.9", *map(str, Path.home().glob(".pyenv/versions/3.9*/bin/python3.9"))]
    for each in filter(shutil.which, candidates):
        if subprocess.run([each, "-c", "import ssl"], capture_output=True, check=False).returncode == 0:
            return shutil.which(each)
    return None


def test_under_the_oldest_python_of_an_edge(tmp_path, storage):
    python = old_python()
    if python is None:
        pytest.skip("no Python 3.9 on this machine")
    hosts = inventory(storage, ansible_python_interpreter=python, edge_prefix="exports/")
    arguments = "paced_seconds=0.2 stage_timeout=1 write=true"
    answer = play(tmp_path, hosts, "adhoc", "london", "-m", "edge_path_probe", "-a", arguments)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    result = json.loads(answer.stdout.partition("=>")[2])
    assert {finding["status"] for finding in result["findings"]} <= {"pass", "not_applicable", "unknown"}


@pytest.mark.parametrize(("allowed", "status"), [(False, 2), (True, 0)])
def test_missing_answers_fail_the_host_as_an_audit_does(tmp_path, storage, allowed, status):
    """Without a ladder PROBE-12 is unknown, and nothing fails."""
    hosts = inventory(storage, edge_probe_paced_seconds=0, edge_allow_unknown=allowed)
    answer = play(tmp_path, hosts, "playbook", "probe.yml")
    assert answer.returncode == status, answer.stdout + answer.stderr
    assert ("unknown (edge_allow_unknown is false)" in answer.stdout) is not allowed
    assert ("PROBE-12: unknown: no ladder to compare with" in answer.stdout) is not allowed
