# SPDX-License-Identifier: GPL-3.0-or-later
"""One SeaweedFS for the tests of retrieval, and a way to retrieve from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.edge.retrieve.asked import Asked
from ansible.module_utils.edge.retrieve.fetching import Options
from ansible.module_utils.edge.retrieve.plan import Rule
from ansible.module_utils.edge.retrieve.retrieval import Request, Retrieved, retrieve
from ansible.module_utils.edge.retrieve.store import Source

from lab.process import Server
from lab.servers import ObjectStore
from tests.unit.retrieve.storage import BUCKET, KEYS, Storage, session


@pytest.fixture(scope="session")
def storage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Storage]:
    home = tmp_path_factory.mktemp("storage")
    started: list[Server] = []
    try:
        found = Storage(ObjectStore(home, home, KEYS, started.append).url())
        found.s3.create_bucket(Bucket=BUCKET)
        found.s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield found
    finally:
        for server in started:
            server.stop()


@pytest.fixture
def fetch(tmp_path: Path) -> Callable[..., Retrieved]:
    """Retrieve keys from a URL: soon tried again, and patient with a busy machine unless a test says otherwise."""

    def run(url: str, *keys: str, **changes: Any) -> Retrieved:
        options = {
            "attempts": 6, "base_delay": 0.01, "max_delay": 0.05, "window_seconds": 30.0,
            "least_bytes_per_second": 65536.0, **changes.pop("options", {}),
        }  # fmt: skip
        source = Source(changes.pop("bucket", BUCKET), "eu-west-2", url, idle_seconds=changes.pop("idle_seconds", 30.0))
        make = changes.pop("session", session)
        given: dict[str, Any] = {"rule": Rule("latest"), "asked": [Asked("key", key) for key in keys], **changes}
        return retrieve(
            Request(source, destination=str(tmp_path / "dest"), options=Options(**options), **given), session=make
        )

    return run


@pytest.fixture
def dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"
