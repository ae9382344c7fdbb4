# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid, nginx, HAProxy and Envoy: after an edit the project's own readers see the new value, all else stays."""

from __future__ import annotations

import difflib

import pytest
from ansible.module_utils.edge.converge.edit import envoy, haproxy, nginx, squid
from ansible.module_utils.edge.converge.model import Refused
from ansible.module_utils.edge.timeouts import envoy as envoy_reader
from ansible.module_utils.edge.timeouts import haproxy as haproxy_reader
from ansible.module_utils.edge.timeouts import nginx as nginx_reader
from ansible.module_utils.edge.timeouts import squid as squid_reader
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.unit.timeouts.test_envoy import HTTP, TCP


def changed(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


# Squid

SQUID = "# of this site\nhttp_port 3128\nread_timeout 5 minutes  # too short\nacl all src all\n"


def test_squid_replaces_and_keeps_the_comment() -> None:
    edited = squid.set_directive(SQUID, "f", "read_timeout", "300 minutes", 3)
    assert changed(SQUID, edited) == [
        "- read_timeout 5 minutes  # too short",
        "+ read_timeout 300 minutes  # too short",
    ]
    assert squid.set_directive(edited, "f", "read_timeout", "300 minutes", 3) == edited


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("http_port 1", None, "http_port 1\nread_timeout 9 minutes\n"),
        ("http_port 1\r\n", None, "http_port 1\r\nread_timeout 9 minutes\r\n"),
        ("", None, "read_timeout 9 minutes\n"),
        ("#read_timeout 1 minute\n", None, "#read_timeout 1 minute\nread_timeout 9 minutes\n"),
        ("x\n\tread_timeout\t1 minute\n", 2, "x\n\tread_timeout\t9 minutes\n"),
        ("x\n#new\nread_timeout 1 minute\n", 2, "x\n#new\nread_timeout 9 minutes\n"),
        ("if true\nx\nendif\n", None, "if true\nx\nendif\nread_timeout 9 minutes\n"),
    ],
)
def test_squid_in_any_shape(text: str, line: int | None, expected: str) -> None:
    assert squid.set_directive(text, "f", "read_timeout", "9 minutes", line) == expected


@pytest.mark.parametrize(
    ("text", "key", "value", "line", "why"),
    [
        ("x\n", "read_timeout", "9 minutes", 1, "audit again"),
        ("read_timeout 1 \\\n minute\n", "read_timeout", "9 minutes", 1, "next line"),
        ("acl a \\", "read_timeout", "9 minutes", None, "goes on"),
        ("if true\n", "read_timeout", "9 minutes", None, "endif"),
        ("x\n", "read_timeout", "9 minutes\nhttp_access allow all", None, "no value"),
        ("x\n", "read_timeout\nhttp_access", "9", None, "no directive"),
        ("read_timeout\n", "read_timeout", "9", 1, "no value"),
    ],
)
def test_squid_refuses(text: str, key: str, value: str, line: int | None, why: str) -> None:
    with pytest.raises(Refused, match=why):
        squid.set_directive(text, "f", key, value, line)


_SQUID_LINES = st.lists(
    st.sampled_from(
        ["http_port 3128", "# read_timeout 1 minute", "read_timeout 2 minutes # x", "  read_timeout 1 hour", "",
         "acl x src \\", "pconn_timeout 1 minute", "write_timeout 3 seconds", "if 1 = 1", "else", "endif"]
    ), max_size=8,
)  # fmt: skip


@given(_SQUID_LINES, st.sampled_from(["\n", "\r\n"]), st.sampled_from(["read_timeout", "write_timeout"]))
def test_squid_reads_what_was_set(lines, ending, key):
    text = ending.join(lines)
    try:
        squid_reader.parse(text.replace("\r\n", "\n"))
        edited = squid.set_directive(text, "f", key, "300 minutes")
        seconds = {item.name: item.seconds for item in squid_reader.parse(edited.replace("\r\n", "\n")).settings}
    except (Refused, squid_reader.ConfigError):
        return
    if "if 1 = 1" not in lines:
        assert seconds[key] == 18000
    assert squid.set_directive(edited, "f", key, "300 minutes") == edited
    assert all(key in line for line in changed(text, edited) if line[2:].strip())


