# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of every finding, run by run."""
