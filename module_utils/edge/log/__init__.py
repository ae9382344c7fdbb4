# SPDX-License-Identifier: GPL-3.0-or-later
"""The edge's log and what stands beside it, as witnesses of a failed export: they say what was seen, never what is."""
