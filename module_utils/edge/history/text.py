# SPDX-License-Identifier: GPL-3.0-or-later
"""The history as a person reads it in a terminal. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..verdict import VERDICTS
from ..visible import MOST_IN_A_TERMINAL, visible_line

_WIDTH = 118
_MOVES = 8


def runs(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """The newest runs, a line each."""
    if not rows:
        return ["The history holds no run yet; an audit records one."]
    table = [("started", "run", "edges", "fail", "unknown", "waived", "new", "fixed", "changed", "verdicts")]
    for row in rows:
        numbers = [str(row[key]) for key in ("edges", "fail", "unknown", "waived", "new", "fixed", "changed")]
        table.append((when(row["started"]), row["id"], *numbers, _verdicts(row["verdicts"])))
    return _seen(["edgepath: the newest runs, newest first", "", *_columns(table, right=range(2, 9))])


def edge(told: Mapping[str, Any]) -> list[str]:
    """One edge: its verdicts where they changed, and each finding with its life."""
    text = [f"{told['edge']}: {told['runs']} runs since {when(told['first_started'])}", ""]
    table = [("started", "verdict", "longest", "fail", "unknown", "waived", "run")]
    for row in told["verdicts"]:
        longest = row["longest_minutes"]
        table.append((when(row["started"]), row["verdict"], "" if longest is None else f"{longest:g} min",
                      str(row["fail"]), str(row["unknown"]), str(row["waived"]), row["run"]))  # fmt: skip
    text += _columns(table, right=range(2, 6))
    if told["verdicts"]:
        text += ["", *_wrapped("now: ", told["verdicts"][0]["sentence"])]
    for finding in told["findings"]:
        text += ["", *_finding(finding)]
    if not told["findings"]:
        text += ["", "No finding of it was ever open, as far as the history goes back."]
    return _seen(text)


def _finding(finding: Mapping[str, Any]) -> Iterator[str]:
    flips = f", it came and went {finding['flips']} times" if finding["flips"] > 1 else ""
    yield f"  {finding['check']} ({finding['severity']}): {finding['status']} since {when(finding['since'])}{flips}"
    yield from _wrapped("    where     ", finding["resource"])
    yield f"    seen      first {when(finding['first_seen'])}, last {when(finding['last_seen'])}"
    for move in finding["moves"][-_MOVES:]:
        started = when(move["started"]) if move["started"] else "before that"
        yield from _wrapped(f"    {started:<20}", f"{move['status']}: {move['observed']}".rstrip(": "))


def diff(told: Mapping[str, Any]) -> list[str]:
    """Two runs side by side."""
    old, new = told["from"], told["to"]
    text = [
        f"from {old['id']} ({when(old['started'])})",
        f"to   {new['id']} ({when(new['started'])})",
        f"{_number(told['edges'], 'edge')} in both: {len(told['new'])} new, {len(told['fixed'])} fixed, "
        f"{len(told['changed'])} changed, {told['unchanged']} unchanged",
    ]
    for key, which in (("only_from", "older"), ("only_to", "newer")):
        if told[key]:
            few = ", ".join(told[key][:8]) + (f" and {len(told[key]) - 8} more" if len(told[key]) > 8 else "")
            text += _wrapped(f"only in the {which}, not compared: ", few)
    if told["verdicts"]:
        text += ["", "verdicts"]
    for line in told["verdicts"]:
        was = f"{line['was']} -> {line['now']}" if line["was"] != line["now"] else line["now"]
        text += _wrapped(f"  {line['edge']}: {was}: ", line["sentence"])
    for word in ("new", "fixed", "changed"):
        if told[word]:
            text += ["", word]
        for item in told[word]:
            text += _item(word, item)
    return _seen(text)


def _item(word: str, item: Mapping[str, Any]) -> Iterator[str]:
    yield f"  {item['edge']}: {item['check']} ({item['severity']}), {item['was']} -> {item['now']}"
    yield from _wrapped("    where     ", item["resource"])
    if word != "new" and item["observed_before"]:
        yield from _wrapped("    was       ", item["observed_before"])
    if item["observed"]:
        yield from _wrapped("    is        ", item["observed"])


def _seen(lines: Sequence[str]) -> list[str]:
    """What was recorded came from outside; a line of it is one line of the terminal's, and nothing but text."""
    return [visible_line(line) for line in lines]


def when(moment: str) -> str:
    """A time in UTC to the minute."""
    return moment[:16].replace("T", " ") + "Z" if moment else ""


def _verdicts(counted: Mapping[str, int]) -> str:
    return ", ".join(f"{counted[word]} {word}" for word in VERDICTS if counted.get(word))


def _number(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _columns(table: Sequence[Sequence[str]], right: Sequence[int]) -> list[str]:
    table = [[visible_line(cell) for cell in row] for row in table]
    widths = [max(len(row[place]) for row in table) for place in range(len(table[0]))]
    lines = []
    for row in table:
        cells = [cell.rjust(width) if place in right else cell.ljust(width)
                 for place, (cell, width) in enumerate(zip(row, widths))]  # fmt: skip
        lines.append(("  " + "  ".join(cells)).rstrip())
    return lines


def _wrapped(label: str, value: str) -> list[str]:
    label, told = visible_line(label), visible_line(" ".join(value.split()), MOST_IN_A_TERMINAL)
    lines = textwrap.wrap(told, max(40, _WIDTH - len(label)), break_on_hyphens=False) or [""]
    return [label + lines[0], *(" " * min(len(label), 14) + line for line in lines[1:])]
