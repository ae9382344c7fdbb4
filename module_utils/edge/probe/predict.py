# SPDX-License-Identifier: GPL-3.0-or-later
"""What the ladder predicts for a silence of the probe, and whether the probe saw it. Pure.

A silence starts some timers and not others, so each is held in one of three ways:
  held     the connection says nothing between two requests
  reader   a download whose reader stops reading
  sender   an upload whose sender stops sending
The silence of the storage itself cannot be caused; the paced transfer notices it where it happens.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..finding import Bound

MODES = ("held", "reader", "sender")
# nginx documentation, proxy_timeout; HAProxy manual, timeout tunnel: these count silence in either direction.
_STREAM = ("proxy_timeout", "timeout tunnel", "tcp idle_timeout")
# Under CONNECT all that a proxy sees is silence: Squid src/tunnel.cc, read_timeout; HAProxy manual, timeout client.
_TUNNEL = ("read_timeout", "timeout client", "timeout server")
# Seen with Squid 5.7, HAProxy 2.6 and nginx 1.22: these end a transfer whose reader, or whose sender, stands still.
_READER = ("send_timeout", "timeout client", "write_timeout", "read_timeout")
_SENDER = ("client_body_timeout", "timeout client", "timeout server")
# How far from its second a timer may fire, on a busy machine: Squid's clock counts whole seconds, and it looks at its
# timers when that has moved on and its event loop wakes, once a second (src/comm.cc, CommSelectEngine::checkEvents).
_FINE = 0.3
_COARSE = dict.fromkeys(("read_timeout", "write_timeout", "client_lifetime"), 1.0 + _FINE)
SHARE = 0.05
# Bytes that kernels and proxies together hold for a slow reader: net.ipv4.tcp_wmem and tcp_rmem, 4 MiB each at most.
READ_AHEAD = 8.0 * 1024 * 1024


def bounds_of(rungs: Iterable[Mapping[str, Any]]) -> list[Bound]:
    """Bounds from a ladder's rungs, whose own fields (check, longest_minutes ...) are left aside."""
    known = Bound.__dataclass_fields__
    return [Bound.from_dict({key: value for key, value in rung.items() if key in known}) for rung in rungs]


def tolerance(bound: Bound) -> float:
    """How far the observed second may lie from the predicted one."""
    return max(_granularity(bound), SHARE * (bound.seconds or 0.0))


def _granularity(bound: Bound) -> float:
    return _COARSE.get(bound.setting, _FINE) if bound.hop == "proxy" else _FINE


def exercised_by(bound: Bound, tunnel: bool) -> tuple[str, ...]:
    """The ways of silence that start this bound's timer. tunnel: whether a proxy merely carries the bytes."""
    if bound.kind != "idle" or bound.hop == "export":
        return ()
    if bound.reset_by == "packets" or bound.setting in _STREAM or (tunnel and bound.setting in _TUNNEL):
        return ("held",)
    modes = [mode for mode, settings in (("reader", _READER), ("sender", _SENDER)) if bound.setting in settings]
    return () if tunnel else tuple(modes)


def why_not(bound: Bound, tunnel: bool) -> str:
    """Why the probe cannot start a bound's timer, for a person."""
    if bound.hop == "export":
        return "the export's own timer; the probe is not the export"
    if bound.kind == "rate":
        return "a limit on the rate; the paced transfer keeps the export's"
    if bound.kind == "total":
        return "a limit on the whole transfer; the paced transfer would have to last longer than it"
    if tunnel:
        return "it counts inside requests, which a tunnel hides"
    return "only silence of the storage starts it, which a probe cannot cause; the paced transfer notices it"


def silence(mode: str, seconds: float, bounds: Sequence[Bound], tunnel: bool) -> Bound | None:
    """The bound that a silence of so many seconds runs into first; None where it should survive."""
    met = [bound for bound in bounds if mode in exercised_by(bound, tunnel) and (bound.seconds or 0.0) < seconds]
    return min(met, key=lambda bound: bound.seconds or 0.0, default=None)


def compare_pause(pause: Mapping[str, Any], bounds: Sequence[Bound], tunnel: bool) -> dict[str, Any]:
    """Prediction and observation of one silence, side by side. agrees: None where it proves nothing either way.

    pause: {"mode", "seconds", "outcome", "second", "failure"}, outcome: survived | cut | closed | failed.
    """
    predicted = silence(pause["mode"], pause["seconds"], bounds, tunnel)
    doubtful = any(
        abs((bound.seconds or 0.0) - pause["seconds"]) <= _granularity(bound)
        for bound in bounds
        if pause["mode"] in exercised_by(bound, tunnel)
    )
    outcome, second = pause["outcome"], pause.get("second")
    if outcome == "failed":
        agrees, because = None, "it ended before the silence began"
    elif outcome == "survived":
        agrees, because = predicted is None, ""
    elif second is None:
        agrees, because = predicted is not None, "the end showed with the next packet only"
    else:
        fits = predicted is not None and abs(second - (predicted.seconds or 0.0)) <= tolerance(predicted)
        orderly = outcome == "closed" and not fits
        agrees = None if orderly else fits
        because = "the peer closed the idle connection in order, as it may at any time" if orderly else ""
    if agrees is False and second is None and doubtful:
        agrees, because = None, "the silence is as long as the bound, within the timer's own granularity"
    return {
        "what": f"silence of {pause['seconds']:g} s ({pause['mode']})",
        "predicted": "survives" if predicted is None else "cut",
        "predicted_second": None if predicted is None else predicted.seconds,
        "bound": None if predicted is None else predicted.to_dict(),
        "observed": outcome,
        "observed_second": second,
        "agrees": agrees,
        "because": because,
    }


