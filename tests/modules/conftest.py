# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import ansible.module_utils._internal as ansible_internal
import pytest

from tests.unit.egress import cloud as clouds


@pytest.fixture(autouse=True)
def as_on_a_target(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module tells its warnings in its result, as on a target, whatever plugins other tests have loaded."""
    monkeypatch.setattr(ansible_internal, "is_controller", False)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Any]:
    """moto's server with the account of tests/unit/egress/cloud.py."""
    moto_server = pytest.importorskip("moto.server")
    running = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    running.start()
    name, port = running.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(key, "testing")
        built = clouds.build(f"http://{name}:{port}")
    yield built
    running.stop()


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
