# SPDX-License-Identifier: GPL-3.0-or-later
"""Signing keys: an Ed25519 key in a file, or one that stays in AWS KMS; and the check of a signature.

A signer is anything with `public_der`, `algorithm` and `sign(data)`.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any, Protocol

from ..finding import EdgepathError

try:
    from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519

    CRYPTOGRAPHY_ERROR: str | None = None
except ImportError as _error:  # reported by require_cryptography where it is needed
    CRYPTOGRAPHY_ERROR = str(_error)

# Key specs -> signing algorithms (AWS KMS Developer Guide, "Key spec reference"); a RAW message has at most 4096 bytes.
_KMS_ALGORITHMS = {"ECC_NIST_EDWARDS25519": "ED25519_SHA_512", "ECC_NIST_P256": "ECDSA_SHA_256"}
_KMS_RAW_BYTES = 4096


class Signer(Protocol):
    """algorithm: `ed25519` or `ecdsa-p256-sha256`. public_der: SubjectPublicKeyInfo."""

    algorithm: str
    public_der: bytes

    def sign(self, data: bytes) -> bytes: ...


def require_cryptography() -> None:
    if CRYPTOGRAPHY_ERROR is not None:
        raise EdgepathError(f"signing needs the Python library cryptography on the controller: {CRYPTOGRAPHY_ERROR}")


def keyid(public_der: bytes) -> str:
    """How a key is named: the SHA-256 of its public half."""
    return hashlib.sha256(public_der).hexdigest()


class FileSigner:
    """An Ed25519 private key in a PEM file (PKCS #8, not encrypted), readable by its owner alone."""

    def __init__(self, path: str) -> None:
        require_cryptography()
        try:
            with open(path, "rb") as stream:
                mode = os.fstat(stream.fileno()).st_mode & 0o077
                raw = stream.read(1 << 16)
        except OSError as error:
            raise EdgepathError(f"cannot read the signing key {path}: {error.strerror}") from None
        if mode:
            raise EdgepathError(f"the signing key {path} can be read by others: chmod 600 it, or make a new one")
        try:
            key = serialization.load_pem_private_key(raw, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise EdgepathError(f"the signing key {path} is no unencrypted private key in PEM") from None
        if not isinstance(key, ed25519.Ed25519PrivateKey):
            raise EdgepathError(f"the signing key {path} is no Ed25519 key")
        self._key = key
        self.algorithm = "ed25519"
        self.public_der = _der(key.public_key())

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)


class KmsSigner:
    """A key in AWS KMS: ECC_NIST_EDWARDS25519, or ECC_NIST_P256 where the region has no Ed25519.

    client: boto3's `kms`.  Needs kms:GetPublicKey and kms:Sign.
    """

    def __init__(self, client: Any, key_id: str) -> None:
        require_cryptography()
        self._client, self._key_id = client, key_id
        answer = self._ask("GetPublicKey", client.get_public_key, KeyId=key_id)
        spec = str(answer.get("KeySpec") or answer.get("CustomerMasterKeySpec"))
        if spec not in _KMS_ALGORITHMS or answer.get("KeyUsage") != "SIGN_VERIFY":
            raise EdgepathError(
                f"the KMS key {key_id} is {spec}: one of {', '.join(_KMS_ALGORITHMS)} to sign is needed"
            )
        self._name = _KMS_ALGORITHMS[spec]
        self.algorithm = "ed25519" if spec == "ECC_NIST_EDWARDS25519" else "ecdsa-p256-sha256"
        self.public_der = bytes(answer["PublicKey"])

    def sign(self, data: bytes) -> bytes:
        message = {"Message": data, "MessageType": "RAW"}
        if len(data) > _KMS_RAW_BYTES:
            if self.algorithm == "ed25519":
                raise EdgepathError(f"KMS signs at most {_KMS_RAW_BYTES} bytes with Ed25519, these are {len(data)}")
            message = {"Message": hashlib.sha256(data).digest(), "MessageType": "DIGEST"}
        answer = self._ask("Sign", self._client.sign, KeyId=self._key_id, SigningAlgorithm=self._name, **message)
        return bytes(answer["Signature"])

    def _ask(self, operation: str, call: Any, **arguments: Any) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return call(**arguments)
        except (BotoCoreError, ClientError) as error:
            raise EdgepathError(f"KMS {operation} with {self._key_id}: {error} (needs kms:{operation})") from None


def generate(path: str) -> None:
    """A new Ed25519 key, mode 0600; never over a file that is there."""
    require_cryptography()
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise EdgepathError(f"cannot make the signing key {path}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as stream:
        stream.write(pem)
        stream.flush()
        os.fsync(stream.fileno())


def public_pem(public_der: bytes) -> bytes:
    """The public key in PEM, as openssl writes it."""
    require_cryptography()
    return serialization.load_der_public_key(public_der).public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_public(raw: bytes, name: str) -> bytes:
    """The DER of a public key in PEM; a private key's public half will do."""
    require_cryptography()
    try:
        if b"PRIVATE KEY" in raw:
            return _der(serialization.load_pem_private_key(raw, password=None).public_key())
        return _der(serialization.load_pem_public_key(raw))
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise EdgepathError(f"{name} is no public key in PEM") from None


def algorithm_of(public_der: bytes) -> str | None:
    """`ed25519`, `ecdsa-p256-sha256`, or None where the key is of another kind, or none."""
    try:
        key = serialization.load_der_public_key(public_der)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return None
    if isinstance(key, ed25519.Ed25519PublicKey):
        return "ed25519"
    curve = key.curve if isinstance(key, ec.EllipticCurvePublicKey) else None
    return "ecdsa-p256-sha256" if isinstance(curve, ec.SECP256R1) else None


def verified(public_der: bytes, signature: bytes, data: bytes) -> bool:
    """Whether this key made this signature over these bytes."""
    if algorithm_of(public_der) is None:
        return False
    key: Any = serialization.load_der_public_key(public_der)
    try:
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def _der(key: Any) -> bytes:
    return bytes(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))
