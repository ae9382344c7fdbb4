# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests a worker runs one after another: those that share a lab or a server, so that it is started once."""

from __future__ import annotations

import functools
import re
from pathlib import Path

from xdist.scheduler import LoadScopeScheduling

ROOT = Path(__file__).resolve().parents[1]
# The folders of `make test`, those first whose tests take longest: what begins last ends last.
FOLDERS = ("tests/playbooks/", "tests/modules/", "tests/unit/")
_GROUP = re.compile(r'^pytestmark = .*\bxdist_group\("(\w+)"\)', re.MULTILINE)


@functools.cache
def group_of(path: str) -> str | None:
    """The group that a test file's pytestmark names. Read from its text: this process imports no test."""
    found = _GROUP.search((ROOT / path).read_text(encoding="utf-8"))
    return found[1] if found else None


def longest_first(path: str) -> int:
    """A key to sort test files by."""
    return next((rank for rank, folder in enumerate(FOLDERS) if path.startswith(folder)), len(FOLDERS))


class GroupedFiles(LoadScopeScheduling):  # type: ignore[misc]
    """Files of one group stay on one worker, and of the others each file; what takes longest must be collected first.

    Each test of a folder that does not run with the others, such as tests/real, goes to whichever worker is free.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        return group_of(path) or (path if path.startswith(FOLDERS) else nodeid)
