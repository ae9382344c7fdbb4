# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from outside is shown as what it is; ordinary text of any script is left alone."""

from __future__ import annotations

import unicodedata

import pytest
from ansible.module_utils.edge.finding import EdgepathError
from ansible.module_utils.edge.run import facts_path
from ansible.module_utils.edge.visible import MOST, shown, visible, visible_line
from hypothesis import given
from hypothesis import strategies as st

ANY = st.text(alphabet=st.characters(exclude_categories=()), max_size=40)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("\x1b[2J\x1b]0;title\x07", "\\x1b[2J\\x1b]0;title\\x07"),
        ("\x9b31m", "\\x9b31m"),  # CSI in one character (ECMA-48, 8.3.16)
        ("a\0b\x7f\x85", "a\\x00b\\x7f\\x85"),
        ("over\rwritten\b", "over\\rwritten\\x08"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\u2066a\u2069\u200e\u200f\u061c", "\\u2066a\\u2069\\u200e\\u200f\\u061c"),
        ("pay\u200bpal\u2060\ufeff\u00ad", "pay\\u200bpal\\u2060\\ufeff\\xad"),
        ("pay\u200dpal", "pay\\u200dpal"),
        ("\u200d\u200d", "\\u200d\\u200d"),
        ("\u0645\u200c\u200c\u062e", "\u0645\\u200c\\u200c\u062e"),  # one joins, two hide something
        ("\u4e2d\u200d\u6587", "\u4e2d\\u200d\u6587"),
        ("a\ufe0fb", "a\\ufe0fb"),
        ("\u2764\ufe0f\ufe0f", "\u2764\ufe0f\\ufe0f"),
        ("\U000e0061\U000e0062", "\\U000e0061\\U000e0062"),
        ("\U0001f3f4\U000e0061", "\U0001f3f4\\U000e0061"),  # a flag that never ends
        ("\u3164\u115f\uffa0", "\\u3164\\u115f\\uffa0"),
        ("a\u2028b\u2029", "a\\u2028b\\u2029"),
        ("caf\udce9", "caf\\udce9"),  # a byte that was no UTF-8 (PEP 383)
        ("\ud83d", "\\ud83d"),
        ("\ufffe\uffff\U0010ffff\ufdd0", "\\ufffe\\uffff\\U0010ffff\\ufdd0"),
        ("\ufff9a\ufffbb", "\\ufff9a\\ufffbb"),
    ],
)
def test_what_steers_or_hides_is_spelled_out(text: str, told: str) -> None:
    assert visible(text) == told
    assert visible_line(text) == told


ORDINARY = [
    'plain text, 900 s; {"json": true} \\x1b as somebody typed it',
    "caf\u00e9 na\u00efve e\u0301 \u00df \u0141\u00f3d\u017a Stra\u00dfe",
    "\u041f\u0440\u0438\u0432\u0435\u0442 \u0395\u03bb\u03bb\u03ac\u03b4\u03b1",
    "\u05e9\u05dc\u05d5\u05dd 900 \u05e9\u05e0\u05d9\u05d5\u05ea",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645 \u0660\u0661",
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with the joiner that its spelling asks for
    "\u0915\u094d\u200d\u0937 \u0936\u094d\u0930\u0940",  # Devanagari
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3 \u0dbd\u0d82\u0d9a\u0dcf",  # Sinhala
    "\u5f55\u97f3 \u9332\u97f3 \u30ed\u30b0 \ub179\uc74c \u3000\u8449\U000e0100",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u1019\u103c\u1014\u103a\u1019\u102c",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \u2764\ufe0f 1\ufe0f\u20e3 \U0001f9d1\U0001f3fd\u200d\U0001f680",
    "\U0001f3f3\ufe0f\u200d\U0001f308 \U0001f468\u200d\u2695\ufe0f \U0001f642\u200d\u2194\ufe0f",
    "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f \U0001f1ec\U0001f1e7",
    "10\u00a0000\u202f\u20ac \u2013 \u201equoted\u201c \u2264 \u00d7",
    "\u0600\u0661 \u06dd",  # signs of numbers that are drawn, though their class is that of format characters
]


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_text_stays(text: str) -> None:
    assert visible(text) == text
    assert visible_line(text) == text


def test_a_line_is_one_line() -> None:
    assert visible("a\tb\nc") == "a\tb\nc"
    assert visible_line("a\tb\nCLEAR  london") == "a\\tb\\nCLEAR  london"


@given(ANY)
def test_whatever_it_is_nothing_hides_and_nothing_steers(text: str) -> None:
    told = visible_line(text)
    assert len(told.splitlines()) <= 1
    told.encode("utf-8")
    assert not {unicodedata.category(char) for char in told} & {"Cc", "Cs", "Zl", "Zp"}
    assert visible_line(told) == told
    assert visible(visible(text)) == visible(text)
    assert visible_line(visible(text)) == told


@given(st.text(alphabet=st.characters(categories=["L", "N", "P", "S"], max_codepoint=0x10FF), max_size=40))
def test_letters_figures_and_signs_are_never_touched(text: str) -> None:
    assert visible(text) == text or "\u034f" in text or "\u115f" in text or "\u1160" in text


@pytest.mark.parametrize("word", ["x" * 1_000_000, "\u202e" * 1_000_000, "\x1b[31m" * 200_000])
def test_a_word_of_a_million_letters_says_that_it_was_shortened(word: str) -> None:
    told = visible(word)
    assert len(told) < MOST + 60
    assert told.endswith(" ... (1,000,000 characters in all)")
    assert visible(told) == told
    assert len(visible_line(word, 100)) < 160


def test_text_is_found_wherever_it_is() -> None:
    assert shown({"\x1b": ["\x07", ("\x9b", 1, None, 2.5, True)]}) == {
        "\\x1b": ["\\x07", ["\\x9b", 1, None, 2.5, True]]
    }


def test_an_error_says_what_it_read_without_doing_it() -> None:
    assert str(EdgepathError("cannot read \x1b[2J: \u202e")) == "cannot read \\x1b[2J: \\u202e"


# --- names of files --------------------------------------------------------------------------------------------------


@given(ANY, ANY)
def test_names_of_files_are_plain_and_distinct(one: str, other: str) -> None:
    path, second = facts_path("/run", one), facts_path("/run", other)
    assert (path == second) == (one == other)
    name = path.removeprefix("/run/facts/")
    assert name.isascii() and name.isprintable() and "/" not in name and " " not in name
    assert len(name) < 240


@pytest.mark.parametrize(
    ("one", "other"),
    [("\u0123", "\x123"), ("a/b", "a%2fb"), ("x" * 5000, "x" * 5001), ("\u5f55" * 300, "\u5f55" * 301), ("", "%")],
)
def test_names_that_look_alike_are_two_files(one: str, other: str) -> None:
    assert facts_path("/run", one) != facts_path("/run", other)
    assert len(facts_path("", one).rpartition("/")[2].encode()) < 240
