# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a transfer failed: one word for the program, one sentence for the operator. Pure."""

from __future__ import annotations

from ..finding import EdgepathError

# kind -> what it means. The first group is tried again.
RETRIED = {
    "reset": "the connection broke",
    "stall": "nothing came for longer than the idle limit",
    "slow": "less came than the least throughput",
    "server": "the storage answered 5xx",
    "throttled": "the storage asked for fewer requests",
    "credentials": "the credentials have expired",
    "unreachable": "no connection came about",
}
FATAL = {
    "changed": "the object is no longer the one of the plan",
    "gone": "the object version is no longer there",
    "denied": "the storage refuses the request",
    "skew": "the clocks differ too much for a signature",
    "archived": "the object must be restored before it can be read",
    "corrupt": "the bytes are not those that the storage's checksum stands for",
    "unverifiable": "the storage has no checksum to compare with",
    "disk": "the destination cannot take the object",
    "exists": "another file is at the final path",
    "protocol": "the storage's answer makes no sense",
    "stopped": "the transfer was told to stop",
}
# After these the bytes that are on the disk are worth nothing: the next attempt begins anew.
WORTHLESS = ("changed", "gone", "corrupt")


class TransferError(EdgepathError):
    """kind: a key of RETRIED or FATAL."""

    def __init__(self, kind: str, message: str) -> None:
        if kind not in RETRIED and kind not in FATAL:
            raise ValueError(f"unknown kind of failure {kind!r}")
        super().__init__(message)
        self.kind = kind

    @property
    def retried(self) -> bool:
        return self.kind in RETRIED
