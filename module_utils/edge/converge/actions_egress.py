# SPDX-License-Identifier: GPL-3.0-or-later
"""How the fixes of the domain egress are applied."""

from __future__ import annotations

from .model import Action

ACTIONS: tuple[Action, ...] = ()
