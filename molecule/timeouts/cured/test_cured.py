# SPDX-License-Identifier: GPL-3.0-or-later
"""The same nodes after converge: long recordings get through, as the report says, and the settings are in force."""

from __future__ import annotations

from typing import Any


def test_longest_recording_gets_through(node: Any) -> None:
    job = node.export(240)
    assert job["state"] == "COMPLETED", job.get("error")
    assert job["recordings"][0]["versionId"]


def test_report_says_so(node: Any, report: dict[str, Any]) -> None:
    assert report["edges"][node.name]["verdict"] == "clear"


def test_kernel_probes_early_now_and_after_the_next_boot(node: Any) -> None:
    assert node.host.sysctl("net.ipv4.tcp_keepalive_time") == 60
    assert node.host.sysctl("net.ipv4.tcp_retries2") == 8
    node.run("sysctl --write net.ipv4.tcp_keepalive_time=7200 && systemctl restart systemd-sysctl")
    assert node.host.sysctl("net.ipv4.tcp_keepalive_time") == 60


def test_export_configuration_is_edited_in_place(node: Any) -> None:
    text = node.host.file("/opt/edge/export.ini").content_string
    assert "; how long a stage may be silent" in text
    assert text.index("[export]") < text.index("[pipeline]") < text.index("[storage]")
    assert "versions = true" in text


def test_services_were_reloaded_not_restarted(node: Any) -> None:
    unit = {"direct": "edge-export"}.get(node.kind, node.kind)
    assert node.host.service(unit).is_running
    assert node.run(f"systemctl show {unit} --property NRestarts --value").strip() == "0"
