# SPDX-License-Identifier: GPL-3.0-or-later
"""`ansible-playbook audit.yml` on the embedded lab: the verdicts are true, and nothing is left out."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.catalogue import DOMAINS

from .conftest import Audit

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("playbooks")]


def found(report: dict[str, Any], edge: str, *statuses: str) -> list[dict[str, Any]]:
    return [item for item in report["edges"][edge]["findings"] if item["status"] in statuses]


def test_verdicts(whole: Audit) -> None:
    verdicts = {name: edge["verdict"] for name, edge in whole.report["edges"].items()}
    assert verdicts == {
        "healthy": "clear",
        "london": "truncates",
        "walled": "blocked",
        "patchy": "unreliable",
        "denied": "blocked",
        "stale": "blocked",
        "blind": "unknown",
        "harbour": "unknown",
    }
    assert whole.status == 2


def test_london_is_cut_at_45_minutes_by_the_proxy(whole: Audit) -> None:
    london = whole.report["edges"]["london"]
    assert london["longest_recording_minutes"] == pytest.approx(45, abs=1)
    [cause] = [item for item in london["findings"] if item["check"] == london["limited_by"]]
    assert cause["hop"] == "proxy"
    assert cause["bound"]["seconds"] == 900
    assert cause["bound"]["kind"] == "idle"
    assert "100 minutes" in cause["fix"]["summary"]
    assert [hop["hop"] for hop in london["path"] if hop["status"] == "fail"] == ["proxy"]


def test_healthy_has_nothing_to_say(whole: Audit) -> None:
    assert found(whole.report, "healthy", "fail", "unknown") == []
    assert whole.report["edges"]["healthy"]["failed"] is False


def test_walled_names_the_hop_and_what_is_missing(whole: Audit) -> None:
    failing = found(whole.report, "walled", "fail")
    assert {"security_group"} <= {item["hop"] for item in failing}
    blocking = [item for item in failing if whole.report["checks"][item["check"]]["effect"] == "blocks"]
    assert blocking
    assert all(item["hop"] == "security_group" for item in blocking)
    assert "pl-" in json.dumps([item["fix"] for item in blocking])


def test_patchy_tells_the_share(whole: Audit) -> None:
    patchy = whole.report["edges"]["patchy"]
    assert patchy["failing_share"] == 0.25
    assert "25% of the storage addresses" in patchy["sentence"]


def test_denied_names_the_calls(whole: Audit) -> None:
    failing = [
        item
        for item in found(whole.report, "denied", "fail")
        if whole.report["checks"][item["check"]]["effect"] == "blocks"
    ]
    text = json.dumps(failing)
    assert {item["hop"] for item in failing} == {"identity_policy"}
    assert "s3:PutObject" in text
    assert "s3:ListBucket" in text


def test_stale_is_told_as_it_is(whole: Audit) -> None:
    failing = {item["check"]: item for item in found(whole.report, "stale", "fail")}
    assert failing["EGRESS-05"]["hop"] == "address"
    assert any("/etc/hosts" in json.dumps(item.get("fix")) for item in failing.values() if item["hop"] == "name")
    assert any("ersioning" in item["expected"] for item in failing.values() if item["hop"] == "bucket")


def test_blind_lists_each_missing_permission_and_passes_nothing_it_could_not_see(whole: Audit) -> None:
    missing = {item["permission"] for item in whole.report["coverage"]["missing_permissions"]}
    assert {"ec2:DescribeManagedPrefixLists", "ec2:DescribeNetworkAcls", "s3:GetBucketPolicy"} <= missing
    assert found(whole.report, "blind", "fail") == []
    by_hop = {hop["hop"]: hop["status"] for hop in whole.report["edges"]["blind"]["path"]}
    assert by_hop["network_acl"] == "unknown"
    assert by_hop["security_group"] == "unknown"
    for permission in missing:
        assert f"missing {permission}" in whole.output


def test_every_check_answers_for_every_edge(whole: Audit) -> None:
    checks = set(whole.report["checks"])
    for name, edge in whole.report["edges"].items():
        assert {item["check"] for item in edge["findings"]} == checks, name


def test_report_is_the_stable_interface(whole: Audit) -> None:
    report = whole.report
    assert report["schema"] == 1
    assert {"id", "started", "finished", "version", "commit", "caller", "inputs_sha256"} <= set(report["run"])
    assert {"expected", "judged", "missing_permissions"} <= set(report["coverage"])
    for edge in report["edges"].values():
        assert {"verdict", "longest_recording_minutes", "limited_by", "path", "causes", "findings"} <= set(edge)
        for hop in edge["path"]:
            assert {"hop", "status", "bound"} <= set(hop)
    ledger = report["coverage"]
    unknown = sum(len(found(report, name, "unknown")) for name in report["edges"])
    assert ledger["expected"] - ledger["judged"] == unknown


def test_the_run_says_that_it_is_whole_and_is_its_owners_alone(whole: Audit) -> None:
    assert whole.run_dir is not None
    assert json.loads((whole.run_dir / "state.json").read_text(encoding="utf-8"))["state"] == "complete"
    modes = {path: path.stat().st_mode & 0o077 for path in [whole.run_dir, *whole.run_dir.rglob("*")]}
    assert not [str(path) for path, mode in modes.items() if mode]


def test_summary_is_what_an_operator_reads(whole: Audit) -> None:
    assert "TRUNCATES   london" in whole.output
    assert "CLEAR       healthy" in whole.output
    assert "recordings over 45 min are cut at 900 s" in whole.output
    assert "Traceback" not in whole.output


def test_summary_ends_with_where_the_report_is(whole: Audit) -> None:
    assert whole.output.rstrip().splitlines()[-1].startswith("report: ")


def test_tags_choose_steps_and_the_others_are_unknown(audit: Callable[..., Audit]) -> None:
    result = audit("--limit", "healthy", "--tags", "dns,egress")
    assert result.status == 2, result.output
    assert result.report["run"]["scope"]["steps_left_out"] == ["bucket", "iam", "log", "timeouts"]
    by_step: dict[str, set[str]] = {}
    for finding in result.report["edges"]["healthy"]["findings"]:
        by_step.setdefault(finding["check"].partition("-")[0], set()).add(finding["status"])
    assert by_step["IAM"] == {"unknown"}
    assert "unknown" not in by_step["DNS"] | by_step["EGRESS"]


def test_tags_that_are_skipped(audit: Callable[..., Audit]) -> None:
    result = audit("--limit", "healthy", "--skip-tags", "iam,bucket")
    assert result.report["run"]["scope"]["steps_left_out"] == ["bucket", "iam"]
    assert "no step has the tag 'bukket'; did you mean bucket?" in audit("--skip-tags", "bukket").output
    skipped = audit("--skip-tags", "always")
    assert skipped.status != 0 and "The tag always was skipped, and with it the audit" in skipped.output


def test_the_roles_of_the_domains_audit_one_by_one(audit: Callable[..., Audit], whole: Audit, tmp_path: Path) -> None:
    """In a playbook of somebody's own: the same answers as where one process walks all domains."""
    roles = ["edge_run", "edge_node", *(f"edge_{name}" for name in DOMAINS), "edge_report"]
    play = {
        "hosts": "edges",
        "gather_facts": False,
        "vars": {"edge_run_dir": "{{ __edge_run_begun.run_dir }}"},
        "tasks": [{"import_role": {"name": role, "tasks_from": "audit"}} for role in roles],
    }
    (tmp_path / "own.yml").write_text(json.dumps([play]), encoding="utf-8")
    result = audit("--limit", "london,healthy", playbook=str(tmp_path / "own.yml"))
    assert result.report["run"]["scope"]["steps_left_out"] == []
    for name, edge in result.report["edges"].items():
        said = {finding["check"]: finding["status"] for finding in whole.report["edges"][name]["findings"]}
        assert {finding["check"]: finding["status"] for finding in edge["findings"]} == said


