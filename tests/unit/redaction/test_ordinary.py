# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - tables of texts, each as it stands in a file
"""The other side of the table: ordinary settings stay as they are written, and mean the same to the readers."""

from __future__ import annotations

import base64
import configparser
from pathlib import Path

import pytest
from ansible.module_utils.edge.dns.nss import parse_nsswitch
from ansible.module_utils.edge.dns.resolvconf import parse as parse_resolv
from ansible.module_utils.edge.redaction.choose import redact
from ansible.module_utils.edge.redaction.command import arguments, environment
from ansible.module_utils.edge.redaction.files import kind_of_file
from ansible.module_utils.edge.settings import SettingsError, leaves, parse_settings
from ansible.module_utils.edge.timeouts import envoy, export_side, haproxy, kernel, nginx, sockets, squid
from ansible.module_utils.edge.timeouts.values import ConfigError

ROOTS = Path(__file__).resolve().parents[3] / "lab/roots"

YAML = """
read_timeout: 7200
readTimeout: 15 minutes
read_timeout_ms: 900000
idle_timeout: PT2H
total_timeout: infinity
session_timeout: -5
connect_timeout: 1h 30m
token_lifetime: 900
session_refreshable: true
credential_seconds: 3600
tcp_keepalive: true
retries: 10
max_attempts: 5
part_size: 16777216
multipart_threshold: 64MB
localRetentionHours: 72
versions: on
legal_hold: off
bucket: euw2-recordings-london
bucket: acme-recordings-111122223333
region: eu-west-2
provider: S3
storage_class: STANDARD_IA
endpoint: https://bucket.vpce-0a1b2c3d4e5f67890-ab12cd34.s3.eu-west-2.vpce.amazonaws.com:443/x
endpoint: s3.eu-west-2.amazonaws.com
endpoint_url: http://127.0.0.1:9000
prefix: recordings/2026/11/
proxy: null
proxy: none
proxy: http://proxy.example.org:3128
https_proxy: http://[2001:db8::1]:3128/
no_proxy: localhost,127.0.0.1,.amazonaws.com,169.254.169.254,10.0.0.0/8
kms_key_id: arn:aws:kms:eu-west-2:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab
kms_key_id: 1234abcd-12ab-34cd-56ef-1234567890ab
kms_key_id: alias/recordings
role_arn: arn:aws:iam::111122223333:role/edge-export
account_id: 111122223333
sse: aws:kms
addressing_style: virtual
signature_version: s3v4
log_file: /var/log/genesys/edge.log
ca_bundle: /etc/ssl/certs/ca-certificates.crt
log_level: info
host: proxy.example.org
port: 3128
timeouts: {read: 900, connect: 10}
max_bandwidth: 100MB/s
verify_ssl: /etc/ssl/ca.pem
key_file: /etc/ssl/private/export.key
enabled: false
verify: true
password: null
empty: ""
list: []
secret: ~
""".strip().splitlines()
UNIT = """
[Service]
Type=oneshot
Type=notify
User=export
Restart=on-failure
RuntimeMaxSec=1h 30min
TimeoutStartSec=infinity
TimeoutStopSec=90
ExecStart=/opt/edge/bin/export --config /opt/edge/export.yaml
ExecStart=/usr/bin/timeout 15m /opt/edge/bin/export --config=/opt/edge/export.yaml --read-timeout 900
ExecStart=-/usr/bin/env HTTPS_PROXY=http://127.0.0.1:3128 /opt/edge/bin/export
ExecStart=/usr/bin/aws s3 sync /var/recordings s3://b-1/exports --region eu-west-2 --cli-read-timeout 900
ExecStartPre=/bin/sleep 10
ExecStop=/bin/kill -TERM $MAINPID
ExecStart=/usr/bin/timeout --foreground 15m /opt/edge/bin/export
ExecStart=/usr/bin/nice -n 10 /usr/bin/java -Xmx2g -Dhttps.proxyHost=proxy.example.org -Dhttps.proxyPort=3128 -jar /opt/e.jar
Environment=HTTPS_PROXY=http://127.0.0.1:3128 NO_PROXY=localhost
Environment="AWS_REGION=eu-west-2" "AWS_PROFILE=export" AWS_CONFIG_FILE=/etc/edge/aws
EnvironmentFile=-/etc/default/edge-export
After=network-online.target
WorkingDirectory=/opt/edge
LimitNOFILE=65536
WantedBy=multi-user.target
MainPID=1412
ActiveState=active
DropInPaths=/etc/systemd/system/edge-export.service.d/a.conf
NeedDaemonReload=no
""".strip().splitlines()
NGINX = """
listen 127.0.0.1:8080;
listen [::]:443 ssl;
server_name s3.example.org *.example.org;
proxy_pass https://s3.eu-west-2.amazonaws.com;
proxy_pass http://s3/$request_uri;
proxy_read_timeout 15m;
proxy_send_timeout 1h 30m;
proxy_send_timeout "900s";
client_max_body_size 5g;
client_body_timeout 60;
proxy_request_buffering off;
proxy_socket_keepalive on;
proxy_max_temp_file_size 0;
proxy_http_version 1.1;
proxy_set_header Host $host;
proxy_set_header Connection "";
proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
proxy_next_upstream error timeout http_502;
resolver 10.0.0.2 valid=30s ipv6=off;
include /etc/nginx/conf.d/*.conf;
include mime.types;
error_log /var/log/nginx/error.log warn;
worker_processes auto;
user www-data;
keepalive_timeout 65;
server 10.0.0.1:443 max_fails=3 fail_timeout=30s;
ssl_certificate_key /etc/ssl/private/proxy.key;
upstream s3 { server s3.eu-west-2.amazonaws.com:443; keepalive 16; }
location ~ ^/recordings/(.+)$ { proxy_pass http://s3; }
stream { server { listen 443; proxy_pass s3:443; proxy_timeout 2h; } }
""".strip().splitlines()
HAPROXY = """
global
defaults
frontend fe_s3 from base
backend be_s3
listen s3
timeout client 15m
timeout server 900000
timeout tunnel 2h
timeout http-request 10s
mode tcp
option tcpka
no option clitcpka
option httpchk GET /health
bind 127.0.0.1:8443,[::1]:8443 ssl crt /etc/haproxy/s3.pem
server s3a s3.eu-west-2.amazonaws.com:443 ssl verify required ca-file /etc/ssl/certs/ca.crt check inter 5s
default_backend be_s3
use_backend be_s3 if is_s3
acl is_s3 hdr(host) -i s3.eu-west-2.amazonaws.com
use_backend be_s3 if { dst_port 443 }
http-request set-timeout server 30s
stats socket /run/haproxy.sock mode 660 level admin
log 127.0.0.1:514 local0
maxconn 4096
retries 3
balance roundrobin
user haproxy
errorfile 503 /etc/haproxy/errors/503.http
""".strip().splitlines()
SQUID = """
http_port 127.0.0.1:3128
http_port 3128 ssl-bump cert=/etc/squid/ca.pem
acl storage dstdomain .amazonaws.com
acl TLS_ports port 443 8443
acl CONNECT method CONNECT
acl edges src 10.40.0.0/16
http_access deny CONNECT !TLS_ports
http_access allow localhost storage
cache_peer parent.example.org parent 3128 0 no-query default connect-timeout=5
read_timeout 15 minutes
client_lifetime 1 day
request_timeout 5 minutes
include /etc/squid/conf.d/*.conf
access_log daemon:/var/log/squid/access.log squid
shutdown_lifetime 10 seconds
cache deny all
dns_nameservers 10.0.0.2 10.0.0.3
visible_hostname proxy-london
request_body_max_size 5 GB
if 1 = 1
refresh_pattern . 0 20% 4320
auth_param basic children 5
""".strip().splitlines()
OTHERS = {
    "sysctl": ["net.ipv4.tcp_keepalive_time = 60", "-net.ipv4.tcp_rmem=4096 131072 6291456", "net/ipv4/tcp_retries2=8", "net.ipv4.tcp_congestion_control = bbr",
               "net.netfilter.nf_conntrack_tcp_timeout_established = 432000", "kernel.panic = 10"],
    "aws": ["[profile export]", "region = eu-west-2", "max_attempts = 3", "tcp_keepalive = true", "retry_mode = adaptive", "ca_bundle = /etc/ssl/ca.pem",
            "role_arn = arn:aws:iam::111122223333:role/x", "endpoint_url = https://s3.eu-west-2.amazonaws.com", "source_profile = default"],
    "toml": ["read_timeout = 7200", 'bucket = "euw2-recordings"', "tcp_keepalive = true", '[export.s3]', 'proxy = "http://127.0.0.1:3128"'],
    "properties": ["read.timeout=7200", "s3.bucket: euw2-recordings", "https.proxyHost=proxy.example.org", "export.read_timeout 15 minutes"],
    "environment": ["AWS_REGION=eu-west-2", 'HTTPS_PROXY="http://127.0.0.1:3128"', "NO_PROXY=localhost,.amazonaws.com", "AWS_MAX_ATTEMPTS=5", "BOTOCORE_TCP_KEEPALIVE=true",
                    "JAVA_TOOL_OPTIONS=-Xmx2g -Dhttps.proxyHost=proxy.example.org", "LOG_LEVEL=info", "AWS_SHARED_CREDENTIALS_FILE=/etc/edge/credentials", "TZ=UTC"],
    "resolver": ["nameserver 10.0.0.2", "search eu-west-2.compute.internal example.org", "options timeout:2 attempts:3 edns0", "hosts: files dns",
                 "hosts: files mdns4_minimal [NOTFOUND=return] resolve [!UNAVAIL=return] dns", "10.0.0.5 s3.example.org s3", "::1 localhost ip6-localhost"],
    "filter": ["-A OUTPUT -o ens192 -p tcp -m tcp --dport 443 -j ACCEPT", ":INPUT ACCEPT [0:0]", "*filter", "tcp dport { 80, 443 } accept", "ip daddr 10.0.0.0/8 drop",
               "oifname \"eth0\" ct state established,related accept"],
    "sockets": ["State  Recv-Q Send-Q Local Address:Port Peer Address:Port Process", "ESTAB 0 0 10.40.1.20:51234 52.95.149.10:443 timer:(keepalive,4min32sec,0)",
                "\t cubic wscale:7,7 rto:204 rtt:1.2/0.5 send 12.3Mbps"],
    "prose": [
        "2026-11-20T02:10:00.500Z WARN [export] part 7: read tcp 10.40.1.20:51234->52.95.149.10:443: connection reset by peer",
        "2026-11-20 02:10:00,500 ERROR export[1412]: ReadTimeoutError: Read timeout on endpoint URL: \"https://s3.eu-west-2.amazonaws.com/x/exports/a.wav\"",
        "2026-11-20T02:03:41.019Z INFO  [export] recording 0c7be91a stored, 21120000 bytes in 220 s",
        "1795141121.231 900004 127.0.0.1 TCP_TUNNEL/200 39 CONNECT euw2-recordings-london.s3.eu-west-2.amazonaws.com:443 - HIER_DIRECT/52.95.142.10 -",
        "java.net.SocketTimeoutException: Read timed out", "botocore.exceptions.ClientError: An error occurred (SlowDown) when calling the UploadPart operation (reached max retries: 4): Please reduce your request rate.",
        "curl: (28) Operation timed out after 900001 milliseconds with 0 bytes received", "javax.net.ssl.SSLHandshakeException: PKIX path building failed",
        "getaddrinfo ENOTFOUND s3.eu-west-2.amazonaws.com", "HTTP/1.1 503 Slow Down", "status=503 attempt=3 elapsed=900.1s bucket=euw2-recordings-london",
        'level=error msg="connection reset by peer" op=PutObject part=7 bytes=5242880 host=10.0.0.1:443',
        '{"level": "error", "msg": "connection reset by peer", "status": 503, "bucket": "b-1"}',
        "the token has expired", "ExpiredToken: The provided token has expired. RequestId: 4442587FB7D0A2F9", "host key verification failed", "403 Forbidden: signature does not match",
        "User: arn:aws:sts::111122223333:assumed-role/edge-export/i-0123456789abcdef0 is not authorized to perform: s3:PutObject on resource: \"arn:aws:s3:::acme-recordings/calls/2026/11/20/agent-7.wav\" because no identity-based policy allows the s3:PutObject action",
        "1795140300.100 edge systemd[1]: edge-export.service: Main process exited, code=killed, status=9/KILL", "Failed with result 'timeout'.",
        "\tat sun.security.ssl.SSLSocketOutputRecord.deliver(SSLSocketOutputRecord.java:319)",
        "ERROR 2026-11-20 02:18 upload 3 of 7 failed: HTTPSConnectionPool(host='s3.eu-west-2.amazonaws.com', port=443): Read timed out.",
        "[ERROR] S3Uploader - Upload of s3://b-london/exports/2026/11/20/5a1f33f0.wav failed after 900 s (errno 104)",
        "read tcp: i/o timeout", "net/http: TLS handshake timeout", "upstream timed out (110: Connection timed out) while reading response header from upstream",
        "[error] 123#123: *45 recv() failed (104: Connection reset by peer)", "urllib3.exceptions.ProtocolError: ('Connection aborted.', ConnectionResetError(104, 'Connection reset by peer'))",
    ],
}  # fmt: skip
LINES = [
    (kind, line)
    for kind, lines in (
        ("yaml", YAML),
        ("unit", UNIT),
        ("nginx", NGINX),
        ("haproxy", HAPROXY),
        ("squid", SQUID),
        *OTHERS.items(),
    )
    for line in lines
]


