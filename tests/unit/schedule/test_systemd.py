# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of unit files: what systemd reads of them is what was meant."""

from __future__ import annotations

import importlib.util
import shlex
from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from hypothesis import given
from hypothesis import strategies as st

PATH = Path(__file__).resolve().parents[3] / "filter_plugins/edge_systemd.py"


def loaded() -> Any:
    spec = importlib.util.spec_from_file_location("edge_systemd", PATH)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


FILTERS = loaded().FilterModule().filters()


@pytest.mark.parametrize(
    ("said", "word"),
    [
        ("audit.yml", '"audit.yml"'),
        ("a b", '"a b"'),
        ('say "x"', '"say \\"x\\""'),
        ("100%", '"100%%"'),
        ("$HOME", '"$$HOME"'),
        ("a\\b", '"a\\\\b"'),
        ("", '""'),
    ],
)
def test_a_word(said: str, word: str) -> None:
    assert FILTERS["edge_systemd_word"](said) == word


def test_a_command_and_an_assignment() -> None:
    assert FILTERS["edge_systemd_words"](["/bin/x", "-e", "a=$b"]) == '"/bin/x" "-e" "a=$$b"'
    assert FILTERS["edge_systemd_assignment"]("http://h/$x%", "HTTPS_PROXY") == '"HTTPS_PROXY=http://h/$x%%"'


@pytest.mark.parametrize("said", ["a\nExecStart=/bin/evil", "a\0b", "a\tb"])
def test_no_line_can_be_added(said: str) -> None:
    with pytest.raises(AnsibleFilterError, match="control character"):
        FILTERS["edge_systemd_word"](said)


@given(st.text(st.characters(exclude_categories=["C", "Z"]), max_size=30))
def test_what_is_quoted_is_read_as_it_was(said: str) -> None:
    # systemd unquotes like a shell here, and then %% and $$ stand for themselves.
    [read] = shlex.split(FILTERS["edge_systemd_word"](said))
    assert read.replace("%%", "%").replace("$$", "$") == said