@pytest.mark.parametrize("inventory", ["all: {hosts: {edge-1: {}}}", None])
def test_an_inventory_without_edges_passes_nothing(
    audit: Callable[..., Audit], tmp_path: Path, inventory: str | None
) -> None:
    path = tmp_path / "hosts.yml"
    if inventory is not None:
        path.write_text(inventory, encoding="utf-8")
    result = audit("-i", str(path))
    assert result.status != 0, result.output
    assert ("the inventory has no edge" if inventory else "failed to parse inventory source") in result.output


def test_check_mode_is_the_same_audit(audit: Callable[..., Audit]) -> None:
    result = audit("--limit", "healthy", "--check", "--diff")
    assert result.status == 0
    assert result.report["edges"]["healthy"]["verdict"] == "clear"
    assert "changed=0" in result.output


def beside(tmp_path: Path, **hosts: dict[str, Any]) -> tuple[str, ...]:
    """Arguments that add hosts to the lab's inventory, or variables to its hosts."""
    inventory = tmp_path / "beside.yml"
    inventory.write_text(json.dumps({"edges": {"hosts": hosts}}), encoding="utf-8")
    return ("-i", "inventories/lab", "-i", str(inventory))


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "healthy": ({"edge_bucket": ""}, "is not a bucket name"),
    "london": ({"edge_payload": {"pace": "fast"}}, "edge_payload.pace must be a number"),
    "patchy": ({"edge_storage_cidrs": "10.0.0.0/8"}, "edge_storage_cidrs must be a list"),
    "stale": ({"edge_buket": "x"}, "unknown variable edge_buket; did you mean edge_bucket?"),
}


