# SPDX-License-Identifier: GPL-3.0-or-later
"""Effective egress: from the edge's interface to every storage address, hop by hop, forward and back."""