@pytest.mark.parametrize(("kind", "line"), LINES)
def test_an_ordinary_line_stays_as_it_is(kind, line):
    assert redact(line, kind) == line


def test_the_inventory_says_where_a_setting_stands():
    keys = {"a.b": "read_timeout", "servers.0.via": "proxy"}
    text = "a:\n  b: 900\nb: 900\nservers:\n- via: http://p:1\n  b: 4711\n"
    assert redact(text, "yaml", keys) == text.replace("\nb: 900", "\nb: REDACTED(number-3)").replace(
        "4711", "REDACTED(number-4)"
    )
    assert redact("[a]\nb = 900\nc = 900\n", "ini", keys) == "[a]\nb = 900\nc = REDACTED(number-3)\n"
    assert redact("a.b=900\n", "properties", keys) == "a.b=900\n"
    assert redact("[a]\nb = 900\nc = 900\n", "toml", keys) == '[a]\nb = 900\nc = "REDACTED(number-3)"\n'


def outcome(parse):
    try:
        return parse()
    except (ConfigError, SettingsError) as error:
        return type(error)


def meaning(kind, path, text):
    """What the readers make of a text."""
    if kind in ("squid", "nginx", "haproxy"):
        return outcome(lambda: {"squid": squid, "nginx": nginx, "haproxy": haproxy}[kind].parse(text, path))
    if kind == "envoy":
        return outcome(lambda: envoy.parse(text, path))
    if kind == "sysctl":
        return {key: value for key, value in kernel._assignments(text, path).items() if key.startswith("net.")}
    if kind == "unit":
        return export_side._from_files([{"path": path, "text": text}])[0].get("RuntimeMaxSec")
    if kind == "resolver":
        found = parse_resolv(text)
        return {key: found[key] for key in ("nameservers", "search", "options")}, parse_nsswitch(text)["services"]
    if kind == "sockets":
        return [sockets.bare(text, 443), sockets.keepalive(text, ["52.95.149.10"], 443)]
    if kind == "aws":
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        parser.read_string(text)
        return [parser.get("default", name, fallback=None) for name in ("tcp_keepalive", "region", "max_attempts")]
    if kind in ("yaml", "toml", "ini", "properties"):
        names = ("timeout", "proxy", "bucket", "region", "endpoint", "keepalive", "versions", "prefix")
        found = outcome(lambda: leaves(parse_settings(text, kind, path)))
        return found if not isinstance(found, dict) else {
            key: value for key, value in found.items() if any(name in key.lower() for name in names) and "password" not in key
        }  # fmt: skip
    return None


