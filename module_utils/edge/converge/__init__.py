# SPDX-License-Identifier: GPL-3.0-or-later
"""From findings to changes: the plan, the objects that it changes, the journal that makes every change undoable."""
