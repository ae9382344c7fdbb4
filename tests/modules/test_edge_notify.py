# SPDX-License-Identifier: GPL-3.0-or-later
"""The module against real servers of HTTP and SMTP on loopback: once, signed, nothing without a change, and in time."""

from __future__ import annotations

import base64
import email
import email.policy
import hashlib
import importlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from ansible.module_utils.edge.notify.deliver import Clock
from ansible.module_utils.edge.run import write_json
from ansible.module_utils.testing import patch_module_args
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from lab.hosts import tls
from tests.unit.history import made

MODULE = importlib.import_module("edge_notify")
SECRET = "a-secret-of-this-test-0123456789"
PASSWORD = "a-password-of-this-test-98765"


class Web:
    """An HTTP server. got: what came, as (path, headers, body).  answers: what it says next; then 204."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                web.got.append((self.path, {key.lower(): value for key, value in self.headers.items()}, body))
                status, headers = web.answers.pop(0) if web.answers else (204, {})
                self.send_response(status)
                for key, value in {"Content-Length": "0", **headers}.items():
                    self.send_header(key, value)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        scheme = "https" if context else "http"
        self.url = f"{scheme}://localhost:{self.server.server_port}/hooks/path-is-secret"

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Box:
    """What an SMTP server takes. said: its answers to the next messages; then it takes them."""

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.said: list[str] = []
        self.encrypted: list[bool] = []
        self.users: list[bytes] = []

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.said:
            return self.said.pop(0)
        self.encrypted.append(session.ssl is not None)
        self.got.append(email.message_from_bytes(envelope.content, policy=email.policy.default))
        return "250 OK"

    def authenticate(self, server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        self.users.append(data.login)
        return AuthResult(success=data.password.decode() == PASSWORD)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("tls")
    issued = tls.issue(["localhost"])
    (directory / "ca.pem").write_bytes(issued.authority)
    (directory / "cert.pem").write_bytes(issued.certificate)
    (directory / "key.pem").write_bytes(issued.key)
    return directory


def server_side(pair: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair / "cert.pem", pair / "key.pem")
    return context


@pytest.fixture
def web() -> Iterator[Web]:
    server = Web()
    yield server
    server.close()


@pytest.fixture
def smtp() -> Iterator[Callable[..., tuple[Box, int]]]:
    controllers: list[Controller] = []

    def start(**options: Any) -> tuple[Box, int]:
        box = Box()
        if options.pop("auth", False):
            options.update(authenticator=box.authenticate, auth_required=True)
        port = free_port()
        controllers.append(Controller(box, hostname="localhost", port=port, **options))
        controllers[-1].start()
        return box, port

    yield start
    for controller in controllers:
        controller.stop()


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between attempts, which nobody waits for."""
    waited: list[float] = []
    monkeypatch.setattr(MODULE, "Clock", lambda: Clock(sleep=waited.append, spread=lambda: 0.0))
    return waited


class Runs:
    """A directory of runs, and the module over them."""

    def __init__(self, directory: Path, capsys: Any) -> None:
        self.directory, self.capsys = directory, capsys
        self.secret = directory / "secret"
        self.secret.write_text(f"{SECRET}\n")
        self.secret.chmod(0o600)
        self.key = Ed25519PrivateKey.generate()
        self.key_file = directory / "key.pem"
        self.key_file.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self.key_file.chmod(0o600)
        self.output = ""

    def write(self, number: int, verdicts: list[str], **further: Any) -> Path:
        data = made.raw(number, {"london": [("X-1", "a", "fail" if verdicts[-1] == "blocked" else "pass")]})
        lines = [["2026", word] for word in verdicts]
        data["history"] = {"since": "x", "trend": [], "gone": [], "edges": {"london": {"verdicts": lines}}}
        data.update(further)
        write_json(str(self.directory / f"run-{number}" / "report.json"), data)
        return self.directory / f"run-{number}"

    def notify(self, run: Path, **options: Any) -> dict[str, Any]:
        with patch_module_args({"run_dir": str(run), **options}), pytest.raises(SystemExit):
            MODULE.main()
        self.output = self.capsys.readouterr().out
        result: dict[str, Any] = json.loads(self.output)
        assert result["changed"] is False
        assert not result.get("failed")
        return result

    def hook(self, web: Web, **options: Any) -> dict[str, Any]:
        return {"webhook_url": web.url, "webhook_secret_file": str(self.secret), **options}

    @property
    def kept(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted((self.directory / "outbox").glob("0*.json"))]


