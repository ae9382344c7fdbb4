# SPDX-License-Identifier: GPL-3.0-or-later
"""Silences that the probe holds before each real proxy: shorter than the bound they survive, longer they do not.

A reader that has stopped sees the end behind the bytes that it has not read, so its second lies between two silences.
"""

from __future__ import annotations

import pytest

from lab.fault_proxy import Fault, FaultProxy
from tests.real import proxies
from tests.real.storage import BUCKET, client_of
from tests.real.walk import walk

pytestmark = pytest.mark.real

# Each of a server's timers that the probe can start, scaled to 6 s, with the way of silence that starts it.
NGINX_SEND = "send_timeout 6s;"
NGINX_BODY = "client_body_timeout 6s;"
HAPROXY_CLIENT = "  timeout client 6s\n  timeout server 90s\n"
HAPROXY_SERVER = "  timeout client 90s\n  timeout server 6s\n"
HAPROXY_TUNNEL = "  timeout client 90s\n  timeout server 90s\n  timeout tunnel 6s\n"
CASES = {
    "nginx send_timeout": ("reader", lambda place, up: proxies.nginx(place("p"), up, NGINX_SEND)),
    "nginx client_body_timeout": ("sender", lambda place, up: proxies.nginx(place("p"), up, NGINX_BODY)),
    "nginx proxy_timeout": ("held", lambda place, up: proxies.nginx_stream(place("p"), up, "proxy_timeout 6s;")),
    "haproxy timeout client": ("reader", lambda place, up: proxies.haproxy(place("p"), up, HAPROXY_CLIENT)),
    "haproxy timeout server": ("sender", lambda place, up: proxies.haproxy(place("p"), up, HAPROXY_SERVER)),
    "haproxy timeout tunnel": ("held", lambda place, up: proxies.haproxy(place("p"), up, HAPROXY_TUNNEL, mode="tcp")),
}
FACTORS = [0.95, 1.05]
SHARE = 0.05
# Squid's timers may be a second off either way, and 0.3 s is left to a busy machine: 5 % of 30 s is more than that.
FINE, SQUID = 6.0, 30.0
PATIENT = {"max_seconds": 150.0}


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_silence_around_the_bound(name, seaweed, place, measured):
    mode, start = CASES[name]
    setting = name.partition(" ")[2]
    with start(place, seaweed) as (port, path):
        walked = walk(place("root"), f"http://127.0.0.1:{port}", path, pause_factors=FACTORS, write=True)
    around(walked, mode, setting, FINE, measured, name)


@pytest.mark.parametrize("setting", ["read_timeout", "write_timeout"])
def test_a_reader_that_stops_behind_squid(setting, seaweed, place, measured):
    with proxies.squid(place("p"), f"{setting} {SQUID:g} seconds") as (port, path):
        walked = walk(
            place("root"), f"http://{seaweed}", path, pause_factors=FACTORS, proxy=f"http://127.0.0.1:{port}", **PATIENT
        )
    around(walked, "reader", setting, SQUID, measured, f"squid {setting}")


def test_a_silent_tunnel_through_squid(seaweed, place, measured):
    both, shown = proxies.certificate(place("tls"), "localhost")
    endless = "  timeout client 90s\n  timeout server 90s\n"
    with (
        proxies.haproxy(place("origin"), seaweed, endless, bind=f"ssl crt {both}") as (tls_port, _),
        proxies.squid(place("p"), f"read_timeout {SQUID:g} seconds") as (port, path),
    ):
        walked = walk(
            place("root"), f"https://localhost:{tls_port}", path, pause_factors=FACTORS,
            proxy=f"http://127.0.0.1:{port}", ca_file=str(shown), **PATIENT,
        )  # fmt: skip
    assert walked.stage("proxy")["status"] == walked.stage("tls")["status"] == "ok"
    around(walked, "held", "read_timeout", SQUID, measured, "squid read_timeout in a tunnel")


def around(walked, mode, setting, seconds, measured, name):
    """Prediction and observation of the silences on both sides of a bound."""
    mine = [pause for pause in walked.facts["pauses"] if pause["mode"] == mode]
    by_seconds = {pause["seconds"]: pause for pause in mine}
    short, long = (by_seconds[round(seconds * factor, 3)] for factor in FACTORS)
    lines = [walked.line(f"silence of {pause['seconds']:g} s ({mode})") for pause in (short, long)]
    shown = f"{long['second']:.2f} s" if long["second"] else f"{short['seconds']:g} to {long['seconds']:g} s"
    measured(f"{name}: silence ({mode})", f"{setting} {seconds:g} s", shown, str(long["bytes"] or ""))
    assert short["outcome"] == "survived"
    assert long["outcome"] in ("cut", "closed")
    if long["second"] is not None:
        assert long["second"] == pytest.approx(seconds, rel=SHARE)
    assert [line["predicted"] for line in lines] == ["survives", "cut"]
    assert lines[1]["bound"]["setting"] == setting and lines[1]["predicted_second"] == seconds
    assert lines[0]["agrees"] is not False and lines[1]["agrees"] is True
    assert walked.findings["PROBE-12"].status == "pass"
    finding = walked.findings["PROBE-11"]
    assert finding.status == "fail" and finding.bound.setting == setting


def test_a_flow_that_is_forgotten_is_reset_at_the_next_packet(seaweed, place, measured):
    nat = {"kind": "idle", "hop": "gateway", "setting": "NAT gateway idle timeout", "origin": "nat-1", "seconds": 2.0,
           "reset_by": "packets", "check": "TIMEOUTS-09"}  # fmt: skip
    with FaultProxy(seaweed, [Fault("idle_kill", seconds=2.0)]) as gateway:
        walked = walk(place("root"), gateway.url, None, pause_factors=FACTORS, bounds=[nat])
        killed = gateway.events("idle_kill")
    around(walked, "held", "NAT gateway idle timeout", 2.0, measured, "fault proxy: forgotten flow")
    assert len(killed) == 1
    long = walked.facts["pauses"][-1]
    assert (long["failure"]["ended_by"], long["failure"]["errno"]) == ("reset", "ECONNRESET")
    causes = next(item for item in walked.findings["PROBE-11"].evidence if "causes" in item)["causes"]
    assert causes[0]["hypothesis"] == "gateway-idle"


def test_nothing_of_an_upload_stays(seaweed, place):
    with proxies.nginx(place("p"), seaweed, NGINX_BODY) as (port, path):
        walked = walk(place("root"), f"http://127.0.0.1:{port}", path, pause_factors=[1.05], write=True)
    assert walked.stage("write")["status"] == "ok" and walked.findings["PROBE-09"].status == "pass"
    client = client_of(f"http://{seaweed}")
    assert client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []) == []
    assert [item["Key"] for item in client.list_objects_v2(Bucket=BUCKET)["Contents"]] == ["exports/2026/call.wav"]
