# SPDX-License-Identifier: GPL-3.0-or-later
"""What a history is asked: the runs, one edge, two runs side by side, the trend, and what flaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, and_, func, select

from ..finding import EdgepathError
from .changes import GONE, OPEN, State, step
from .record import chunks
from .schema import edges, findings, runs, transitions, verdicts

_RUN = (
    "id",
    "started",
    "finished",
    "version",
    "edges",
    "fail",
    "unknown",
    "waived",
    "sound",
    "new",
    "fixed",
    "changed",
)


def newest_runs(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest runs, newest first, each with how many of its edges have which verdict."""
    rows = connection.execute(select(runs).order_by(runs.c.seq.desc()).limit(limit)).all()
    counted: dict[int, dict[str, int]] = {row.seq: {} for row in rows}
    lines = select(verdicts.c.seq, verdicts.c.verdict, func.count()).where(verdicts.c.seq.in_(counted))
    for seq, verdict, number in connection.execute(lines.group_by(verdicts.c.seq, verdicts.c.verdict)):
        counted[seq][verdict] = number
    return [{**{key: getattr(row, key) for key in _RUN}, "verdicts": counted[row.seq]} for row in rows]


def of_edge(connection: Connection, edge: str, check: str | None, limit: int) -> dict[str, Any]:
    """One edge: its verdicts, newest first, and its findings that are or were open; EdgepathError for an unknown."""
    known = connection.execute(select(edges).where(edges.c.edge == edge)).first()
    if known is None:
        raise EdgepathError(
            f"the history holds no edge {edge!r}{_some(connection.execute(select(edges.c.edge)).scalars())}"
        )
    lines = select(runs.c.id, runs.c.started, verdicts).join(runs, runs.c.seq == verdicts.c.seq)
    rows = connection.execute(lines.where(verdicts.c.edge == edge).order_by(verdicts.c.seq.desc()).limit(limit)).all()
    mine = select(findings).where(findings.c.edge == edge)
    if check is not None:
        mine = mine.where(findings.c.check_id == check)
    stood = connection.execute(mine).all()
    moves = _moves(connection, [row.uid for row in stood])
    return {
        "edge": edge,
        "first_started": known.first_started,
        "runs": known.nth,
        "verdicts": [
            {"run": row.id, **{key: getattr(row, key) for key in ("started", "verdict", "sentence", "longest_minutes",
                                                                   "fail", "unknown", "waived")}}
            for row in rows
        ],
        "findings": [
            _finding(row, moves.get(row.uid, []), known.last_started)
            for row in sorted(stood, key=lambda row: (row.status not in OPEN, row.check_id, row.resource))
            if row.status in OPEN or any(move["status"] in OPEN for move in moves.get(row.uid, ()))
        ],
    }  # fmt: skip


def _finding(row: Any, moves: Sequence[Mapping[str, Any]], newest: str) -> dict[str, Any]:
    return {
        "check": row.check_id,
        "resource": row.resource,
        "severity": row.severity,
        "status": row.status,
        "observed": row.observed,
        "first_seen": row.first_seen,
        "since": row.since,
        "last_seen": row.last_seen or newest,
        "moves": list(moves),
        "flips": sum(bool(move["flip"]) for move in moves),
    }


