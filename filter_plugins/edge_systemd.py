# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters for systemd's unit files."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from ansible.errors import AnsibleFilterError


def edge_systemd_word(value: Any) -> str:
    """A value as one word of a unit file: quoted, without specifiers and variables (systemd.syntax(7), systemd.unit(5),
    systemd.service(5), COMMAND LINES).
    """
    text = str(value)
    if any(not char.isprintable() for char in text):
        raise AnsibleFilterError(f"{text!r} holds a control character, which a unit file cannot hold")
    for char in ("\\", '"'):
        text = text.replace(char, f"\\{char}")
    return '"' + text.replace("%", "%%").replace("$", "$$") + '"'


def edge_systemd_words(values: Iterable[Any]) -> str:
    """A command line of a unit file. The first word is the program, in which no ``$`` is replaced."""
    return " ".join(map(edge_systemd_word, values))


def edge_systemd_assignment(value: Any, name: str) -> str:
    """``"NAME=value"`` for Environment=, in which ``$`` stands for itself (systemd.exec(5))."""
    return edge_systemd_word(f"{name}={value}").replace("$$", "$")


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "edge_systemd_word": edge_systemd_word,
            "edge_systemd_words": edge_systemd_words,
            "edge_systemd_assignment": edge_systemd_assignment,
        }
