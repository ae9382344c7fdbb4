# SPDX-License-Identifier: GPL-3.0-or-later
"""Where things stand in the pictures of the HTML report, in SVG user units. The template draws them. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from .wording import STATUS_WORDS, exact, limit, plural, spaced

# What is shorter or longer stands at the end of the axis: a millisecond, thirty thousand years.
_SHORTEST, _LONGEST = 1e-3, 1e12

# The path: hops in rows, read like a text.
_HOP_WIDTH, _HOP_HEIGHT, _GAP, _ROW_GAP, _A_ROW = 127, 84, 14, 30, 8

# The ladder: a rung a bound, shortest first, on a logarithmic axis.
_LADDER_WIDTH, _AXIS_LEFT, _AXIS_RIGHT, _TOP, _RUNG = 1116, 8, 900, 46, 46
_TICKS = {1: "1 s", 10: "10 s", 60: "1 min", 600: "10 min", 3600: "1 h", 21600: "6 h", 86400: "1 d", 604800: "7 d",
          2592000: "30 d", 31536000: "1 y"}  # fmt: skip


def path(hops: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The export path: nodes ``{x, y, hop, status, word, limit}``, links ``{d, status}``, and the same in words.

    A link is drawn as broken where the hop that it leaves fails.
    """
    nodes = []
    for number, hop in enumerate(hops):
        row, column = divmod(number, _A_ROW)
        bound, timing = hop.get("bound"), hop.get("timing") or {}
        nodes.append(
            {
                "x": 1 + column * (_HOP_WIDTH + _GAP),
                "y": 1 + row * (_HOP_HEIGHT + _ROW_GAP),
                "hop": spaced(hop["hop"]),
                "status": hop["status"],
                "word": STATUS_WORDS[hop["status"]],
                "limit": limit(bound) if bound else "",
                "timing": exact(float(timing["seconds"])) if timing.get("seconds") else "",
            }
        )
    rows = math.ceil(len(nodes) / _A_ROW) or 1
    return {
        "width": _A_ROW * (_HOP_WIDTH + _GAP) - _GAP + 2,
        "height": rows * (_HOP_HEIGHT + _ROW_GAP) - _ROW_GAP + 2,
        "hop_width": _HOP_WIDTH,
        "hop_height": _HOP_HEIGHT,
        "nodes": nodes,
        "links": [_link(one, two) for one, two in zip(nodes, nodes[1:])],
        "words": "; ".join(_node_words(node) for node in nodes),
    }


def _node_words(node: Mapping[str, Any]) -> str:
    details = [str(node[key]) for key in ("word", "limit", "timing") if node[key]]
    return f"{node['hop']}: {', '.join(details)}"


def _link(one: Mapping[str, Any], two: Mapping[str, Any]) -> dict[str, str]:
    x, y = one["x"] + _HOP_WIDTH, one["y"] + _HOP_HEIGHT // 2
    if one["y"] == two["y"]:
        line = f"M{x} {y}H{two['x'] - 2}"
    else:
        middle = one["y"] + _HOP_HEIGHT + _ROW_GAP // 2
        below = one["x"] + _HOP_WIDTH // 2
        into = two["x"] + _HOP_WIDTH // 2
        line = f"M{below} {one['y'] + _HOP_HEIGHT}V{middle}H{into}V{two['y'] - 2}"
    return {"d": line, "broken": "broken" if one["status"] == "fail" else ""}


