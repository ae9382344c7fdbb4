# SPDX-License-Identifier: GPL-3.0-or-later
"""One key of a settings file set or taken out, and nothing else."""

from __future__ import annotations

import json
import string

import pytest
import yaml
from ansible.module_utils.edge.converge.edit.keypath import place_of, remove_key, set_key
from ansible.module_utils.edge.converge.model import Refused
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.settings import lookup, parse_settings
from hypothesis import given
from hypothesis import strategies as st

YAML = """\
# Settings of the export
export:
  bucket: recordings   # which one
  read_timeout: 900    # seconds
  "quoted": "15m"
  flow: {a: 1, b: [x, y]}   # kept

  # the end of the section
storage:
    endpoint: 'https://s3.amazonaws.com'
"""
JSON = '{\n\t"export": {"read_timeout": 900, "hosts": ["a", {"b": 1}]},\n\t"name": "x \\u00e9",\n\t"last": null\n}\n'
INI = "; settings\n[export]\nread_timeout = 900 ; seconds\r\nlong = a\n  b\n\n[storage]\nendpoint: s3\n"
PROPERTIES = "# settings\nexport.read_timeout = 900\n! more\nother\\ key:x\\\n  y\nlast 5"
TOML = "# settings\n[export]\nread_timeout = 900 # seconds\nname = 'x'\r\n\n[[hosts]]\nname = \"a\"\n"
TEXTS = {"yaml": YAML, "json": JSON, "ini": INI, "properties": PROPERTIES, "toml": TOML}


@pytest.mark.parametrize("format_", TEXTS)
def test_only_the_value_changes(format_: str) -> None:
    text = TEXTS[format_]
    edited = set_key(text, format_, "f", "export.read_timeout", "18000")
    assert edited == text.replace("900", "18000")
    assert set_key(edited, format_, "f", "export.read_timeout", "18000") == edited
    assert set_key(edited, format_, "f", "export.read_timeout", "900") == text


@pytest.mark.parametrize(
    ("format_", "line"),
    [
        ("yaml", "  flow: {a: 1, b: [x, y]}   # kept\n  keep_alive: true\n"),
        ("json", '{"keep_alive": true, "read_timeout": 900'),
        ("ini", "  b\nkeep_alive = true\n\n[storage]"),
        ("properties", "last 5\nexport.keep_alive=true\n"),
        ("toml", "name = 'x'\r\nkeep_alive = true\n"),
    ],
)
def test_a_new_key_joins_its_section(format_: str, line: str) -> None:
    text = TEXTS[format_]
    edited = set_key(text, format_, "f", "export.keep_alive", "true")
    assert line in edited
    assert str(lookup(parse_settings(edited, format_, "f"), "export.keep_alive")).lower() == "true"
    removed = remove_key(edited, format_, "f", "export.keep_alive")
    assert parse_settings(removed, format_, "f") == parse_settings(text, format_, "f")
    assert removed.rstrip("\n") == text.rstrip("\n") or format_ == "toml"


@pytest.mark.parametrize(
    ("text", "dotted", "value", "expected"),
    [
        ('a: "15m"\n', "a", "100m", 'a: "100m"\n'),
        ("a: '15m'\n", "a", "it's", "a: 'it''s'\n"),
        ("a:\nb: 1\n", "a", "5", "a: 5\nb: 1\n"),
        ("a: null\n", "a", "true", "a: true\n"),
        ("a: x\n", "a", "yes", 'a: "yes"\n'),
        ("A_B: 1", "a_b", "2", "A_B: 2"),
        ("list:\n- name: x\n  t: 1\n- t: 2\n", "list.1.t", "9", "list:\n- name: x\n  t: 1\n- t: 9\n"),
        ("a.b: 1\n", "a.b", "2", "a.b: 2\n"),
        ("export:\r\n  t: 1\r\n", "export.u", "2", "export:\r\n  t: 1\r\n  u: 2\r\n"),
        ("{a: 1}\n", "b", "2", "{b: 2, a: 1}\n"),
        ("a: {}\n", "a.b", "2", "a: {b: 2}\n"),
        ("x: &t 5\ny: 6\n", "y", "7", "x: &t 5\ny: 7\n"),
    ],
)
def test_yaml_as_it_is_written(text: str, dotted: str, value: str, expected: str) -> None:
    assert set_key(text, "yaml", "f", dotted, value) == expected


