# SPDX-License-Identifier: GPL-3.0-or-later
"""What the checks answer, case by case, and that blindness never makes an answer greener."""

from __future__ import annotations

import copy

import pytest
from ansible.module_utils.edge.finding import Unread
from ansible.module_utils.edge.run import plain
from ansible.module_utils.edge.timeouts.checks import CATALOGUE, judge, ladder_facts

from tests.unit.timeouts import node_copy

GREEN = ("pass", "not_applicable")
UNIT = "etc/systemd/system/edge-export.service"
EXPORT = "etc/edge/export.yaml"


def judged(root, files=None, upstream=node_copy.UPSTREAM, **more):
    edge, facts = node_copy.make(root, files, **more)
    return {finding.check: finding for finding in judge(edge, facts, upstream)}


@pytest.mark.parametrize(
    ("value", "status", "says"),
    [
        ("15 minutes", "fail", "900 s"),
        ("900s", "fail", "900 s"),
        ("PT2H", "pass", "7200 s"),
        ("infinity", "pass", "no limit"),
        ("0", "unknown", "never or at once"),
        ("-5", "unknown", "negative"),
        ("soon", "unknown", "export.yaml:1: read_timeout"),
        ("[900]", "unknown", "is not a duration"),
    ],
)
def test_how_people_write_a_read_timeout(tmp_path, value, status, says):
    finding = judged(tmp_path, {EXPORT: f"read_timeout: {value}\n"})["TIMEOUTS-01"]
    assert (finding.status, says in finding.observed) == (status, True), finding.observed


@pytest.mark.parametrize(
    ("text", "keys", "status", "says"),
    [
        ("a:\n  b: 900\n", {"read_timeout": "a.b"}, "fail", "export.yaml:2"),
        ("read_timeout_ms: 900000\n", {}, "fail", "900 s"),
        ("s3:\n  readTimeout: 7200\n", {}, "pass", "7200 s"),
        ("s3:\n  read_timeout: 1\nsftp:\n  read_timeout: 2\n", {}, "unknown", "edge_export_config_keys"),
        (
            "s3:\n  read_timeout: 7200\nsftp:\n  read_timeout: 2\n",
            {"read_timeout": "s3.read_timeout"},
            "pass",
            "7200 s",
        ),
        ("other: 1\n", {}, "unknown", "states no read_timeout"),
        ("a: [\n", {}, "unknown", "not valid yaml"),
        ("secret_read_timeout_token: 900\nread_timeout: REDACTED\n", {}, "unknown", "redacted"),
    ],
)
def test_where_the_read_timeout_is_found(tmp_path, text, keys, status, says):
    finding = judged(tmp_path, {EXPORT: text}, export_config_keys=keys)["TIMEOUTS-01"]
    assert (finding.status, says in finding.observed) == (status, True), finding.observed


def test_what_the_inventory_does_not_name_is_unknown_with_the_variable(tmp_path):
    findings = judged(tmp_path, export_config_path=None, export_service=None)
    for check, variable in (
        ("01", "edge_export_config_path"),
        ("03", "edge_export_service"),
        ("08", "edge_export_service"),
    ):
        finding = findings[f"TIMEOUTS-{check}"]
        assert (finding.status, finding.reason) == ("unknown", "not_collected") and variable in finding.observed


@pytest.mark.parametrize(
    ("text", "status", "minutes"),
    [
        ("RuntimeMaxSec=900\n", "fail", 45.0),
        ("RuntimeMaxSec=1h 30min\n", "pass", None),
        ("RuntimeMaxSec=900\nRuntimeMaxSec=infinity\n", "pass", None),
        ("RuntimeMaxSec=900\nRuntimeMaxSec=\n", "pass", None),
        ("Type=oneshot\nRuntimeMaxSec=900\n", "pass", None),
        ("Type=oneshot\nTimeoutStartSec=15min\n", "fail", 45.0),
        ("TimeoutStartSec=15min\n", "pass", None),
        ("RuntimeMaxSec=0\n", "unknown", None),
        ("RuntimeMaxSec=soon\n", "unknown", None),
        ("RuntimeMaxSec=1month\n", "pass", None),
        ("[Unit]\nRuntimeMaxSec=900\n", "pass", None),
    ],
)
def test_the_unit(tmp_path, text, status, minutes):
    finding = judged(tmp_path, {UNIT: f"[Service]\n{text}"})["TIMEOUTS-03"]
    assert (finding.status, finding.longest_minutes) == (status, minutes)


