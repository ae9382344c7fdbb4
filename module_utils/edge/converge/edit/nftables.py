# SPDX-License-Identifier: GPL-3.0-or-later
"""Adds rules to a chain of nftables' persistent file, before all others of that chain. Pure.

Grammar: nft(8), "Chains": a base chain begins with its type, hook and policy.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..model import Refused
from .texts import ending_of

_TOKEN = re.compile(r'#[^\n]*|"[^"\n]*"|[{};\n]|[^\s{};#"]+|[ \t\r]+')
_RULE = re.compile(r"ip6? [sd]addr [0-9a-fA-F.:/]+ tcp [sd]port [0-9]{1,5} accept")
# Statements that stand before the rules of a chain.
_HEAD = ("type", "policy", "flags", "comment", "devices", "device")


@dataclass(frozen=True)
class _Chain:
    """opened: behind its brace; rules: behind its type and policy; closed: at the brace that ends it."""

    opened: int
    rules: int
    closed: int
    base: bool


def rules_for(hook: str, destinations: Iterable[str], port: int) -> list[str]:
    """The rules that let a connection to a port of each destination out, or its answers in, as nft prints them."""
    outgoing = hook in ("output", "postrouting", "egress", "")
    found = []
    for text in destinations:
        plain = text[: -len("/128")] if text.endswith("/128") else text[: -len("/32")] if _single(text) else text
        family = "ip6" if ":" in plain else "ip"
        rule = f"{family} {'d' if outgoing else 's'}addr {plain} tcp {'d' if outgoing else 's'}port {port} accept"
        if not _RULE.fullmatch(rule) or plain.endswith("/0"):
            raise Refused(f"{text}: no rule is made for it")
        found.append(rule)
    return found


def _single(text: str) -> bool:
    return ":" not in text and text.endswith("/32")


def add_rules(text: str, path: str, chain: Sequence[str], rules: Sequence[str], comment: str) -> str:
    """The file with the rules at the head of a chain (family, table, name); those that stand there already stay."""
    if not all(_RULE.fullmatch(rule) for rule in rules):
        raise Refused(f"{path}: no rule of ours")
    found = list(_chains(text, path, tuple(chain)))
    if not found:
        raise Refused(
            f"chain {' '.join(chain)} does not stand in {path}, so that a rule would be gone with the next boot: add "
            f"it where that chain is made: {'; '.join(rules)}"
        )
    place = next((item for item in found if item.base), found[0])
    inside = " ".join(text[place.opened : place.closed].split())
    new = [f'{rule} comment "{comment}"' for rule in rules if rule not in inside]
    if not new:
        return text
    if "\n" not in text[place.opened : place.closed]:
        return text[: place.rules] + "".join(f" {rule};" for rule in new) + text[place.rules :]
    at = text.find("\n", place.rules)
    at = at + 1 if 0 <= at < place.closed else place.rules
    own = re.search(r"\n([ \t]+)[^\s}]", text[place.opened : place.closed])
    indent = own.group(1) if own else "\t\t"
    return text[:at] + "".join(f"{indent}{rule}{ending_of(text)}" for rule in new) + text[at:]


def _chains(text: str, path: str, wanted: tuple[str, ...]) -> Iterator[_Chain]:
    opened: list[tuple[tuple[str, ...], int]] = []
    words: list[str] = []
    head = (0, False)
    for start, end, token in _tokens(text, path):
        if token == "{":
            opened.append((tuple(words), end))
            head, words = (end, False) if words[:1] == ["chain"] else head, []
        elif token in (";", "\n", "}"):
            if words and words[0] in _HEAD and opened and opened[-1][0][:1] == ("chain",):
                head = (end if token == ";" else start, head[1] or "hook" in words)
            words = []
            if token == "}":
                if not opened:
                    raise Refused(f"{path}: has a }} where none may stand; mend it by hand")
                block, inside = opened.pop()
                if block[:1] == ("chain",) and _named(opened, block) == wanted:
                    yield _Chain(inside, head[0], start, head[1])
        else:
            words.append(token)
    if opened:
        raise Refused(f"{path}: ends before all of it is closed; mend it by hand")


def _named(opened: list[tuple[tuple[str, ...], int]], block: tuple[str, ...]) -> tuple[str, ...] | None:
    """(family, table, chain) of a chain's block; a table without a family is of ip."""
    table = opened[-1][0] if len(opened) == 1 else ()
    if table[:1] != ("table",) or len(block) != 2:
        return None
    return (*(table[1:] if len(table) == 3 else ("ip", *table[1:])), block[1])


def _tokens(text: str, path: str) -> Iterator[tuple[int, int, str]]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Refused(f"{path}: a quoted text does not end; mend it by hand")
        at = match.end()
        if match.group()[0] not in "# \t\r":
            yield match.start(), match.end(), match.group()
