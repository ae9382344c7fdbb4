# SPDX-License-Identifier: GPL-3.0-or-later
"""DNS-13 against a real TLS server with a wildcard certificate, of an authority that is thrown away."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from ansible.module_utils.edge.dns import live, node
from ansible.module_utils.edge.dns.checks import judge
from ansible.module_utils.edge.dns.query import Limits
from ansible.module_utils.edge.finding import Unread

from tests.real import proxies
from tests.unit.dns.test_checks import make

pytestmark = pytest.mark.real

STORAGE = "s3.storage.test"
SECONDS = 5.0


@pytest.fixture
def server(place: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """A TLS server with a certificate for names; the test's own machine trusts the authority, unless told otherwise."""
    ca = proxies.authority(place("ca"))

    @contextmanager
    def running(*names: str, trusted: bool = True, days: int = 2) -> Iterator[int]:
        # OpenSSL takes its trust store of this variable; the audit takes OpenSSL's.
        monkeypatch.setenv("SSL_CERT_FILE", str(ca if trusted else proxies.certificate(place("other"), "other")[1]))
        with proxies.nginx_tls(place("tls"), proxies.issued(place("issued"), ca, *names, days=days)) as port:
            yield port

    return running


def shown(host: str, port: int) -> object:
    return live.handshake(host, "127.0.0.1", port, SECONDS)


def test_a_wildcard_covers_one_label_and_no_more(server):
    with server(STORAGE, f"*.{STORAGE}") as port:
        assert shown(f"recordings.{STORAGE}", port) == {"matches": True, "message": "the certificate matches"}
        dotted = shown(f"rec.london.{STORAGE}", port)
    assert dotted["matches"] is False
    assert f"rec.london.{STORAGE}" in dotted["message"] and "Hostname mismatch" in dotted["message"]


def test_a_certificate_that_names_the_dotted_bucket_covers_it(server):
    with server(STORAGE, f"rec.london.{STORAGE}") as port:
        assert shown(f"rec.london.{STORAGE}", port)["matches"] is True


@pytest.mark.parametrize(
    ("more", "words"), [({"trusted": False}, "unable to get local issuer"), ({"days": -1}, "expired")]
)
def test_a_certificate_that_is_not_accepted_says_nothing_of_the_name(server, more, words):
    with server(f"*.{STORAGE}", **more) as port:
        found = shown(f"recordings.{STORAGE}", port)
    assert isinstance(found, Unread) and words in found.message


def test_a_server_that_speaks_no_tls_is_unknown(seaweed):
    found = shown(f"recordings.{STORAGE}", int(seaweed.rpartition(":")[2]))
    assert isinstance(found, Unread) and "no handshake with" in found.message


def test_a_server_that_never_answers_is_unknown_in_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = live.handshake(f"recordings.{STORAGE}", "127.0.0.1", silent.getsockname()[1], 0.3)
    assert isinstance(found, Unread) and "timed out" in found.message


@pytest.mark.parametrize(
    ("names", "status"), [([f"*.{STORAGE}"], "fail"), ([f"*.london.{STORAGE}"], "pass"), ([], "unknown")]
)
def test_the_check_is_answered_by_the_handshake(server, names, status):
    """From the storage's address as a name server gave it to the finding."""
    with server(*(names or [f"*.{STORAGE}"]), trusted=bool(names)) as port:
        edge, facts = make(
            bucket="rec.london", storage_kind="s3_compatible", storage_endpoint=f"https://{STORAGE}:{port}",
            storage_cidrs=["127.0.0.0/8"],
        )  # fmt: skip
        host = f"{edge.bucket}.{STORAGE}"
        answers = [{"name": host, "type": "A", "result": {"answers": ["127.0.0.1"]}}]
        tls = node._tls(edge, answers, Limits())
    facts["tls"] = tls.to_fact() if isinstance(tls, Unread) else tls
    assert {item.check: item.status for item in judge(edge, facts, {})}["DNS-13"] == status


def test_this_machines_store_is_what_is_trusted():
    assert ssl.get_default_verify_paths().openssl_cafile_env == "SSL_CERT_FILE"
