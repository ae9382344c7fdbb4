# SPDX-License-Identifier: GPL-3.0-or-later
"""Which programs made a package: versions, and the SHA-256 of every file of this program that was loaded."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import ssl
import sys
from typing import Any

from ..version import VERSION

_LIBRARIES = (
    "ansible-core",
    "boto3",
    "botocore",
    "urllib3",
    "cryptography",
    "rfc3161-client",
    "soundfile",
    "av",
    "fpdf2",
)
_OURS = __name__.rpartition(".evidence.")[0]


def tools() -> dict[str, Any]:
    """{"edgepath": {"version", "files": {name: sha256}}, "python": {...}, "libraries": {name: version or None}}."""
    return {
        "edgepath": {"version": VERSION, "files": _files()},
        "python": {
            "version": platform.python_version(),
            "implementation": platform.python_implementation(),
            "executable_sha256": _digest_of(sys.executable),
            "openssl": ssl.OPENSSL_VERSION,
        },
        "system": {"platform": platform.platform(), "node": platform.node()},
        "libraries": {name: _version(name) for name in _LIBRARIES},
    }


def _files() -> dict[str, str | None]:
    """By module name. Inside Ansible's module archive they are no files of their own: the loader has their bytes."""
    found: dict[str, str | None] = {}
    for name, module in sorted(sys.modules.items()):
        if name == _OURS or name.startswith(f"{_OURS}."):
            found[name] = _loaded(module)
    return found


def _loaded(module: Any) -> str | None:
    loader, path = getattr(module, "__loader__", None), getattr(module, "__file__", None)
    try:
        return hashlib.sha256(loader.get_data(path)).hexdigest() if loader and path else None
    except (OSError, AttributeError):
        return None


def _digest_of(path: str) -> str | None:
    try:
        with open(path, "rb") as stream:
            digest = hashlib.sha256()
            for piece in iter(lambda: stream.read(1 << 20), b""):
                digest.update(piece)
    except OSError:
        return None
    return digest.hexdigest()


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