@pytest.fixture
def runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], pauses: list[float]) -> Runs:
    return Runs(tmp_path, capsys)


def verified(got: tuple[str, dict[str, str], bytes], secret: str = SECRET) -> Any:
    """The body, where the library of the specification takes its signature and its time."""
    return Verifier(base64.b64encode(secret.encode()).decode()).verify(got[2], got[1])


def warned(result: dict[str, Any]) -> str:
    return " ".join(map(str, result.get("warnings", [])))


def test_a_change_is_delivered_once_and_signed(runs: Runs, web: Web) -> None:
    run = runs.write(1, ["clear", "blocked"])
    result = runs.notify(run, **runs.hook(web))
    assert result["sent"] == [{"id": "run-0001", "channel": "webhook"}]
    assert (result["told"], result["waiting"]) == ("london is blocked, was clear", 0)
    [got] = web.got
    assert verified(got)["verdicts"][0]["now"] == "blocked"
    with pytest.raises(WebhookVerificationError):
        verified((got[0], got[1], got[2].replace(b"blocked", b"clear")))
    with pytest.raises(WebhookVerificationError):
        verified((got[0], {**got[1], "webhook-timestamp": "1"}, got[2]))
    with pytest.raises(WebhookVerificationError):
        verified(got, "another-secret-of-somebody-else-00")
    runs.notify(runs.write(2, ["clear", "blocked", "blocked"]), **runs.hook(web))
    assert len(web.got) == 1


def test_no_secret_is_in_what_the_module_says(runs: Runs, web: Web) -> None:
    web.answers = [(500, {})] * 3
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    assert result["undelivered"][0]["why"].startswith(f"{web.url.rsplit('/hooks', 1)[0]} answered 500")
    for secret in (SECRET, "path-is-secret"):
        assert secret not in runs.output
        assert all(secret not in path.read_text() for path in (runs.directory / "outbox").iterdir())


@pytest.mark.parametrize(("answer", "tries"), [(500, 3), (503, 3), (429, 3), (404, 1), (401, 1), (302, 1)])
def test_an_answer_that_may_pass_is_tried_again(
    runs: Runs, web: Web, pauses: list[float], answer: int, tries: int
) -> None:
    web.answers = [(answer, {"Location": "/elsewhere"})] * 9
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    assert (len(web.got), len(pauses), result["waiting"]) == (tries, tries - 1, 1)
    assert pauses == [1.0, 2.0][: tries - 1]
    assert f"answered {answer}" in warned(result)
    assert {got[1]["webhook-id"] for got in web.got} == {"run-0001"}
    assert {got[0] for got in web.got} == {"/hooks/path-is-secret"}


def test_a_server_says_how_long_to_wait(runs: Runs, web: Web, pauses: list[float]) -> None:
    web.answers = [(503, {"Retry-After": "7"}), (503, {"Retry-After": "3600"})]
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    assert (pauses, len(web.got), result["waiting"]) == ([7.0], 2, 1)


def test_what_failed_is_delivered_by_the_next_run(runs: Runs, web: Web) -> None:
    web.answers = [(500, {})] * 3
    runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    [kept] = runs.kept
    assert (kept["attempts"], kept["channel"]) == (1, "webhook")
    result = runs.notify(runs.write(2, ["blocked", "blocked"]), **runs.hook(web))
    assert (result["told"], result["sent"], runs.kept) == ("", [{"id": "run-0001", "channel": "webhook"}], [])
    assert verified(web.got[-1])["id"] == "run-0001"


