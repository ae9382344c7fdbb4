# SPDX-License-Identifier: GPL-3.0-or-later
"""HAProxy's configuration. What it refuses was seen by giving each line to `haproxy -c` of version 2.6."""

from __future__ import annotations

import math

import pytest
from ansible.module_utils.edge.timeouts import haproxy
from ansible.module_utils.edge.timeouts.values import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

TEXT = """global
  daemon
defaults
  mode http
  %s
frontend in
  bind 127.0.0.1:8080
  default_backend s3
backend s3
  server one s3.example:443 ssl
"""


def bounds(text, host=""):
    return {bound.setting: bound.seconds for bound in haproxy.parse(text, "/etc/haproxy/haproxy.cfg", host).bounds}


def test_no_timeouts_means_no_bounds():
    proxy = haproxy.parse(TEXT % "")
    assert proxy.bounds == () and proxy.forwards and proxy.ports == {8080}
    assert {setting.seconds for setting in proxy.settings} == {math.inf}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("50000", 50), ("900s", 900), ("15m", 900), ("1h", 3600), ("24d", 2073600), ("500us", 0.0005), ('"15m" # x', 900)],
)
def test_values_that_haproxy_takes(value, seconds):
    assert bounds(TEXT % f"timeout server {value}") == {"timeout server": pytest.approx(seconds)}


def test_zero_is_none():
    assert bounds(TEXT % "timeout client 0") == {}


@pytest.mark.parametrize(
    "value",
    ["15 minutes", "15min", "-1", "30d", "infinite", "1h30m", "1.5h", "${NOPE}", "", "9" * 30],
)
def test_values_that_haproxy_refuses(value):
    with pytest.raises(ConfigError, match=r"haproxy\.cfg:5: timeout client"):
        bounds(TEXT % f"timeout client {value}")


def test_sections_override_defaults_and_later_defaults_do_not_reach_back():
    text = (TEXT % "timeout client 1m\n  timeout server 2m") + "  timeout server 1h\ndefaults\n  timeout client 5s\n"
    assert bounds(text) == {"timeout client": 60, "timeout server": 3600}


def test_named_defaults():
    named = "defaults a\n timeout client 1m\ndefaults b from a\n timeout server 2m\n"
    text = named + "listen x from b\n bind :1\n server s h:1\n"
    assert bounds(text) == {"timeout client": 60, "timeout server": 120}
    with pytest.raises(ConfigError, match="does not stand before"):
        bounds("listen x from nowhere\n bind :1\n")


@pytest.mark.parametrize(
    ("mode", "expected"),
    [("tcp", {"timeout tunnel": 7200}), ("http", {"timeout client": 60, "timeout server": 60})],
)
def test_the_tunnel_timeout_supersedes_both_sides_in_tcp_mode_alone(mode, expected):
    text = (
        f"listen x\n mode {mode}\n bind :1\n server s h:1\n timeout client 1m\n timeout server 1m\n timeout tunnel 2h\n"
    )
    assert bounds(text) == expected


ROUTES = """defaults
 timeout client 1h
frontend f
 bind :1
 use_backend a if x
 default_backend b
backend a
 timeout server 5s
 server o other:1
backend b
 timeout server 2h
 server s s3.example:443
"""


def test_routes_to_the_storage_count_alone():
    assert bounds(ROUTES, "s3.example") == {"timeout client": 3600, "timeout server": 7200}
    assert bounds(ROUTES) == {"timeout client": 3600, "timeout server": 5}


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("option srvtcpka", True),
        ("option tcpka", True),
        ("option clitcpka", False),
        ("option tcpka\n  no option srvtcpka", False),
        ("", False),
    ],
)
def test_keepalive_towards_the_server(option, expected):
    assert haproxy.parse(TEXT % option).server_keepalive is expected


def test_a_condition_of_the_running_program_is_not_guessed():
    with pytest.raises(ConfigError, match="only the running HAProxy"):
        bounds(TEXT % "" + ".if defined(X)\n timeout server 1s\n.endif\n")


_WORDS = (
    "timeout", "client", "server", "5m", "\n", "listen x", "frontend f", "backend b", "defaults", "from", "bind :1",
    "no", "option tcpka", '"', "use_backend b", "server s h:1",
)  # fmt: skip
_word = st.sampled_from(_WORDS)


@settings(max_examples=examples(300))
@given(st.one_of(st.text(max_size=60), st.lists(_word, max_size=20).map(" ".join)))
def test_no_text_raises_anything_but_a_config_error(text):
    try:
        proxy = haproxy.parse(text, "/a")
    except ConfigError as error:
        assert str(error).startswith("/a")
    else:
        assert all(bound.seconds > 0 for bound in proxy.bounds)
