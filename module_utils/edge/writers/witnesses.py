# SPDX-License-Identifier: GPL-3.0-or-later
"""What the witnesses say of an edge, for the page: who may have ended a transfer, and what a probe saw. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .wording import plural

# The likeliest; those below explain less and less.
_CULPRITS = 6
_AGREES = {True: ("pass", "agrees"), False: ("fail", "disagrees"), None: ("unknown", "proves nothing")}


def culprits(edge: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who may have ended the failed export, the likeliest first; None where no failure was shown to the audit.

    The causes of a report are either these (timeouts.death.rank gives each a title) or failing findings.
    """
    ranked = [cause for cause in edge.get("causes") or () if isinstance(cause, Mapping) and "title" in cause]
    if not ranked:
        return None
    shown = [
        {
            "title": str(cause["title"]),
            "check": str(cause["check"]),
            "for": [str(reason) for reason in cause.get("for") or ()],
            "against": [str(reason) for reason in cause.get("against") or ()],
        }
        for cause in ranked[:_CULPRITS]
    ]
    return {"ranked": shown, "more": len(ranked) - len(shown)}


def probe(edge: Mapping[str, Any]) -> dict[str, Any] | None:
    """Prediction and observation side by side, disagreements first; None where no probe was made."""
    held = edge.get("probe")
    if not isinstance(held, Mapping):
        return None
    lines = sorted(held.get("comparison") or (), key=lambda line: (False, None, True).index(line["agrees"]))
    spent = held.get("spent") or {}
    words = ", ".join(
        [
            *([f"{spent['seconds']:.0f} s"] if "seconds" in spent else []),
            *([plural(spent["bytes"], "byte")] if "bytes" in spent else []),
        ]
    )
    return {"spent": words, "lines": [_line(line) for line in lines]}


def _line(line: Mapping[str, Any]) -> dict[str, Any]:
    status, word = _AGREES[line["agrees"]]
    bound = line.get("bound") or {}
    predicted = f"cut{_at(line.get('predicted_second'))}" if line["predicted"] == "cut" else "survives"
    by = f"{bound.get('setting')} ({bound.get('origin')})" if bound else ""
    return {
        "what": str(line["what"]),
        "predicted": predicted,
        "by": by,
        "observed": f"{line['observed']}{_at(line.get('observed_second'))}",
        "status": status,
        "word": word,
        "because": str(line.get("because") or ""),
    }


def _at(second: Any) -> str:
    return f" at {second:g} s" if isinstance(second, (int, float)) else ""
