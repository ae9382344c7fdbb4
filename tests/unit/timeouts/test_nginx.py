# SPDX-License-Identifier: GPL-3.0-or-later
"""nginx's configuration. What nginx refuses was seen by giving each line to `nginx -t` of version 1.22."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.timeouts import nginx
from ansible.module_utils.edge.timeouts.values import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

PROXY = "http {\n  server {\n    listen 127.0.0.1:8080;\n    location / { proxy_pass https://s3.example; %s }\n  }\n}\n"


def read(text, files=None, host=""):
    return {item.name: item for item in nginx.parse(text, "/etc/nginx/nginx.conf", files or {}, host).settings}


@pytest.mark.parametrize("name", ["proxy_read_timeout", "proxy_send_timeout", "send_timeout", "client_body_timeout"])
def test_defaults_are_sixty_seconds(name):
    setting = read(PROXY % "")[name]
    assert (setting.seconds, setting.origin) == (60, "default of nginx")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("900", 900),
        ("900s", 900),
        ("15m", 900),
        ('"1h 30m"', 5400),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("'2h'", 7200),
        ("1d", 86400),
    ],
)
def test_values_that_nginx_takes(value, seconds):
    setting = read(PROXY % f"proxy_read_timeout {value};")["proxy_read_timeout"]
    assert (setting.seconds, setting.origin) == (seconds, "/etc/nginx/nginx.conf:4")


@pytest.mark.parametrize(
    "value",
    ["-1", "15min", "15 minutes", "1h 30m", '"30m 1h"', '"30 20m"', "infinity", "1.5s", "$x", "", '""', "0", "0s"],
)
def test_values_that_nginx_refuses_or_does_not_document(value):
    with pytest.raises(ConfigError, match=r"nginx\.conf:4: proxy_read_timeout"):
        read(PROXY % f"proxy_read_timeout {value};")


def test_a_directive_twice_in_one_block_is_refused():
    with pytest.raises(ConfigError, match="twice"):
        read(PROXY % "proxy_read_timeout 3s; proxy_read_timeout 4s;")


def test_inner_blocks_inherit_and_override():
    inner = "server { proxy_read_timeout 30m; location / { proxy_pass http://a; } }"
    text = f"http {{ proxy_read_timeout 10m; send_timeout 20m; {inner} }}"
    found = read(text)
    assert (found["proxy_read_timeout"].seconds, found["send_timeout"].seconds) == (1800, 1200)


TWO = """http {
  upstream storage { server s3.example:443; }
  server { location /a { proxy_pass http://other; proxy_read_timeout 5s; }
           location /b { proxy_pass https://storage/x; proxy_read_timeout 1h; } } }
"""


def test_the_places_that_proxy_to_the_storage_count_alone():
    bounds = {bound.setting: bound.seconds for bound in nginx.parse(TWO, host="s3.example").bounds}
    assert bounds["proxy_read_timeout"] == 3600
    bounds = {bound.setting: bound.seconds for bound in nginx.parse(TWO, host="elsewhere").bounds}
    assert bounds["proxy_read_timeout"] == 5


def test_streams_have_a_timeout_of_their_own():
    text = "stream { server { listen 443; proxy_pass s3.example:443; } }"
    proxy = nginx.parse(text)
    assert [(bound.setting, bound.seconds) for bound in proxy.bounds] == [("proxy_timeout", 600)]
    assert proxy.ports == {443}
    assert nginx.parse(text.replace("listen", "proxy_socket_keepalive on; listen")).server_keepalive is True


@pytest.mark.parametrize(
    ("inside", "notes"),
    [
        ("", ("proxy_max_temp_file_size of default: 1073741824",)),
        ("proxy_max_temp_file_size 0;", ()),
        ("proxy_max_temp_file_size 10m;", ("proxy_max_temp_file_size of nginx.conf:4: 10485760",)),
        ("proxy_buffering off;", ()),
    ],
)
def test_temporary_file(inside, notes):
    assert nginx.parse(PROXY % inside).notes == notes


def test_a_server_that_forwards_nothing_is_no_proxy():
    assert nginx.parse("http { server { listen 80; root /var/www; } }").forwards is False


def test_includes_stand_in_their_place_and_are_relative_to_the_main_file():
    files = {"/etc/nginx/conf.d/a.conf": "server {\n location / { proxy_pass http://a; include p.conf; } }",
             "/etc/nginx/p.conf": "\n\nproxy_read_timeout 7m;"}  # fmt: skip
    found = read("http { include conf.d/*.conf; }", files)
    assert (found["proxy_read_timeout"].seconds, found["proxy_read_timeout"].origin) == (420, "/etc/nginx/p.conf:3")


@pytest.mark.parametrize(
    ("text", "files", "says"),
    [
        ("include nginx.conf;", {"/etc/nginx/nginx.conf": "include nginx.conf;"}, "loop"),
        ("include other.conf;", {}, "was not read"),
        ("http {", {}, "end of the file"),
        ("http { server", {}, "end of the file"),
        ("}", {}, "unexpected }"),
        ("http { ; }", {}, "unexpected ;"),
        ("a 'b", {}, "does not end"),
        ("{ }", {}, "unexpected {"),
        ("a { b }", {}, "unexpected }"),
        ("a{" * 100000, {}, "end of the file"),
        ("a{" * 5000 + "}" * 5000, {}, "deeper"),
    ],
)
def test_what_is_no_configuration_of_nginx(text, files, says):
    with pytest.raises(ConfigError, match="nginx.conf") as caught:
        read(text, files)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ('set $x "a;b{";', "set", ["$x", "a;b{"]),
        ("# only } a comment\nset a b;", "set", ["a", "b"]),
        ("log_format x '$a \\'b' \"c\";", "log_format", ["x", "$a 'b", "c"]),
        ("set $a ${b}c;", "set", ["$a", "${b}c"]),
        ("set a\\;b c#d;", "set", ["a\\;b", "c#d"]),
    ],
)
def test_quotes_braces_and_comments(text, name, arguments):
    (block,) = nginx._tree(text, "f", "f", {}, 1)
    assert (block.name, block.arguments) == (name, arguments)


_TOKENS = (
    "{", "}", ";", " ", "\n", "proxy_pass", "proxy_read_timeout", "http", "server", "include /a", "1h", "'", '"', "#",
    "${x}", "\\",
)  # fmt: skip
_token = st.sampled_from(_TOKENS)


@settings(max_examples=examples(400))
@given(st.one_of(st.text(max_size=60), st.lists(_token, max_size=25).map(" ".join)))
def test_no_text_raises_anything_but_a_config_error(text):
    try:
        proxy = nginx.parse(text, "/a", {"/a": text})
    except ConfigError as error:
        assert str(error).startswith("/a")
    else:
        assert all(bound.seconds > 0 for bound in proxy.bounds)
