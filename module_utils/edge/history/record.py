# SPDX-License-Identifier: GPL-3.0-or-later
"""Records a report, and tells what changed in it since each edge's run before.

Every comparison is of one edge with itself, so a run of a few edges says nothing of the others; and of one check with
itself, so a run that did not ask a check says nothing of what that check found before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timezone
from typing import Any, TypeVar

from sqlalchemy import Connection, bindparam, func, insert, select, update

from ..writers.model import Report, Row
from .changes import GONE, OPEN, State, mark, step
from .schema import edges, findings, runs, transitions, verdicts

_CHUNK = 500
_SOUND = ("pass", "not_applicable")
Item = TypeVar("Item")


@dataclass
class Comparison:
    """What a report is told about itself.

    since: the run before, of the edge that was recorded last; None where none of its edges was recorded before.
    changes: {uid: word}.  first_seen: {uid: time}, of open findings.  gone: findings that are no longer there.
    """

    seq: int
    since: str | None = None
    changes: dict[str, str] = field(default_factory=dict)
    first_seen: dict[str, str] = field(default_factory=dict)
    gone: list[dict[str, Any]] = field(default_factory=list)

    def counts(self) -> Counter[str]:
        counted = Counter(self.changes.values())
        counted["fixed"] += len(self.gone)
        return counted


@dataclass
class _Writes:
    """Rows to be written, gathered first: one statement a table, not one a finding."""

    found: list[dict[str, Any]] = field(default_factory=list)
    updated: list[dict[str, Any]] = field(default_factory=list)
    unseen: list[dict[str, Any]] = field(default_factory=list)
    transitions: list[dict[str, Any]] = field(default_factory=list)


def known(connection: Connection, run: str) -> int | None:
    """The place of a run in the history; None where it was not recorded."""
    return connection.execute(select(runs.c.seq).where(runs.c.id == run)).scalar()


def record(connection: Connection, report: Report) -> Comparison:
    """Record a report that is not in the history yet."""
    started = _utc(report)
    before = {row.edge: row for row in _of_edges(connection, edges, list(report.edges))}
    stored = {row.uid: row for row in _of_edges(connection, findings, list(report.edges))}
    seq = _begin(connection, report, started)
    told = Comparison(seq, since=_since(connection, before.values()))
    writes = _Writes()
    nths = {edge: (before[edge].nth if edge in before else 0) + 1 for edge in report.edges}
    asked = _asked(report)
    for row in asked:
        edge = row.finding["edge"]
        _answered(row, stored.get(row.uid), edge in before, (seq, nths[edge], started), told, writes)
    _absent(asked, stored, before, (seq, nths, started), told, writes)
    _write(connection, writes)
    _verdicts(connection, report, _counted(connection, report, asked), seq, nths, before, started)
    counted = told.counts()
    values = {word: counted[word] for word in ("new", "fixed", "changed")}
    connection.execute(update(runs).where(runs.c.seq == seq).values(**values))
    return told


def _answered(row: Row, was: Any, compared: bool, now: tuple[int, int, str], told: Comparison, writes: _Writes) -> None:
    """One finding of the report. compared: whether its edge was recorded before."""
    seq, nth, started = now
    taken = step(_state(was), row.status, mark(row.finding) if row.status in OPEN else "")
    observed = str(row.finding["observed"])
    if was is None:
        writes.found.append(
            {
                "uid": row.uid,
                "edge": row.finding["edge"],
                "check_id": row.id,
                "resource": row.finding["resource"],
                "severity": row.check["severity"],
                "first_seen": started,
                **_standing(taken.now, observed, started),
            }
        )
    elif taken.moved or was.last_seen is not None:
        since = started if was.status != row.status else was.since
        writes.updated.append({"of": row.uid, **_standing(taken.now, observed, since)})
    if taken.moved:
        writes.transitions.append(_transition(row.uid, seq, nth, taken, observed))
    if taken.word is not None and compared:
        told.changes[row.uid] = taken.word
    if row.status in OPEN:
        told.first_seen[row.uid] = started if was is None else was.first_seen


def _asked(report: Report) -> Sequence[Row]:
    """The findings of the steps that the run took; of those that it left out, all is unknown since nobody asked."""
    left_out = {step.upper() for step in (report.run.get("scope") or {}).get("steps_left_out") or ()}
    if not left_out:
        return report.rows
    return [row for row in report.rows if row.id.partition("-")[0] not in left_out]


def _absent(
    rows: Sequence[Row],
    stored: Mapping[str, Any],
    before: Mapping[str, Any],
    now: tuple[int, Mapping[str, int], str],
    told: Comparison,
    writes: _Writes,
) -> None:
    """Findings of the edges that are not among the rows: gone where their check was answered, else not looked at."""
    seq, nths, started = now
    there = {row.uid for row in rows}
    answered = _answers(rows)
    for uid, was in stored.items():
        if uid in there or was.status == GONE:
            continue
        last_seen = was.last_seen or before[was.edge].last_started
        if (was.edge, was.check_id) not in answered:
            if was.last_seen is None:
                writes.unseen.append({"of": uid, "last_seen": last_seen})
            continue
        taken = step(_state(was), GONE)
        writes.updated.append({"of": uid, **_standing(taken.now, was.observed, started), "last_seen": last_seen})
        writes.transitions.append(_transition(uid, seq, nths[was.edge], taken, ""))
        if taken.word == "fixed":
            told.gone.append(
                {
                    "edge": was.edge,
                    "check": was.check_id,
                    "resource": was.resource,
                    "was": was.status,
                    "observed": was.observed,
                    "first_seen": was.first_seen,
                }
            )


def _answers(rows: Iterable[Row]) -> set[tuple[str, str]]:
    """The edges and checks of which no answer is unknown."""
    asked = {(row.finding["edge"], row.id) for row in rows}
    return asked - {(row.finding["edge"], row.id) for row in rows if row.status == "unknown"}


def _state(was: Any) -> State | None:
    return None if was is None else State(was.status, was.mark, was.settled)


def _standing(state: State, observed: str, since: str) -> dict[str, Any]:
    return {**state.__dict__, "observed": observed, "since": since, "last_seen": None}


def _transition(uid: str, seq: int, nth: int, taken: Any, observed: str) -> dict[str, Any]:
    return {"uid": uid, "seq": seq, "nth": nth, "status": taken.now.status, "mark": taken.now.mark,
            "observed": observed, "flip": taken.flip}  # fmt: skip


def _begin(connection: Connection, report: Report, started: str) -> int:
    counts = report.counts()
    values = {
        "id": report.run["id"],
        "started": started,
        "finished": report.finished.astimezone(timezone.utc).isoformat(timespec="seconds"),
        "version": report.run["version"],
        "report": str(report.run.get("report") or ""),
        "edges": len(report.edges),
        **{status: counts[status] for status in ("fail", "unknown", "waived")},
        "sound": sum(counts[status] for status in _SOUND),
        "new": 0,
        "fixed": 0,
        "changed": 0,
    }
    key = connection.execute(insert(runs).values(**values)).inserted_primary_key
    return int(key[0]) if key is not None else 0


def _counted(connection: Connection, report: Report, asked: Sequence[Row]) -> dict[str, Counter[str]]:
    """How many findings of each edge have which status; where steps were left out, theirs count as they stood."""
    counted: dict[str, Counter[str]] = {edge: Counter() for edge in report.edges}
    if len(asked) == len(report.rows):
        for row in asked:
            counted[row.finding["edge"]][row.status] += 1
        return counted
    for some in chunks(list(report.edges)):
        lines = select(findings.c.edge, findings.c.status, func.count()).where(findings.c.edge.in_(some))
        for edge, status, number in connection.execute(lines.group_by(findings.c.edge, findings.c.status)):
            counted[edge][status] += number
    return counted


def _verdicts(
    connection: Connection,
    report: Report,
    counted: Mapping[str, Counter[str]],
    seq: int,
    nths: Mapping[str, int],
    before: Mapping[str, Any],
    started: str,
) -> None:
    lines = [
        {
            "seq": seq,
            "edge": edge,
            "nth": nths[edge],
            "verdict": said["verdict"],
            "sentence": said["sentence"],
            "longest_minutes": said.get("longest_recording_minutes"),
            **{status: counted[edge][status] for status in ("fail", "unknown", "waived")},
            "sound": sum(counted[edge][status] for status in _SOUND),
        }
        for edge, said in report.edges.items()
    ]
    if lines:
        connection.execute(insert(verdicts), lines)
    newest = [{"of": edge, "nth": nths[edge], "last_seq": seq, "last_started": started} for edge in report.edges]
    fresh = [
        {
            "edge": item["of"],
            "first_started": started,
            **{key: item[key] for key in ("nth", "last_seq", "last_started")},
        }
        for item in newest
        if item["of"] not in before
    ]
    if fresh:
        connection.execute(insert(edges), fresh)
    again = [item for item in newest if item["of"] in before]
    if again:
        connection.execute(update(edges).where(edges.c.edge == bindparam("of")), again)


def _write(connection: Connection, writes: _Writes) -> None:
    if writes.found:
        connection.execute(insert(findings), writes.found)
    for rows in (writes.updated, writes.unseen):
        if rows:
            connection.execute(update(findings).where(findings.c.uid == bindparam("of")), rows)
    if writes.transitions:
        connection.execute(insert(transitions), writes.transitions)


def _since(connection: Connection, before: Iterable[Any]) -> str | None:
    newest = max((row.last_seq for row in before), default=None)
    return None if newest is None else connection.execute(select(runs.c.id).where(runs.c.seq == newest)).scalar()


def _of_edges(connection: Connection, table: Any, names: Sequence[str]) -> Iterator[Any]:
    for some in chunks(names):
        yield from connection.execute(select(table).where(table.c.edge.in_(some)))


def chunks(items: Sequence[Item]) -> Iterator[Sequence[Item]]:
    """A few hundred at a time: a statement cannot hold any number of values."""
    for start in range(0, len(items), _CHUNK):
        yield items[start : start + _CHUNK]


def _utc(report: Report) -> str:
    return report.started.astimezone(timezone.utc).isoformat(timespec="seconds")
