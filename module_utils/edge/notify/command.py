# SPDX-License-Identifier: GPL-3.0-or-later
"""Gives a notice to a command: JSON on its standard input, and where the report is in its environment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .deliver import Undelivered

SECRETS = ("EDGEPATH_NOTIFY_WEBHOOK_SECRET", "EDGEPATH_NOTIFY_SMTP_PASSWORD")


@dataclass(frozen=True)
class Command:
    """argv: the program and its arguments; no shell is asked. What it prints is thrown away: it may hold secrets."""

    argv: tuple[str, ...]
    name: str = "command"

    def send(self, notice: Mapping[str, Any], timestamp: int, seconds: float) -> None:  # noqa: ARG002
        environment = {key: value for key, value in os.environ.items() if key not in SECRETS}
        environment["EDGEPATH_NOTICE_ID"] = str(notice["id"])
        environment["EDGEPATH_REPORT"] = str(notice["run"]["report"] or "")
        try:
            process = subprocess.Popen(
                list(self.argv), stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                env=environment, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise Undelivered(f"cannot start {self.argv[0]}: {error.strerror}") from None
        try:
            process.communicate(json.dumps(notice, sort_keys=True).encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise Undelivered(f"{self.argv[0]} did not end in time and was stopped", again=True) from None
        if process.returncode != 0:
            raise Undelivered(f"{self.argv[0]} ended with status {process.returncode}", again=True)
