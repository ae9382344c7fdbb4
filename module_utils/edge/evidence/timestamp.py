# SPDX-License-Identifier: GPL-3.0-or-later
"""Timestamps of RFC 3161: asking an authority for one, and checking it.

The request holds a SHA-512 alone: the authority learns nothing about the matter.
"""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from . import der

try:
    import cryptography.x509
    import rfc3161_client

    RFC3161_ERROR: str | None = None
except ImportError as _error:  # reported where it is needed
    RFC3161_ERROR = str(_error)

TIMEOUT_SECONDS = 30
# Answers are a few kilobytes of certificates.
_MAX_ANSWER = 1 << 20
_DIGESTS = {
    "2.16.840.1.101.3.4.2.1": hashlib.sha256,
    "2.16.840.1.101.3.4.2.2": hashlib.sha384,
    "2.16.840.1.101.3.4.2.3": hashlib.sha512,
}


@dataclass(frozen=True)
class Stamp:
    """A timestamp that was read. time: the authority's, UTC. trusted: None where no roots were given to check it."""

    time: str
    authority: str
    trusted: bool | None


def request(url: str, message: bytes) -> bytes:
    """The authority's answer (DER) for these bytes; EdgepathError where there is none, or it is for something else."""
    if RFC3161_ERROR is not None:
        raise EdgepathError(f"timestamps need the Python library rfc3161-client on the controller: {RFC3161_ERROR}")
    if not url.lower().startswith(("http://", "https://")):
        raise EdgepathError(f"the timestamp authority {url!r} is no HTTP address")
    builder = rfc3161_client.TimestampRequestBuilder(hash_algorithm=rfc3161_client.HashAlgorithm.SHA512)
    wanted = builder.data(message).nonce(nonce=True).cert_request(cert_request=True).build()
    headers = {"Content-Type": "application/timestamp-query", "Accept": "application/timestamp-reply"}
    asked = urllib.request.Request(url, data=wanted.as_bytes(), headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=TIMEOUT_SECONDS) as answer:
            raw: bytes = answer.read(_MAX_ANSWER)
    except (urllib.error.URLError, OSError, ValueError) as error:
        raise EdgepathError(f"the timestamp authority {url} gave no answer: {error}") from None
    response = _decode(raw, url)
    if response.tst_info.nonce != wanted.nonce:
        raise EdgepathError(f"the timestamp authority {url} answered another request (the nonce differs)")
    check(raw, message, None, url)
    return raw


def check(raw: bytes, message: bytes, roots: bytes | None, name: str) -> Stamp:
    """Read a timestamp of a message. EdgepathError where it is broken, for something else, or not by these roots.

    roots: PEM certificates of the authority, trusted by whoever checks; None leaves `trusted` open.
    """
    if RFC3161_ERROR is not None:
        raise EdgepathError(f"timestamps need the Python library rfc3161-client: {RFC3161_ERROR}")
    response = _decode(raw, name)
    info = response.tst_info
    digest = _DIGESTS.get(info.message_imprint.hash_algorithm.dotted_string)
    if digest is None or digest(message).digest() != info.message_imprint.message:
        raise EdgepathError(f"{name}: the timestamp is for something else")
    if roots is not None:
        _trust(response, message, roots, name)
    authority = _authority(response)
    return Stamp(info.gen_time.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), authority, None if roots is None else True)


def _decode(raw: bytes, name: str) -> Any:
    try:
        response = rfc3161_client.decode_timestamp_response(der.sorted_certificates(raw))
        granted = rfc3161_client.PKIStatus(response.status) == rfc3161_client.PKIStatus.GRANTED
        if granted:
            _ = response.tst_info, response.signed_data
    except ValueError as error:
        raise EdgepathError(f"{name}: is no timestamp: {error}") from None
    if not granted:
        raise EdgepathError(f"{name}: no timestamp was granted: {'; '.join(response.status_string) or response.status}")
    return response


def _trust(response: Any, message: bytes, roots: bytes, name: str) -> None:
    try:
        certificates = cryptography.x509.load_pem_x509_certificates(roots)
    except ValueError as error:
        raise EdgepathError(f"the certificates of the timestamp authority cannot be read: {error}") from None
    builder = rfc3161_client.VerifierBuilder(roots=list(certificates), intermediates=[])
    try:
        builder.build().verify_message(response, message)
    except (rfc3161_client.VerificationError, ValueError) as error:
        raise EdgepathError(f"{name}: the timestamp is not by this authority: {error}") from None


def _authority(response: Any) -> str:
    """The name on the certificate that signed, as the answer itself says it."""
    signers = list(response.signed_data.signer_infos)
    for raw in response.signed_data.certificates:
        try:
            certificate = cryptography.x509.load_der_x509_certificate(raw)
        except ValueError:
            continue
        if any(certificate.serial_number == signer.serial_number for signer in signers):
            return certificate.subject.rfc4514_string()
    return "not named in the answer"
