# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recording's key says, and where the recording is put. Pure.

The vendor's layout: ``{orgId}/year=/month=/day=/hour=/conversation_id=/{recordingId}`` in UTC, metadata beside it in
``{recordingId}_metadata.json`` (Genesys Cloud Resource Center, "Bulk recording export to S3"). Other layouts are
understood as far as ids appear in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timezone
from urllib.parse import quote

METADATA = "_metadata.json"
_HOUR = re.compile(r"(?:^|/)year=(\d{4})/month=(\d{1,2})/day=(\d{1,2})(?:/hour=(\d{1,2}))?(?:/|$)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_SAFE = "-_.=+@, ()"  # beside letters and digits, these stay as they are in a file name
_NAME_BYTES = 255  # of one path component (Linux, NAME_MAX)


def is_metadata(key: str) -> bool:
    return key.endswith(METADATA)


def is_recording(key: str, recording: str) -> bool:
    """Whether a key's last component is this recording's: its id, with a suffix or without."""
    name = key.rpartition("/")[2]
    return _begins(name, recording)


def is_conversation(key: str, conversation: str) -> bool:
    """Whether a folder on the key's way is this conversation's."""
    folders = key.split("/")[:-1]
    return any(folder in (conversation, f"conversation_id={conversation}") for folder in folders)


def stem(key: str) -> str:
    """What a recording's key and its metadata's begin with alike: up to the id, or where there is none the suffix."""
    if is_metadata(key):
        return key[: -len(METADATA)]
    folder, slash, name = key.rpartition("/")
    identity = _UUID.match(name)
    return f"{folder}{slash}{identity.group() if identity else name.partition('.')[0] or name}"


def belongs(metadata: str, recording: str) -> bool:
    """Whether a metadata key is the one beside this recording's key."""
    return is_metadata(metadata) and not is_metadata(recording) and _begins(recording, stem(metadata))


def hour(key: str) -> tuple[datetime, int] | None:
    """The hour (or day) of the key's folders in UTC, and its length in seconds; None where it has no such folders."""
    match = _HOUR.search(key)
    if match is None:
        return None
    year, month, day, hour_of_day = (int(group) if group is not None else None for group in match.groups())
    try:
        begun = datetime(year or 0, month or 0, day or 0, hour_of_day or 0, tzinfo=timezone.utc)
    except ValueError:
        return None
    return begun, 86400 if hour_of_day is None else 3600


def local_paths(keys: Iterable[str]) -> dict[str, str]:
    """A relative path for each key: the key itself, with what a file name cannot hold percent-encoded.

    Distinct keys get distinct paths. A key that is also a folder on another key's way gets a ``%`` behind its name.
    """
    paths = {key: "/".join(_component(part) for part in key.split("/")) for key in keys}
    folders = {folder for path in paths.values() for folder in _above(path)}
    return {key: f"{path}%" if path in folders else path for key, path in paths.items()}


def _component(part: str) -> str:
    if part in ("", ".", ".."):
        return "".join(f"%{ord(letter):02X}" for letter in part) or "%"
    name = quote(part, safe=_SAFE)
    if len(name) > _NAME_BYTES - 1:
        raise ValueError(f"the key's component {part[:40]!r}... is too long for a file name")
    return name


def _above(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def _begins(name: str, start: str) -> bool:
    return name.startswith(start) and not name[len(start) : len(start) + 1].isalnum()