def test_what_systemd_shows_comes_before_the_files(tmp_path):
    shown = "Id=edge-export.service\nType=simple\nRuntimeMaxUSec=15min\nTimeoutStartUSec=1min 30s\n"
    files = {"var/lib/edgepath/recorded/systemctl-show.txt": shown, UNIT: "[Service]\nRuntimeMaxSec=infinity\n"}
    finding = judged(tmp_path, files)["TIMEOUTS-03"]
    assert (finding.status, finding.longest_minutes) == ("fail", 45.0)
    assert finding.fix["to"] == "infinity" and finding.fix["action"] == "set_unit_property"


PROXY_ENVIRONMENT = "[Service]\nEnvironment=HTTPS_PROXY=http://127.0.0.1:3128\n"


@pytest.mark.parametrize(
    ("files", "more", "squid", "known"),
    [
        # Installed only.
        ({}, {}, "not_applicable", "pass"),
        # By the export's configuration, the storage settings, the environment, a file of variables, the inventory.
        ({EXPORT: "read_timeout: 7200\nproxy: http://localhost:3128\n"}, {}, "fail", "pass"),
        ({EXPORT: "read_timeout: 7200\nx:\n  proxy: {host: 127.0.0.1, port: 3128}\n"}, {}, "fail", "pass"),
        ({"etc/edge/recording-storage.yaml": "https_proxy: 127.0.0.1:3128\n"}, {}, "fail", "pass"),
        ({UNIT: PROXY_ENVIRONMENT}, {}, "fail", "pass"),
        (
            {UNIT: "[Service]\nEnvironmentFile=-/etc/e\n", "etc/e": "https_proxy='http://[::1]:3128'\n"},
            {},
            "fail",
            "pass",
        ),
        ({}, {"proxy_config_paths": ["/etc/squid/squid.conf"]}, "fail", "pass"),
        # Not for this storage, or switched off.
        ({UNIT: PROXY_ENVIRONMENT + "Environment=NO_PROXY=.amazonaws.com\n"}, {}, "not_applicable", "pass"),
        ({UNIT: PROXY_ENVIRONMENT + "Environment=no_proxy=*\n"}, {}, "not_applicable", "pass"),
        ({UNIT: PROXY_ENVIRONMENT.replace("HTTPS", "HTTP")}, {}, "not_applicable", "pass"),
        ({UNIT: PROXY_ENVIRONMENT + "Environment=\n"}, {}, "not_applicable", "pass"),
        ({EXPORT: "read_timeout: 7200\nproxy: none\n"}, {}, "not_applicable", "pass"),
        (
            {EXPORT: "read_timeout: 7200\nproxy: {enabled: false, host: localhost, port: 3128}\n"},
            {},
            "not_applicable",
            "pass",
        ),
        # Somewhere else.
        ({EXPORT: "read_timeout: 7200\nproxy: http://proxy.corp:3128\n"}, {}, "not_applicable", "unknown"),
        ({EXPORT: "read_timeout: 7200\nproxy: http://10.40.1.20:3128\n"}, {}, "fail", "pass"),
        ({EXPORT: "read_timeout: 7200\nproxy: 'http://[nonsense'\n"}, {}, "unknown", "unknown"),
        ({UNIT: "[Service]\nEnvironmentFile=/etc/gone\n"}, {}, "unknown", "unknown"),
        # Not known.
        ({}, {"export_service": None}, "unknown", "unknown"),
    ],
)
def test_which_proxy_is_on_the_path(tmp_path, files, more, squid, known):
    findings = judged(tmp_path, {"etc/squid/squid.conf": node_copy.SQUID, **files}, **more)
    assert (findings["TIMEOUTS-04"].status, findings["TIMEOUTS-08"].status) == (squid, known)