def ladder(findings: Sequence[Mapping[str, Any]], payload: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The bounds in time of one edge; None where it has none.

    rungs: ``{y, width, label, setting, value, status, note}``, shortest first.  rates: bounds in bytes/s, which have
    no place on an axis of time.  mark: where the profile's longest transfer stands, where the report says so.
    """
    bounds = _distinct(findings)
    timed = sorted((item for item in bounds if item[0].get("seconds")), key=lambda item: float(item[0]["seconds"]))
    rates = [item[0] for item in bounds if item[0].get("bytes_per_second")]
    if not timed and not rates:
        return None
    transfer = float((payload or {}).get("transfer_seconds") or 0)
    values = [float(bound["seconds"]) for bound, _ in timed] + ([transfer] if transfer else [])
    low, high = _ends([_held(value) for value in values])

    def at(seconds: float) -> float:
        share = (math.log10(_held(seconds)) - math.log10(low)) / (math.log10(high) - math.log10(low))
        return round(_AXIS_LEFT + share * (_AXIS_RIGHT - _AXIS_LEFT), 1)

    height = _TOP + len(timed) * _RUNG + 8
    return {
        "width": _LADDER_WIDTH,
        "height": height,
        "top": _TOP,
        "left": _AXIS_LEFT,
        "rungs": [_rung(number, bound, finding, at) for number, (bound, finding) in enumerate(timed)],
        "ticks": [{"x": at(size), "text": text} for size, text in _TICKS.items() if low <= size <= high],
        "mark": _mark(payload or {}, transfer, at(transfer)) if transfer else None,
        "rates": [f"{spaced(rate['hop'])}: {rate['setting']}, {limit(rate)}, {rate['origin']}" for rate in rates],
    }


def _rung(number: int, bound: Mapping[str, Any], finding: Mapping[str, Any], at: Any) -> dict[str, Any]:
    seconds = float(bound["seconds"])
    cuts = finding["status"] in ("fail", "waived")
    minutes = finding.get("longest_minutes")
    note = "" if not cuts else "cuts" if minutes is None else f"cuts recordings over {minutes:g} min"
    return {
        "y": _TOP + number * _RUNG,
        "width": round(at(seconds) - _AXIS_LEFT, 1),
        "hop": spaced(str(bound.get("hop", finding["hop"]))),
        "what": f"{bound.get('setting')}, {bound.get('kind')}, {_short(str(bound.get('origin')))}",
        "full": f"{bound.get('setting')}, {bound.get('kind')}, {bound.get('origin')}",
        "value": exact(seconds),
        "status": finding["status"],
        "note": note,
    }


def _mark(payload: Mapping[str, Any], transfer: float, x: float) -> dict[str, Any]:
    text = f"longest transfer, {exact(transfer)}"
    minutes = payload.get("longest_minutes")
    if minutes:
        text = f"longest recording ({minutes:g} min): {exact(transfer)} on its way"
    return {"x": x, "text": text, "anchor": "start" if x < _AXIS_RIGHT / 2 else "end"}


def _distinct(findings: Sequence[Mapping[str, Any]]) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each bound once, with the worst finding that names it. findings: worst first."""
    seen: dict[tuple[Any, ...], tuple[Mapping[str, Any], Mapping[str, Any]]] = {}
    for finding in findings:
        bound = finding.get("bound")
        if bound:
            identity = tuple(bound.get(key) for key in ("hop", "setting", "kind", "seconds", "bytes_per_second"))
            seen.setdefault(identity, (bound, finding))
    return list(seen.values())


def _held(seconds: float) -> float:
    return min(max(seconds, _SHORTEST), _LONGEST)


def _ends(values: Sequence[float]) -> tuple[float, float]:
    """Powers of ten around the values, with room at the right."""
    if not values:
        return 1.0, 10.0
    low = 10.0 ** math.floor(math.log10(min(values)) - 0.3)
    high = 10.0 ** math.ceil(math.log10(max(values)) + 0.05)
    return low, high


def bar(parts: Mapping[str, int], width: int = 1000) -> list[dict[str, Any]]:
    """A stacked bar: segments ``{status, word, number, percent, x, width}``; what is there is at least 3 units wide."""
    total = sum(parts.values())
    present = {status: number for status, number in parts.items() if number}
    spare = width - 3 * len(present)
    segments, x = [], 0.0
    for status, number in present.items():
        size = 3 + spare * number / total
        segments.append(
            {
                "status": status,
                "word": STATUS_WORDS[status],
                "number": number,
                "percent": f"{number / total:.0%}" if number / total >= 0.01 else "<1%",
                "x": round(x, 1),
                "width": round(size, 1),
            }
        )
        x += size
    return segments


def trend(points: Sequence[Mapping[str, Any]], width: int = 1000, height: int = 120) -> dict[str, Any] | None:
    """Failing and unknown findings run by run, oldest first; None for fewer than two runs."""
    if len(points) < 2:
        return None
    top = max(1, *(int(point.get(key) or 0) for point in points for key in ("fail", "unknown")))
    step = width / (len(points) - 1)

    def line(key: str) -> str:
        return " ".join(
            f"{round(number * step, 1)},{round(height - height * int(point.get(key) or 0) / top, 1)}"
            for number, point in enumerate(points)
        )

    first, last = points[0], points[-1]
    words = ", ".join(
        f"{key} from {plural(int(first.get(key) or 0), 'finding')} to {int(last.get(key) or 0):,}"
        for key in ("fail", "unknown")
    )
    return {"width": width, "height": height, "fail": line("fail"), "unknown": line("unknown"), "top": top,
            "words": f"{len(points)} runs, {first.get('started')} to {last.get('started')}: {words}"}  # fmt: skip


def past(verdicts: Sequence[Sequence[str]], width: int = 1000) -> dict[str, Any] | None:
    """The verdicts of an edge run by run, those alike in one piece; None for fewer than two runs.

    verdicts: ``[started, verdict]``, oldest first.  parts: ``{x, width, verdict, words}``.
    """
    if len(verdicts) < 2:
        return None
    parts: list[dict[str, Any]] = []
    step = width / len(verdicts)
    for number, (started, verdict) in enumerate(verdicts):
        if not parts or parts[-1]["verdict"] != verdict:
            parts.append({"verdict": verdict, "x": round(number * step, 1), "since": str(started)[:10], "runs": 0})
        parts[-1]["runs"] += 1
    for part in parts:
        part["width"] = round(part["runs"] * step, 1)
        # A word needs about 8 units a letter of the font that the page gives it.
        part["label"] = part["verdict"] if part["width"] > 11 * len(part["verdict"]) + 16 else ""
    words = ", then ".join(
        f"{part['verdict']} for {plural(part['runs'], 'run')} from {part['since']}" for part in parts
    )
    return {"parts": parts, "width": width, "words": words, "runs": len(verdicts)}


def _short(text: str, longest: int = 70) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