def brackets(
    pauses: Sequence[Mapping[str, Any]], bounds: Sequence[Bound], tunnel: bool
) -> dict[str, tuple[float, float]]:
    """By mode, the longest silence that survived and the shortest that did not: the bound lies between them.

    A close in order counts where a bound predicts it at that second; else it proves nothing.
    """
    found: dict[str, tuple[float, float]] = {}
    for mode in MODES:
        mine = [pause for pause in pauses if pause["mode"] == mode]
        cut = [float(pause["seconds"]) for pause in mine if _ended_it(pause, bounds, tunnel)]
        if cut:
            ended = min(cut)
            lived = [float(pause["seconds"]) for pause in mine if pause["outcome"] == "survived"]
            found[mode] = (max([second for second in lived if second < ended], default=0.0), ended)
    return found


def _ended_it(pause: Mapping[str, Any], bounds: Sequence[Bound], tunnel: bool) -> bool:
    if pause["outcome"] == "closed":
        return compare_pause(pause, bounds, tunnel)["agrees"] is True
    return bool(pause["outcome"] == "cut")


def compare_transfer(transfer: Mapping[str, Any], bounds: Sequence[Bound]) -> list[dict[str, Any]]:
    """The same for the paced transfer: its end against the bounds that may have ended it, and its longest silence.

    transfer: {"status", "seconds", "bytes", "rate", "longest_gap_seconds", "failure": {"seconds", "last_byte_age"}}.
    A slow reader's bytes wait in buffers, so the silence on the wire may have begun before its last byte was read.
    """
    timers = [bound for bound in bounds if bound.hop != "export" and bound.seconds and bound.kind in ("idle", "total")]
    failed = transfer.get("failure")
    if failed is None:
        lived = [
            bound
            for bound in timers
            if _reached(bound, transfer) is not None and _reached(bound, transfer, tolerance(bound)) is not None
        ]
        return [_outlived(bound, transfer) for bound in lived] or [_nothing(transfer)]
    if failed["ended_by"] in ("limit", "timeout"):
        return [_line(None, failed["ended_by"], failed["seconds"], None)]
    fitting = [bound for bound in timers if _distance(bound, transfer) <= tolerance(bound)]
    if not fitting:
        return [_line(None, failed["ended_by"], failed["seconds"], False)]
    best = min(fitting, key=lambda bound: _distance(bound, transfer))
    second = failed["seconds"] if best.kind == "total" else failed["last_byte_age"]
    return [_line(best, failed["ended_by"], second, True)]


def compare_stage(stage: Mapping[str, Any], bounds: Sequence[Bound]) -> dict[str, Any] | None:
    """The same for a request that a proxy gave up, or that was cut: None where its end is no matter of time."""
    failed = stage.get("failure")
    if failed is None or failed["ended_by"] not in ("answer", "closed", "reset"):
        return None
    if failed["ended_by"] == "answer" and failed["code"] not in (408, 502, 504):
        return None
    seen = {"failure": failed, "bytes": 0, "rate": 1.0}
    timers = [bound for bound in bounds if bound.hop != "export" and bound.seconds and bound.kind in ("idle", "total")]
    fitting = [bound for bound in timers if _distance(bound, seen) <= tolerance(bound)]
    best = min(fitting, key=lambda bound: _distance(bound, seen), default=None)
    line = _line(best, failed["ended_by"], failed["last_byte_age"], None if best is None else True)
    return {**line, "what": f"stage {stage['stage']}"}


def _distance(bound: Bound, transfer: Mapping[str, Any]) -> float:
    """Seconds between the bound and the time after which it would have had to strike."""
    failed, limit = transfer["failure"], bound.seconds or 0.0
    waiting = min(float(transfer["bytes"]), READ_AHEAD) / float(transfer["rate"])
    if bound.kind == "total":
        most = float(failed["seconds"])
        seen, least = most, max(most - waiting, 0.0)
    else:
        seen = least = float(failed["last_byte_age"] or 0.0)
        most = min(least + waiting, float(failed["seconds"]))
    # What was seen comes before what buffers may have hidden.
    return max(least - limit, limit - most, 0.0) + (0.001 if abs(seen - limit) > _FINE else 0.0)


def _reached(bound: Bound, transfer: Mapping[str, Any], beyond: float = 0.0) -> float | None:
    lasted = float(transfer["seconds"] if bound.kind == "total" else transfer.get("longest_gap_seconds") or 0.0)
    return lasted if lasted > (bound.seconds or 0.0) + beyond else None


def _outlived(bound: Bound, transfer: Mapping[str, Any]) -> dict[str, Any]:
    """A transfer that survived a bound: a disagreement, unless all of it may have waited in buffers by then."""
    line = _line(bound, "survived", _reached(bound, transfer), False)
    if bound.kind == "total" and float(transfer["bytes"]) <= READ_AHEAD:
        line.update(agrees=None, because=f"no more than {READ_AHEAD:g} bytes moved: buffers may have held them all")
    return line


def _nothing(transfer: Mapping[str, Any]) -> dict[str, Any]:
    return {**_line(None, "survived", transfer["seconds"], True), "predicted": "survives"}


def _line(bound: Bound | None, observed: str, second: float | None, agrees: bool | None) -> dict[str, Any]:
    return {
        "what": "paced transfer",
        "predicted": "survives" if bound is None else "cut",
        "predicted_second": None if bound is None else bound.seconds,
        "bound": None if bound is None else bound.to_dict(),
        "observed": observed,
        "observed_second": second,
        "agrees": agrees,
        "because": "",
    }