def _moves(connection: Connection, uids: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """What happened to findings, oldest first."""
    told: dict[str, list[dict[str, Any]]] = {}
    for some in chunks(uids):
        lines = select(transitions, runs.c.started).outerjoin(runs, runs.c.seq == transitions.c.seq)
        for row in connection.execute(lines.where(transitions.c.uid.in_(some)).order_by(transitions.c.seq)):
            told.setdefault(row.uid, []).append(
                {"started": row.started, "status": row.status, "observed": row.observed, "flip": row.flip}
            )
    return told


def diff(connection: Connection, old: str | None, new: str | None) -> dict[str, Any]:
    """Two runs side by side, by the edges that both have.

    old, new: ids, the beginnings of ids, or None: the newest run, and the newest before it that shares an edge with it.
    """
    later = _run(connection, new) if new is not None else _newest(connection)
    earlier = _run(connection, old) if old is not None else _before(connection, later)
    had, has = (_edges_of(connection, run.seq) for run in (earlier, later))
    shared = set(had) & set(has)
    before, after = (_as_of(connection, sorted(shared), run.seq) for run in (earlier, later))
    words: dict[str, list[dict[str, Any]]] = {"new": [], "fixed": [], "changed": []}
    unchanged = 0
    for uid, (subject, now) in after.items():
        was = before.get(uid, (subject, None))[1]
        known = None if was is None else State(was.status, was.mark)
        word = step(known, now.status, now.mark).word
        if word == "unchanged":
            unchanged += 1
        elif word is not None:
            words[word].append(
                {
                    "edge": subject.edge, "check": subject.check_id, "resource": subject.resource,
                    "severity": subject.severity, "was": was.status if was is not None else "absent",
                    "now": now.status, "observed": now.observed,
                    "observed_before": was.observed if was is not None else "",
                }
            )  # fmt: skip
    for found in words.values():
        found.sort(key=lambda item: (item["edge"], item["check"], item["resource"]))
    return {
        "from": {"id": earlier.id, "started": earlier.started},
        "to": {"id": later.id, "started": later.started},
        "verdicts": [
            {"edge": edge, "was": had[edge].verdict, "now": has[edge].verdict, "sentence": has[edge].sentence}
            for edge in sorted(shared)
            if had[edge].verdict != has[edge].verdict or had[edge].longest_minutes != has[edge].longest_minutes
        ],
        "edges": len(shared),
        "only_from": sorted(set(had) - shared),
        "only_to": sorted(set(has) - shared),
        **words,
        "unchanged": unchanged,
    }


def _as_of(connection: Connection, names: Sequence[str], seq: int) -> dict[str, tuple[Any, Any]]:
    """How each finding of these edges stood when a run was recorded: {uid: (finding, its last change)}."""
    newest: Select[Any] = (
        select(transitions.c.uid, func.max(transitions.c.seq).label("seq"))
        .where(transitions.c.seq <= seq)
        .group_by(transitions.c.uid)
    )
    last = newest.subquery()
    stood: dict[str, tuple[Any, Any]] = {}
    for some in chunks(names):
        subjects = {row.uid: row for row in connection.execute(select(findings).where(findings.c.edge.in_(some)))}
        lines = (
            select(transitions)
            .join(last, and_(last.c.uid == transitions.c.uid, last.c.seq == transitions.c.seq))
            .join(findings, findings.c.uid == transitions.c.uid)
            .where(findings.c.edge.in_(some))
        )
        stood.update({row.uid: (subjects[row.uid], row) for row in connection.execute(lines)})
    return stood


def _edges_of(connection: Connection, seq: int) -> dict[str, Any]:
    return {row.edge: row for row in connection.execute(select(verdicts).where(verdicts.c.seq == seq))}


def _newest(connection: Connection) -> Any:
    run = connection.execute(select(runs).order_by(runs.c.seq.desc()).limit(1)).first()
    if run is None:
        raise EdgepathError("the history holds no run yet; an audit records one")
    return run


def _before(connection: Connection, later: Any) -> Any:
    mine = select(verdicts.c.edge).where(verdicts.c.seq == later.seq)
    sharing = select(verdicts.c.seq).where(verdicts.c.seq < later.seq, verdicts.c.edge.in_(mine))
    run = connection.execute(select(runs).where(runs.c.seq.in_(sharing)).order_by(runs.c.seq.desc()).limit(1)).first()
    if run is None:
        raise EdgepathError(f"no run before {later.id} shares an edge with it; name one with edge_diff_from")
    return run


def _run(connection: Connection, name: str) -> Any:
    rows = connection.execute(
        select(runs).where(runs.c.id.startswith(name, autoescape=True)).order_by(runs.c.seq.desc()).limit(6)
    ).all()
    exact = [row for row in rows if row.id == name]
    if exact or len(rows) == 1:
        return (exact or rows)[0]
    if not rows:
        newest = connection.execute(select(runs.c.id).order_by(runs.c.seq.desc()).limit(3)).scalars()
        raise EdgepathError(f"the history holds no run {name!r}{_some(newest)}")
    raise EdgepathError(
        f"{name!r} is the beginning of several runs: {', '.join(row.id for row in rows)}; give more of it"
    )


def _some(names: Iterable[str]) -> str:
    few = sorted(names)[:8]
    return f"; there is {', '.join(few)}" if few else ""


def flapping(connection: Connection, names: Sequence[str], window: int, least: int) -> dict[str, int]:
    """How often each finding flipped in the last runs of its edge, for those that did at least so often."""
    told: dict[str, int] = {}
    for some in chunks(names):
        lines = (
            select(transitions.c.uid, func.count())
            .join(findings, findings.c.uid == transitions.c.uid)
            .join(edges, edges.c.edge == findings.c.edge)
            .where(
                findings.c.edge.in_(some),
                findings.c.status != GONE,
                transitions.c.flip.is_(True),
                transitions.c.nth > edges.c.nth - window,
            )
            .group_by(transitions.c.uid)
            .having(func.count() >= least)
        )
        told.update((uid, number) for uid, number in connection.execute(lines))
    return told


def trend(connection: Connection, names: Sequence[str], points: int) -> list[dict[str, Any]]:
    """Failing and unknown findings of these edges after each of the last runs that had any of them, oldest first.

    An edge that a run left out counts as it stood before, so that a run of a few edges is no dip.
    """
    newest = select(runs.c.seq).order_by(runs.c.seq.desc()).offset(points).limit(1)
    first = connection.execute(newest).scalar() or 0
    lines: list[Any] = []
    for some in chunks(names):
        mine = verdicts.c.edge.in_(some)
        before = select(func.max(verdicts.c.seq)).where(mine, verdicts.c.seq <= first).group_by(verdicts.c.edge)
        lines += connection.execute(select(verdicts).where(mine, verdicts.c.seq > first)).all()
        lines += connection.execute(select(verdicts).where(mine, verdicts.c.seq.in_(before))).all()
    lines.sort(key=lambda row: (row.seq, row.edge))
    started = {row.seq: row.started for row in connection.execute(select(runs.c.seq, runs.c.started))}
    standing: dict[str, Any] = {}
    total = {"fail": 0, "unknown": 0, "waived": 0}
    after: dict[int, dict[str, int]] = {}
    for row in lines:
        was = standing.get(row.edge)
        for key in total:
            total[key] += getattr(row, key) - (getattr(was, key) if was is not None else 0)
        standing[row.edge] = row
        after[row.seq] = dict(total)
    shown = [seq for seq in sorted(after) if seq > first]
    return [{"started": started.get(seq, ""), **after[seq]} for seq in shown]


def verdicts_of(connection: Connection, names: Sequence[str], points: int) -> dict[str, list[list[str]]]:
    """The last verdicts of each edge, oldest first: {edge: [[started, verdict], ...]}."""
    told: dict[str, list[list[str]]] = {name: [] for name in names}
    for some in chunks(names):
        lines = (
            select(verdicts.c.edge, verdicts.c.verdict, runs.c.started)
            .join(runs, runs.c.seq == verdicts.c.seq)
            .join(edges, edges.c.edge == verdicts.c.edge)
            .where(verdicts.c.edge.in_(some), verdicts.c.nth > edges.c.nth - points)
            .order_by(verdicts.c.seq)
        )
        for edge, verdict, started in connection.execute(lines):
            told[edge].append([started, verdict])
    return told
