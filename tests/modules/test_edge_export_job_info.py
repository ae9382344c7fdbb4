# SPDX-License-Identifier: GPL-3.0-or-later
"""edge_export_job_info through its main(): a saved document, and the vendor's SDK against a server on loopback."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import edge_export_job_info
import pytest
from ansible.module_utils.edge.job import api
from ansible.module_utils.testing import patch_module_args

ROOT = Path(__file__).resolve().parents[2]
SAVED = ROOT / "lab/data/failed-job.json"
SECRET = "s3cr3t-of-the-client"
needs_sdk = pytest.mark.skipif(
    find_spec(api.SDK) is None,
    reason="cannot run here because the vendor's SDK, which is optional and pinned nowhere, is not installed",
)

FAILED = {
    "id": "9b2f61c4", "state": "FAILED", "dateCreated": "2026-11-20T02:00:00.381Z", "totalRecordings": 4,
    "totalFailedRecordings": 120, "errorMessage": "Audio stream handshake failed; connection reset by peer",
    "failedRecordings": "/api/v2/recording/jobs/9b2f61c4/failedrecordings",
    "recordingJobsQuery": {"action": "EXPORT", "actionDate": "2026-11-20T02:00:00.000Z"},
}  # fmt: skip
DONE = {"id": "7d0e4b52", "state": "FULFILLED", "dateCreated": "2026-11-19T02:00:00.000Z", "totalFailedRecordings": 0}


class Platform(ThreadingHTTPServer):
    """The public endpoints. broken: statuses to answer first, whatever is asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.broken: list[tuple[int, dict[str, str]]] = []
        self.asked: list[str] = []
        self.garbage = False


