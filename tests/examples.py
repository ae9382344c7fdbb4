# SPDX-License-Identifier: GPL-3.0-or-later
"""How many examples the costly properties are tried with.

At a desk each run draws new ones, and three runs of a third find as much as one of all. In CI the same are drawn each
time, so it draws all; EDGEPATH_EXAMPLES=all asks for that at a desk.
"""

from __future__ import annotations

import os

ALL = bool(os.environ.get("CI")) or os.environ.get("EDGEPATH_EXAMPLES") == "all"


def examples(most: int) -> int:
    return most if ALL else -(-most // 3)
