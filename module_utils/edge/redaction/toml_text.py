# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML by its lines; what stands in brackets as in flow.py."""

from __future__ import annotations

import re

from . import names, shapes
from .flow import Flow, string_end
from .tree import Place

_TABLE = re.compile(r"(\[{1,2})([^\]\n]{1,200})(\]{1,2})")
_NUMBER = re.compile(r"[+-]?[0-9][0-9_]*(?:\.[0-9]+)?")


class _Reader:
    def __init__(self, text: str, root: Place) -> None:
        self.text = text
        self.root = self.table = root
        self.out: list[str] = []
        self.flow = Flow(text, "=")

    def read(self) -> str:
        at = 0
        while at < len(self.text):
            end = self._end(at)
            line = self.text[at:end]
            bare = line.strip()
            indent = line[: len(line) - len(line.lstrip())]
            if not bare or bare[0] == "#":
                self.out.append(bare[:1])
            elif bare[0] == "[":
                self._title(bare)
            elif "=" in bare:
                self.out.append(indent)
                end = self._setting(at + len(indent), end)
            else:
                self.out.append(shapes.mask(bare))
            if end < len(self.text):
                self.out.append("\n")
            at = end + 1
        return "".join(self.out)

    def _end(self, at: int) -> int:
        end = self.text.find("\n", at)
        return len(self.text) if end < 0 else end

    def _title(self, bare: str) -> None:
        match = _TABLE.match(bare)
        if match is None:
            self.out.append(shapes.mask(bare))
            return
        self.table = self.root
        for part in match.group(2).split("."):
            self.table = self.table.below(part.strip().strip("\"'"))
        parts = [part if names.shown(part.strip().strip("\"'")) else shapes.mask(part, "key").translate(_BARE)
                 for part in match.group(2).split(".")]  # fmt: skip
        self.out.append(match.group(1) + ".".join(parts) + match.group(3))

    def _setting(self, at: int, end: int) -> int:
        sign = self.text.find("=", at, end)
        key = self.text[at:sign]
        place = self.table
        for part in key.split("."):
            place = place.below(part.strip().strip("\"'"))
        good = all(names.shown(part.strip().strip("\"'")) for part in key.split("."))
        self.out.append((key if good else shapes.mask(key, "key").translate(_BARE)) + "=")
        at = sign + 1
        while at < end and self.text[at] in " \t":
            self.out.append(self.text[at])
            at += 1
        return self._value(at, end, place)

    def _value(self, at: int, end: int, place: Place) -> int:
        text = self.text
        if at >= end:
            return end
        if text[at : at + 3] in ('"""', "'''"):
            close = text.find(text[at : at + 3], at + 3)
            close = len(text) if close < 0 else close + 3
            inner = text[at + 3 : close - 3]
            self.out.append(f'"{shapes.mask(inner)}"' + "\n" * text.count("\n", at, close))
            return self._rest(close)
        if text[at] in "\"'":
            close = string_end(text, at)
            self.out.append(
                place.quoted(text[at:close])
                if text[close - 1] == text[at] and close > at + 1
                else f'"{shapes.mask(text[at:])}' + "\n" * text.count("\n", at)
            )
            return self._rest(close)
        if text[at] in "[{":
            return self._rest(self.flow.group(at, place, self.out))
        value, sign, _ = text[at:end].partition("#")
        self.out.append(place.quoted(value.rstrip()) + (" #" if sign else ""))
        return end

    def _rest(self, at: int) -> int:
        end = self._end(at)
        rest = self.text[at:end].strip()
        if rest:
            self.out.append(" #" if rest[0] == "#" else f" {shapes.mask(rest)}")
        return end


_BARE = {ord("("): "_", ord(")"): ""}


def redact_toml(text: str, place: Place) -> str:
    return _Reader(text, place).read()