class Answer(BaseHTTPRequestHandler):
    server: Platform

    def log_message(self, *_):
        pass

    def reply(self, status, body=b"{}", headers=None):
        self.send_response(status)
        for name, value in {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.asked.append(f"POST {self.path}")
        if self.server.broken and self.server.broken[0][0] == 401:
            return self.reply(401, b'{"error": "invalid_client"}')
        return self.reply(200, json.dumps({"access_token": "token-1", "token_type": "bearer"}).encode())

    def do_GET(self):
        self.server.asked.append(f"GET {self.path}")
        if self.server.broken:
            return self.reply(self.server.broken[0][0], b"{}", self.server.broken.pop(0)[1])
        assert self.headers["Authorization"] == "Bearer token-1"
        if self.server.garbage:
            return self.reply(200, b"<html>proxy login</html>")
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        found = self.find(path, query)
        return self.reply(404 if found is None else 200, json.dumps(found or {}).encode())

    def find(self, path, query):
        if path == "/api/v2/recording/jobs":
            wanted = query.get("state", [None])[0]
            return {"entities": [job for job in (FAILED, DONE) if wanted in (None, job["state"])], "pageNumber": 1}
        if path == "/api/v2/recording/jobs/9b2f61c4":
            return FAILED
        if path == "/api/v2/recording/jobs/9b2f61c4/failedrecordings":
            number, size = int(query["pageNumber"][0]), int(query["pageSize"][0])
            everything = [{"conversation": {"id": f"c{at}"}, "recording": {"id": f"r{at}"}} for at in range(120)]
            return {"entities": everything[(number - 1) * size : number * size]}
        return {"entities": []} if path.endswith("/failedrecordings") else None


@pytest.fixture
def platform():
    server = Platform()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def run(capsys, **arguments):
    with patch_module_args(arguments), pytest.raises(SystemExit) as ended:
        edge_export_job_info.main()
    return ended.value.code, json.loads(capsys.readouterr().out)


def ask(capsys, platform, **arguments):
    host = f"http://127.0.0.1:{platform.server_address[1]}"
    return run(capsys, host=host, client_id="client", client_secret=SECRET, **arguments)


def test_a_saved_document(capsys):
    code, result = run(capsys, path=str(SAVED))
    assert code == 0
    [job] = result["jobs"]
    assert (job["state"], job["code"], job["failure"]) == ("FAILED", 502, "reset")
    assert job["observed"]["duration_seconds"] == 900.006
    assert result["windows"] == [{"start": "2026-11-20T02:03:41.225Z", "end": "2026-11-20T02:18:41.231Z"}]


def test_a_saved_document_that_is_none(capsys, tmp_path):
    path = tmp_path / "job.json"
    path.write_text('{"state": "EXPLODED"}')
    code, result = run(capsys, path=str(path))
    assert code == 1
    assert str(path) in result["msg"] and "state" in result["msg"] and "EXPLODED" in result["msg"]


def test_a_job_that_the_document_does_not_hold(capsys):
    code, result = run(capsys, path=str(SAVED), job_id="other")
    assert code == 1
    assert "holds no job other" in result["msg"]


def test_without_credentials_the_message_names_them(capsys, monkeypatch):
    monkeypatch.delenv("GENESYS_CLIENT_ID", raising=False)
    code, result = run(capsys, host="eu-west-2")
    assert code == 1
    assert "GENESYS_CLIENT_ID" in result["msg"]


def test_without_the_sdk_the_message_says_how_to_get_it(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, api.SDK, None)
    code, result = run(capsys, host="eu-west-2", client_id="client", client_secret=SECRET)
    assert code == 1
    assert f"python -m pip install {api.SDK}" in result["msg"]
    assert SECRET not in json.dumps(result)


@needs_sdk
def test_jobs_of_the_platform_with_their_recordings(capsys, platform):
    code, result = ask(capsys, platform)
    assert code == 0, result
    failed, done = result["jobs"]
    assert (failed["id"], failed["state"], failed["failure"]) == ("9b2f61c4", "FAILED", "reset")
    assert [item["recording"] for item in failed["failed_recordings"]] == [f"r{at}" for at in range(120)]
    assert failed["failed_recordings"][7]["conversation"] == "c7"
    assert (done["state"], done["failed"]) == ("FULFILLED", False)
    assert SECRET not in json.dumps(result)


@needs_sdk
def test_one_state_and_one_job(capsys, platform):
    assert [job["id"] for job in ask(capsys, platform, state="FAILED")[1]["jobs"]] == ["9b2f61c4"]
    code, result = ask(capsys, platform, job_id="9b2f61c4", failed_recordings=False)
    assert (code, len(result["jobs"]), result["jobs"][0]["failed_recordings"]) == (0, 1, [])
    assert not [line for line in platform.asked[-1:] if "failedrecordings" in line]


@needs_sdk
def test_a_throttled_request_is_tried_again(capsys, platform):
    platform.broken = [(429, {"Retry-After": "0"}), (503, {"Retry-After": "0"})]
    code, result = ask(capsys, platform, job_id="9b2f61c4", failed_recordings=False)
    assert code == 0, result
    assert len([line for line in platform.asked if line.startswith("GET")]) == 3


@needs_sdk
@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ([(401, {})], "check client_id and client_secret"),
        ([(403, {})], "recording:job:view"),
        ([(404, {})], "no such job"),
        ([(503, {"Retry-After": "0"})] * 9, f"after {api.TRIES} tries"),
    ],
)
def test_a_refusal_says_what_to_do(capsys, platform, broken, message):
    platform.broken = broken
    code, result = ask(capsys, platform, job_id="9b2f61c4")
    assert code == 1
    assert message in result["msg"]
    assert SECRET not in json.dumps(result)


@needs_sdk
def test_what_is_no_answer_of_the_platform(capsys, platform):
    platform.garbage = True
    code, result = ask(capsys, platform)
    assert code == 1
    assert "not the platform's" in result["msg"]


@needs_sdk
def test_a_host_that_is_not_there(capsys, platform, monkeypatch):
    monkeypatch.setattr(api, "TRIES", 1)
    port = platform.server_address[1]
    platform.server_close()
    code, result = run(capsys, host=f"http://127.0.0.1:{port}", client_id="client", client_secret=SECRET)
    assert code == 1
    assert "no answer" in result["msg"]


@needs_sdk
@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("eu-west-2", "https://api.euw2.pure.cloud"),
        ("euw2.pure.cloud", "https://api.euw2.pure.cloud"),
        ("api.euw2.pure.cloud", "https://api.euw2.pure.cloud"),
        ("https://api.euw2.pure.cloud/", "https://api.euw2.pure.cloud"),
    ],
)
def test_hosts(host, url):
    assert api.host_url(api._sdk(), host) == url


@needs_sdk
@pytest.mark.parametrize(
    "host", ["http://api.euw2.pure.cloud", "xx-nowhere-9", "not a host", "ftp://a.b", "https://u:p@a.b"]
)
def test_hosts_that_are_refused(capsys, host):
    code, result = run(capsys, host=host, client_id="client", client_secret=SECRET)
    assert code == 1
    assert "host" in result["msg"]
