# SPDX-License-Identifier: GPL-3.0-or-later
"""From the text of iptables-save and ip6tables-save (iptables(8), iptables-extensions(8)) to a Ruleset."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass, field

from . import prefixes
from .ruleset import OPAQUE, Chain, Condition, Key, Rule, Ruleset

_HOOKS = {"INPUT": "input", "OUTPUT": "output", "PREROUTING": "prerouting", "POSTROUTING": "postrouting"}
# The order of the tables at a hook (iptables(8), "TABLES"; netfilter's NF_IP_PRI_*).
_PRIORITIES = {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50}
_VERDICTS = {
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    "RETURN": "return",
    "MASQUERADE": "accept",
    "SNAT": "accept",
    "NOTRACK": "notrack",
    **dict.fromkeys(("DNAT", "REDIRECT", "TPROXY", "NFQUEUE", "QUEUE"), "unknown"),
    **dict.fromkeys(
        ("LOG", "NFLOG", "ULOG", "MARK", "CONNMARK", "TRACE", "TCPMSS", "DSCP", "TOS", "CHECKSUM", "SET", "AUDIT"),
        "continue",
    ),
}
_PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58, "ipv6-icmp": 58, "sctp": 132}
# Options that neither match nor decide, with their arguments.
_HARMLESS = ("-m", "--match", "--comment", "--reject-with", "--log-prefix", "--log-level", "-c")


def parse(text: str, version: int) -> Ruleset:
    """version: 4 for iptables-save, 6 for ip6tables-save. ValueError names a line that is no rule."""
    family = "ip6" if version == 6 else "ip"
    policies: dict[Key, str] = {}
    rules: dict[Key, list[Rule]] = {}
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line.startswith("*"):
            table = line[1:]
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            policies[family, table, name] = policy
        elif line.startswith(("-A ", "[")):
            words = shlex.split(line.partition("] ")[2] if line.startswith("[") else line)
            rules.setdefault((family, table, words[1]), []).append(_rule(words[2:], version, f"{table} line {number}"))
        elif line and not line.startswith("#") and line != "COMMIT":
            raise ValueError(f"line {number} is not of iptables-save: {line[:60]}")
    return Ruleset({key: _chain(key, policy, rules.get(key, [])) for key, policy in policies.items()})


def _chain(key: Key, policy: str, rules: list[Rule]) -> Chain:
    if policy == "-":
        return Chain(key, tuple(rules))
    return Chain(
        key, tuple(rules), _HOOKS.get(key[2], ""), _PRIORITIES.get(key[1], 0), "drop" if policy == "DROP" else "accept"
    )


@dataclass
class _Reading:
    """A rule while its words are read."""

    words: list[str]
    version: int
    conditions: list[Condition] = field(default_factory=list)
    verdict: str = "continue"
    target: str = ""
    negate: bool = False

    def next(self) -> str:
        return self.words.pop(0) if self.words else ""


def _rule(words: list[str], version: int, label: str) -> Rule:
    reading = _Reading(list(words), version)
    while reading.words:
        word = reading.next()
        if word == "!":
            reading.negate = True
            continue
        handler = _OPTIONS.get(word)
        if handler is not None:
            handler(reading)
        elif word in _HARMLESS:
            reading.next()
        else:
            _not_understood(reading)
        reading.negate = False
    return Rule(tuple(reading.conditions), reading.verdict, label, reading.target)


def _not_understood(reading: _Reading) -> None:
    while reading.words and not reading.words[0].startswith("-") and reading.words[0] != "!":
        reading.next()
    if reading.verdict in ("continue", "jump", "goto") and not reading.target:
        reading.conditions.append(OPAQUE)


def _address(name: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        held = [_masked(text) for text in reading.next().split(",")]
        reading.conditions.append(Condition(name, prefixes.union(held), reading.negate))

    return read


def _masked(text: str) -> prefixes.Interval:
    """iptables-save writes lengths, older ones a dotted mask."""
    address, _, mask = text.partition("/")
    if "." in mask:
        mask = str(bin(prefixes.parse(mask)[0]).count("1"))
    return prefixes.parse(f"{address}/{mask}" if mask else address)


def _span(name: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        first, _, last = reading.next().partition("-")
        value = (prefixes.parse(first)[0], prefixes.parse(last or first)[1])
        reading.conditions.append(Condition(name, [value], reading.negate))

    return read


def _ports(name: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        spans = []
        for text in reading.next().split(","):
            first, colon, last = text.partition(":")
            if not all(part.isdigit() for part in (first, last) if part):
                reading.conditions.append(OPAQUE)
                return
            spans.append((int(first or 0), int(last or (65535 if colon else first))))
        reading.conditions.append(Condition(name, prefixes.union(spans), reading.negate))

    return read


def _protocol(reading: _Reading) -> None:
    word = reading.next()
    if word in ("all", "0"):
        return
    if word not in _PROTOCOLS and not word.isdigit():
        reading.conditions.append(OPAQUE)
        return
    number = _PROTOCOLS[word] if word in _PROTOCOLS else int(word)
    reading.conditions.append(Condition("protocol", [(number, number)], reading.negate))


def _interface(name: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        word = reading.next()
        pattern = f"{word[:-1]}*" if word.endswith("+") else word
        reading.conditions.append(Condition(name, (pattern,), reading.negate))

    return read


def _state(reading: _Reading) -> None:
    words = tuple(word.lower() for word in reading.next().split(","))
    reading.conditions.append(Condition("state", words, reading.negate))


def _syn(reading: _Reading) -> None:
    reading.conditions.append(Condition("syn", (), reading.negate))


def _tcp_flags(reading: _Reading) -> None:
    mask, wanted = reading.next(), reading.next()
    if set(mask.split(",")) == {"FIN", "SYN", "RST", "ACK"} and wanted == "SYN":
        reading.conditions.append(Condition("syn", (), reading.negate))
    else:
        reading.conditions.append(OPAQUE)


def _jump(verdict: str) -> Callable[[_Reading], None]:
    def read(reading: _Reading) -> None:
        word = reading.next()
        if word == "CT":
            reading.verdict = "notrack" if "--notrack" in reading.words else "continue"
        else:
            reading.verdict = _VERDICTS.get(word, verdict)
        reading.target = word

    return read


_OPTIONS: dict[str, Callable[[_Reading], None]] = {
    "-s": _address("saddr"),
    "-d": _address("daddr"),
    "--src-range": _span("saddr"),
    "--dst-range": _span("daddr"),
    "-p": _protocol,
    "-i": _interface("iif"),
    "-o": _interface("oif"),
    "--dport": _ports("dport"),
    "--dports": _ports("dport"),
    "--sport": _ports("sport"),
    "--sports": _ports("sport"),
    "--ctstate": _state,
    "--state": _state,
    "--syn": _syn,
    "--tcp-flags": _tcp_flags,
    "-j": _jump("jump"),
    "-g": _jump("goto"),
}