# nginx

NGINX = """\
user www-data;
http {
\t# the site
\tproxy_buffering off; proxy_read_timeout 60s;
\tserver {
\t\tlisten 80;
\t\tlocation / { proxy_pass http://s3; proxy_read_timeout "5m" ; }
\t}
}
"""


def _nginx(text: str) -> dict[str, set[float]]:
    found: dict[str, set[float]] = {}
    for item in nginx_reader.parse(text).settings:
        found.setdefault(item.name, set()).add(item.seconds)
    return found


def test_nginx_replaces_on_the_line_alone() -> None:
    edited = nginx.set_directive(NGINX, "f", "proxy_read_timeout", "18000s", 7)
    assert edited == NGINX.replace('"5m"', "18000s")
    assert _nginx(edited)["proxy_read_timeout"] == {18000}
    assert nginx.set_directive(edited, "f", "proxy_read_timeout", "18000s", 7) == edited


def test_nginx_sets_a_default_for_all_of_http() -> None:
    edited = nginx.set_directive(NGINX, "f", "send_timeout", "18000s")
    assert changed(NGINX, edited) == ["+ \tsend_timeout 18000s;"]
    assert _nginx(edited)["send_timeout"] == {18000}
    assert nginx.set_directive(edited, "f", "send_timeout", "18000s") == edited


def test_nginx_option_everywhere() -> None:
    text = "http {\n  server { location / { proxy_pass http://x; proxy_socket_keepalive off; } }\n}\nstream { }\n"
    edited = nginx.set_option(text, "f", "proxy_socket_keepalive", "on")
    assert edited.count("proxy_socket_keepalive on;") == 3 and "off" not in edited
    assert nginx_reader.parse(edited).server_keepalive is True
    assert nginx.set_option(edited, "f", "proxy_socket_keepalive", "on") == edited


@pytest.mark.parametrize(
    ("text", "key", "value", "line", "why"),
    [
        ("server { }", "send_timeout", "1s", None, "no http block"),
        ("http { }", "proxy_timeout", "1s", None, "no stream block"),
        ("http { ", "send_timeout", "1s", None, "closed"),
        ("http { } }", "send_timeout", "1s", None, "may stand"),
        ('http { "x }', "send_timeout", "1s", None, "quoted"),
        ("http { }", "send_timeout", "1s; include /etc/passwd", None, "no directive"),
        ("http { }", "send_timeout", "1s", 4, "audit again"),
    ],
)
def test_nginx_refuses(text: str, key: str, value: str, line: int | None, why: str) -> None:
    with pytest.raises(Refused, match=why):
        nginx.set_directive(text, "f", key, value, line)


_NGINX_PARTS = st.lists(
    st.sampled_from(
        ["http {", "server {", "location / {", "}", "proxy_pass http://s3;", "proxy_read_timeout 7s;", "# {\n", "\n",
         "listen 80;", "send_timeout 5;", "stream {", "log_format a '{;}';", "proxy_timeout 3m;"]
    ), max_size=14,
)  # fmt: skip


def _outside(parts: list[str]) -> bool:
    """Whether a directive stands outside of every block, where nginx takes none of these."""
    depth = 0
    for part in parts:
        depth += part.endswith("{") - (part == "}")
        if depth <= 0 and part.endswith(";"):
            return True
    return False


@given(_NGINX_PARTS, st.sampled_from(["proxy_read_timeout", "send_timeout", "proxy_timeout"]), st.booleans())
def test_nginx_reads_what_was_set(parts, key, windows):
    assume(not _outside(parts))
    text = ("\r\n" if windows else " ").join(parts)
    try:
        before = nginx_reader.parse(text)
        edited = nginx.set_option(text, "f", key, "18000s")
    except (Refused, nginx_reader.ConfigError):
        return
    assert _nginx(edited).get(key, {18000}) == {18000}
    others = [item for item in before.settings if item.name != key]
    assert [item.seconds for item in nginx_reader.parse(edited).settings if item.name != key] == [
        item.seconds for item in others
    ]
    assert nginx.set_option(edited, "f", key, "18000s") == edited


