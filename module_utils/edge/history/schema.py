# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of the history. Migrations make them; a test compares the two.

A finding is written where it changes, not in every run: runs of a fleet differ in little. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, String, Table, Text

# The newest migration.
HEAD = "0001"

metadata = MetaData()

# One row a run. seq: the order in which runs were recorded, which is the order that everything here goes by.
runs = Table(
    "runs", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("id", String(80), nullable=False, unique=True),
    Column("started", String(32), nullable=False),
    Column("finished", String(32), nullable=False),
    Column("version", String(32), nullable=False),
    Column("report", Text, nullable=False),
    *(Column(name, Integer, nullable=False) for name in
      ("edges", "fail", "unknown", "waived", "sound", "new", "fixed", "changed")),
)  # fmt: skip

# One row an edge of a run. nth: the how manyth run of this edge it is.
verdicts = Table(
    "verdicts", metadata,
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("edge", String(255), primary_key=True),
    Column("nth", Integer, nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("sentence", Text, nullable=False),
    Column("longest_minutes", Float),
    *(Column(name, Integer, nullable=False) for name in ("fail", "unknown", "waived", "sound")),
    Index("verdicts_edge", "edge", "seq"),
)  # fmt: skip

edges = Table(
    "edges", metadata,
    Column("edge", String(255), primary_key=True),
    Column("nth", Integer, nullable=False),
    Column("last_seq", Integer, nullable=False),
    Column("last_started", String(32), nullable=False),
    Column("first_started", String(32), nullable=False),
)  # fmt: skip

# One row a finding that was ever there, as it stands. since: since when it has its status.  last_seen: None while it is
# among the answers of its edge's newest run.
findings = Table(
    "findings", metadata,
    Column("uid", String(32), primary_key=True),
    Column("edge", String(255), nullable=False),
    Column("check_id", String(40), nullable=False),
    Column("resource", Text, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("status", String(16), nullable=False),
    Column("mark", String(16), nullable=False),
    Column("settled", String(8), nullable=False),
    Column("observed", Text, nullable=False),
    Column("first_seen", String(32), nullable=False),
    Column("since", String(32), nullable=False),
    Column("last_seen", String(32)),
    Index("findings_edge", "edge"),
)  # fmt: skip

# One row a change of a finding. flip: whether it went between broken and sound.
transitions = Table(
    "transitions", metadata,
    Column("uid", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("nth", Integer, nullable=False),
    Column("status", String(16), nullable=False),
    Column("mark", String(16), nullable=False),
    Column("observed", Text, nullable=False),
    Column("flip", Boolean, nullable=False),
    Index("transitions_seq", "seq"),
)  # fmt: skip
