# SPDX-License-Identifier: GPL-3.0-or-later
"""The other way out: recordings fetched straight from the bucket, every byte of them accounted for."""

from __future__ import annotations