def lab_files():
    for path in sorted(ROOTS.rglob("*")):
        if path.is_file():
            name = "/" + str(path.relative_to(ROOTS)).partition("/")[2]
            kind = "sockets" if name.endswith("ss.txt") else kind_of_file(name)
            if kind:
                yield pytest.param(kind, name, path.read_text(encoding="utf-8"), id=str(path.relative_to(ROOTS)))


WHOLE = [
    ("nginx", "/etc/nginx/nginx.conf", "http {\n  # c {\n  map $a $b { default ''; ~x 1; }\n  upstream s3 { server 10.0.0.1:443; }\n  server {\n    listen 8080;\n    set $k \"a;b}\";\n"
     "    location / { proxy_set_header X-Key 'a {'; proxy_pass https://s3; proxy_read_timeout 15m; }\n    location /x { if ($k = \"y z\") { return 403 'no; {'; } proxy_pass http://u:p@h:1; }\n  }\n}\n"),
    ("nginx", "/etc/nginx/nginx.conf", "http { server { proxy_pass \"http://x; } }"),
    ("haproxy", "/etc/haproxy/haproxy.cfg", "global\n  maxconn 10\ndefaults a\n  timeout client 1m # x\n  timeout server 2h\nfrontend f from a\n  bind :8080\n  http-request set-header K \"a b\"\n  default_backend b\n"
     "backend b\n  mode http\n  option httpchk GET /\\ x\n  server s s3.eu-west-2.amazonaws.com:443 check\n"),
    ("haproxy", "/etc/haproxy/haproxy.cfg", "defaults\n  timeout client \"1m\n"),
    ("haproxy", "/etc/haproxy/haproxy.cfg", "defaults\n  timeout client soon\n"),
    ("squid", "/etc/squid/squid.conf", "http_port 3128\nread_timeout 15 \\\n  minutes\nif false\nclient_lifetime 1 hour\nendif\ncache_peer p parent 1 0 login=a:b\nwrite_timeout 2 hours # x\n"),
    ("squid", "/etc/squid/squid.conf", "read_timeout soon\n"),
    ("yaml", "/x.yaml", "a: &d\n  read_timeout: 900\nb:\n  <<: *d\n  k: |\n    x: y\n\n    z\n  p: 'a\n\n    b'\nproxy: {host: p, port: 3128, password: \"a, b\"}\nl: [1, {x: 2}]\nq: a\n  # c\nbucket: b\n"),
    ("yaml", "/x.json", "{\"a\": {\"read_timeout\": 900, \"k\": \"x\\\"y\\n\", \"l\": [1, 2.5, true, null]},\n \"bucket\": \"b\", \"proxy\": \"http://p:1\"}\n"),
    ("yaml", "/x.yaml", "a: [1\n"), ("yaml", "/x.yaml", "a: \"x\n"), ("yaml", "/x.yaml", "a: {b: 1}}\n"),
    ("toml", "/x.toml", "read_timeout = 900\nk = \"\"\"\na = 1\n\"\"\"\n[a.b]\nc = [1,\n 2] # x\nd = {e = 1, region = 'eu'}\nbucket = 'b'\n"),
    ("ini", "/x.ini", "[a]\nread_timeout = 900 ; x\npassword = a\n  b\n[b]\nproxy: http://p:1\nflag\n"),
    ("properties", "/x.properties", "read.timeout = 900\npassword=a \\\n  b\n# c\nbucket b\n"),
    ("aws", "/root/.aws/config", "[default]\nregion = eu-west-2\naws_secret_access_key = x\ns3 =\n  max_concurrent_requests = 20\ntcp_keepalive = true\nmax_attempts = 3\n"),
    ("resolver", "/etc/resolv.conf", "# x\nnameserver 10.0.0.2\nsearch a.b\noptions timeout:1 rotate use-vc\n"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "path", "text"), [*lab_files(), *WHOLE])
