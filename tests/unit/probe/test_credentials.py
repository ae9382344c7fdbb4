# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the edge's own credentials are found, in which order, and that what cannot be read ends the search."""

from __future__ import annotations

import http.server
import json
import threading

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.probe.credentials import find

OFF = {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/home/edge"}
FILE = "".join(
    f"[{name}]\naws_access_key_id = {key}\naws_secret_access_key = s\n"
    for name, key in (("default", "FILE"), ("other", "OTHER"))
)


def write(root, text=FILE, path="home/edge/.aws/credentials"):
    full = root / path
    full.parent.mkdir(parents=True, exist_ok=True)
    full.write_text(text)


@pytest.mark.parametrize(
    ("options", "environment", "key", "source"),
    [
        ({"access_key_id": "GIVEN", "secret_access_key": "s"}, {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s"},
         "GIVEN", "the module's options"),
        ({}, {"AWS_ACCESS_KEY_ID": "E", "AWS_SECRET_ACCESS_KEY": "s"}, "E", "the environment"),
        ({}, {"AWS_ACCESS_KEY_ID": "E"}, "FILE", "profile default of /home/edge/.aws/credentials"),
        ({"profile": "other"}, {}, "OTHER", "profile other of /home/edge/.aws/credentials"),
        ({}, {"AWS_PROFILE": "other"}, "OTHER", "profile other of /home/edge/.aws/credentials"),
    ],
)  # fmt: skip
def test_the_order_of_the_sources(tmp_path, options, environment, key, source):
    write(tmp_path)
    found = find(options, str(tmp_path), {**OFF, **environment})
    assert not isinstance(found, Unread)
    assert (found.access_key_id, found.source) == (key, source)


def test_another_file_may_be_named(tmp_path):
    write(tmp_path, path="opt/edge/keys")
    assert find({"credentials_file": "/opt/edge/keys"}, str(tmp_path), OFF).access_key_id == "FILE"
    missing = find({"credentials_file": "/opt/none"}, str(tmp_path), OFF)
    assert isinstance(missing, Unread) and "/opt/none" in missing.message


def test_a_broken_file_ends_the_search_and_is_not_quoted(tmp_path):
    write(tmp_path, "aws_secret_access_key = wJalrSECRET\n")
    found = find({}, str(tmp_path), OFF)
    assert isinstance(found, Unread) and found.state == "error"
    assert "wJalrSECRET" not in repr(found)


def test_what_may_not_be_read_is_denied(tmp_path, monkeypatch):
    def refuse(*_args, **_options):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("builtins.open", refuse)
    found = find({}, str(tmp_path), OFF)
    assert isinstance(found, Unread) and found.state == "denied" and found.permissions


def test_a_copy_of_a_node_never_asks_the_metadata_service(tmp_path):
    found = find({"metadata_url": "http://127.0.0.1:1"}, str(tmp_path), {"HOME": "/home/edge"})
    assert isinstance(found, Unread) and found.state == "not_collected"


class Metadata(http.server.BaseHTTPRequestHandler):
    answers: dict[str, str] = {}

    def do_PUT(self) -> None:
        assert self.headers["X-aws-ec2-metadata-token-ttl-seconds"]
        self._say("THE-TOKEN")

    def do_GET(self) -> None:
        if self.headers.get("X-aws-ec2-metadata-token") != "THE-TOKEN":
            return self.send_error(401)
        return self._say(self.answers[self.path])

    def _say(self, text: str) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def metadata():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


ROLE = "/latest/meta-data/iam/security-credentials/"


def instance(url, **environment):
    return find({"metadata_url": url}, "/", {"HOME": "/nonexistent", **environment})


def test_the_instances_role_by_imdsv2(metadata):
    data = {"AccessKeyId": "ROLE", "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-01-01T00:00:00Z"}
    Metadata.answers = {ROLE: "edge-export", ROLE + "edge-export": json.dumps(data)}
    found = instance(metadata)
    assert (found.access_key_id, found.session_token, found.source) == ("ROLE", "t", "role edge-export")
    assert found.expires == "2026-01-01T00:00:00Z"


@pytest.mark.parametrize("answer", ["no json", "[]", "{}", '{"AccessKeyId": "A"}'])
def test_a_metadata_service_that_answers_something_else(metadata, answer):
    Metadata.answers = {ROLE: "role", ROLE + "role": answer}
    found = instance(metadata)
    assert isinstance(found, Unread) and found.state == "error"


def test_no_metadata_service():
    found = instance("http://127.0.0.1:1")
    assert isinstance(found, Unread) and found.state == "unreachable" and "refused" in found.message
    assert instance("http://127.0.0.1:1", AWS_EC2_METADATA_DISABLED="true").state == "not_collected"
