# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a report of a disturbed audit says anything better than the undisturbed one did."""

from __future__ import annotations

from typing import Any

# A fail may become unknown, since what cannot be read cannot fail; nothing may become better than it was.
ORDER = {"fail": 0, "waived": 0, "unknown": 0, "not_applicable": 1, "pass": 2}
# What need not be known: where no timer on the path counts packets, it does not matter whether probes are sent.
NOT_NEEDED = {("TIMEOUTS-14", "not_applicable")}
DEFECT = "this is a defect of edgepath"


def worst(edge: dict[str, Any]) -> dict[str, str]:
    """The worst status of each check, fail before unknown."""
    rank = ["fail", "waived", "unknown", "not_applicable", "pass"]
    found: dict[str, str] = {}
    for item in edge["findings"]:
        held = found.get(item["check"], "pass")
        found[item["check"]] = min(held, item["status"], key=rank.index)
    return found


def complaints(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What is wrong with the report of a disturbed audit; both are report.json."""
    said: list[str] = []
    for name, edge in after["edges"].items():
        was = before["edges"][name]
        said += [f"{name}: {text}" for text in _findings(was, edge)]
        said += [f"{name}: {text}" for text in _verdict(was, edge)]
    return said


def _findings(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    said = []
    earlier, later = worst(was), worst(now)
    for check in sorted(earlier.keys() | later.keys()):
        if check not in later or check not in earlier:
            said.append(f"{check} answers in one of the two alone")
        elif ORDER[later[check]] > ORDER[earlier[check]]:
            said.append(f"{check} was {earlier[check]} and is {later[check]}")
        elif later[check] == "fail" and earlier[check] == "pass":
            said.append(f"{check} passed and fails: what cannot be read is unknown")
    said += [f"{item['check']}: {item['observed']}" for item in now["findings"] if DEFECT in item["observed"]]
    said += [f"{item['check']}: a traceback" for item in now["findings"] if "Traceback" in str(item)]
    return said


def _verdict(was: dict[str, Any], now: dict[str, Any]) -> list[str]:
    said = []
    if now["verdict"] == "clear" and was["verdict"] != "clear":
        said.append(f"was {was['verdict']} and is clear")
    if was["failed"] and not now["failed"]:
        said.append("failed its host and no longer does")
    earlier, later = worst(was), worst(now)
    differ = [check for check in later if later[check] != earlier[check] and (check, later[check]) not in NOT_NEEDED]
    if differ and not now["failed"]:
        said.append(f"{', '.join(differ)} answer otherwise, and the host does not fail")
    return said
