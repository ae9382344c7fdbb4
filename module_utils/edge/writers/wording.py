# SPDX-License-Identifier: GPL-3.0-or-later
"""Words and commands that several formats share. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

# Worst first.
STATUS_WORDS = {
    "fail": "fail",
    "unknown": "unknown",
    "waived": "waived",
    "pass": "pass",
    "not_applicable": "not applicable",
}
EFFECT_WORDS = {
    "blocks": "no transfer gets through",
    "truncates": "long transfers are cut",
    "partial": "some connections fail",
    "none": "it stops no transfer, but is wrong",
}
REASON_WORDS = {
    "denied": "a permission was missing",
    "error": "reading it failed",
    "unreachable": "it could not be reached",
    "not_collected": "it was not collected",
}
# What each playbook does for one edge; a command is shown only where its playbook exists.
_COMMANDS = (
    ("audit.yml", "Ask again", ""),
    ("converge.yml", "Show the change without making it", " --check --diff"),
    ("converge.yml", "Make the change", ""),
    ("rollback.yml", "Take the change back", ""),
)
_ACTION = re.compile(r"[a-z0-9-]+:[A-Za-z0-9*]+")


def spaced(word: str) -> str:
    return word.replace("_", " ")


def plural(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def span(seconds: float) -> str:
    """A length of time as people say it: 45 s, 15 min, 5 min 50 s, 80 min, 7 d; two units at most."""
    sizes = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
    for place, (size, unit) in enumerate(sizes[:-1]):
        if seconds >= 2 * size or seconds == size:
            whole, rest = divmod(seconds, size)
            smaller, name = sizes[place + 1]
            return f"{whole:g} {unit}" + (f" {rest // smaller:g} {name}" if rest >= smaller else "")
    return f"{seconds:.10g} s"


def exact(seconds: float) -> str:
    """Seconds as the setting has them, with the same time as people say it where that differs."""
    short, plain = span(seconds), f"{seconds:,.10g} s"
    return plain if short == f"{seconds:.10g} s" else f"{plain} ({short})"


def limit(bound: Mapping[str, Any]) -> str:
    """A bound in a few words: ``idle 900 s``, ``total 7 d``, ``at least 1,024 bytes/s``."""
    if bound.get("kind") == "rate":
        return f"at least {float(bound.get('bytes_per_second') or 0):,.10g} bytes/s"
    seconds = float(bound.get("seconds") or 0)
    return f"{bound.get('kind')} {f'{seconds:,.10g} s' if seconds < 7200 else span(seconds)}"


def commands(edge: str, playbooks: Collection[str], inventory: Sequence[str] = ()) -> list[tuple[str, str]]:
    """What to type for one edge, with what it does. playbooks: those that exist; inventory: what -i was given."""
    return [
        (meaning, f"{before}{quoted(edge)}{after}") for meaning, before, after in command_parts(playbooks, inventory)
    ]


def command_parts(playbooks: Collection[str], inventory: Sequence[str] = ()) -> list[tuple[str, str, str]]:
    """The same for any edge: what it does, the command before the quoted edge, and after it."""
    return [
        (meaning, f"{playing(playbook, inventory)} --limit ", options)
        for playbook, meaning, options in _COMMANDS
        if playbook in playbooks
    ]


def playing(playbook: str, inventory: Sequence[str] = ()) -> str:
    """The command that runs a playbook with the inventory of the run."""
    return " ".join(["ansible-playbook", *(f"-i {shlex.quote(source)}" for source in inventory), playbook])


def quoted(edge: str) -> str:
    """The edge as one word of a shell."""
    return shlex.quote(edge)


def accepted(waiver: Mapping[str, Any]) -> str:
    """A waiver in one line: why, by whom, and until when."""
    by = ", ".join(str(waiver[key]) for key in ("approver", "ticket") if waiver.get(key))
    zone = f" {waiver['timezone']}" if waiver.get("timezone") else ""
    until = f"{waiver.get('expires')}{zone}"
    end = f"expired after {until}" if waiver.get("state") == "expired" else f"until {until}"
    return f"{waiver.get('reason')} ({f'{by}, ' if by else ''}{end})"


def policy(missing: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """An IAM policy that allows what was denied, or None. missing: the ledger's missing_permissions.

    It names no resources: the ledger says what was being judged, which need not be the resource that the call is
    authorised on (a key was judged, and a version of a policy could not be read).
    """
    actions = sorted({item["permission"] for item in missing if _ACTION.fullmatch(str(item["permission"]))})
    if not actions:
        return None
    statement = {"Sid": "EdgepathAudit", "Effect": "Allow", "Action": actions, "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}