@pytest.mark.parametrize(
    ("lines", "status", "says"),
    [
        ("read_timeout 2 hours\n", "unknown", "write_timeout"),
        ("read_timeout 2 hours\nwrite_timeout 2 hours\n", "pass", "7200 s"),
        ("read_timeout 900\n", "unknown", "squid.conf:4: read_timeout"),
        ("include /etc/squid/gone.conf\n", "unknown", "gone.conf"),
        ("read_timeout 0\n", "fail", "read_timeout 1 s"),
        ("read_timeout 2 hours\nwrite_timeout 2 hours\nclient_lifetime 1 hour\n", "fail", "client_lifetime"),
    ],
)
def test_squid(tmp_path, lines, status, says):
    files = {**node_copy.LONDON, "etc/squid/squid.conf": node_copy.SQUID + lines}
    finding = judged(tmp_path, files)["TIMEOUTS-04"]
    assert (finding.status, says in finding.observed) == (status, True), finding.observed


NGINX = "http { server { listen 127.0.0.1:8080; location / { proxy_pass https://s3.eu-west-2.amazonaws.com; %s } } }\n"
HAPROXY = "defaults\n%s\nlisten s3\n bind 127.0.0.1:8080\n server a s3.eu-west-2.amazonaws.com:443\n"
ENVOY = """static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 8080}}
    filter_chains:
    - filters:
      - typed_config: {"@type": x/envoy.TcpProxy, idle_timeout: %s}
"""


@pytest.mark.parametrize(
    ("path", "text", "check", "minutes", "keys"),
    [
        ("etc/nginx/nginx.conf", NGINX % "", "05", 3.0, ["proxy_read_timeout", "client_body_timeout"]),
        ("etc/nginx/nginx.conf", NGINX % "proxy_read_timeout 2h; client_body_timeout 2h;", "05", None, []),
        ("etc/haproxy/haproxy.cfg", HAPROXY % " timeout client 1m\n timeout server 2h", "06", 3.0, ["timeout client"]),
        ("etc/haproxy/haproxy.cfg", HAPROXY % "", "06", None, []),
        ("etc/envoy/envoy.yaml", ENVOY % "600s", "07", 30.0, ["tcp idle_timeout"]),
        ("etc/envoy/envoy.yaml", ENVOY % "0s", "07", None, []),
    ],
)
def test_the_other_proxies(tmp_path, path, text, check, minutes, keys):
    files = {path: text, EXPORT: "read_timeout: 7200\nproxy: http://127.0.0.1:8080\n"}
    finding = judged(tmp_path, files)[f"TIMEOUTS-{check}"]
    assert finding.longest_minutes == minutes
    assert finding.status == ("fail" if minutes else "unknown" if "nginx" in path else "pass"), finding.observed
    if keys:
        assert set(keys) <= {item["key"] for item in finding.fix["settings"]}


NAT_EXPORT = "read_timeout: 7200\n"


@pytest.mark.parametrize(
    ("files", "status", "asks", "action"),
    [
        ({EXPORT: NAT_EXPORT}, "fail", "fail", "set_export_option"),
        ({EXPORT: NAT_EXPORT + "tcp_keepalive: true\n"}, "pass", "pass", None),
        ({EXPORT: NAT_EXPORT, "root/.aws/config": "[default]\ntcp_keepalive = true\n"}, "pass", "pass", None),
        ({EXPORT: NAT_EXPORT, UNIT: "[Service]\nEnvironment=BOTOCORE_TCP_KEEPALIVE=true\n"}, "pass", "pass", None),
        (
            {EXPORT: NAT_EXPORT + "tcp_keepalive: true\n", "proc/sys/net/ipv4/tcp_keepalive_time": "7200\n"},
            "fail",
            "pass",
            "set_sysctl",
        ),
        ({EXPORT: NAT_EXPORT + "tcp_keepalive: maybe\n"}, "unknown", "unknown", None),
        # A keepalive does not cross a proxy.
        (
            {**node_copy.LONDON, EXPORT: NAT_EXPORT + "tcp_keepalive: true\nproxy: http://127.0.0.1:3128\n"},
            "fail",
            "fail",
            "avoid_idle_timer",
        ),
        (
            {
                "etc/haproxy/haproxy.cfg": HAPROXY % " option srvtcpka",
                EXPORT: NAT_EXPORT + "proxy: http://127.0.0.1:8080\n",
            },
            "pass",
            "pass",
            None,
        ),
        # The remote proxy's leg is not known.
        ({EXPORT: NAT_EXPORT + "tcp_keepalive: true\nproxy: http://far:3128\n"}, "unknown", "unknown", None),
    ],
)
def test_behind_a_nat_gateway(tmp_path, files, status, asks, action):
    findings = judged(tmp_path, files, node_copy.BEHIND_NAT)
    finding = findings["TIMEOUTS-09"]
    assert (finding.status, findings["TIMEOUTS-14"].status) == (status, asks), finding.observed
    assert (finding.fix["action"] if finding.fix else None) == action
    if status == "fail":
        assert finding.longest_minutes == 17.5