def test_the_readers_make_the_same_of_it(kind, path, text):
    text = text.replace("$bucket", "b").replace("$endpoint", "https://s3.eu-west-2.amazonaws.com")
    clean = redact(text, kind)
    assert meaning(kind, path, clean) == meaning(kind, path, text)
    assert clean.count("\n") == text.count("\n")


def test_the_lab_has_files_of_each_kind_to_try():
    assert {case.values[0] for case in lab_files()} >= {"yaml", "unit", "sysctl", "squid", "resolver", "sockets"}


def test_environments_and_command_lines_that_hold_nothing():
    variables = {
        "AWS_REGION": "eu-west-2",
        "HTTPS_PROXY": "http://p:1",
        "AWS_CONFIG_FILE": "/x/y",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    assert environment(variables) == variables
    words = [
        "/usr/bin/python3",
        "/opt/edge/export.py",
        "--config",
        "/etc/e.yaml",
        "--read-timeout=900",
        "--bucket",
        "b-1",
        "--verbose",
    ]
    assert arguments(words) == words


def test_a_diff_of_a_file_shows_what_changes_and_masks_what_stands_around():
    from ansible.module_utils.edge.converge.diff import diff
    from ansible.module_utils.edge.converge.model import NODE, ObjectChange, Ref

    def state(text):
        return {"content": base64.b64encode(text.encode()).decode(), "mode": "0644"}

    before = "# note\npassword: x\na: 900\nread_timeout: 900\nb: 1\n"
    change = ObjectChange(Ref(NODE, "file", "/opt/e.yaml"), state(before), state(before.replace("900", "7200")))
    told = diff(change)
    expected = "# mode 0644\n#\npassword: REDACTED(string-1)\na: 900\nread_timeout: 900\nb: REDACTED(number-1)\n"
    assert (told["before"], told["after"]) == (expected, expected.replace("900", "7200"))
