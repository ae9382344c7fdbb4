# SPDX-License-Identifier: GPL-3.0-or-later
"""The custody record: who did what with a package, when. A folder of signed entries, each quoting the one before.

    custody/0001.dsse.json   "sealed": by the key that signed the package; covers every file in signature/
    custody/0002.dsse.json   a hand-over, a receipt, an examination: by the key of whoever states it
    custody/SHA256SUMS       of signature/ and custody/, for sha256sum -c

BagIt lets tag files stand in no manifest (RFC 8493, section 2.2.4): entries are added without touching the bag.  What
no chain can show is that its newest entries were taken away together with their sums: whoever takes a package over
notes the SHA-256 of the newest entry, and gives it to the verifier.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..finding import EdgepathError
from . import bag, dsse, keys

FOLDER = "custody"
SUMS = f"{FOLDER}/SHA256SUMS"
STATEMENT = "signature/statement.dsse.json"
ACTIONS = ("sealed", "handed_over", "received", "examined", "copied", "noted")
_NAME = re.compile(r"custody/(\d{4})\.dsse\.json")
_MOST = 9999
_MAX_ENTRY = 1 << 20


@dataclass(frozen=True)
class Entry:
    """One entry that holds. sha256: of its file."""

    path: str
    sha256: str
    keyid: str
    event: Mapping[str, Any]
    covers: Mapping[str, str]

    def to_dict(self) -> dict[str, Any]:
        return {"entry": self.path, "sha256": self.sha256, "keyid": self.keyid, **self.event}


def make(
    number: int, previous: tuple[str, str], event: Mapping[str, Any], covers: Mapping[str, str], signer: keys.Signer
) -> bytes:
    """An entry's file.

    previous: path and SHA-256 of the file before it.  covers: path -> SHA-256, for the first entry alone.
    """
    payload = dsse.document(
        {
            "entry": number,
            "event": dict(event),
            "covers": dict(covers),
            "previous": {"file": previous[0], "sha256": previous[1]},
            "public_key": base64.b64encode(signer.public_der).decode(),
        }
    )
    signature = signer.sign(dsse.signed_bytes(dsse.CUSTODY_TYPE, payload))
    return dsse.render(dsse.Envelope(dsse.CUSTODY_TYPE, payload, keys.keyid(signer.public_der), signature))


def path_of(number: int) -> str:
    if not 1 <= number <= _MOST:
        raise EdgepathError(f"a custody record has at most {_MOST} entries")
    return f"{FOLDER}/{number:04d}.dsse.json"


def is_entry(path: str) -> bool:
    return _NAME.fullmatch(path) is not None


def append(root: str, event: Mapping[str, Any], signer: keys.Signer) -> Entry:
    """Add an entry to a package whose custody record holds; EdgepathError where it does not."""
    entries = read(root)
    if event.get("action") not in ACTIONS[1:]:
        raise EdgepathError(f"a custody entry's action is one of {', '.join(ACTIONS[1:])}")
    path = path_of(len(entries) + 1)
    raw = make(len(entries) + 1, (entries[-1].path, entries[-1].sha256), event, {}, signer)
    if os.path.exists(os.path.join(root, path)):
        raise EdgepathError(f"{path} is there already")
    bag.write(root, path, raw)
    write_sums(root)
    return Entry(path, hashlib.sha256(raw).hexdigest(), keys.keyid(signer.public_der), event, {})


def write_sums(root: str) -> None:
    """SHA256SUMS anew, replaced whole."""
    bag.write(root, f"{SUMS}.new", _sums(root, _files(root)))
    os.replace(os.path.join(root, f"{SUMS}.new"), os.path.join(root, SUMS))


def read(root: str) -> list[Entry]:
    """Every entry, checked from the first to the last; EdgepathError says which does not hold, and why."""
    files = _files(root)
    paths = [path for path in files if path.startswith(f"{FOLDER}/")]
    entries: list[Entry] = []
    previous = (STATEMENT, _digest(root, STATEMENT))
    for number, path in enumerate(paths, start=1):
        if path != path_of(number):
            raise EdgepathError(f"{path}: {path_of(number)} is missing before it")
        entry = _entry(root, path, number, previous)
        entries.append(entry)
        previous = (path, entry.sha256)
    if not entries:
        raise EdgepathError(f"{path_of(1)} is missing: nobody sealed this package")
    covered = {path: _digest(root, path) for path in files if not path.startswith(f"{FOLDER}/")}
    if dict(entries[0].covers) != covered:
        raise EdgepathError(f"{path_of(1)}: signature/ does not hold the files that were sealed")
    if _read(root, SUMS) != _sums(root, files):
        raise EdgepathError(f"{SUMS}: does not say what signature/ and custody/ hold")
    return entries


def _entry(root: str, path: str, number: int, previous: tuple[str, str]) -> Entry:
    raw = _read(root, path)
    envelope = dsse.parse(raw, path)
    data = dsse.payload(envelope, dsse.CUSTODY_TYPE, path)
    public, event, covers = _fields(data, path)
    if data.get("entry") != number or data.get("previous") != {"file": previous[0], "sha256": previous[1]}:
        raise EdgepathError(f"{path}: does not follow {previous[0]} as that is now")
    if keys.keyid(public) != envelope.keyid:
        raise EdgepathError(f"{path}: names another key than the one that it holds")
    if not keys.verified(public, envelope.signature, dsse.signed_bytes(envelope.type, envelope.payload)):
        raise EdgepathError(f"{path}: the signature does not hold")
    if (event.get("action") == "sealed") != (number == 1) or (covers and number > 1):
        raise EdgepathError(f"{path}: only the first entry seals a package")
    return Entry(path, hashlib.sha256(raw).hexdigest(), envelope.keyid, event, covers)


def _fields(data: Mapping[str, Any], path: str) -> tuple[bytes, Mapping[str, Any], Mapping[str, str]]:
    event, covers = data.get("event"), data.get("covers")
    try:
        public = base64.b64decode(str(data.get("public_key")), validate=True)
    except ValueError:
        public = b""
    if not public or not isinstance(event, dict) or not isinstance(covers, dict):
        raise EdgepathError(f"{path}: has not the fields of a custody entry")
    return public, event, covers


def _files(root: str) -> list[str]:
    """The files of signature/ and the entries of custody/, in order."""
    found = []
    for folder in ("signature", FOLDER):
        try:
            names = sorted(os.listdir(os.path.join(root, folder)))
        except OSError as error:
            raise EdgepathError(f"{folder}/ cannot be read: {error.strerror}") from None
        found += [f"{folder}/{name}" for name in names]
    return [path for path in found if path.startswith("signature/") or is_entry(path)]


def _sums(root: str, files: list[str]) -> bytes:
    return "".join(f"{_digest(root, path)}  {path}\n" for path in files).encode()


def _digest(root: str, path: str) -> str:
    return hashlib.sha256(_read(root, path)).hexdigest()


def _read(root: str, path: str) -> bytes:
    """A file of signature/ or custody/, which are all small."""
    try:
        with open(os.path.join(root, path), "rb") as stream:
            raw = stream.read(_MAX_ENTRY + 1)
    except OSError as error:
        raise EdgepathError(f"{path} cannot be read: {error.strerror}") from None
    if len(raw) > _MAX_ENTRY:
        raise EdgepathError(f"{path} is larger than {_MAX_ENTRY} bytes")
    return raw