# HAProxy

HAPROXY = """\
global
\tmaxconn 100
defaults
\tmode http
\ttimeout client  1m   # one
\ttimeout server 50000
frontend f
\tbind :8080
\tdefault_backend b
backend b
\ttimeout server 2m
\tserver s3 s3.eu-west-2.amazonaws.com:443
"""


def test_haproxy_timeouts_on_their_lines() -> None:
    edited = haproxy.set_timeout(HAPROXY, "f", "timeout client", "18000s", 5)
    edited = haproxy.set_timeout(edited, "f", "timeout server", "18000s", 11)
    assert edited == HAPROXY.replace("1m ", "18000s ").replace("server 2m", "server 18000s")
    assert {bound.seconds for bound in haproxy_reader.parse(edited).bounds} == {18000}
    assert haproxy.set_timeout(edited, "f", "timeout server", "18000s", 11) == edited


@pytest.mark.parametrize(
    "text",
    [
        HAPROXY,
        HAPROXY.replace("defaults\n\tmode http\n\ttimeout client  1m   # one\n\ttimeout server 50000\n", ""),
        HAPROXY.replace("\ttimeout server 2m\n", "\tno option srvtcpka  # why\n"),
        HAPROXY.replace("\n", "\r\n"),
    ],
)
def test_haproxy_option(text: str) -> None:
    edited = haproxy.set_option(text, "f", "option srvtcpka")
    assert haproxy_reader.parse(edited.replace("\r\n", "\n")).server_keepalive is True
    assert haproxy.set_option(edited, "f", "option srvtcpka") == edited
    assert all("srvtcpka" in line for line in changed(text, edited))


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [
        ("timeout client", "1 m", "no time"),
        ("timeout tunnel", "1m", "audit again"),
        ("log", "1m", "no timeout"),
        ("timeout client", "1m\nglobal", "no value"),
    ],
)
def test_haproxy_refuses(key: str, value: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        haproxy.set_timeout(HAPROXY, "f", key, value)


# Envoy


@pytest.mark.parametrize(
    ("text", "name", "to"),
    [
        (HTTP % ("", "", "x: 1"), "stream_idle_timeout", "18000s"),
        (HTTP % ("", "", "x: 1"), "route timeout", "0s"),
        (HTTP % ("stream_idle_timeout: 60s  # short", ", timeout: 900s", "x: 1"), "stream_idle_timeout", "18000s"),
        (HTTP % ("", ", timeout: 900s, idle_timeout: 100s", "x: 1"), "stream_idle_timeout", "18000s"),
        (TCP % "", "tcp idle_timeout", "18000s"),
        (TCP % "\n          idle_timeout: 60s", "tcp idle_timeout", "18000s"),
    ],
)
def test_envoy(text: str, name: str, to: str) -> None:
    edited = envoy.set_timeout(text, "/etc/envoy/envoy.yaml", name, 18000.0, to)
    seconds = {item.name: item.seconds for item in envoy_reader.parse(edited, "envoy.yaml").settings}
    assert seconds[name] >= 18000
    assert envoy.set_timeout(edited, "/etc/envoy/envoy.yaml", name, 18000.0, to) == edited
    assert all("timeout" in line or "route: {cluster: s3}" in line for line in changed(text, edited))


def test_envoy_keepalive() -> None:
    text = HTTP % ("", "", "connect_timeout: 1s")
    edited = envoy.set_keepalive(text, "envoy.yaml")
    assert envoy_reader.parse(edited, "envoy.yaml").server_keepalive is True
    assert envoy.set_keepalive(edited, "envoy.yaml") == edited
    assert changed(text, edited) == ['+     upstream_connection_options: {"tcp_keepalive": {}}']


def test_envoy_refuses() -> None:
    for text, name, to in ((TCP % "", "route timeout", "0s"), ("a: [", "route timeout", "0s"), (TCP % "", "x", "1h")):
        with pytest.raises(Refused):
            envoy.set_timeout(text, "envoy.yaml", name, 1.0, to)
