# SPDX-License-Identifier: GPL-3.0-or-later
"""Retention: runs beyond an age or a number are forgotten, and what they alone knew with them.

The newest run of every edge stays, however old: a partial run does not push out what is known of the others. How a
finding stood when the oldest kept run was made stays known, and since when.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sqlalchemy import Connection, and_, delete, exists, func, or_, select

from .changes import GONE
from .schema import edges, findings, runs, transitions, verdicts


def prune(connection: Connection, now: datetime, keep_days: int, keep_runs: int) -> int:
    """Forget runs older than keep_days and all but the newest keep_runs (0: no such limit); returns how many."""
    conditions = []
    if keep_days:
        limit = (now.astimezone(timezone.utc) - timedelta(days=keep_days)).isoformat(timespec="seconds")
        conditions.append(runs.c.started < limit)
    if keep_runs:
        kept = select(runs.c.seq).order_by(runs.c.seq.desc()).offset(keep_runs - 1).limit(1).scalar_subquery()
        conditions.append(runs.c.seq < func.coalesce(kept, 0))
    if not conditions:
        return 0
    newest_of_edges = select(edges.c.last_seq)
    old = connection.execute(
        select(runs.c.seq).where(and_(or_(*conditions), runs.c.seq.not_in(newest_of_edges)))
    ).scalars()
    forgotten = sorted(old)
    if not forgotten:
        return 0
    for start in range(0, len(forgotten), 500):
        some = forgotten[start : start + 500]
        connection.execute(delete(verdicts).where(verdicts.c.seq.in_(some)))
        connection.execute(delete(runs).where(runs.c.seq.in_(some)))
    _forget(connection)
    return len(forgotten)


def _forget(connection: Connection) -> None:
    """Changes before the oldest kept run, but for the last of each finding; and findings that were gone by then."""
    oldest = connection.execute(select(func.min(runs.c.seq))).scalar() or 0
    later = transitions.alias()
    connection.execute(
        delete(transitions).where(
            transitions.c.seq < oldest,
            exists().where(later.c.uid == transitions.c.uid, later.c.seq > transitions.c.seq, later.c.seq <= oldest),
        )
    )
    moved = exists().where(transitions.c.uid == findings.c.uid, transitions.c.seq >= oldest)
    dead = list(connection.execute(select(findings.c.uid).where(findings.c.status == GONE, ~moved)).scalars())
    for start in range(0, len(dead), 500):
        some = dead[start : start + 500]
        connection.execute(delete(transitions).where(transitions.c.uid.in_(some)))
        connection.execute(delete(findings).where(findings.c.uid.in_(some)))