def test_what_waits_is_delivered_in_order(runs: Runs, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([100.0, 200.0, 300.0])
    for number in (1, 2):
        now = next(times)
        monkeypatch.setattr(MODULE, "Clock", lambda now=now: Clock(now=lambda: now))
        web.answers = [(404, {})]
        runs.notify(runs.write(number, [["clear"], ["clear", "blocked"]][number - 1]), **runs.hook(web))
    assert len(web.got) == 2  # the second run asked once, for the first notice, and no more of a server that refuses
    runs.notify(runs.write(3, ["blocked", "blocked"]), **runs.hook(web))
    assert [got[1]["webhook-id"] for got in web.got[2:]] == ["run-0001", "run-0002"]


def test_a_server_that_is_not_there_loses_nothing(runs: Runs) -> None:
    url = f"http://127.0.0.1:{free_port()}/"
    result = runs.notify(runs.write(1, ["clear", "blocked"]), webhook_url=url, webhook_secret_file=str(runs.secret))
    assert "Connection refused" in warned(result)
    assert result["waiting"] == 1


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n"])
def test_a_server_that_hangs_ends_in_time(runs: Runs, said: bytes) -> None:
    stop = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(said)
            while not stop.wait(0.2):
                # A byte now and then: no single wait is ever too long.
                if said:
                    connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=drip, args=(server,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        result = runs.notify(
            runs.write(1, ["clear", "blocked"]), webhook_url=url, webhook_secret_file=str(runs.secret),
            attempts=1, seconds=1,
        )  # fmt: skip
        stop.set()
    assert "no answer" in warned(result)
    assert result["waiting"] == 1


def test_tls_is_verified(runs: Runs, pair: Path) -> None:
    web = Web(server_side(pair))
    try:
        run = runs.write(1, ["clear", "blocked"])
        result = runs.notify(run, **runs.hook(web))
        assert "edge_notify_ca_file" in warned(result)
        assert web.got == []
        stranger = web.url.replace("localhost", "127.0.0.1")
        options = {"webhook_secret_file": str(runs.secret), "ca_file": str(pair / "ca.pem")}
        assert runs.notify(run, webhook_url=stranger, **options)["sent"] == []
        assert len(runs.notify(run, webhook_url=web.url, **options)["sent"]) == 1
    finally:
        web.close()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"webhook_url": "http://hooks.example.net/x"}, "over https alone"),
        ({"webhook_url": "https://user:pw@hooks.example.net/x"}, "holds a user or password"),
        ({"webhook_url": "hooks.example.net"}, "no URL of a web server"),
        ({"webhook_url": "https://hooks.example.net/x", "webhook_secret_file": "/nonexistent"}, "No such file"),
        ({"webhook_url": "https://hooks.example.net/x", "webhook_secret_file": ""}, "set without a secret"),
        ({"mail_to": ["a@example.net"]}, "edge_notify_mail_from is not"),
        ({"mail_to": ["nobody"], "mail_from": "a@example.net"}, "no address"),
        ({"mail_to": ["a@example.net"], "mail_from": "a@example.net", "smtp_host": "smtp.example.net",
          "smtp_tls": "none"}, "over TLS alone"),
        ({"command": ["/nonexistent/program"]}, "cannot start /nonexistent/program"),
    ],
)  # fmt: skip
def test_a_wrong_setting_warns_and_keeps_the_notice(runs: Runs, options: dict[str, Any], said: str) -> None:
    if "webhook_url" in options:
        options = {"webhook_secret_file": str(runs.secret), **options}
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **options)
    assert said in warned(result)
    assert len(runs.kept) == 1


def test_a_short_secret_is_refused(runs: Runs, web: Web) -> None:
    runs.secret.write_text("short")
    assert "has 5 bytes" in warned(runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web)))


