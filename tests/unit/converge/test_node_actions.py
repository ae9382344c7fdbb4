# SPDX-License-Identifier: GPL-3.0-or-later
"""What each fix makes of the edge's files; and that no check proposes what nobody applies."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.converge import merging, on_node, plan
from ansible.module_utils.edge.converge.actions import ACTIONS
from ansible.module_utils.edge.converge.edit.texts import new_file, text_of, with_text
from ansible.module_utils.edge.converge.model import Planned, Refused
from ansible.module_utils.edge.converge.work import refs_of, undo, work_out
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.targets import Edge
from ansible.module_utils.edge.timeouts import checks
from ansible.module_utils.edge.timeouts.node import gather_node
from hypothesis import given
from hypothesis import strategies as st

from lab import trees, world
from tests.conftest import ROOT
from tests.unit.timeouts import node_copy

EDGE = Edge("london", export_config_path="/opt/edge/export.yaml", export_service="edge-export")
DOMAINS = ("dns", "timeouts", "egress", "iam", "bucket")


def _proposed() -> set[str]:
    """The values of every "action" in a mapping, and of the tables of them, in what the checks are made of."""
    found: set[str] = set()
    for domain in DOMAINS:
        for path in (ROOT / "module_utils/edge" / domain).glob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Dict):
                    found |= set(_actions_of(node))
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "fix" and node.args:
                    found |= {arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant)}
                if isinstance(node, ast.Assign) and any(getattr(item, "id", "") == "_ACTIONS" for item in node.targets):
                    found |= {
                        item.value for item in getattr(node.value, "values", []) if isinstance(item, ast.Constant)
                    }
    return {name for name in found if isinstance(name, str) and "_" in name}


def _actions_of(node: ast.Dict) -> list[Any]:
    keys = [(key.value, value) for key, value in zip(node.keys, node.values) if isinstance(key, ast.Constant)]
    named = dict(keys)
    if "summary" not in named:
        return []
    return [value.value for key, value in keys if key == "action" and isinstance(value, ast.Constant)]


def test_every_proposed_action_is_applied_or_held_with_words() -> None:
    proposed = _proposed()
    assert {"set_squid_timeout", "remove_hosts_pin", "allow_host_firewall", "enable_versioning"} <= proposed
    assert proposed - set(ACTIONS) == set()


def _fix(action: str, **more: Any) -> Planned:
    return Planned("london", "timeouts", "X-01", "r", {"action": action, "summary": action, **more})


def _states(texts: dict[str, Any]) -> dict[str, Any]:
    return {key: new_file(EDGE, value) if key.startswith("file:") and isinstance(value, str) else value
            for key, value in texts.items()}  # fmt: skip


def _after(edge: Edge, texts: dict[str, Any], *items: Planned) -> tuple[dict[str, Any], list[str]]:
    """The objects after the fixes, files as text; and the refusals. Worked out again, nothing changes."""
    states = _states(texts)
    refs = {ref.key for ref in refs_of(edge, items, ACTIONS)}
    outcome = work_out(edge, items, ACTIONS, states)
    after = {**states, **{change.ref.key: change.after for change in outcome.changes}}
    assert not work_out(edge, items, ACTIONS, after).changes
    assert {change.ref.key for change in outcome.changes} <= refs
    undone = undo(outcome.changes, after, {})
    assert not undone.lost and {**after, **{item.ref.key: item.after for item in undone.changes}} == states
    shown = {
        key: text_of(state, key) if key.startswith("file:") and state is not None else state
        for key, state in after.items()
    }
    return shown, [why for _, why in outcome.refused]


SYSCTL = {"file:/etc/sysctl.d/90-edgepath.conf": None, "sysctl:net.ipv4.tcp_keepalive_time": "7200"}
CASES: list[tuple[dict[str, Any], Planned, dict[str, Any]]] = [
    (
        SYSCTL,
        _fix("set_sysctl", key="net.ipv4.tcp_keepalive_time", to="60"),
        {
            "file:/etc/sysctl.d/90-edgepath.conf": "# Set by edgepath.\nnet.ipv4.tcp_keepalive_time = 60\n",
            "sysctl:net.ipv4.tcp_keepalive_time": "60",
        },
    ),
    (
        SYSCTL,
        _fix("persist_sysctl", key="net.ipv4.tcp_keepalive_time", to="60", path="/etc/sysctl.d/90-edgepath.conf"),
        {"file:/etc/sysctl.d/90-edgepath.conf": "# Set by edgepath.\nnet.ipv4.tcp_keepalive_time = 60\n"},
    ),
    (
        {"file:/etc/systemd/system/edge-export.service.d/60-edgepath.conf": None},
        _fix("set_unit_property", path="/etc/systemd/system/edge-export.service", key="RuntimeMaxSec", to="infinity"),
        {
            "file:/etc/systemd/system/edge-export.service.d/60-edgepath.conf": (
                "# Set by edgepath.\n[Service]\nRuntimeMaxSec=infinity\n"
            )
        },
    ),
    (
        {"file:/etc/systemd/system/edge-export.service.d/zz-edgepath.conf": "[Service]\nRuntimeMaxSec=1h\n"},
        _fix(
            "set_unit_property", path="/run/systemd/system/edge-export.service.d/70-x.conf", key="RuntimeMaxSec",
            to="infinity",
        ),
        {"file:/etc/systemd/system/edge-export.service.d/zz-edgepath.conf": "[Service]\nRuntimeMaxSec=infinity\n"},
    ),
    (
        {"file:/opt/edge/export.yaml": "export:\n  read_timeout: 900\n"},
        _fix("set_export_option", key="tcp_keepalive", to="true"),
        {"file:/opt/edge/export.yaml": "export:\n  read_timeout: 900\n  tcp_keepalive: true\n"},
    ),
    (
        {"file:/opt/edge/export.yaml": "storage: {endpoint: 'https://s3.amazonaws.com'}\n"},
        _fix("set_storage_endpoint", value="s3.eu-west-2.amazonaws.com"),
        {"file:/opt/edge/export.yaml": "storage: {endpoint: 'https://s3.eu-west-2.amazonaws.com'}\n"},
    ),
    (
        {"file:/opt/edge/export.yaml": "export:\n  versions: false # why\n"},
        _fix("set_export_versions", path="/opt/edge/export.yaml", key="export.versions", value=True),
        {"file:/opt/edge/export.yaml": "export:\n  versions: true # why\n"},
    ),
    (
        {"file:/opt/edge/export.yaml": "s3:\n  access_key: AKIA\n  secret_key: x\n  region: eu-west-2\n"},
        _fix("remove_static_keys", settings=[
            {"file": "/opt/edge/export.yaml", "setting": "access_key"},
            {"file": "/opt/edge/export.yaml", "setting": "secret_key"}]),
        {"file:/opt/edge/export.yaml": "s3:\n  region: eu-west-2\n"},
    ),
    (
        {"file:/etc/resolv.conf": "nameserver 10.0.0.2\nnameserver 10.0.0.3\n", "file:/etc/dhcp/dhclient.conf": None},
        _fix("remove_nameserver", address="10.0.0.3", managed_by=None),
        {"file:/etc/resolv.conf": "nameserver 10.0.0.2\n"},
    ),
    (
        {"file:/etc/resolv.conf": "# Generated by dhclient\nnameserver 10.0.0.2\nnameserver 10.0.0.3\n",
         "file:/etc/dhcp/dhclient.conf": "option x;\n"},
        _fix("remove_nameserver", address="10.0.0.3", managed_by=None),
        {"file:/etc/resolv.conf": "# Generated by dhclient\nnameserver 10.0.0.2\n",
         "file:/etc/dhcp/dhclient.conf": "option x;\nsupersede domain-name-servers 10.0.0.2;\n"},
    ),
    (
        {"file:/etc/resolv.conf": "nameserver 10.0.0.2\nnameserver 10.0.0.3\n",
         "file:/etc/systemd/resolved.conf": "[Resolve]\nDNS=10.0.0.2 10.0.0.3\n"},
        _fix("replace_nameserver", address="10.0.0.3", managed_by="systemd", replacement="169.254.169.253"),
        {"file:/etc/systemd/resolved.conf": "[Resolve]\nDNS=10.0.0.2 169.254.169.253\n"},
    ),
    (
        {"file:/etc/resolv.conf": "nameserver 10.0.0.2\n", "file:/etc/NetworkManager/conf.d/60-edgepath.conf": None},
        _fix("set_resolver_options", managed_by="NetworkManager", options={"timeout": 2}),
        {"file:/etc/NetworkManager/conf.d/60-edgepath.conf": (
            "# Set by edgepath.\n[global-dns]\noptions = timeout:2\n[global-dns-domain-*]\nservers = 10.0.0.2\n")},
    ),
    (
        {"file:/etc/nsswitch.conf": None},
        _fix("set_nsswitch_hosts", path="/etc/nsswitch.conf", value="files dns"),
        {"file:/etc/nsswitch.conf": "hosts: files dns\n"},
    ),
    (
        {"file:/etc/hosts": "10.1.1.1 s3 other\n"},
        _fix("remove_hosts_pin", path="/etc/hosts", name="s3", address="10.1.1.1", line=1),
        {"file:/etc/hosts": "10.1.1.1 other\n"},
    ),
    (
        {"file:/etc/nftables.conf": "table inet f {\n  chain o {\n    type filter hook output priority 0;\n  }\n}\n",
         "firewall_rules:inet f o": []},
        _fix("allow_host_firewall", family="inet", table="f", chain="o", hook="output", port=443,
             destinations=["3.5.0.0/16", "16.12.15.34/32"]),
        {"firewall_rules:inet f o": ["ip daddr 3.5.0.0/16 tcp dport 443 accept",
                                     "ip daddr 16.12.15.34 tcp dport 443 accept"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("texts", "item", "expected"), CASES, ids=[case[1].action for case in CASES])
def test_what_is_made_of_it(texts: dict[str, Any], item: Planned, expected: dict[str, Any]) -> None:
    after, refused = _after(EDGE, texts, item)
    assert not refused
    assert {key: after[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("item", "texts", "why"),
    [
        (_fix("set_squid_timeout", key="read_timeout", to="1 minute", path="nat-1"), {}, "not stand in a file"),
        (_fix("set_squid_timeout", key="read_timeout", to="1 minute"), {}, "does not say path"),
        (_fix("set_sysctl", key="net.x.y", to="1"),
         {"file:/etc/sysctl.d/90-edgepath.conf": None, "sysctl:net.x.y": None}, "module is not loaded"),
        (_fix("remove_nameserver", address="127.0.0.53", managed_by="systemd"),
         {"file:/etc/resolv.conf": "nameserver 127.0.0.53\n", "file:/etc/systemd/resolved.conf": None}, "start it"),
        (_fix("remove_nameserver", address="10.0.0.3", managed_by="systemd"),
         {"file:/etc/resolv.conf": "nameserver 10.0.0.2\nnameserver 10.0.0.3\n",
          "file:/etc/systemd/resolved.conf": "[Resolve]\n#DNS=\n"}, "resolvectl"),
        (_fix("set_resolver_options", managed_by="systemd", options={"timeout": 2}),
         {"file:/etc/resolv.conf": "", "file:/etc/systemd/resolved.conf": None}, "RES_OPTIONS"),
        (_fix("set_resolver_options", managed_by="resolvconf", options={"timeout": 2}), {}, "written by resolvconf"),
        (_fix("replace_nameserver", address="10.0.0.3", managed_by=None, replacement=None),
         {"file:/etc/resolv.conf": "nameserver 10.0.0.3\n", "file:/etc/dhcp/dhclient.conf": None}, "by hand"),
        (_fix("set_addressing_style", value="path"), {"file:/opt/edge/export.yaml": "a: 1\n"}, "addressing_style"),
        (_fix("allow_host_firewall", family="ip", table="filter", chain="OUTPUT", hook="output", port=443,
              destinations=["3.5.0.0/16"]), {}, "iptables -I OUTPUT"),
        (_fix("allow_host_firewall", family="inet", table="firewalld", chain="x", hook="output", port=443,
              destinations=["3.5.0.0/16"]), {}, "firewalld"),
        (_fix("remove_static_keys", settings=[{"file": "the environment", "setting": "AWS_SECRET_ACCESS_KEY"}]), {},
         "in the unit"),
        (_fix("set_export_timeout", key="a", to="1", path="/etc/a.yaml"),
         {"file:/etc/a.yaml": Unread("denied", "read", "/etc/a.yaml", "no", ("read /etc/a.yaml",)).to_fact()},
         "cannot be read"),
        (_fix("set_export_timeout", key="a", to="1", path="/etc/a.yaml"), {"file:/etc/a.yaml": None}, "no such file"),
        (_fix("set_export_timeout", key="a", to="1", path="/etc/a"), {"file:/etc/a": "a"}, "format"),
    ],
)  # fmt: skip
def test_what_is_held_and_why(item: Planned, texts: dict[str, Any], why: str) -> None:
    states = _states(texts)
    try:
        refs_of(EDGE, [item], ACTIONS)
    except Refused as error:
        pytest.fail(f"refs_of let a refusal through: {error}")
    outcome = work_out(EDGE, [item], ACTIONS, states)
    assert not outcome.changes and len(outcome.refused) == 1
    assert why in outcome.refused[0][1]


def test_a_timeout_is_never_lowered() -> None:
    texts = {"file:/opt/edge/export.yaml": "read_timeout_ms: 90000000\ntotal_timeout: 2h\n"}
    shorter = _fix("set_export_timeout", settings=[
        {"path": "/opt/edge/export.yaml", "key": "read_timeout_ms", "to": "18000000", "seconds": 18000.0},
        {"path": "/opt/edge/export.yaml", "key": "total_timeout", "to": "5h", "seconds": 18000.0},
    ])  # fmt: skip
    after, _ = _after(EDGE, texts, shorter)
    assert after["file:/opt/edge/export.yaml"] == "read_timeout_ms: 90000000\ntotal_timeout: 5h\n"


def test_a_copy_has_no_running_values() -> None:
    copy = Edge("london", root="/var/copies/london")
    fixes = [
        _fix("set_sysctl", key="net.ipv4.tcp_keepalive_time", to="60"),
        _fix("allow_host_firewall", family="inet", table="f", chain="o", hook="output", port=443, destinations=["::1"]),
    ]
    assert {ref.kind for ref in refs_of(copy, fixes, ACTIONS)} == {"file"}


# The incident, from the audit of a copy to the change and back.


def _london(root: Path) -> tuple[Edge, Any]:
    trees.write(root, next(edge for edge in world.EDGES if edge.name == "london"), "10.40.1.5", "http://127.0.0.1:1")
    options = node_copy.options(root, export_config_path="/opt/edge/export.yaml",
                                recording_storage_path="/opt/edge/recording-storage.yaml",
                                payload={"pace": 3.0})  # fmt: skip
    return Edge.from_mapping(options), node_copy.UPSTREAM


def _audited(edge: Edge, upstream: Any) -> dict[str, Any]:
    return {item.check: item for item in checks.judge(edge, plain(gather_node(edge)), upstream)}


def test_london_is_audited_changed_audited_again_and_put_back(tmp_path: Path) -> None:
    edge, upstream = _london(tmp_path)
    before = _audited(edge, upstream)
    assert before["TIMEOUTS-04"].status == "fail"
    items = plan.make("timeouts", before.values(), ACTIONS, plan.Wish())
    states = on_node.gather(edge, [ref.to_dict() for ref in refs_of(edge, items, ACTIONS)])
    outcome = work_out(edge, items, ACTIONS, states)
    assert [change.ref.name for change in outcome.changes] == ["/etc/squid/squid.conf"] and not outcome.refused
    path = tmp_path / "etc/squid/squid.conf"
    original = path.read_bytes()
    path.write_text(text_of(outcome.changes[0].after, ""))
    assert _audited(edge, upstream)["TIMEOUTS-04"].status == "pass"
    now = on_node.gather(edge, [change.ref.to_dict() for change in outcome.changes])
    undone = undo(outcome.changes, now, {})
    path.write_text(text_of(undone.changes[0].after, ""))
    assert path.read_bytes() == original


# Putting back what somebody changed since.


@pytest.mark.parametrize(
    ("before", "after", "current", "expected"),
    [
        ("a\nb\n", "a\nb\nc\n", "a\nb\nc\nd\n", "a\nb\nd\n"),
        ("a\nb\n", "a\nB\n", "x\na\nB\n", "x\na\nb\n"),
        ("a\nb\nc\n", "a\nc\n", "z\na\nc\n", "z\na\nb\nc\n"),
        ("a\nb\n", "a\nB\n", "a\nQ\n", None),
        ("a\n", "a\nb\n", "a\n", "a\n"),
        ("a\nb\n", "A\nb\nnew\n", "A\nb\nhis\nnew\n", "a\nb\nhis\n"),
    ],
)
def test_a_file_that_somebody_changed_since(before: str, after: str, current: str, expected: str | None) -> None:
    states = [with_text({"mode": "0644"}, text) for text in (before, after, current)]
    merged = merging.file(*states)
    assert merged == (None if expected is None else with_text({"mode": "0644"}, expected))
    with pytest.raises(Refused, match="since we made it"):
        merging.file(None, states[1], states[2])


_texts = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "d\n"]), max_size=6).map("".join)


@given(_texts, _texts, _texts)
def test_a_merge_keeps_every_line_of_others(before, added, theirs):
    after = before + "ours\n" + added
    current = theirs + after
    states = [with_text({}, text) for text in (before, after, current)]
    merged = merging.file(*states)
    if merged is not None:
        assert text_of(merged, "") == theirs + before
    assert merging.file(states[0], states[1], states[1]) == states[0]


@given(*[st.lists(st.sampled_from("abcd"), unique=True)] * 3)
def test_rules_of_others_stay(before, ours, theirs):
    after = [*before, *(rule for rule in ours if rule not in before)]
    current = [*after, *(rule for rule in theirs if rule not in after)]
    merged = merging.rules(before, after, current)
    assert set(merged) == set(before) | (set(theirs) - set(after))