SS = "ESTAB 0 0 10.40.1.20:41000 {peer}:443 {timer}\n\t cubic rto:204\n"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (SS.format(peer="52.95.149.10", timer="timer:(keepalive,4min32sec,0)"), "pass"),
        (SS.format(peer="[::ffff:52.95.149.10]", timer="timer:(keepalive,32sec,0)"), "pass"),
        (SS.format(peer="52.95.149.10", timer="users:((export))"), "fail"),
        (SS.format(peer="52.95.149.10", timer="timer:(on,200ms,1)"), "pass"),
        (SS.format(peer="8.8.8.8", timer=""), "pass"),
        ("garbage\n", "pass"),
    ],
)
def test_open_sockets_come_before_the_configuration(tmp_path, text, status):
    files = {EXPORT: NAT_EXPORT + "tcp_keepalive: true\n", "var/lib/edgepath/recorded/ss.txt": text}
    assert judged(tmp_path, files, node_copy.BEHIND_NAT)["TIMEOUTS-09"].status == status


def test_one_change_alone_is_told_with_what_limits_then(tmp_path):
    finding = judged(tmp_path, node_copy.LONDON, node_copy.BEHIND_NAT)["TIMEOUTS-09"]
    assert "from 17.5 min to 45 min; TIMEOUTS-04 limits it then" in finding.fix["summary"]
    other = judged(tmp_path, node_copy.LONDON, node_copy.BEHIND_NAT)["TIMEOUTS-04"]
    assert (
        "alone it does not raise the longest recording (17.5 min); TIMEOUTS-09 limits it then" in other.fix["summary"]
    )


def test_a_streamed_delivery_is_never_silent(tmp_path):
    payload = {"longest_minutes": 240, "pace": 3, "delivery": "streamed"}
    findings = judged(tmp_path, node_copy.LONDON, node_copy.BEHIND_NAT, payload=payload)
    assert findings["TIMEOUTS-04"].status == findings["TIMEOUTS-09"].status == "pass"


@pytest.mark.parametrize(
    ("key", "value", "check", "to"),
    [
        ("tcp_keepalive_time", "7200", "13", "60"),
        ("tcp_keepalive_intvl", "76", "13", "30"),
        ("tcp_keepalive_probes", "2", "13", "5"),
        ("tcp_retries2", "15", "15", "8"),
        ("tcp_mtu_probing", "0", "16", "1"),
        ("tcp_slow_start_after_idle", "1", "17", "0"),
        ("tcp_rmem", "4096 87380 1048576", "18", "4096 131072 6291456"),
    ],
)
def test_the_kernel(tmp_path, key, value, check, to):
    findings = judged(tmp_path, {f"proc/sys/net/ipv4/{key}": f"{value}\n", "etc/sysctl.d/90-edgepath.conf": ""})
    finding = findings[f"TIMEOUTS-{check}"]
    assert finding.status == "fail" and value.split()[-1] in finding.observed
    assert (finding.fix["key"], finding.fix["from"], finding.fix["to"]) == (f"net.ipv4.{key}", value.split()[-1], to)


@pytest.mark.parametrize(("value", "status"), [("299", "fail"), ("300", "pass"), ("x", "unknown")])
def test_the_hosts_tracking(tmp_path, value, status):
    base = "proc/sys/net/netfilter/nf_conntrack_tcp_timeout"
    files = {f"{base}_unacknowledged": value, f"{base}_max_retrans": "300", f"{base}_established": "432000"}
    assert judged(tmp_path, files)["TIMEOUTS-19"].status == status