def test_the_environment_may_hold_the_secret(runs: Runs, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "whsec_" + base64.b64encode(SECRET.encode()).decode()
    monkeypatch.setenv("EDGEPATH_NOTIFY_WEBHOOK_SECRET", secret)
    runs.notify(runs.write(1, ["clear", "blocked"]), webhook_url=web.url)
    assert verified(web.got[0])


def test_check_mode_sends_nothing_and_loses_nothing(runs: Runs, web: Web) -> None:
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web), _ansible_check_mode=True)
    assert (web.got, result["waiting"]) == ([], 1)
    runs.notify(runs.write(2, ["blocked", "blocked"]), **runs.hook(web))
    assert len(web.got) == 1


def test_two_runs_at_once_send_a_notice_once(runs: Runs, web: Web) -> None:
    from ansible.module_utils.edge.notify.outbox import Outbox

    runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web), _ansible_check_mode=True)
    other = Outbox(str(runs.directory), 0, [])
    [item] = other.waiting()
    with other.claim(item) as mine:
        assert mine
        runs.notify(runs.write(2, ["blocked", "blocked"]), **runs.hook(web))
        assert web.got == []
    runs.notify(runs.write(3, ["blocked", "blocked"]), **runs.hook(web))
    assert len(web.got) == 1


def test_what_waited_too_long_is_given_up_and_said(runs: Runs, web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    web.answers = [(404, {})]
    runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    later = datetime.now(timezone.utc).timestamp() + 15 * 86400
    monkeypatch.setattr(MODULE, "Clock", lambda: Clock(now=lambda: later))
    result = runs.notify(runs.write(2, ["blocked", "blocked"]), **runs.hook(web))
    assert "waited for more than 14 days" in warned(result)
    assert (len(web.got), runs.kept) == (1, [])


def test_a_torn_outbox_keeps_nobody_from_being_told(runs: Runs, web: Web) -> None:
    outbox = runs.directory / "outbox"
    outbox.mkdir()
    (outbox / "00000000000001-run-0000-webhook.json").write_text('{"channel": "web')
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **runs.hook(web))
    assert "is kept as" in warned(result)
    assert len(result["sent"]) == 1


def test_a_waiver_is_told_of_once(runs: Runs, web: Web) -> None:
    waiver = {"check": "X-1", "scope": {"hosts": "all"}, "reason": "r", "approver": "ann", "ticket": "T-1",
              "expires": "2026-11-10", "state": "active"}  # fmt: skip
    for number in (1, 2):
        runs.notify(runs.write(number, ["clear", "clear"], waivers=[waiver]), **runs.hook(web))
    [got] = web.got
    assert verified(got)["waivers"][0]["ticket"] == "T-1"


def mail(runs: Runs, port: int, **options: Any) -> dict[str, Any]:
    return {"mail_to": ["on-call@example.net", "Ops <ops@example.net>"], "mail_from": "edgepath@example.net",
            "smtp_host": "localhost", "smtp_port": port, "signing_key_file": str(runs.key_file), **options}  # fmt: skip


def test_an_e_mail_goes_over_starttls_with_a_login_and_is_signed(
    runs: Runs, smtp: Callable[..., tuple[Box, int]], pair: Path
) -> None:
    box, port = smtp(auth=True, tls_context=server_side(pair), require_starttls=True)
    word = runs.directory / "password"
    word.write_text(PASSWORD)
    options = mail(runs, port, smtp_username="edgepath", smtp_password_file=str(word), ca_file=str(pair / "ca.pem"))
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **options)
    assert result["sent"] == [{"id": "run-0001", "channel": "mail"}], result
    assert "everyone on this machine may read" in warned(result)
    assert PASSWORD not in runs.output
    [message] = box.got
    assert (box.encrypted, box.users) == ([True], [b"edgepath"])
    assert message["Subject"] == "edgepath: london is blocked, was clear"
    assert (message["To"], message["Auto-Submitted"]) == (
        "on-call@example.net, Ops <ops@example.net>",
        "auto-generated",
    )
    assert "BLOCKED london (was clear)" in message.get_body(("plain",)).get_content()
    assert "<strong" in message.get_body(("html",)).get_content()
    # As docs/schedule.md tells a reader to verify it.
    parts = [part.get_payload(decode=True) for part in message.walk() if not part.is_multipart()]
    body = "\n".join(hashlib.sha256(part).hexdigest() for part in parts)
    signed = f"{message['X-Edgepath-Id']}.{message['X-Edgepath-Timestamp']}.{body}".encode()
    kind, _, signature = message["X-Edgepath-Signature"].partition(",")
    assert kind == "v1a"
    runs.key.public_key().verify(base64.b64decode(signature), signed)
    assert json.loads(parts[2])["verdicts"][0]["now"] == "blocked"