@pytest.mark.parametrize(
    ("format_", "text", "dotted", "value", "why"),
    [
        ("yaml", "x: &t 5\ny: *t\n", "y", "7", "changing more"),
        ("yaml", "a: |\n  text\n", "a", "7", "several lines"),
        ("yaml", "a: [1, 2]\n", "a", "7", "more than one value"),
        ("yaml", "a: 1\n", "b.c", "7", "section is not there"),
        ("yaml", "", "b", "7", "empty"),
        ("yaml", "a: [", "a", "7", "not valid yaml"),
        ("yaml", "a: 1\n", "a", "7\nb: 2", "no value"),
        ("json", "[1]", "a", "7", "not settings by name"),
        ("ini", "[a]\nb = 1\n", "b", "7", "section and option"),
        ("ini", "[a]\nb = 1\n  2\n", "a.b", "7", "several lines"),
        ("ini", "[a]\nb = 1\n", "a.b", "7 # x", "comment"),
        ("properties", "a = 1\\\n 2\n", "a", "7", "several lines"),
        ("toml", "a = 1\n", "b.c", "7", "section is not there"),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(format_: str, text: str, dotted: str, value: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        set_key(text, format_, "f", dotted, value)


def test_an_option_goes_where_its_like_stand() -> None:
    assert place_of(YAML, "yaml", "f", "tcp_keepalive") == "export.tcp_keepalive"
    assert (
        place_of("a: {tcpKeepalive: false}\nb: {read_timeout: 1}\n", "yaml", "f", "tcp_keepalive") == "a.tcpKeepalive"
    )
    assert place_of("read_timeout: 1\n", "yaml", "f", "tcp_keepalive") == "tcp_keepalive"
    for text in ("a: {read_timeout: 1}\nb: {read_timeout: 2}\n", "x: 1\n"):
        with pytest.raises(Refused, match="edge_export_config_keys"):
            place_of(text, "yaml", "f", "tcp_keepalive")


_names = st.text(string.ascii_letters + "_", min_size=1, max_size=6)
_leaves = st.one_of(st.integers(), st.booleans(), st.text(string.printable, max_size=8), st.none())
_trees = st.dictionaries(
    _names, st.one_of(_leaves, st.dictionaries(_names, _leaves, max_size=4), st.lists(_leaves, max_size=3)), min_size=1
)


@given(_trees, st.data(), st.sampled_from(["9", "true", "15m", "a b", 'x"y', "0x1"]), st.booleans())
def test_any_document_holds_the_new_value_and_the_rest_of_the_old(tree, data, value, as_json):
    paths = [name for name in tree if "." not in name]
    paths += [f"{name}.{key}" for name, held in tree.items() if isinstance(held, dict) for key in held]
    dotted = data.draw(st.sampled_from(paths))
    text = json.dumps(tree, indent=data.draw(st.sampled_from([None, 2]))) if as_json else yaml.safe_dump(tree)
    format_ = "json" if as_json else "yaml"
    try:
        edited = set_key(text, format_, "f", dotted, value)
    except Refused:
        return
    assert str(lookup(parse_settings(edited, format_, "f"), dotted)).lower() == value.lower()
    assert set_key(edited, format_, "f", dotted, value) == edited
    first, _, second = dotted.partition(".")
    after = parse_settings(edited, format_, "f")
    kept = {name: held for name, held in tree.items() if name != first}
    assert {name: held for name, held in after.items() if name != first} == kept
    if second:
        assert {**after[first], second: 0} == {**tree[first], second: 0}


@given(st.sampled_from(sorted(TEXTS)), st.text(max_size=60), st.text(max_size=8), st.text(max_size=8))
def test_hostile_texts_and_values_are_refused_not_mangled(format_, text, dotted, value):
    try:
        before = parse_settings(text, format_, "f")
        edited = set_key(text, format_, "f", dotted or "a", value)
    except EdgepathError:
        return
    assert set(parse_settings(edited, format_, "f")) >= set(before)
