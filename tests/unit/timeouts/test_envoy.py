# SPDX-License-Identifier: GPL-3.0-or-later
"""Envoy's static configuration."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.timeouts import envoy
from ansible.module_utils.edge.timeouts.values import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

HTTP = """static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 10000}}
    filter_chains:
    - filters:
      - name: envoy.filters.network.http_connection_manager
        typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager
          %s
          route_config:
            virtual_hosts:
            - name: storage
              domains: ["*"]
              routes:
              - match: {prefix: "/"}
                route: {cluster: s3%s}
  clusters:
  - name: s3
    %s
"""
TCP = """static_resources:
  listeners:
  - address: {socket_address: {address: 0.0.0.0, port_value: 443}}
    filter_chains:
    - filters:
      - typed_config:
          "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
          cluster: s3%s
"""


def bounds(text):
    return {(bound.setting, bound.kind): bound.seconds for bound in envoy.parse(text, "/etc/envoy/envoy.yaml").bounds}


def test_defaults():
    expected = {("route timeout", "total"): 15, ("stream_idle_timeout", "idle"): 300}
    assert bounds(HTTP % ("", "", "connect_timeout: 1s")) == expected
    assert bounds(TCP % "") == {("tcp idle_timeout", "idle"): 3600}
    assert envoy.parse(TCP % "").ports == {443}


def test_zero_disables():
    assert bounds(HTTP % ("stream_idle_timeout: 0s", ", timeout: 0s", "x: 1")) == {}


def test_values_and_their_lines():
    text = HTTP % ("stream_idle_timeout: 3600s", ", timeout: 900.5s, idle_timeout: 100s", "x: 1")
    proxy = envoy.parse(text, "/etc/envoy/envoy.yaml")
    found = {bound.setting: (bound.seconds, bound.origin) for bound in proxy.bounds}
    assert found["route timeout"] == (900.5, "/etc/envoy/envoy.yaml:16")
    assert found["stream_idle_timeout"][0] == 100


@pytest.mark.parametrize("value", ["15", "15m", "15 minutes", "-1s", "[1]", "1h", "infinity", "''", "true"])
def test_what_is_no_duration_of_envoys(value):
    with pytest.raises(ConfigError, match=r"envoy\.yaml:9: stream_idle_timeout"):
        bounds(HTTP % (f"stream_idle_timeout: {value}", "", "x: 1"))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("dynamic_resources: {lds_config: {}}\n", "control plane"),
        (HTTP.replace("route_config:", "rds:") % ("", "", "x: 1"), "control plane"),
        ("a: [", "line"),
        ("- 1", "holds a list"),
    ],
)
def test_what_cannot_be_known_from_the_file(text, says):
    with pytest.raises(ConfigError, match="envoy.yaml") as caught:
        bounds(text)
    assert says in str(caught.value)


def test_keepalive_towards_the_server():
    with_it = HTTP % ("", "", "upstream_connection_options: {tcp_keepalive: {}}")
    assert envoy.parse(with_it).server_keepalive is True
    assert envoy.parse(HTTP % ("", "", "x: 1")).server_keepalive is False


_KEYS = (
    "@type", "static_resources", "route_config", "virtual_hosts", "routes", "route", "timeout", "clusters",
    "filter_chains", "address", "idle_timeout", "common_http_protocol_options", "max_stream_duration",
)  # fmt: skip
_SCALARS = ("15s", "x.HttpConnectionManager", "x.TcpProxy")
_tree = st.recursive(
    st.one_of(st.none(), st.integers(), st.text(max_size=5), st.sampled_from(_SCALARS)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(_KEYS), inner, max_size=5)),
)


@settings(max_examples=examples(300))
@given(_tree)
def test_no_tree_raises_anything_but_a_config_error(tree):
    import yaml

    try:
        envoy.parse(yaml.safe_dump({"static_resources": tree}), "/a")
    except ConfigError as error:
        assert str(error).startswith("/a")