def test_a_wrong_variable_is_one_message_and_no_traceback(audit: Callable[..., Audit], tmp_path: Path) -> None:
    hosts = {name: variables for name, (variables, _) in WRONG.items()}
    result = audit(*beside(tmp_path, **hosts), "--limit", ",".join(WRONG))
    assert result.status == 2
    told = " ".join(result.output.split())
    for name, (_, message) in WRONG.items():
        assert message in told and f"edge {name}" in told
        assert result.report["edges"][name]["verdict"] == "unknown"
        assert {item["status"] for item in result.report["edges"][name]["findings"]} <= {"unknown", "not_applicable"}
    assert "Traceback" not in result.output


def test_a_variable_of_the_command_line_is_checked_too(audit: Callable[..., Audit]) -> None:
    result = audit("--limit", "healthy", "-e", "edge_buket=x")
    assert result.status == 2 and "did you mean edge_bucket?" in " ".join(result.output.split())


def test_an_edge_that_does_not_answer_keeps_no_other_waiting(audit: Callable[..., Audit], tmp_path: Path) -> None:
    nobody = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    own = {"edge_root": "/", "edge_region": "eu-west-2", "edge_bucket": "euw2-recordings-away"}
    half = {"edge_root": "/", "edge_region": "eu-west-2", "edge_bucket": "{{ nowhere_defined }}"}
    result = audit(*beside(tmp_path, away={**nobody, **own}, half=half), "--limit", "healthy,away,half")
    verdicts = {name: edge["verdict"] for name, edge in result.report["edges"].items()}
    assert verdicts == {"healthy": "clear", "away": "unknown", "half": "unknown"}
    away = result.report["edges"]["away"]["findings"]
    assert "unreachable" in {item.get("reason") for item in away}
    assert not [item for item in away if item["hop"] == "name" and item["status"] == "pass"]
    half_said = {item["observed"] for item in result.report["edges"]["half"]["findings"]}
    assert half_said == {"edge half: edge_bucket cannot be resolved: 'nowhere_defined' is undefined"}
    assert result.status != 0
    assert "Traceback" not in result.output


def test_expired_credentials_blind_the_audit_and_say_so(audit: Callable[..., Audit]) -> None:
    result = audit("--limit", "healthy", AWS_ACCESS_KEY_ID="AKIAEXPIRED000000000")
    assert result.status == 2
    assert result.report["edges"]["healthy"]["verdict"] == "unknown"
    assert "renew the audit's credentials" in " ".join(result.output.split())


def old_python() -> str | None:
    """A Python 3.9 that runs; a name on the path may be a launcher that does not."""
    candidates = ["python3.9", *(str(path) for path in Path.home().glob(".pyenv/versions/3.9*/bin/python3.9"))]
    for candidate in filter(None, map(shutil.which, candidates)):
        if subprocess.run([candidate, "-c", ""], capture_output=True, check=False).returncode == 0:
            return candidate
    return None


OLD = old_python()


@pytest.mark.skipif(OLD is None, reason="no Python 3.9 on this machine")
def test_edges_with_python_3_9_and_nothing_installed(audit: Callable[..., Audit], tmp_path: Path) -> None:
    old = {name: {"ansible_python_interpreter": OLD} for name in ("healthy", "london")}
    result = audit(*beside(tmp_path, **old), "--limit", "healthy,london")
    verdicts = {name: edge["verdict"] for name, edge in result.report["edges"].items()}
    assert verdicts == {"healthy": "clear", "london": "truncates"}
