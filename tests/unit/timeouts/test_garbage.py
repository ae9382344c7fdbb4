# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever stands in a node's files, every check answers, and nothing raises."""

from __future__ import annotations

import copy

import pytest
from ansible.module_utils.edge.timeouts.checks import CATALOGUE, judge, ladder_facts
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.unit.timeouts import node_copy
from tests.unit.timeouts.test_checks import EVERYTHING

_WORDS = (
    "read_timeout", "proxy", "tcp_keepalive", "total_timeout", ": ", "=", "\n", "  ", "- ", "[Service]", "[default]",
    "900", "15 minutes", "-1", "0", "infinity", "http://127.0.0.1:3128", "http://[", "RuntimeMaxSec=", "Environment=",
    "HTTPS_PROXY=", '"', "'", "{", "}", "[", "]", "net.ipv4.tcp_retries2", "\\", "#", "\u0663",
    "ESTAB 0 0 a:1 52.95.149.10:443 timer:(",
)  # fmt: skip
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(_WORDS), max_size=14).map("".join))
PLACES = (
    ("export_config", "text"), ("recording_storage", "text"), ("proxy_configs", 0, "text"),
    ("proxy_configs", 1, "text"), ("proxy_configs", 2, "text"), ("proxy_configs", 3, "text"),
    ("unit", "files", 0, "text"),
    ("unit", "environment_files", 0, "text"), ("unit", "properties", "RuntimeMaxUSec"), ("aws_config", 0, "text"),
    ("sysctl", "disk", "files", 0, "text"), ("sysctl", "disk", "sysctl_conf"), ("sockets",),
    ("sysctl", "runtime", "net.ipv4.tcp_keepalive_time"), ("process", "environment", "HTTPS_PROXY"),
)  # fmt: skip


@pytest.fixture(scope="module")
def everything(tmp_path_factory):
    return node_copy.make(tmp_path_factory.mktemp("node"), EVERYTHING)


@settings(max_examples=examples(400), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), text=TEXTS)
def test_every_check_answers(everything, place, text):
    edge, facts = everything
    changed = copy.deepcopy(facts)
    node = changed
    for key in place[:-1]:
        node = node[key]
    assert isinstance(node[place[-1]], (str, type(None)))
    node[place[-1]] = text
    findings = judge(edge, changed, node_copy.BEHIND_NAT)
    assert sorted(finding.check for finding in findings) == sorted(CATALOGUE)
    ladder_facts(edge, changed, node_copy.BEHIND_NAT)
