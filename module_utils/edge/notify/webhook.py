# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a notice to an HTTP server: JSON, signed as Standard Webhooks has it, over TLS that is verified."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..finding import EdgepathError
from ..version import VERSION
from .deliver import Undelivered
from .sign import Signer

LOOPBACK = ("localhost", "127.0.0.1", "::1")
# RFC 9110, 15.5.9 and 15.6, RFC 8470 and RFC 6585: what may be otherwise a moment later.
_PASSING = frozenset({408, 425, 429, 500, 502, 503, 504})


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A signed notice goes where the operator said, and nowhere else."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:  # noqa: ARG002
        return None


@dataclass(frozen=True)
class Webhook:
    """url: https, or http on loopback.  sign: (id, timestamp, body) -> signatures.  ca_file: PEM, else the system's.

    sign returns the signatures, such as sign.by_secret makes.
    """

    url: str = field(repr=False)
    sign: Signer = field(repr=False)
    ca_file: str | None = None
    name: str = "webhook"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EdgepathError("edge_notify_webhook_url is no URL of a web server (https://host/path)")
        if parts.username is not None or parts.password is not None:
            raise EdgepathError("edge_notify_webhook_url holds a user or password; notices are signed instead")
        if parts.scheme == "http" and parts.hostname not in LOOPBACK:
            raise EdgepathError("edge_notify_webhook_url is http; notices leave this machine over https alone")

    @property
    def where(self) -> str:
        """Scheme, host and port: the path of a webhook is often its secret."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"

    def send(self, notice: Mapping[str, Any], timestamp: int, seconds: float) -> None:
        body = json.dumps(notice, sort_keys=True).encode()
        signatures = self.sign(str(notice["id"]), timestamp, body)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"edgepath/{VERSION}",
            "webhook-id": str(notice["id"]),
            "webhook-timestamp": str(timestamp),
        }
        if signatures:
            headers["webhook-signature"] = " ".join(signatures)
        request = urllib.request.Request(self.url, data=body, headers=headers, method="POST")
        try:
            with self._opener().open(request, timeout=seconds):
                return
        except urllib.error.HTTPError as error:
            with error:
                again = error.code in _PASSING
                raise Undelivered(f"{self.where} answered {error.code}", again, _after(error)) from None
        except ssl.SSLCertVerificationError as error:
            raise Undelivered(f"{self.where}: {error.verify_message}") from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, ssl.SSLCertVerificationError):
                why = f"{error.reason.verify_message}; edge_notify_ca_file names the CA of a server of your own"
                raise Undelivered(f"{self.where}: {why}") from None
            raise Undelivered(f"{self.where}: {_reason(error.reason)}", again=True) from None
        except (OSError, http.client.HTTPException) as error:
            raise Undelivered(f"{self.where}: {_reason(error)}", again=True) from None

    def _opener(self) -> urllib.request.OpenerDirector:
        return urllib.request.build_opener(
            _NoRedirect(), urllib.request.HTTPSHandler(context=tls_context(self.ca_file))
        )


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """TLS that verifies the certificate and the name; EdgepathError where the CA's file cannot be read."""
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise EdgepathError(f"edge_notify_ca_file: cannot read certificates from {ca_file}: {error}") from None


def _after(error: urllib.error.HTTPError) -> float | None:
    """Retry-After in seconds (RFC 9110, 10.2.3); a date is not honoured, the next attempt comes anyway."""
    text = error.headers.get("Retry-After", "") if error.headers else ""
    return float(text) if text.isdigit() else None


def _reason(error: Any) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(getattr(error, "strerror", None) or type(error).__name__)
