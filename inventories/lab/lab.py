#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Inventory script: what is known of the lab's edges only while the lab runs."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

DEFAULT = Path(__file__).resolve().parents[2] / ".lab"


def state() -> dict[str, Any] | None:
    """What the running lab has written about itself, or None where none runs."""
    directory = Path(os.environ.get("EDGEPATH_LAB_DIR") or DEFAULT)
    try:
        written: dict[str, Any] = json.loads((directory / "lab.json").read_text())
        stat = Path(f"/proc/{written['pid']}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    except PermissionError:
        raise SystemExit(f"the lab in {directory} is another user's; name one of yours with EDGEPATH_LAB_DIR") from None
    except ValueError as error:
        raise SystemExit(f"{directory / 'lab.json'} is not JSON ({error}); remove {directory}") from None
    # The start of a process, in the kernel's clock ticks, tells it from a later one of the same number (proc(5)).
    fields = stat.rpartition(")")[2].split()
    return written if fields[0] not in "ZX" and fields[19] == written["started"] else None


def inventory(written: dict[str, Any] | None) -> dict[str, Any]:
    """The hosts' variables, and the hosts that only this lab has."""
    hosts: dict[str, Any] = written["hosts"] if written else {}
    copies = [name for name in hosts if name.startswith("fleet-")]
    return {"edges": {"hosts": list(hosts)}, "on_aws": {"hosts": copies}, "_meta": {"hostvars": hosts}}


if __name__ == "__main__":
    found = state()
    if found is None:
        print("the lab is not running; start it with `make demo` or `python -m lab up`", file=sys.stderr)
    json.dump(inventory(found), sys.stdout, indent=2)
