# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the lab's hosts can be told without podman: what is put into them, how states compare, what is refused."""

from __future__ import annotations

import importlib.util
import io
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.hosts import files, observe, site
from lab.process import LabError

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def export() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lab_export", ROOT / "lab/exporter/export.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("text", "name", "kind", "edge"),
    [
        ("london", "london", "direct", "london"),
        ("london=squid", "london", "squid", "london"),
        ("bristol=nginx:healthy", "bristol", "nginx", "healthy"),
    ],
)
def test_node_is_parsed(text: str, name: str, kind: str, edge: str) -> None:
    node = site.Node.parse(text)
    assert (node.name, node.kind, node.edge.name) == (name, kind, edge)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("london=apache", "no such kind"),
        ("bristol=squid", "no edge of the lab"),
        ("harbour", "no edge of the lab in AWS"),
    ],
)
def test_unknown_node_is_refused(text: str, told: str) -> None:
    with pytest.raises(LabError, match=told):
        site.Node.parse(text)


def test_every_tree_is_filled_in() -> None:
    """A value that a tree wants and nobody gives would be a KeyError; one that is left unfilled would show its $."""
    values = dict.fromkeys(
        ("name", "address", "platform", "region", "pace", "proxy", "bucket", "storage_address", "resolver", "endpoint"),
        "VALUE",
    )
    for kind in site.KINDS:
        held = files.Files()
        held.tree("common", values)
        held.tree(kind, values)
        for path, (data, _) in held.contents.items():
            if path.endswith((".ini", ".cfg", ".conf", "/hosts")):
                assert "${" not in data.decode(), path


def test_secrets_and_programs_have_their_modes() -> None:
    held = files.Files()
    held.put("/root/.ssh/authorized_keys", "key")
    held.put("/etc/secret", "secret", secret=True)
    held.put("/opt/edge/bin/export", "program", program=True)
    held.put("/etc/systemd/system/own.service", "unit")
    held.enable("own.service", "squid.service")
    with tarfile.open(fileobj=io.BytesIO(held.tar())) as stream:
        modes = {entry.name: entry.mode for entry in stream if not entry.issym()}
        links = {Path(entry.name).name: entry.linkname for entry in stream if entry.issym()}
    assert modes["root/.ssh"] == 0o700
    assert modes["etc/secret"] == 0o600
    assert modes["opt/edge/bin/export"] == 0o755
    assert links == {
        "own.service": "/etc/systemd/system/own.service",
        "squid.service": "/lib/systemd/system/squid.service",
    }


def test_differing_names_what_differs() -> None:
    before = {"files": {"/a": "1", "/b": "1"}, "sysctls": "x", "routes": "y"}
    after = {"files": {"/a": "1", "/b": "2", "/c": "1"}, "sysctls": "x", "routes": "z"}
    assert observe.differing(before, after) == ["routes", "/b", "/c"]
    assert observe.differing(before, before) == []


@pytest.mark.parametrize("token", ["", "a-session-token"])
def test_export_signs_as_botocore_does(export: ModuleType, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    held = {"AccessKeyId": "AKIAEXPORT", "SecretAccessKey": "secret", "Token": token}
    monkeypatch.setattr(export.CREDENTIALS, "get", lambda: held)

    class Settings:
        bucket, region, endpoint = "recordings", "eu-west-2", urlsplit("https://s3.eu-west-2.amazonaws.com")
        host = "recordings.s3.eu-west-2.amazonaws.com"

    digest = "0" * 64
    signed = export._signed(Settings, "PUT", "/exports/a%20b.wav", digest)
    request = AWSRequest("PUT", f"https://{Settings.host}/exports/a%20b.wav", headers={"x-amz-content-sha256": digest})
    request.context["timestamp"] = signed["x-amz-date"]
    request.headers["X-Amz-Date"] = signed["x-amz-date"]
    auth = S3SigV4Auth(Credentials("AKIAEXPORT", "secret", token or None), "s3", "eu-west-2")
    monkeypatch.setattr(auth, "payload", lambda _: digest)
    if token:
        request.headers["X-Amz-Security-Token"] = token
    canonical = auth.canonical_request(request)
    wanted = auth.signature(auth.string_to_sign(request, canonical), request)
    assert signed["Authorization"].endswith(f"Signature={wanted}")


@pytest.mark.parametrize("streamed", [False, True], ids=["buffered", "streamed"])
def test_worker_gives_all_pieces_in_order(export: ModuleType, streamed: bool) -> None:
    data = os.urandom(3 * 65536 + 5)
    worker = export.Worker(data, 0.01, streamed)
    worker.start()
    assert b"".join(iter(lambda: worker.pieces.get(timeout=10), b"")) == data


def test_where_podman_is_missing_it_says_so_and_is_told_apart_from_a_failure(tmp_path: Path) -> None:
    environment: dict[str, Any] = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "lab.hosts", "check"],
        cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 77
    assert done.stderr.startswith("hosts: not run: podman")
    assert "apt-get install" in done.stderr
