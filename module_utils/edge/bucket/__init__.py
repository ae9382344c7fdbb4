# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket: where it is, what protects what lies in it, and when its lifecycle would take evidence away."""

from __future__ import annotations
