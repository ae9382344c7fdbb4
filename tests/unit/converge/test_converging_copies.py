# SPDX-License-Identifier: GPL-3.0-or-later
"""Broken copies of a node: audited, changed as the fixes say, audited again. One pass cures what can be cured."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import on_node, plan
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.edit.texts import text_of
from ansible.module_utils.edge.converge.work import Outcome, refs_of, undo, work_out
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts import checks
from ansible.module_utils.edge.timeouts.node import gather_node

from tests.unit.timeouts import node_copy

EXPORT = "etc/edge/export.yaml"
THROUGH = "read_timeout: 7200\nproxy: http://127.0.0.1:8080\n"
NGINX = """\
http {
  include conf.d/*.conf;
  server {
    listen 127.0.0.1:8080;
    location /a { proxy_pass https://s3.eu-west-2.amazonaws.com; proxy_read_timeout 60s; }
    location /b { proxy_pass https://s3.eu-west-2.amazonaws.com; proxy_read_timeout 2m; }
    location /c { proxy_pass https://s3.eu-west-2.amazonaws.com; }
  }
}
"""
HAPROXY = """\
defaults
  mode http
  timeout client 1m
frontend f
  bind 127.0.0.1:8080
  default_backend a
  use_backend b if TRUE
backend a
  timeout server 50000
  server a s3.eu-west-2.amazonaws.com:443
backend b
  timeout server 2m
  server b s3.eu-west-2.amazonaws.com:443
"""
ENVOY = """\
static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - typed_config: {"@type": x/envoy.TcpProxy, idle_timeout: 600s}
"""
BOOT = {"etc/sysctl.d/90-edgepath.conf": ""}

# files, upstream, the checks that fail before, and pass after one converge
CASES: dict[str, tuple[dict[str, str], Any, list[str]]] = {
    "squid": (node_copy.LONDON, node_copy.UPSTREAM, ["04"]),
    "squid included": (
        {**node_copy.LONDON, "etc/squid/squid.conf": node_copy.SQUID + "include /etc/squid/conf.d/*.conf\n",
         "etc/squid/conf.d/a.conf": "read_timeout 5 minutes # here\nwrite_timeout 2 hours\n"},
        node_copy.UPSTREAM, ["04"]),
    "nginx, three locations": (
        {"etc/nginx/nginx.conf": NGINX, "etc/nginx/conf.d/a.conf": "proxy_max_temp_file_size 10m;\n", EXPORT: THROUGH},
        node_copy.UPSTREAM, ["05", "22"]),
    "haproxy, two backends": (
        {"etc/haproxy/haproxy.cfg": HAPROXY, EXPORT: THROUGH}, node_copy.UPSTREAM, ["06"]),
    "envoy": ({"etc/envoy/envoy.yaml": ENVOY, EXPORT: THROUGH}, node_copy.UPSTREAM, ["07"]),
    "export": ({EXPORT: "export:\n  read_timeout_ms: 900000 # 15 min\n  total_timeout: 20m\n"}, node_copy.UPSTREAM,
               ["01", "02"]),
    "order": ({EXPORT: "export: {read_timeout: 86400, total_timeout: 3h}\n"}, node_copy.UPSTREAM, ["21"]),
    "unit": (
        {"etc/systemd/system/edge-export.service": node_copy.UNIT + "RuntimeMaxSec=15min\n",
         "etc/systemd/system/edge-export.service.d/70-late.conf": "[Service]\nRuntimeMaxSec=20min\n"},
        node_copy.UPSTREAM, ["03"]),
    "unit and order": (
        {"etc/systemd/system/edge-export.service": node_copy.UNIT + "RuntimeMaxSec=2h\n",
         EXPORT: "export: {read_timeout: 86400}\n"}, node_copy.UPSTREAM, ["21"]),
    "next boot": (BOOT, node_copy.UPSTREAM, ["20"]),
    "a later file": ({"etc/sysctl.d/99-late.conf": "net/ipv4/tcp_retries2=15\n"}, node_copy.UPSTREAM, ["20"]),
    "keepalive of the export": ({EXPORT: "export: {read_timeout: 7200}\n"}, node_copy.BEHIND_NAT, ["09", "14"]),
    "keepalive of haproxy": (
        {"etc/haproxy/haproxy.cfg": HAPROXY.replace("1m", "3h").replace("50000", "3h").replace("2m", "3h"),
         EXPORT: THROUGH}, node_copy.BEHIND_NAT, ["09", "14"]),
    "keepalive of envoy": (
        {"etc/envoy/envoy.yaml": ENVOY.replace("600s", "9000s") + "  clusters:\n  - name: s3\n    type: STATIC\n",
         EXPORT: THROUGH}, node_copy.BEHIND_NAT, ["09", "14"]),
    "all at once": (
        {**BOOT, "etc/haproxy/haproxy.cfg": HAPROXY, EXPORT: "read_timeout: 15m\nproxy: http://127.0.0.1:8080\n",
         "etc/systemd/system/edge-export.service": node_copy.UNIT + "RuntimeMaxSec=15min\n"},
        node_copy.BEHIND_NAT, ["01", "03", "06", "09", "14", "20"]),
}  # fmt: skip


def _statuses(edge: Edge, upstream: Any) -> tuple[dict[str, str], list[Any]]:
    findings = checks.judge(edge, plain(gather_node(edge)), upstream)
    return {finding.check.rpartition("-")[2]: finding.status for finding in findings}, findings


def _outcome(edge: Edge, findings: list[Any]) -> Outcome:
    items = [item for item in plan.make("timeouts", findings, ACTIONS, plan.Wish()) if not item.held]
    states = on_node.gather(edge, [ref.to_dict() for ref in refs_of(edge, items, ACTIONS)])
    return work_out(edge, items, ACTIONS, states)


def _put(root: Path, changes: list[Any]) -> None:
    for change in changes:
        path = root / change.ref.name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if change.after is None:
            path.unlink()
        else:
            text = text_of(change.after, "")
            path.write_bytes(text.encode("utf-8", errors="surrogateescape"))
            path.chmod(int(change.after["mode"], 8))


@pytest.mark.parametrize("name", CASES)
def test_one_pass_cures_it_and_undoing_restores_every_byte(name: str, tmp_path: Path) -> None:
    files, upstream, broken = CASES[name]
    node_copy.write(tmp_path, {**node_copy.FILES, **files})
    edge = Edge.from_mapping(node_copy.options(tmp_path))
    original = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    before, findings = _statuses(edge, upstream)
    assert [check for check in broken if before[check] != "fail"] == []
    outcome = _outcome(edge, findings)
    assert outcome.changes and not outcome.refused, outcome.refused
    _put(tmp_path, outcome.changes)
    after, findings = _statuses(edge, upstream)
    assert {check: status for check, status in after.items() if status == "fail"} == {}
    assert {check: after[check] for check in broken} == dict.fromkeys(broken, "pass")
    assert not _outcome(edge, findings).changes
    now = on_node.gather(edge, [change.ref.to_dict() for change in outcome.changes])
    undone = undo(outcome.changes, now, {})
    assert not undone.lost
    _put(tmp_path, undone.changes)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == original
