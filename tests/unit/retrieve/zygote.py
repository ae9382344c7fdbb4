# SPDX-License-Identifier: GPL-3.0-or-later
"""Retrieves in a child process for each line that it is given, so that a test can kill the child.

python zygote.py URL KEY DESTINATION      each line on stdin: the URL to retrieve from; answers with the child's pid
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[3] / "module_utils"), str(Path(__file__).resolve().parents[3])]

from edge.retrieve.asked import Asked  # noqa: E402
from edge.retrieve.fetching import Options  # noqa: E402
from edge.retrieve.plan import Rule  # noqa: E402
from edge.retrieve.retrieval import Request, retrieve  # noqa: E402
from edge.retrieve.store import Source  # noqa: E402
from tests.unit.retrieve.storage import BUCKET, session  # noqa: E402


def main(url: str, key: str, destination: str) -> None:
    made = session()
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            source = Source(BUCKET, "eu-west-2", line.strip())
            options = Options(least_bytes_per_second=1.0)
            request = Request(source, [Asked("key", key)], destination, Rule("latest"), options=options)
            done = retrieve(request, session=lambda: made)
            os._exit(0 if done.reconciliation["complete"] else 1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
