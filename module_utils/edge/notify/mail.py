# SPDX-License-Identifier: GPL-3.0-or-later
"""Sends a notice by SMTP: text and HTML, with the notice itself as JSON, all of it signed in a header."""

from __future__ import annotations

import json
import smtplib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import Any

from ..finding import EdgepathError
from . import text
from .deliver import Undelivered
from .sign import Signer, body_of_parts
from .webhook import LOOPBACK, tls_context


@dataclass(frozen=True)
class Mail:
    """tls: ``starttls`` (RFC 3207), ``tls`` from the first byte (RFC 8314), or ``none``, on loopback alone."""

    host: str
    port: int
    tls: str
    sender: str
    to: tuple[str, ...]
    sign: Signer = field(repr=False)
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    name: str = "mail"

    def __post_init__(self) -> None:
        for address in (self.sender, *self.to):
            if "@" not in parseaddr(address)[1] or not address.isprintable():
                raise EdgepathError(f"edge_notify_mail: {address!r} is no address of e-mail")
        if self.tls == "none" and self.host not in LOOPBACK:
            raise EdgepathError("edge_notify_smtp_tls is none; notices leave this machine over TLS alone")
        if self.tls == "none" and self.username:
            raise EdgepathError("edge_notify_smtp_username is set, but edge_notify_smtp_tls is none")

    def send(self, notice: Mapping[str, Any], timestamp: int, seconds: float) -> str | None:
        message = self.message(notice, timestamp)
        where = f"{self.host}:{self.port}"
        try:
            with self._connect(seconds) as server:
                if self.username:
                    server.login(self.username, self.password or "")
                refused = server.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            raise Undelivered(f"{where} refused the user: {error.smtp_code}") from None
        except smtplib.SMTPNotSupportedError:
            raise Undelivered(f"{where} offers no STARTTLS or no login; see edge_notify_smtp_tls") from None
        except smtplib.SMTPRecipientsRefused as error:
            codes = sorted({code for code, _ in error.recipients.values()})
            again = all(400 <= code < 500 for code in codes)
            raise Undelivered(f"{where} refused the recipients: {codes}", again) from None
        except smtplib.SMTPResponseException as error:
            raise Undelivered(f"{where} answered {error.smtp_code}", 400 <= error.smtp_code < 500) from None
        except (OSError, smtplib.SMTPException) as error:
            why = getattr(error, "verify_message", None) or getattr(error, "strerror", None) or type(error).__name__
            raise Undelivered(f"{where}: {why}", again=not hasattr(error, "verify_message")) from None
        # The others have it; sending it again would send it to them twice.
        return f"{where} refused {len(refused)} of {len(self.to)} recipients" if refused else None

    def _connect(self, seconds: float) -> smtplib.SMTP:
        if self.tls == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, timeout=seconds, context=tls_context(self.ca_file))
        server = smtplib.SMTP(self.host, self.port, timeout=seconds)
        if self.tls == "starttls":
            try:
                server.starttls(context=tls_context(self.ca_file))
            except BaseException:
                server.close()
                raise
        return server

    def message(self, notice: Mapping[str, Any], timestamp: int) -> EmailMessage:
        """The e-mail. Its Message-ID is of the run, so that a mailbox shows one that came twice once."""
        parts = [text.plain(notice).encode(), text.as_html(notice).encode()]
        parts.append(json.dumps(notice, sort_keys=True).encode())
        domain = parseaddr(self.sender)[1].rpartition("@")[2]
        message = EmailMessage(policy=policy.SMTP)
        message["Subject"] = text.subject(notice)
        message["From"] = _address(self.sender)
        message["To"] = [_address(each) for each in self.to]
        message["Date"] = format_datetime(datetime.fromtimestamp(timestamp, timezone.utc))
        message["Message-ID"] = f"<edgepath.{notice['id']}@{domain}>"
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notice comes back
        message["X-Edgepath-Id"] = str(notice["id"])
        message["X-Edgepath-Timestamp"] = str(timestamp)
        signatures = self.sign(str(notice["id"]), timestamp, body_of_parts(parts))
        if signatures:
            message["X-Edgepath-Signature"] = " ".join(signatures)
        # Encoded as base64, since relays change line ends and long lines, and what is signed must not change.
        message.set_content(parts[0], maintype="text", subtype="plain", cte="base64", params={"charset": "utf-8"})
        message.add_alternative(parts[1], maintype="text", subtype="html", cte="base64", params={"charset": "utf-8"})
        message.add_attachment(parts[2], maintype="application", subtype="json", cte="base64", filename="notice.json")
        return message


def _address(text_of_it: str) -> Address:
    shown, address = parseaddr(text_of_it)
    try:
        return Address(shown, addr_spec=address)
    except Exception:  # noqa: BLE001 - the parser of the standard library raises several kinds, IndexError among them
        raise EdgepathError(f"edge_notify_mail: {text_of_it!r} is no address of e-mail") from None
