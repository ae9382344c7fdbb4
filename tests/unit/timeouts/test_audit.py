# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole domain on copies of nodes: the two edges of the lab, and what each kind of bound leads to."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.timeouts.checks import CATALOGUE, judge, ladder_facts

from tests.unit.timeouts import node_copy


def judged(root, files=None, upstream=node_copy.UPSTREAM, **more):
    edge, facts = node_copy.make(root, files, **more)
    return {finding.check: finding for finding in judge(edge, facts, upstream)}


def test_a_healthy_edge_lets_four_hours_through(tmp_path):
    findings = judged(tmp_path)
    assert sorted(findings) == sorted(CATALOGUE)
    assert {finding.status for finding in findings.values()} == {"pass", "not_applicable"}
    assert findings["TIMEOUTS-01"].bound.seconds == 7200


def test_the_ladder_of_a_healthy_edge(tmp_path):
    edge, facts = node_copy.make(tmp_path)
    ladder = ladder_facts(edge, facts, node_copy.UPSTREAM)
    assert ladder["longest_minutes"] == ladder["longest_minutes_at_worst"] == 360.0
    assert set(ladder["longest_by_codec"].values()) == {360.0}
    assert ladder["unread"] == []


def test_squid_without_read_timeout_cuts_at_900_seconds(tmp_path):
    findings = judged(tmp_path, node_copy.LONDON)
    squid = findings.pop("TIMEOUTS-04")
    assert (squid.status, squid.longest_minutes, squid.bound.seconds) == ("fail", 45.0, 900.0)
    assert squid.fix["action"] == "set_squid_timeout"
    assert squid.fix["path"] == squid.resource == "/etc/squid/squid.conf"
    assert [item["key"] for item in squid.fix["settings"]] == ["read_timeout", "write_timeout"]
    assert squid.fix["from"] == "15 minutes" and squid.fix["to"] == "100 minutes" and squid.fix["seconds"] == 6000
    assert "from 45 min to 300 min" in squid.fix["summary"]
    assert {finding.status for finding in findings.values()} == {"pass", "not_applicable"}


def test_the_fix_is_what_it_says(tmp_path):
    squid = judged(tmp_path, node_copy.LONDON)["TIMEOUTS-04"]
    lines = "".join(f"{item['key']} {item['to']}\n" for item in squid.fix["settings"])
    cured = {**node_copy.LONDON, "etc/squid/squid.conf": node_copy.SQUID + lines}
    again = judged(tmp_path, cured)
    assert {finding.status for finding in again.values()} == {"pass", "not_applicable"}


@pytest.mark.parametrize(
    ("files", "check", "minutes", "words"),
    [
        ({"etc/edge/export.yaml": "read_timeout: 15 minutes\n"}, "TIMEOUTS-01", 45.0, "export.yaml:1"),
        ({"etc/edge/export.yaml": "read_timeout: 7200\ntotal_timeout: 1h\n"}, "TIMEOUTS-02", 180.0, "total_timeout"),
        ({"etc/edge/export.yaml": "read_timeout: 7200\nworker_seconds: 900\n"}, "TIMEOUTS-12", 45.0, "worker_seconds"),
        (
            {"etc/edge/export.yaml": "read_timeout: 7200\nsession_seconds: 3600\nsession_refreshable: false\n"},
            "TIMEOUTS-11",
            180.0,
            "session_seconds",
        ),
        (
            {"etc/systemd/system/edge-export.service.d/limit.conf": "[Service]\nRuntimeMaxSec=30min\n"},
            "TIMEOUTS-03",
            90.0,
            "limit.conf:2",
        ),
    ],
)
def test_each_bound_of_the_export_cuts(tmp_path, files, check, minutes, words):
    finding = judged(tmp_path, files)[check]
    assert (finding.status, finding.longest_minutes) == ("fail", minutes)
    assert words in finding.observed


@pytest.mark.parametrize(
    ("files", "urls"),
    [
        (None, []),
        (node_copy.LONDON, ["http://127.0.0.1:3128"]),
        (
            {
                "etc/systemd/system/edge-export.service.d/proxy.conf": "[Service]\nEnvironment=HTTPS_PROXY=http://p:8080\n"
            },
            ["http://p:8080"],
        ),
        (
            {
                "etc/systemd/system/edge-export.service.d/proxy.conf": "[Service]\nEnvironment=HTTPS_PROXY=http://p:1\n"
                "Environment=NO_PROXY=.amazonaws.com\n"
            },
            [],
        ),
    ],
)
def test_the_probe_learns_where_the_export_is_sent(tmp_path, files, urls):
    edge, facts = node_copy.make(tmp_path, files)
    proxies = ladder_facts(edge, facts, node_copy.UPSTREAM)["proxies"]
    assert [told["url"] for told in proxies["told"]] == urls
    assert proxies["gaps"] == []
