# SPDX-License-Identifier: GPL-3.0-or-later
"""From a name to a connection that speaks HTTP: resolution, TCP, the proxy's CONNECT, TLS. Standard library only."""

from __future__ import annotations

import base64
import hashlib
import http.client
import ipaddress
import queue
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

from ..finding import EdgepathError
from ..targets import Edge
from .wire import Budget, Ended, Wire, ended


@dataclass(frozen=True)
class Proxy:
    """An HTTP proxy. authorization: for its own header, never shown."""

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, url: str | None) -> Proxy | None:
        if not url:
            return None
        try:
            parts = urlsplit(url if "://" in url else f"http://{url}")
            host, port = parts.hostname, parts.port
        except ValueError:
            host, port = None, None
        if not host or parts.scheme != "http":
            raise EdgepathError(
                "the proxy must be a URL such as http://proxy:3128; it is not shown, as it may hold a password"
            )
        given = None
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            given = "Basic " + base64.b64encode(pair.encode()).decode()
        return cls(host, port or 3128, given)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class Storage:
    """Where requests go. host: the name in URL, Host header and SNI. base: what stands before the key in the path."""

    scheme: str
    host: str
    port: int
    base: str
    region: str
    proxy: Proxy | None
    ca_file: str | None = None

    @classmethod
    def of(cls, edge: Edge, addressing: str, proxy: str | None, ca_file: str | None) -> Storage:
        """addressing: `virtual` or `path`; `auto` is virtual in AWS, unless the bucket's name has dots."""
        bucket = edge.bucket or ""
        parts = urlsplit(edge.storage_url)
        if parts.scheme not in ("http", "https"):
            raise EdgepathError(f"edge {edge.name}: edge_storage_endpoint must be http or https, not {parts.scheme}")
        virtual = addressing == "virtual" or (addressing == "auto" and _virtual(edge, bucket))
        host = f"{bucket}.{edge.storage_host}" if virtual else edge.storage_host
        base = "" if virtual else f"/{bucket}"
        return cls(parts.scheme, host, edge.storage_port, base, edge.region or "us-east-1", Proxy.parse(proxy), ca_file)

    @property
    def tunnel(self) -> bool:
        """Whether a proxy only carries bytes that it cannot read."""
        return self.proxy is not None and self.scheme == "https"

    @property
    def host_header(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    @property
    def dialled(self) -> tuple[str, int]:
        """What the edge itself resolves and connects to."""
        return (self.proxy.host, self.proxy.port) if self.proxy else (self.host, self.port)


def _virtual(edge: Edge, bucket: str) -> bool:
    try:
        ipaddress.ip_address(edge.storage_host)
    except ValueError:
        return edge.storage_kind == "aws" and "." not in bucket
    return False


def resolve(host: str, port: int, patience: float) -> list[str]:
    """The addresses in the system's own order. Ended(`timeout`) where it takes longer: getaddrinfo(3) has no limit."""
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        try:
            answers.put(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        found = answers.get(timeout=patience)
    except queue.Empty:
        raise Ended("timeout", f"{host} was not resolved within {patience:g} s") from None
    if isinstance(found, UnicodeError):
        raise Ended("name", f"{host} is no host name")
    if isinstance(found, OSError):
        raise found
    return list(dict.fromkeys(entry[4][0] for entry in found))


def connect(address: str, port: int, budget: Budget, patience: float, receive_buffer: int | None = None) -> Wire:
    """A TCP connection. receive_buffer: bytes that the kernel may hold for a slow reader (it doubles them)."""
    sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if receive_buffer is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        sock.settimeout(budget.wait(patience))
        begun = time.monotonic()
        sock.connect((address, port))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wire = Wire(sock, budget, patience)
        wire.opened = begun
        return wire
    except BaseException:
        sock.close()
        raise


def tunnel(wire: Wire, storage: Storage) -> None:
    """CONNECT through the proxy. Ended(`answer`) with its status where it will not."""
    assert storage.proxy is not None
    target = f"{storage.host}:{storage.port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if storage.proxy.authorization:
        lines.append(f"Proxy-Authorization: {storage.proxy.authorization}")
    wire.send(("\r\n".join(lines) + "\r\n\r\n").encode("ascii"))
    answer = http.client.HTTPResponse(wire, method="CONNECT")  # type: ignore[arg-type]
    answer.begin()
    if answer.status != 200:
        raise Ended("answer", f"the proxy {storage.proxy} answers {answer.status} to CONNECT", code=answer.status)


def secure(wire: Wire, storage: Storage) -> dict[str, Any]:
    """TLS with SNI and full verification; returns {"version", "cipher", "subject", "issuer", "not_after", ...}."""
    context = ssl.create_default_context(cafile=storage.ca_file)
    wire.sock.settimeout(wire.budget.wait(wire.patience))
    wire.sock = context.wrap_socket(wire.sock, server_hostname=storage.host)
    certificate = wire.sock.getpeercert() or {}
    cipher = wire.sock.cipher()
    return {
        "version": wire.sock.version(),
        "cipher": cipher[0] if cipher else None,
        "sni": storage.host,
        "subject": _name(certificate.get("subject", ())),
        "issuer": _name(certificate.get("issuer", ())),
        "names": [value for _, value in certificate.get("subjectAltName", ())][:20],
        "not_before": certificate.get("notBefore"),
        "not_after": certificate.get("notAfter"),
    }


def _name(parts: Sequence[Sequence[tuple[str, str]]]) -> str:
    return ", ".join(f"{key}={value}" for part in parts for key, value in part)


def presented(address: str, storage: Storage, budget: Budget, patience: float) -> str | None:
    """SHA-256 of the certificate that a server shows whom TLS does not trust; nothing is sent to it. None: none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        wire = connect(address, storage.dialled[1], budget, patience)
    except OSError:
        return None
    try:
        if storage.proxy is not None:
            tunnel(wire, storage)
        wire.sock = context.wrap_socket(wire.sock, server_hostname=storage.host)
        shown = wire.sock.getpeercert(binary_form=True)
        return hashlib.sha256(shown).hexdigest() if shown else None
    except (OSError, Ended, http.client.HTTPException):
        return None
    finally:
        wire.close()


def open_wire(
    storage: Storage, address: str, budget: Budget, patience: float, receive_buffer: int | None = None
) -> Wire:
    """A connection on which requests can be sent. Raises Ended, whatever went wrong on the way."""
    try:
        wire = connect(address, storage.dialled[1], budget, patience, receive_buffer)
    except OSError as error:
        raise ended(error) from None
    try:
        if storage.tunnel:
            tunnel(wire, storage)
        if storage.scheme == "https":
            secure(wire, storage)
        return wire
    except (OSError, Ended, http.client.HTTPException) as error:
        wire.close()
        raise ended(error) from None
