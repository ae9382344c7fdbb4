# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong variables: one clear message that names edge, thing and cure; the other edges are still judged."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.targets import EDGE_OPTIONS, Edge, edges_from, from_variables
from hypothesis import given
from hypothesis import strategies as st

GOOD = {"name": "london", "region": "eu-west-2", "bucket": "recordings-london"}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"buket": "x"}, "unknown variable edge_buket; did you mean edge_bucket?"),
        ({"fail_onn": "x"}, "unknown variable edge_fail_onn; did you mean edge_fail_on?"),
        ({"zzz": "x"}, "unknown variable edge_zzz; see docs/variables.md"),
        ({"bucket": ["a"]}, "edge_bucket must be text"),
        ({"bucket": "s3://x"}, "is not a bucket name"),
        ({"bucket": "UPPER"}, "is not a bucket name"),
        ({"region": "London"}, "is not a region"),
        ({"dns_port": "fifty"}, "edge_dns_port must be a whole number"),
        ({"dns_port": True}, "edge_dns_port must be a whole number"),
        ({"storage_kind": "gcs"}, "edge_storage_kind must be one of aws, s3_compatible"),
        ({"storage_cidrs": "10.0.0.0/8"}, "edge_storage_cidrs must be a list"),
        ({"payload": 3}, "edge_payload must be a mapping"),
        ({"payload": {"pace": -1}}, "edge_payload.pace must be a positive number"),
        ({"root": "copy"}, "edge_root 'copy' must be an absolute path"),
    ],
)
def test_wrong_variable_is_named(data: dict[str, Any], message: str) -> None:
    edges, errors = edges_from([{**GOOD, **data}, {**GOOD, "name": "healthy"}])
    assert [edge.name for edge in edges] == ["healthy"]
    assert message in errors["london"]
    assert errors["london"].startswith("edge london: ")


@pytest.mark.parametrize(
    ("without", "message"), [("bucket", "edge_bucket is not set"), ("region", "edge_region is not set")]
)
def test_a_path_needs_a_bucket_and_a_region(without: str, message: str) -> None:
    data = {key: value for key, value in GOOD.items() if key != without}
    assert edges_from([data])[0], "an ad-hoc module may do with less"
    assert message in edges_from([data], complete=True)[1]["london"]


def test_storage_outside_aws_needs_an_endpoint() -> None:
    data = {"name": "harbour", "bucket": "recordings", "storage_kind": "s3_compatible"}
    assert "edge_storage_endpoint is not set" in edges_from([data], complete=True)[1]["harbour"]


@pytest.mark.parametrize(
    ("endpoint", "host", "port"),
    [
        (None, "s3.eu-west-2.amazonaws.com", 443),
        ("s3.example.org", "s3.example.org", 443),
        ("http://127.0.0.1:8333", "127.0.0.1", 8333),
        ("http://store", "store", 80),
        ("https://[2001:db8::1]:9000", "2001:db8::1", 9000),
    ],
)
def test_storage_endpoint(endpoint: str | None, host: str, port: int) -> None:
    edge = Edge.from_mapping({**GOOD, "storage_endpoint": endpoint})
    assert (edge.storage_host, edge.storage_port) == (host, port)


def test_options_and_fields_are_the_same() -> None:
    assert set(EDGE_OPTIONS) == set(Edge.__dataclass_fields__)


def test_variables_of_the_run_are_not_the_edge_s() -> None:
    data = from_variables(
        "london", {"edge_bucket": "b", "edge_fail_on": "high", "edge_probe_write": True, "ansible_host": "x"}
    )
    assert data == {"name": "london", "bucket": "b"}


VALUES = st.none() | st.text() | st.integers() | st.lists(st.text(), max_size=3)


@given(st.dictionaries(st.sampled_from([*EDGE_OPTIONS, "junk"]), VALUES))
def test_anything_is_an_edge_or_one_error(data: dict[str, Any]) -> None:
    edges, errors = edges_from([data], complete=True)
    assert len(edges) + len(errors) == 1


def test_an_edge_error_is_only_an_edge_error() -> None:
    with pytest.raises(EdgepathError, match="has no name"):
        Edge.from_mapping({})
