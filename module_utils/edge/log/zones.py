# SPDX-License-Identifier: GPL-3.0-or-later
"""In which time zone a log without offsets is written: as told, as the node is set, else UTC."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import timedelta, timezone, tzinfo

from ..finding import EdgepathError
from ..timeouts.files import Node
from .window import offset_seconds

LOCALTIME = "/etc/localtime"


@dataclass(frozen=True)
class Zone:
    """name: of the IANA database, or an offset.  origin: who says so."""

    name: str
    origin: str
    info: tzinfo


UTC = Zone("UTC", "assumed: edge_log_timezone is not set, and the node has no /etc/localtime", timezone.utc)


def zone_of(given: str | None, node: Node) -> Zone:
    """The log's zone; EdgepathError where `edge_log_timezone` names none."""
    if given is not None:
        return Zone(given, "edge_log_timezone", _named(given))
    try:
        real = node.resolve(LOCALTIME)
        link = os.readlink(os.path.join(node.root, LOCALTIME.lstrip("/")))
    except OSError:
        return UTC  # no link: the node says nothing, and the report says that UTC was assumed
    name = link.partition("zoneinfo/")[2]
    if real is None or not name:
        return UTC
    try:
        return Zone(name, LOCALTIME, _named(name))
    except EdgepathError:
        return UTC


def _named(name: str) -> tzinfo:
    if re.fullmatch(r"(?i)Z|UTC|[+-]\d\d:?\d\d", name):
        try:
            return timezone(timedelta(seconds=offset_seconds(name)))
        except ValueError:
            raise EdgepathError(f"edge_log_timezone {name!r} is not an offset") from None
    try:
        import zoneinfo

        return zoneinfo.ZoneInfo(name)
    except (ImportError, KeyError, ValueError, OSError):
        raise EdgepathError(
            f"edge_log_timezone {name!r} is not known on the edge; give a zone of the IANA database that it has, "
            "such as Europe/London, or an offset such as +01:00"
        ) from None
