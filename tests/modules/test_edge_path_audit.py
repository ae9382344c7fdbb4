# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_path_audit through its main(): every domain in its turn, as its own module would have judged it."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge import aws
from ansible.module_utils.edge.catalogue import DOMAINS, asked
from ansible.module_utils.edge.run import Run
from ansible.module_utils.testing import patch_module_args

from tests.unit.egress import cloud as clouds
from tests.unit.egress.builders import host

pytestmark = [pytest.mark.usefixtures("credentials"), pytest.mark.xdist_group("moto")]
STORAGE = ["52.216.1.1", "3.5.1.1"]


def call(capsys, module: str, **arguments: Any) -> tuple[int, dict[str, Any]]:
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        importlib.import_module(module).main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def begun(directory: Path, cloud: Any, **more: Any) -> str:
    directory.mkdir(parents=True)
    clouds.run_with(directory, ["good"], STORAGE, host())
    edges = [
        {"name": "good", "region": clouds.REGION, "aws_endpoint_url": cloud.url, "interface_id": cloud.interfaces[0],
         "bucket": "recordings", "audit_role_arn": "arn:aws:iam::123456789012:role/edgepath-audit"},
        {"name": "wrong", "region": "london"},
    ]  # fmt: skip
    (directory / "run.json").write_text(json.dumps({"id": "r", "edges": edges, "errors": {}, **more}))
    return str(directory)


def test_judges_as_the_modules_of_the_domains_do(cloud, tmp_path, capsys):
    together, apart = begun(tmp_path / "a", cloud), begun(tmp_path / "b", cloud)
    code, result = call(capsys, "edge_path_audit", run_dir=together)
    assert code == 0 and result["changed"] is False
    assert list(result["summary"]) == list(DOMAINS) and "edge_region" in result["errors"]["iam"]["wrong"]
    opened = 0
    for name in DOMAINS:
        alone = call(capsys, f"edge_{name}_audit", run_dir=apart)[1]
        opened += alone["calls"].get("sts:AssumeRole", 0)
        assert result["summary"][name] == alone["summary"]
        one, other = (
            {(found["check"], found["edge"], found["resource"]): found["status"]
             for found in Run(run).step(name)["findings"]}
            for run in (together, apart)
        )  # fmt: skip
        assert one == other and {edge for _, edge, _ in one} == {"good", "wrong"}
    assert opened > 1 == result["calls"]["sts:AssumeRole"]


@pytest.mark.parametrize(
    ("steps", "options"), [(["dns", "egress"], {}), (list(DOMAINS), {"domains": ["egress", "dns"]})]
)
def test_only_what_was_asked_for(cloud, tmp_path, capsys, steps, options):
    run = begun(tmp_path / "a", cloud, steps=steps)
    _, result = call(capsys, "edge_path_audit", run_dir=run, **options)
    assert list(result["summary"]) == ["dns", "egress"]
    assert sorted(path.name for path in (tmp_path / "a").glob("*.json")) == ["dns.json", "egress.json", "run.json"]


def test_a_domain_that_breaks_leaves_the_others_their_answers(cloud, tmp_path, capsys, monkeypatch):
    from ansible.module_utils.edge.iam import facts

    def broken(*_: Any) -> Any:
        raise ZeroDivisionError("odd")

    run = begun(tmp_path / "a", cloud)
    monkeypatch.setattr(facts, "_read_handle", broken)
    code, result = call(capsys, "edge_path_audit", run_dir=run)
    assert code == 0 and set(result["summary"]["iam"]) == {"unknown"}
    assert "gathering iam broke: ZeroDivisionError: odd" in result["errors"]["iam"]["good"]
    assert "pass" in result["summary"]["egress"]
    found = {item["check"] for name in DOMAINS for item in Run(run).step(name)["findings"] if item["edge"] == "good"}
    assert found == set(asked())


def test_a_role_that_cannot_be_assumed_is_asked_for_by_each_domain_and_read_by_nobody(
    cloud, tmp_path, capsys, monkeypatch
):
    def gone(self: Any, _base: Any) -> Any:
        return self._unread("error", "sts:AssumeRole", self.key.role_arn, "NoSuchEntity")

    monkeypatch.setattr(aws.Account, "_assume", gone)
    _, result = call(capsys, "edge_path_audit", run_dir=begun(tmp_path / "a", cloud))
    assert result["calls"] == {}
    assert all("pass" not in result["summary"][name] for name in ("egress", "iam"))


def test_a_run_that_is_not_there(tmp_path, capsys):
    code, result = call(capsys, "edge_path_audit", run_dir=str(tmp_path / "none"))
    assert code == 1 and result["msg"].startswith(f"cannot read {tmp_path}/none/run.json")
