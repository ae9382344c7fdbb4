# SPDX-License-Identifier: GPL-3.0-or-later
"""The bounds in time along the export path, and the longest recording that survives them."""
