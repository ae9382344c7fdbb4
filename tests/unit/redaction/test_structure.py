# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - a table of values
"""Whatever the document and however it is written: its keys and known values come out as they went in, no other does."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible.module_utils.edge.redaction.choose import redact
from hypothesis import given
from hypothesis import strategies as st

KNOWN = {"read_timeout": 7200, "bucket": "euw2-recordings", "tcp_keepalive": True, "proxy": "http://127.0.0.1:3128", "region": "eu-west-2"}  # fmt: skip
SECRET = "Zq7xKw93Lm"
OTHER = st.sampled_from([f"{SECRET}", f"{SECRET} # x", f"a: {SECRET}", f"- {SECRET}", f"{SECRET}\n{SECRET}", f"'{SECRET}", f'"{SECRET}"', f"{{{SECRET}", f"\t{SECRET} ",
                         f"{SECRET}: ", f"|\n {SECRET}", f"&a {SECRET}", f"*{SECRET}", f"!{SECRET}", f"a\n\n  b: {SECRET}\n", f"{SECRET}\\", f"%{SECRET}", f"🔑{SECRET}"])  # fmt: skip
LEAVES = st.one_of(OTHER, st.none())
NAMES = st.sampled_from(["name", "value", "password", "x", "options", "k1"])
KNOWN_ITEMS = st.sampled_from(sorted(KNOWN.items(), key=str))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.builds(
            lambda a, b: {**a, **dict(b)}, st.dictionaries(NAMES, inner, max_size=3), st.lists(KNOWN_ITEMS, max_size=2)
        ),
    ),
    max_leaves=12,
)
DOCUMENTS = st.builds(lambda tree, known: {**dict(known), "other": tree}, TREES, st.lists(KNOWN_ITEMS, max_size=3))


def shape(tree: Any, under: bool = False) -> Any:
    """The document with every value that is not known as its kind. under: below a key of a secret."""
    if isinstance(tree, dict):
        return {
            key: value if key in KNOWN and not under else shape(value, under or key == "password")
            for key, value in tree.items()
        }
    if isinstance(tree, list):
        return [shape(item, under) for item in tree]
    return None if tree is None else "..."


@pytest.mark.parametrize("style", [None, True, False])
@pytest.mark.parametrize("width", [20, 200])
@given(tree=DOCUMENTS)
def test_yaml_however_it_is_written(style: bool | None, width: int, tree: dict[str, Any]) -> None:
    text = yaml.safe_dump(tree, default_flow_style=style, width=width, allow_unicode=True, sort_keys=False)
    clean = redact(text, "yaml")
    assert SECRET not in clean and clean.count("\n") == text.count("\n")
    assert shape(yaml.safe_load(clean)) == shape(tree), clean


@pytest.mark.parametrize("indent", [None, 2])
@given(tree=DOCUMENTS)
def test_json_however_it_is_written(indent: int | None, tree: dict[str, Any]) -> None:
    text = json.dumps(tree, indent=indent, ensure_ascii=False)
    clean = redact(text, "json")
    assert SECRET not in clean and clean.count("\n") == text.count("\n")
    assert shape(json.loads(clean)) == shape(tree), clean
