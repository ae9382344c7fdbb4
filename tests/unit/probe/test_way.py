# SPDX-License-Identifier: GPL-3.0-or-later
"""The probe takes the way that the export takes, and says which that is."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.probe.observe import way
from ansible.module_utils.edge.timeouts.proxy_use import Told, Use

ORIGIN = "HTTPS_PROXY in /etc/systemd/system/edge-export.service:9"
TOLD = {"proxies": Use([Told("127.0.0.1", 3128, ORIGIN)]).to_dict()}
BLIND = {"proxies": Use(gaps=[Unread("denied", "read", "/proc/7/environ", "permission denied")]).to_dict()}


@pytest.mark.parametrize(
    ("given", "judged", "proxy", "words"),
    [
        (None, TOLD, "http://127.0.0.1:3128", ORIGIN),
        ("", TOLD, "http://127.0.0.1:3128", ORIGIN),
        ("http://other:8080", TOLD, "http://other:8080", "as told"),
        ("direct", TOLD, None, "as told"),
        (None, {"proxies": Use().to_dict()}, None, "as the export"),
        (None, BLIND, None, "permission denied"),
        (None, Unread("not_collected", "edge_timeouts_audit", "london", "has not run"), None, "is not known"),
        (None, {"ladder": []}, None, "is not known"),
        (None, None, None, "is not known"),
    ],
)
def test_the_way(given, judged, proxy, words):
    taken, said = way(given, judged)
    assert taken == proxy
    assert words in said


@pytest.mark.parametrize(("host", "url"), [("fd00::1", "http://[fd00::1]:3128"), ("proxy", "http://proxy:3128")])
def test_the_proxys_address_as_a_url(host, url):
    assert Use([Told(host, 3128, "x")]).to_dict()["told"][0]["url"] == url


def test_a_password_as_given_is_not_said():
    assert "geheim" not in way("http://user:geheim@proxy:3128", TOLD)[1]
