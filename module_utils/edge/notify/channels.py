# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels that the arguments of edge_notify set, with secrets read from files and from the environment."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from ..finding import EdgepathError
from .command import Command
from .deliver import Channel, Undelivered
from .mail import Mail
from .sign import Signer, by_key, by_secret, secret_from
from .webhook import Webhook

SECRET_VARIABLE = "EDGEPATH_NOTIFY_WEBHOOK_SECRET"
PASSWORD_VARIABLE = "EDGEPATH_NOTIFY_SMTP_PASSWORD"


@dataclass(frozen=True)
class Misset:
    """A channel whose settings are wrong. Its notices wait until they are right."""

    name: str
    why: str

    def send(self, notice: Mapping[str, Any], timestamp: int, seconds: float) -> str | None:  # noqa: ARG002
        raise Undelivered(self.why)


def channels(params: Mapping[str, Any], warnings: list[str]) -> dict[str, Channel]:
    """The channels that are set, by name. params: the module's.  warnings: takes a sentence for each doubt."""
    made: dict[str, Channel] = {}
    builders: dict[str, tuple[bool, Callable[[], Channel]]] = {
        "webhook": (bool(params["webhook_url"]), lambda: _webhook(params, warnings)),
        "mail": (bool(params["mail_to"]), lambda: _mail(params, warnings)),
        "command": (bool(params["command"]), lambda: Command(tuple(params["command"]))),
    }
    for name, (wanted, build) in builders.items():
        if not wanted:
            continue
        try:
            made[name] = build()
        except EdgepathError as error:
            made[name] = Misset(name, str(error))
    return made


def _webhook(params: Mapping[str, Any], warnings: list[str]) -> Webhook:
    secret = _secret(params["webhook_secret_file"], SECRET_VARIABLE, "edge_notify_webhook_secret_file", warnings)
    if secret is None and not params["signing_key_file"]:
        raise EdgepathError(
            f"edge_notify_webhook_url is set without a secret; name its file in edge_notify_webhook_secret_file, "
            f"or set {SECRET_VARIABLE}"
        )
    sign = signer(secret, params["signing_key_file"], warnings)
    return Webhook(params["webhook_url"], sign, params["ca_file"])


def _mail(params: Mapping[str, Any], warnings: list[str]) -> Mail:
    if not params["mail_from"]:
        raise EdgepathError("edge_notify_mail_to is set, and edge_notify_mail_from is not: name the sender")
    password = _secret(params["smtp_password_file"], PASSWORD_VARIABLE, "edge_notify_smtp_password_file", warnings)
    if params["smtp_username"] and password is None:
        raise EdgepathError(
            f"edge_notify_smtp_username is set without a password; name its file in edge_notify_smtp_password_file, "
            f"or set {PASSWORD_VARIABLE}"
        )
    return Mail(
        host=params["smtp_host"],
        port=params["smtp_port"],
        tls=params["smtp_tls"],
        sender=params["mail_from"],
        to=tuple(params["mail_to"]),
        sign=signer(None, params["signing_key_file"], warnings),
        username=params["smtp_username"] or None,
        password=password,
        ca_file=params["ca_file"],
    )


def signer(secret: str | None, key_file: str | None, warnings: list[str]) -> Signer:
    """Signs with what is set: an HMAC with the secret, and an Ed25519 signature with the key of the file."""
    shared = secret_from(secret, "edge_notify_webhook_secret") if secret is not None else None
    key = _key(key_file, warnings) if key_file else None

    def sign(notice_id: str, timestamp: int, body: bytes) -> list[str]:
        made = [by_secret(shared, notice_id, timestamp, body)] if shared is not None else []
        if key is not None:
            made.append(by_key(key.sign, notice_id, timestamp, body))
        return made

    return sign


def _key(path: str, warnings: list[str]) -> Ed25519PrivateKey:
    setting = "edge_notify_signing_key_file"
    pem = _read(path, setting, warnings)
    try:
        key = load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EdgepathError(f"{setting}: {path} is no private key in PEM without a passphrase") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise EdgepathError(f"{setting}: {path} is no Ed25519 key; make one with openssl genpkey -algorithm ed25519")
    return key


def _secret(path: str | None, variable: str, setting: str, warnings: list[str]) -> str | None:
    """The file's text where one is named, else the variable of the environment, else None."""
    if path:
        try:
            return _read(path, setting, warnings).decode().strip()
        except UnicodeDecodeError:
            raise EdgepathError(f"{setting}: {path} is no text") from None
    return os.environ.get(variable) or None


def _read(path: str, setting: str, warnings: list[str]) -> bytes:
    try:
        with open(path, "rb") as stream:
            if stat.S_IMODE(os.fstat(stream.fileno()).st_mode) & 0o007:
                warnings.append(f"{setting}: everyone on this machine may read {path}; see chmod")
            return stream.read()
    except OSError as error:
        raise EdgepathError(f"{setting}: cannot read {path}: {error.strerror}") from None
