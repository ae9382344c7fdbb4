# SPDX-License-Identifier: GPL-3.0-or-later
"""Squid's configuration. What Squid refuses was seen by giving each line to `squid -k parse` of version 5.7."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.timeouts import squid
from ansible.module_utils.edge.timeouts.values import ConfigError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples


def read(text, files=None):
    return {item.name: item for item in squid.parse(text, "/etc/squid/squid.conf", files or {}).settings}


@pytest.mark.parametrize(
    ("name", "seconds"),
    [
        ("read_timeout", 900),
        ("write_timeout", 900),
        ("client_lifetime", 86400),
        ("connect_timeout", 60),
        ("forward_timeout", 240),
        ("request_timeout", 300),
        ("client_idle_pconn_timeout", 120),
        ("server_idle_pconn_timeout", 60),
    ],
)
def test_defaults(name, seconds):
    setting = read("http_port 3128\n")[name]
    assert (setting.seconds, setting.origin) == (seconds, "default of Squid")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("15 minutes", 900),
        ("15 Minute", 900),
        ("1.5 hours", 5400),
        ("2 weeks", 1209600),
        ("2 fortnights", 2419200),
        ("2 months", 5184000),
        ("15 minutes # a comment", 900),
        ("15 minutes 30 seconds", 900),
        ("15 \\\n minutes", 900),
        ("0", 0),
        ("0 minutes", 0),
    ],
)
def test_values_that_squid_takes(value, seconds):
    setting = read(f"# first\nread_timeout {value}\n")["read_timeout"]
    assert (setting.seconds, setting.origin) == (seconds, "/etc/squid/squid.conf:2")


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("900", "no unit"),
        ("infinity", "not a number"),
        ("15m", "not a number"),
        ("900s", "not a number"),
        ("-5 minutes", "negative"),
        ("2 h", "no unit of Squid"),
        ("15 parsecs", "no unit of Squid"),
        ("90 milliseconds", "no unit of Squid"),
        ('"15 minutes"', "not a number"),
        ("999999999 years", "longer than Squid can count"),
        ("", "no value"),
    ],
)
def test_values_that_squid_refuses_name_file_line_and_key(value, says):
    with pytest.raises(ConfigError, match=r"squid\.conf:2: read_timeout") as caught:
        read(f"\nread_timeout {value}\n")
    assert says in str(caught.value)


def test_zero_ends_a_silent_tunnel_within_a_second():
    bound = next(bound for bound in squid.parse("read_timeout 0\n").bounds if bound.setting == "read_timeout")
    assert bound.seconds == 1.0


def test_the_last_assignment_wins_and_names_are_case_sensitive():
    found = read("read_timeout 1 hour\nread_timeout 2 hours\nREAD_TIMEOUT 3 hours\npconn_timeout 7 minutes\n")
    assert found["read_timeout"].seconds == 7200
    assert found["server_idle_pconn_timeout"].seconds == 420


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("if true\nread_timeout 1 hour\nendif\n", 3600),
        ("if false\nread_timeout 1 hour\nendif\n", 900),
        ("if 1 = 2\nread_timeout 1 hour\nelse\nread_timeout 2 hours\nendif\n", 7200),
        ("if false\nif true\nread_timeout 1 hour\nendif\nendif\n", 900),
    ],
)
def test_conditions(text, seconds):
    assert read(text)["read_timeout"].seconds == seconds


def test_a_condition_of_the_running_squid_is_not_guessed():
    with pytest.raises(ConfigError, match="only the running Squid"):
        read("if ${process_number} = 1\nread_timeout 1 hour\nendif\n")
    assert read("if ${process_number} = 1\ncache_dir x\nendif\n")["read_timeout"].seconds == 900


def test_includes_stand_in_their_place():
    files = {
        "/etc/squid/conf.d/a.conf": "read_timeout 1 hour\n",
        "/etc/squid/conf.d/b.conf": "\nread_timeout 2 hours\n",
    }
    found = read("read_timeout 3 hours\ninclude /etc/squid/conf.d/*.conf\n", files)
    assert (found["read_timeout"].seconds, found["read_timeout"].origin) == (7200, "/etc/squid/conf.d/b.conf:2")
    assert read("include /etc/squid/conf.d/*.conf\nread_timeout 3 hours\n", files)["read_timeout"].seconds == 10800


@pytest.mark.parametrize(
    ("text", "files", "says"),
    [
        ("include /etc/squid/squid.conf\n", {"/etc/squid/squid.conf": "include /etc/squid/squid.conf\n"}, "loop"),
        ("include /etc/squid/other.conf\n", {}, "was not read"),
    ],
)
def test_includes_that_cannot_be_followed(text, files, says):
    with pytest.raises(ConfigError, match=says):
        read(text, files)


def test_ports():
    assert squid.parse("http_port 3128\nhttp_port 10.0.0.1:8080 intercept\nhttps_port [::1]:8443 cert=x\n").ports == {
        3128,
        8080,
        8443,
    }


_line = st.one_of(
    st.text(max_size=30),
    st.builds("{} {} {}".format, st.sampled_from(sorted(squid.DEFAULTS)), st.text(max_size=8), st.text(max_size=8)),
    st.sampled_from(["if true", "else", "endif", "if 1 = x", "include /a", "read_timeout 5 minutes \\"]),
)


@settings(max_examples=examples(300))
@given(st.lists(_line, max_size=6).map("\n".join))
def test_no_text_raises_anything_but_a_config_error(text):
    try:
        proxy = squid.parse(text, "/a", {"/a": text})
    except ConfigError as error:
        assert str(error).startswith("/a")
    else:
        assert all(bound.seconds > 0 for bound in proxy.bounds)
