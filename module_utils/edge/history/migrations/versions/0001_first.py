# SPDX-License-Identifier: GPL-3.0-or-later
"""The first tables."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def _counts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Integer, nullable=False) for name in names]


def upgrade() -> None:
    op.create_table(
        "runs",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(80), nullable=False, unique=True),
        sa.Column("started", sa.String(32), nullable=False),
        sa.Column("finished", sa.String(32), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("report", sa.Text, nullable=False),
        *_counts("edges", "fail", "unknown", "waived", "sound", "new", "fixed", "changed"),
    )
    op.create_table(
        "verdicts",
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("edge", sa.String(255), primary_key=True),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("verdict", sa.String(16), nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
        sa.Column("longest_minutes", sa.Float),
        *_counts("fail", "unknown", "waived", "sound"),
    )
    op.create_index("verdicts_edge", "verdicts", ["edge", "seq"])
    op.create_table(
        "edges",
        sa.Column("edge", sa.String(255), primary_key=True),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("last_seq", sa.Integer, nullable=False),
        sa.Column("last_started", sa.String(32), nullable=False),
        sa.Column("first_started", sa.String(32), nullable=False),
    )
    op.create_table(
        "findings",
        sa.Column("uid", sa.String(32), primary_key=True),
        sa.Column("edge", sa.String(255), nullable=False),
        sa.Column("check_id", sa.String(40), nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("severity", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.Column("settled", sa.String(8), nullable=False),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("first_seen", sa.String(32), nullable=False),
        sa.Column("since", sa.String(32), nullable=False),
        sa.Column("last_seen", sa.String(32)),
    )
    op.create_index("findings_edge", "findings", ["edge"])
    op.create_table(
        "transitions",
        sa.Column("uid", sa.String(32), primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("nth", sa.Integer, nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("mark", sa.String(16), nullable=False),
        sa.Column("observed", sa.Text, nullable=False),
        sa.Column("flip", sa.Boolean, nullable=False),
    )
    op.create_index("transitions_seq", "transitions", ["seq"])
