# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings files by format, dotted key paths, and durations as people write them."""

from __future__ import annotations

import math

import pytest
from ansible.module_utils.edge.settings import (
    FORMATS,
    SettingsError,
    format_of,
    leaves,
    line_of,
    lookup,
    parse_duration,
    parse_settings,
    unit_of_key,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.examples import examples

SAME = {
    "yaml": "export:\n  read_timeout: 900\n  proxy: http://p:3128\n",
    "json": '{"export": {"read_timeout": 900,\n "proxy": "http://p:3128"}}',
    "ini": "[export]\n; a comment\nread_timeout = 900 ; seconds\nproxy = http://p:3128\n",
    "properties": "# a comment\nexport.read_timeout=900\nexport.proxy : http://p:3128\n",
    "toml": '[export]\nread_timeout = 900\nproxy = "http://p:3128"\n',
}


@pytest.mark.parametrize("format_", FORMATS)
def test_every_format_says_the_same(format_):
    tree = parse_settings(SAME[format_], format_, "export.conf")
    assert parse_duration(lookup(tree, "export.read_timeout")) == 900.0
    assert lookup(tree, "export.proxy") == "http://p:3128"
    assert lookup(tree, "export.none", "absent") == "absent"
    assert sorted(leaves(tree)) == ["export.proxy", "export.read_timeout"]


@pytest.mark.parametrize(("format_", "line"), [("yaml", 2), ("json", 1), ("ini", 3), ("properties", 2), ("toml", 2)])
def test_line_of_a_key(format_, line):
    assert line_of(SAME[format_], "export.read_timeout") == line


def test_line_of_a_key_that_stands_twice_is_that_of_its_own_section():
    assert line_of("[a]\ntimeout = 1\n[b]\ntimeout = 2\n", "b.timeout") == 4


@pytest.mark.parametrize(
    ("format_", "text", "says"),
    [
        ("yaml", "a: [1, 2\nb: 3\n", "line 2"),
        ("yaml", "a: !!int ''\n", "tag"),
        ("yaml", "- 1\n- 2\n", "holds a list"),
        ("yaml", "a: &x [*x, \x00]\n", "not valid yaml"),
        ("json", '{"a": 1\n"b": 2}', "line 2"),
        ("json", "[" * 100000, "deeply"),
        ("json", "3", "holds a int"),
        ("ini", "a = 1\n", "properties"),
        ("ini", "[a]\n = 1\n", "line 2"),
        ("toml", "a = \n", "line 1"),
        ("xml", "<a/>", "unknown format"),
    ],
)
def test_what_is_not_of_the_format_names_file_and_line(format_, text, says):
    with pytest.raises(SettingsError, match="export.conf") as caught:
        parse_settings(text, format_, "export.conf")
    assert says in str(caught.value)


@pytest.mark.parametrize("format_", FORMATS)
def test_an_empty_file_has_no_settings(format_):
    assert parse_settings("", format_, "f") == {}


def test_a_yaml_file_that_aliases_itself_is_read_in_bounds():
    bomb = "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
    tree = parse_settings(bomb, "yaml", "f")
    assert len(leaves(tree)) <= 5000


@pytest.mark.parametrize(
    ("tree", "dotted", "value"),
    [
        ({"a": {"b": 1}}, "a.b", 1),
        ({"a.b": 1}, "a.b", 1),
        ({"a": {"b.c": 1}}, "a.b.c", 1),
        ({"a.b": {"c": 1}, "a": {"x": 2}}, "a.b.c", 1),
        ({"A": {"ReadTimeout": 5}}, "a.readtimeout", 5),
        ({"s": [{"p": 7}]}, "s.0.p", 7),
        ({"a": None}, "a", None),
        ({"a": 3}, "a.b", None),
        ({1: {"b": 2}}, "1.b", 2),
    ],
)
def test_lookup(tree, dotted, value):
    assert lookup(tree, dotted) == value


@pytest.mark.parametrize(
    ("name", "given_", "expected"),
    [
        ("/etc/e.yml", None, "yaml"),
        ("/etc/e.JSON", None, "json"),
        ("/etc/e", "toml", "toml"),
        ("/a.yaml/x.properties", None, "properties"),
    ],
)
def test_format_of(name, given_, expected):
    assert format_of(name, given_) == expected


@pytest.mark.parametrize("name", ["/etc/export", "/etc.d/export", "/etc/export.xml"])
def test_a_format_that_cannot_be_told(name):
    with pytest.raises(SettingsError, match="say one of"):
        format_of(name)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (900, 900.0),
        (1.5, 1.5),
        ("900", 900.0),
        ("900s", 900.0),
        ("15 minutes", 900.0),
        ("15 Minutes", 900.0),
        ("2h30m", 9000.0),
        ("2h 30min", 9000.0),
        ("1 hour, 30 minutes", 5400.0),
        ("1500ms", 1.5),
        ("PT15M", 900.0),
        ("pt1h0.5s", 3600.5),
        ("P1DT1S", 86401.0),
        ("0", 0.0),
        ("'7200'", 7200.0),
        ("infinity", math.inf),
        ("Never", math.inf),
    ],
)
def test_durations(value, seconds):
    assert parse_duration(value) == pytest.approx(seconds)


def test_a_number_without_unit_is_in_the_unit_of_its_key():
    assert unit_of_key("read_timeout_ms") == "ms"
    assert unit_of_key("readTimeoutMillis") == "millis" or unit_of_key("readTimeout.millis") == "millis"
    assert unit_of_key("idle_minutes") == "minutes"
    assert unit_of_key("timeouts") == "s"
    assert parse_duration("900000", "ms") == 900.0
    assert parse_duration(15, "minutes") == 900.0
    assert parse_duration("15 s", "ms") == 15.0


@pytest.mark.parametrize(
    "value",
    [
        "", " ", "abc", "15 parsecs", "-5", "-1 minutes", -1, True, None, [900], {"a": 1}, "1h 30", "30 1h", "1..5s",
        "nan",
        float("nan"), "15 minutes please", "P", "PT", "١٥", 10**400, "9" * 5000, "15\x00s",
    ],
)  # fmt: skip
def test_what_is_no_duration_is_an_error_that_shows_it(value):
    with pytest.raises(SettingsError) as caught:
        parse_duration(value)
    assert 0 < len(str(caught.value)) < 250


@settings(max_examples=examples(300), deadline=None)
@given(st.text(max_size=300), st.sampled_from(FORMATS))
def test_no_text_raises_anything_but_a_settings_error(text, format_):
    try:
        tree = parse_settings(text, format_, "f")
    except SettingsError as error:
        assert str(error).startswith("f")
    else:
        for key in leaves(tree):
            lookup(tree, key)
            line_of(text, key)


@settings(max_examples=examples(300), deadline=None)
@given(st.one_of(st.text(max_size=40), st.floats(), st.integers(), st.from_regex(r"[0-9.]{1,4} ?[a-z]{0,7}")))
def test_a_duration_is_never_negative_and_never_nan(value):
    try:
        seconds = parse_duration(value)
    except SettingsError:
        return
    assert seconds >= 0.0
