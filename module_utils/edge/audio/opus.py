# SPDX-License-Identifier: GPL-3.0-or-later
"""How long an Opus packet is, from its first bytes (RFC 6716, section 3.1). Pure."""

from __future__ import annotations

RATE = 48000
# Samples at 48 kHz by the configuration number / 4 groups of the table: SILK 10-60 ms, hybrid 10-20, CELT 2.5-20.
_SILK = (480, 960, 1920, 2880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)
# A packet holds at most 120 ms.
_MOST = 5760


def samples(packet: bytes) -> int:
    """Samples at 48 kHz of one packet; 0 where it is no packet."""
    if not packet:
        return 0
    config, code = packet[0] >> 3, packet[0] & 3
    if config < 12:
        frame = _SILK[config % 4]
    elif config < 16:
        frame = _HYBRID[config % 2]
    else:
        frame = _CELT[config % 4]
    count = (1, 2, 2)[code] if code < 3 else packet[1] & 0x3F if len(packet) > 1 else 0
    return frame * count if frame * count <= _MOST else 0
