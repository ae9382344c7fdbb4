# SPDX-License-Identifier: GPL-3.0-or-later
"""SeaweedFS for the tests against real servers: one bucket with one large object, and an identity that may use them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lab import seed, servers
from lab.process import Server

BUCKET = "recordings"
KEY = "exports/2026/call.wav"
SIZE = 12 * 1024 * 1024
_KEYS = {
    "operator": {"access_key_id": "AKIAPROBEOPERATOR000", "secret_access_key": "the-operator-of-the-probe-tests-0000"},
    "auditor": {"access_key_id": "AKIAPROBEAUDITOR0000", "secret_access_key": "the-auditor-of-the-probe-tests-00000"},
}
SECRETS = _KEYS["operator"]


@contextmanager
def storage(directory: Path) -> Iterator[str]:
    """host:port of its S3 interface."""
    started: list[Server] = []
    try:
        store = servers.ObjectStore(directory, directory, _KEYS, started.append)
        url = store.url()
        client = client_of(url)
        client.create_bucket(Bucket=BUCKET)
        client.put_object(Bucket=BUCKET, Key=KEY, Body=bytes(range(256)) * (SIZE // 256))
        yield url.removeprefix("http://")
    finally:
        for server in reversed(started):
            server.stop()


def client_of(url: str) -> Any:
    return seed.client("s3", url, SECRETS)