@pytest.mark.parametrize(("seconds", "status"), [("432000", "pass"), ("600", "fail"), ("6000", "pass")])
def test_the_hosts_tracking_of_silent_connections(tmp_path, seconds, status):
    path = "proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established"
    finding = judged(tmp_path, {path: seconds})["TIMEOUTS-10"]
    assert (finding.status, finding.hop) == (status, "host_firewall")


@pytest.mark.parametrize(
    ("files", "status", "says"),
    [
        ({}, "pass", ""),
        ({"etc/sysctl.d/99-late.conf": "net/ipv4/tcp_retries2=15\n"}, "fail", "99-late.conf:1"),
        ({"usr/lib/sysctl.d/99-late.conf": "net.ipv4.tcp_retries2=15\n"}, "fail", "99-late.conf:1"),
        ({"etc/sysctl.d/90-edgepath.conf": ""}, "fail", "no file"),
        (
            {"etc/sysctl.d/90-edgepath.conf": "", "etc/sysctl.conf": node_copy.SYSCTL_D},
            "fail",
            "which systemd does not read at boot",
        ),
        ({"etc/sysctl.d/95-a.conf": "-net.ipv4.tcp_retries2=8\n# net.ipv4.tcp_retries2=1\n"}, "pass", ""),
    ],
)
def test_the_next_boot(tmp_path, files, status, says):
    finding = judged(tmp_path, files)["TIMEOUTS-20"]
    assert finding.status == status and says in finding.observed


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("read_timeout: 7200\ntotal_timeout: 9000\n", "pass"),
        ("read_timeout: 9000\ntotal_timeout: 7200\n", "fail"),
        ("read_timeout: 600\nproxy: http://127.0.0.1:3128\n", "fail"),
        ("read_timeout: soon\n", "unknown"),
    ],
)
def test_the_order_of_timeouts(tmp_path, text, status):
    files = {"etc/squid/squid.conf": node_copy.SQUID, EXPORT: text}
    assert judged(tmp_path, files)["TIMEOUTS-21"].status == status


def test_nginx_with_a_small_temporary_file(tmp_path):
    files = {"etc/nginx/nginx.conf": NGINX % "proxy_max_temp_file_size 10m;",
             EXPORT: "read_timeout: 7200\nproxy: http://127.0.0.1:8080\n"}  # fmt: skip
    assert judged(tmp_path, files)["TIMEOUTS-22"].status == "fail"


def test_an_edge_outside_aws_has_no_gateways_of_aws(tmp_path):
    upstream = {**node_copy.UPSTREAM, "egress": {"in_aws": False, "route": None, "bounds": []}}
    findings = judged(tmp_path, upstream=upstream)
    assert findings["TIMEOUTS-09"].status == findings["TIMEOUTS-10"].status == "not_applicable"


def test_a_default_of_tracking_whose_instance_type_is_not_known(tmp_path):
    bound = {"kind": "idle", "hop": "security_group", "setting": "TcpEstablishedTimeout", "origin": "default of EC2",
             "seconds": 432000.0, "reset_by": "packets"}  # fmt: skip
    hidden = Unread("denied", "ec2:DescribeInstances", "i-1", "denied", ("ec2:DescribeInstances",)).to_fact()
    egress = {**node_copy.EGRESS, "bounds": [bound], "instance_type": hidden}
    finding = judged(tmp_path, upstream={**node_copy.UPSTREAM, "egress": egress})["TIMEOUTS-10"]
    assert (finding.status, finding.permissions) == ("unknown", ("ec2:DescribeInstances",))


