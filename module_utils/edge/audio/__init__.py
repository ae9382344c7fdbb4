# SPDX-License-Identifier: GPL-3.0-or-later
"""Audio continuity: the structure of a recording walked from its first byte to its last, and what is missing told.

What this shows is about the source: whether the file, as the storage gave it, is a whole recording.  Whether the copy
equals the source is shown by hashes, elsewhere.
"""
