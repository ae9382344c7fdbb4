# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs migrations on the connection that store.py holds, inside its transaction."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