BLIND = Unread("denied", "read", "x", "x: permission denied", ("read x",)).to_fact()
EVERYTHING = {
    **node_copy.LONDON,
    EXPORT: "read_timeout: 1800\ntotal_timeout: 3000\nworker_seconds: 900\nsession_seconds: 900\nproxy: http://127.0.0.1:3128\n",
    "etc/nginx/nginx.conf": NGINX % "proxy_max_temp_file_size 1m;",
    "etc/haproxy/haproxy.cfg": HAPROXY.replace(":8080", ":8081") % " timeout client 1m",
    "etc/envoy/envoy.yaml": (ENVOY % "60s").replace("8080", "8082"),
    UNIT: "[Service]\nRuntimeMaxSec=900\nEnvironment=HTTPS_PROXY=http://127.0.0.1:8080\nEnvironmentFile=/etc/edge/env\n",
    "etc/edge/env": "ALL_PROXY=http://127.0.0.1:8081\n",
    "root/.aws/config": "[default]\ntcp_keepalive = false\n",
    "proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established": "300",
    "proc/sys/net/netfilter/nf_conntrack_tcp_timeout_max_retrans": "30",
    "proc/sys/net/netfilter/nf_conntrack_tcp_timeout_unacknowledged": "30",
    "proc/sys/net/ipv4/tcp_keepalive_time": "7200",
    "proc/sys/net/ipv4/tcp_retries2": "15",
    "etc/sysctl.d/99-late.conf": "net.ipv4.tcp_retries2=8\n",
    "var/lib/edgepath/recorded/ss.txt": SS.format(peer="52.95.149.10", timer="timer:(keepalive,4min32sec,0)"),
    "var/lib/edgepath/recorded/systemctl-show.txt": "Id=edge-export.service\nMainPID=77\nRuntimeMaxUSec=15min\n",
    "proc/77/environ": "HTTPS_PROXY=http://127.0.0.1:8080\0",
    "proc/77/cmdline": "export\0",
}


def paths(tree, at=()):
    """Every place in the facts, the facts themselves not among them."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in items:
        yield (*at, key)
        yield from paths(value, (*at, key))


def blinded(tree, path):
    changed = copy.deepcopy(tree)
    node = changed
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = BLIND
    return changed


# Identifiers of a fact, which a reader always has: a fact is read or not read as a whole.
NAMES = ("path", "kind", "name", "explicit", "running", "live", "masked", "pid", "check", "problems")


BARE = {
    EXPORT: NAT_EXPORT + "tcp_keepalive: true\n",
    "var/lib/edgepath/recorded/ss.txt": SS.format(peer="52.95.149.10", timer="users:((export))"),
}
ALL = [{}, node_copy.LONDON, EVERYTHING, BARE]


@pytest.mark.parametrize("files", ALL, ids=["healthy", "london", "everything", "sockets"])
@pytest.mark.parametrize("upstream", [node_copy.UPSTREAM, node_copy.BEHIND_NAT], ids=["gateway endpoint", "nat"])
def test_blindness_never_makes_an_answer_greener(tmp_path, files, upstream):
    edge, facts = node_copy.make(tmp_path, files)
    before = {finding.check: finding for finding in judge(edge, facts, upstream)}
    tried = 0
    for path in paths(facts):
        if "$unread" in path or path[-1] in NAMES or "files" in path[:-1] and path[0] == "proxy_configs":
            continue
        after = judge(edge, blinded(facts, path), upstream)
        assert sorted(finding.check for finding in after) == sorted(CATALOGUE)
        tried += 1
        for finding in after:
            was = before[finding.check].status
            assert was in GREEN or finding.status not in GREEN, (path, finding.check, was, finding.observed)
    assert tried > 20
    for path in paths(plain(upstream)):
        if len(path) < 3:
            for finding in judge(edge, facts, blinded(upstream, path)):
                was = before[finding.check].status
                assert was in GREEN or finding.status not in GREEN, (path, finding.check, was, finding.observed)


def test_the_ladder_says_what_could_not_be_read(tmp_path):
    edge, facts = node_copy.make(tmp_path, node_copy.LONDON)
    told = ladder_facts(edge, {**facts, "proxy_configs": BLIND}, node_copy.UPSTREAM)
    assert {"TIMEOUTS-04", "TIMEOUTS-08"} <= set(told["unread"]) and told["longest_minutes"] == 360.0


def test_a_proxy_that_was_masked_on_the_edge_is_not_taken_for_a_host(tmp_path):
    finding = judged(tmp_path, {UNIT: "[Service]\nEnvironment=HTTPS_PROXY=http://a%3Ab%40proxy:3128\n"})["TIMEOUTS-08"]
    assert finding.status == "unknown" and "was redacted" in finding.observed, finding.observed