def test_a_mail_server_without_starttls_gets_nothing(runs: Runs, smtp: Callable[..., tuple[Box, int]]) -> None:
    box, port = smtp()
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **mail(runs, port))
    assert "offers no STARTTLS" in warned(result)
    assert (box.got, result["waiting"]) == ([], 1)


def test_a_mail_server_with_a_stranger_s_certificate_gets_nothing(
    runs: Runs, smtp: Callable[..., tuple[Box, int]], pair: Path
) -> None:
    box, port = smtp(tls_context=server_side(pair))
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **mail(runs, port))
    assert "unable to get local issuer certificate" in warned(result)
    assert box.got == []


@pytest.mark.parametrize(("said", "tries"), [("451 later", 2), ("554 never", 1)])
def test_a_mail_server_that_says_later_is_asked_again(
    runs: Runs, smtp: Callable[..., tuple[Box, int]], pauses: list[float], said: str, tries: int
) -> None:
    box, port = smtp()
    box.said = [said]
    result = runs.notify(runs.write(1, ["clear", "blocked"]), **mail(runs, port, smtp_tls="none"))
    assert (len(pauses) + 1, len(box.got), result["waiting"]) == (tries, tries - 1, 2 - tries)


def test_each_channel_fails_for_itself(runs: Runs, web: Web, smtp: Callable[..., tuple[Box, int]]) -> None:
    box, port = smtp()
    web.answers = [(404, {})]
    result = runs.notify(
        runs.write(1, ["clear", "blocked"]), **runs.hook(web), **mail(runs, port, smtp_tls="none")
    )  # fmt: skip
    assert ([item["channel"] for item in result["sent"]], len(box.got)) == (["mail"], 1)
    runs.notify(runs.write(2, ["blocked", "blocked"]), **runs.hook(web), **mail(runs, port, smtp_tls="none"))
    assert (len(box.got), len(web.got)) == (1, 2)
    assert len(web.got[1][1]["webhook-signature"].split()) == 2  # with the secret, and with the key


def test_a_command_gets_the_notice_and_no_secret(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEPATH_NOTIFY_SMTP_PASSWORD", PASSWORD)
    left = runs.directory / "left"
    program = ["/bin/sh", "-c", 'cat > "$1"; env >> "$1"', "sh", str(left)]
    result = runs.notify(runs.write(1, ["clear", "blocked"]), command=program)
    assert len(result["sent"]) == 1
    said, end = json.JSONDecoder().raw_decode(left.read_text())
    environment = left.read_text()[end:]
    assert said["id"] == "run-0001"
    assert "EDGEPATH_REPORT=/runs/1/report.json" in environment
    assert PASSWORD not in environment


def test_a_command_that_does_not_end_is_stopped(runs: Runs) -> None:
    result = runs.notify(runs.write(1, ["clear", "blocked"]), command=["sleep", "600"], attempts=1, seconds=1)
    assert "did not end in time and was stopped" in warned(result)
    assert "status 3" in warned(runs.notify(runs.directory / "run-1", command=["sh", "-c", "exit 3"], attempts=1))


def test_a_report_that_cannot_be_read_warns(runs: Runs, web: Web) -> None:
    result = runs.notify(runs.directory / "none", **runs.hook(web))
    assert "nobody was notified: cannot read" in warned(result)
