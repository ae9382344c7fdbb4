# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa: E501 - tables of texts, each as it stands in a file
"""One side of the table: secrets in the shapes that people and programs give them; none is shown, no line is lost."""

from __future__ import annotations

import pytest
from ansible.module_utils.edge.redaction.choose import redact
from ansible.module_utils.edge.redaction.command import arguments, environment
from hypothesis import given
from hypothesis import strategies as st

S = "hunter2-S3cr3t"
RAW = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
PGP = "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\nlQdGBF{s}\n=abcd\n-----END PGP PRIVATE KEY BLOCK-----"

YAML = [
    f"pass: {S}", f"db_pass: {S}", f"smtpPass: {S}", f"psk: {S}", f"pin: {S}", f"hmac_key: {S}", f"master_key: {S}",
    f"secret_access_key: {S}", f"  - password: '{S}'", f"- name: password\n  value: {S}", f"- {{name: password, value: {S}}}",
    f"<password>{S}</password>", f'X-Auth-Key "{S}"', f"password:\n  {S}", f"password: >-\n  {S}\n  {S}",
    f"password: first\n  {S}", f'password: "a\n  {S}\n  b"', f"password: 'a\n\n  {S}'", f"client_secret: |\n    {S}\n    k: {S}",
    f"token:\n  - {S}\n  - {S}", f"credentials:\n  id: {S}\n  nested:\n    more: {S}", f"note: {S}", f"# the password is {S}",
    f"read_timeout: 900 # was {S}", f"url: edge:{S}@proxy:3128", f"proxy: edge:{S}@proxy:3128", f"proxy: http://edge:{S}@proxy:3128",
    f"proxy: http://{S}@proxy:3128", f"proxy: http://edge%3A{S}%40proxy:3128", f"endpoint: https://x/?sig={S}", f"jwt: {JWT}",
    f"region: {JWT}", f"bucket: {RAW}", f"path: /{RAW}", f"aws: {RAW}", f"k: {PGP.format(s=S)}", f"k: |\n  {PGP.format(s=S)}",
    f"ssh: |\n  -----BEGIN OPENSSH PRIVATE KEY-----\n  {S}\n  -----END OPENSSH PRIVATE KEY-----", f"? {S}\n: {S}",
    f"a: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  {S}", f"a: !{S}", f"a: &{S} 1", f"a: *{S}", f"- {S}", S, f"--- {S}",
    f"a: [{S}, [{S}]]", f"a: {{b: {S}", f"a: [1, 2] {S}", f'a: "b" {S}', f"webhook: https://hooks.slack.com/services/T0/B0/{S}",
    f"basic_auth: admin:{S}", f"dsn: postgres://u:{S}@db/x", f"db: Server=a;Uid=b;Pwd={S}", f"totp: {S}", f"salt: {S}", f"cookie: a={S}",
    f"machine storage login edge password {S}", f"db:5432:recordings:export:{S}", f"admin:$apr1$x$ {S}", f'"my key": {S}',
    f"headers: {{Authorization: 'Basic {S}'}}", f"command: mysql -p{S} -u root", f"command: [curl, -u, 'a:{S}']", f"read_timeout: {S}",
    f"region: {S}!", f"a:\n\t{S}", f"a:\u2028password: {S}", f"ghp: ghp_{S}", f"username: {S}", f"external_id: {S}", f"%{S}",
    f"session:\n  tokens:\n    region: {S}",
]  # fmt: skip
JSON = [
    f'{{"apiKey": "{S}", "read_timeout": 900}}', f'{{"credentials": {{"id": "{S}", "more": ["{S}"]}}}}', f'{{"a": "x\\"{S}"}}',
    f'{{"key": "-----BEGIN PRIVATE KEY-----\\n{S}\\n-----END PRIVATE KEY-----"}}', f'{{"name": "password", "value": "{S}"}}',
    f'{{"a": {S}}}', f'["{S}"]', f'{{"{S}!": 1}}', f'{{"a": "{S}', f'{{"a"\n:\n"{S}"}}', f'{{"pin": 4711, "x": "{S}"}}',
    f'{{"url": "https://b.s3.amazonaws.com/k?X-Amz-Credential={S}&X-Amz-Signature={S}"}}',
]  # fmt: skip
TOML = [
    f'password = """\n{S}\n"""', f"password = '''{S}'''", f'a = "{S}"', f'[x]\nb.password = "{S}"', f'a = {{ b = "{S}" }}',
    f'a = [\n  "{S}",\n]', f"a = {S}", f'"{S}!" = 1', f"[{S}!]", f'a = "x" # {S}', f'a = """{S}',
]  # fmt: skip
INI = [
    f"[default]\naws_secret_access_key = {S}", f"[a]\npassword = first\n  {S}", f"[a]\nx: {S}", f"[a]\n{S}", f"[a]\n; {S}",
    f"[a]\nregion = x ; {S}", f"[{S}!]", f"[credentials]\nregion = {S}", f"[a]\ns3 =\n  x = {S}", f"key = {RAW}",
]  # fmt: skip
PROPERTIES = [
    f"aws.secretKey={S}", f"password = a \\\n  {S}", f"password {S}", f"password: {S}", f"a.b={S}", f"! {S}", f"spring.datasource.password={S}",
]  # fmt: skip
ENVIRONMENT = [
    f"CLIENT_SECRET={S}", f'API_PASS="{S}"', f"export X={S}", f'X="a\n{S}\nb"', f"X=a\\\n{S}", f"# {S}", S, f"DATABASE_URL=postgresql://e:{S}@d/r",
    f"HTTPS_PROXY=http://e:{S}@p:1", f"JAVA_TOOL_OPTIONS=-Djavax.net.ssl.keyStorePassword={S} -Xmx1g", f"AWS_ACCESS_KEY_ID={S}",
]  # fmt: skip
UNIT = [
    f"Environment=AWS_SECRET_ACCESS_KEY={S} FOO=bar", f'Environment="API_PASS={S}" "B=c d"', f"Environment='A={S} x'", f"Environment=A={S} \\\n  B={S}",
    f"ExecStart=/opt/export --auth={S}", f"ExecStart=/opt/export -p {S}", f"ExecStart=/opt/export -p{S}", f"ExecStart=/opt/export --token {S}",
    f"ExecStart=/bin/sh -c 'TOKEN={S} exec /opt/export {S}'", f"ExecStart=/usr/bin/env K={S} /opt/export", f"ExecStart=/opt/export \\\n  --key \\\n  {S}",
    f"ExecStart=/usr/bin/timeout 15m /opt/export {S}", f"SetCredential=db:{S}", f"SetCredentialEncrypted=db: \\\n  {S}", f"Description={S}", f"X-Key={S}", f"# {S}",
    f"ExecStart=/opt/java -Dpassword={S} -jar /opt/e.jar", f"ExecStart=/usr/bin/curl -u e:{S} https://e:{S}@h/", f"User={S}!",
]  # fmt: skip
NGINX = [
    f'proxy_set_header Authorization "Bearer {S}";', f'proxy_set_header X-Auth-Key "{S}";', f"add_header X-Key {S};", f'set $k "{S}";',
    f"proxy_pass https://e:{S}@h/;", f'if ($http_key = "{S}") {{ return 403 "{S}"; }}', f'map $k $v {{ default {S}; "{S}" 1; {S} 2; }}',
    f'content_by_lua_block {{ local k = "{S}"; {S} }}', f"auth_basic {S};", f'secure_link_md5 "$uri {S}";', f"env K={S};", f"# {S}", f"{S} x;", f'proxy_set_header X "{S}',
    f'proxy_cookie_flags {S} secure;', f"log_format a '{S}';", f"js_set $x {S};",
    f'ssl_password_file "{S} {S}!;',
]  # fmt: skip
HAPROXY = [
    f"  stats auth admin:{S}", f'  http-request set-header X-Auth-Key "{S}"', f"  user export insecure-password {S}", f"userlist u\n  user export password {S}",
    f"  http-request auth realm {S}", f"  acl k hdr(x-key) {S}", f"  use_backend b if {{ hdr(x-key) {S} }}", f"  setenv K {S}",
    f"  option httpchk GET /\\ HTTP/1.1\\r\\nAuthorization:\\ Basic\\ {S}", f"  http-check send hdr Authorization {S}", f"  tcp-check send AUTH\\ {S}\\r\\n",
    f"  # {S}", f"  bind :1 # {S}", f"  {S}", f"  log-format {S}", f"  cookie SRV insert dynamic-cookie-key {S}", f"  dynamic-cookie-key {S}", f"  email-alert to {S}",
    f'  server "{S}!', f"  stats uri /{S}",
]  # fmt: skip
SQUID = [
    f"cache_peer p parent 3128 0 login=edge:{S}", f"cachemgr_passwd {S} all", f"auth_param basic program /usr/lib/squid/auth -w {S}", f"auth_param basic realm {S}",
    f'request_header_add X-Auth-Key "{S}" all', f"acl u proxy_auth {S}", f"acl k req_header X-Key ^{S}$", f"snmp_community {S}", f"acl s snmp_community {S}",
    f"# {S}", f"http_port 3128 # {S}", f"{S} x", f"external_acl_type e ttl=5 %LOGIN /usr/lib/x {S}", f"cache_peer p \\\n  parent 3128 0 login=e:{S}",
    f"wccp2_service standard 0 password={S}", f"url_rewrite_program /usr/bin/r --key={S}", f"header_replace User-Agent {S}",
    f"cache_peer p parent 1 0 password={S}",
]  # fmt: skip
SYSCTL = [
    f"net.ipv4.tcp_fastopen_key = {S}",
    f"net.ipv6.conf.all.stable_secret = 2001:db8::{S}",
    f"x = {S}",
    f"# {S}",
    S,
    f"kernel.core_pattern = |/x {S}",
]
FILTER = [
    f'add rule x y comment "{S}"',
    f"-A INPUT -m comment --comment {S} -j DROP",
    f'-A INPUT --log-prefix "{S} " -j LOG',
    f"# {S}",
]
RESOLVER = [f"# {S}", f"nameserver {S}!", f"{S} 10.0.0.1", f"passphrase {S}", f"options {S}!", f"hosts: {S}"]
UNKNOWN = [
    f"<password>{S}</password>",
    f'<a password="{S}"/>',
    f"password {S}",
    f"a = {S}",
    S,
    f"<a><b>{S}</b></a>",
    PGP.format(s=S),
]
PROSE = [
    f"password={S} timed out", f"password {S} timed out", f"the password is {S}", f"token '{S} {S}' expired", f"Authorization: Bearer {S}",
    f"Authorization: Basic {S} 401", f'X-Auth-Key: "{S}" refused', f"curl -u e:{S} failed", f"--auth={S}", f"-p {S}", f"connect e:{S}@h:1",
    f"got {JWT} back", f"signed {RAW} done", f"https://e:{S}@h/ refused", f'{{"level": "error", "password": "{S}"}}', f'x {{"a": "{S}"}} y',
    f'level=error auth="{S} {S}" reset', f"pin {S}", f"k={S}&x=1", f"GET https://h/k?sig={S} 403", f'"password":"{S}" reset', f"ASIAABCDEFGHIJKLMNOP {S}",
    f"login {S}: reset", f"secret: {S}", f"(token={S})", f"pwd={S},reset",
]  # fmt: skip
BY_KIND = {
    "yaml": YAML + JSON, "envoy": YAML, "toml": TOML, "ini": INI, "aws": INI, "properties": PROPERTIES, "environment": ENVIRONMENT,
    "unit": UNIT, "nginx": NGINX, "haproxy": HAPROXY, "squid": SQUID, "sysctl": SYSCTL, "filter": FILTER, "resolver": RESOLVER,
    "": UNKNOWN + YAML[:20], "prose": PROSE,
}  # fmt: skip
CASES = [(kind, text) for kind, texts in BY_KIND.items() for text in texts]
SECRETS = (S, JWT, RAW, "ASIAABCDEFGHIJKLMNOP")


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_no_secret_is_shown_and_no_line_is_lost(kind, text):
    clean = redact(text, kind)
    assert not [secret for secret in SECRETS if secret in clean], clean
    assert clean.count("\n") == text.count("\n")


@pytest.mark.parametrize(("kind", "text"), CASES)
def test_what_is_masked_stays_so(kind, text):
    clean = redact(text, kind)
    assert redact(clean, kind).count("\n") == clean.count("\n")
    assert not [secret for secret in SECRETS if secret in redact(clean, kind)]


P = "swordfish"
# A word of letters, which nothing but its place tells.
WORDS = [
    ("prose", f"msg=\"password is {P}\""),
    ("prose", f"error=\"auth: bad password: {P}\""),
    ("prose", f"User(name=bob, password={P})"),
    ("yaml", f"password: &a {P}\nb: *a"),
    ("yaml", f"--- |\n{P}\n"),
    ("unit", f"ExecStart=/usr/bin/docker run -e DB_PASS={P} -v /a:/b image"),
    ("toml", f"a.\"b c\" = '{P}'"),
    ("yaml",f"auth:\n  user: bob\n  pass: {P}\n"),
    ("yaml",f"smtp: {{host: mail, port: 25, user: a, pass: {P}}}"),
    ("yaml",f"- {P}\n"),
    ("yaml",f"value: {P}"),
    ("yaml",f"key: {P}"),
    ("yaml",f"token_type: {P}"),
    ("yaml",f"user: {P}"),
    ("yaml",f"secret:\n  name: {P}\n  region: {P}\n"),
    ("yaml",f"env:\n- name: DB_PASS\n  value: \"{P}\"\n"),
    ("yaml",f"command: --auth={P}"),
    ("yaml",f"read_timeout: 900; {P}"),
    ("yaml",f"s3:\n    secretkey: {P}\n"),
    ("yaml",f"license: {P}"),
    ("yaml",f"a: 'x' {P}"),
    ("yaml",f"password\n: {P}"),
    ("yaml",f"\"password\" : {P}"),
    ("yaml",f"password:{P}"),
    ("yaml",f"password = {P}"),
    ("yaml",f"password={P}"),
    ("yaml",f"region: eu-west-2 {P}"),
    ("yaml",f"host: bob:{P}@h"),
    ("yaml",f"no_proxy: bob:{P}@h"),
    ("yaml",f"prefix: bob:{P}@h"),
    ("yaml",f"log_file: x:{P}@h/x"),
    ("yaml",f"endpoint: bob:{P}@h"),
    ("yaml",f"proxy: http://bob:{P}@h:1/x"),
    ("yaml",f"proxy: bob:{P}%40h:1"),
    ("yaml",f"proxy: \"http://bob:{P}@h:1\""),
    ("yaml",f"endpoint: https://h/x?token={P}"),
    ("yaml",f"endpoint: https://h/x#{P}"),
    ("yaml",f"endpoint: https://h/x;jsessionid={P}"),
    ("properties",f"db.password={P}"),
    ("properties",f"{P}"),
    ("properties",f"db.url=jdbc:postgresql://h/db?user=a&password={P}"),
    ("ini",f"[a]\nuser={P}\n"),
    ("ini",f"{P}\n"),
    ("ini",f"[a]\npassword\n {P}\n"),
    ("environment",f"FOO={P}"),
    ("environment",f"MYSQL_PWD={P}"),
    ("environment",f"AWS_PROFILE=x {P}"),
    ("environment",f"AWS_SESSION_NAME={P}"),
    ("environment",f"PGPASSFILE={P}"),
    ("unit",f"ExecStart=/usr/bin/curl --user a:{P} https://h/"),
    ("unit",f"ExecStart=/usr/bin/sshpass -p {P} ssh h"),
    ("unit",f"ExecStart=/usr/bin/mysql --password {P}"),
    ("unit",f"ExecStart=/opt/e {P}"),
    ("unit",f"ExecStart=/usr/bin/env PGPASSWORD={P} /opt/e"),
    ("unit",f"ExecStart=/bin/bash -c \"echo {P} | /opt/e\""),
    ("unit",f"ExecStart=!/opt/e /{P}"),
    ("unit",f"ExecStart=sudo -u x -p {P} /opt/e"),
    ("nginx",f"proxy_pass http://h/x?key={P};"),
    ("nginx",f"proxy_cookie_path / /{P};"),
    ("nginx",f"upstream x {{ server h; {P}; }}"),
    ("nginx",f"proxy_set_header Cookie \"a={P}\";"),
    ("nginx",f"add_header Set-Cookie {P};"),
    ("haproxy",f"  http-request set-header Authorization Basic\\ {P}"),
    ("haproxy",f"  http-request add-header X %[str({P})]"),
    ("haproxy",f"  http-request deny if {{ req.hdr(x) {P} }}"),
    ("haproxy",f"  acl a http_auth(u) {P}"),
    ("haproxy",f"  http-request set-var(txn.k) str({P})"),
    ("haproxy",f"  bind :1 ssl crt /x password {P}"),
    ("squid",f"acl p url_regex {P}"),
    ("squid",f"cache_peer h parent 1 0 login=PASS:{P}"),
    ("squid",f"ftp_user {P}"),
    ("squid",f"sslpassword_program {P}"),
    ("prose",f"user bob password {P}"),
    ("prose",f"Password: {P}"),
    ("prose",f"pass={P}"),
    ("prose",f"passwd: '{P}'"),
    ("prose",f"using secret {P}"),
    ("prose",f"token {P}"),
    ("prose",f"key={P}"),
    ("prose",f"psk {P}"),
    ("prose",f"auth failed for bob:{P}"),
    ("prose",f"login=bob:{P}"),
    ("prose",f"api key {P}"),
    ("prose",f"api-key: {P}"),
    ("prose",f"ssn 1 cookie: {P}"),
    ("prose",f"set-cookie: sid={P}; path=/"),
    ("prose",f"config {{\"password\": \"{P}\"}}"),
    ("prose",f"{{'password': '{P}'}}"),
    ("prose",f"password => {P}"),
    ("prose",f"password:= {P}"),
    ("prose",f"password\t{P}"),
    ("prose",f"\\\"password\\\":\\\"{P}\\\""),
    ("prose",f"<password>{P}</password>"),
    ("prose",f"password[{P}]"),
    ("prose",f"password({P})"),
    ("prose",f"GET /x?password={P} HTTP/1.1"),
    ("prose",f"https://h/x?q={P}"),
    ("prose",f"ftp://bob:{P}@h/ timed out"),
    ("prose",f"bob:{P}@h:25 timed out"),
    ("prose",f"-u bob:{P}"),
    ("prose",f"--password {P}"),
    ("prose",f"--password={P}"),
    ("prose",f"PGPASSWORD={P} psql"),
    ("prose",f"secret is: {P}"),
    ("prose",f"secret was \"{P}\""),
    ("prose", f"Authorization: AWS4-HMAC-SHA256 Credential={P}/2026/eu/s3/aws4_request, Signature={P}"),
    ("prose",f"x-amz-security-token:{P}"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), WORDS)
def test_a_plain_word_where_a_secret_stands(kind, text):
    assert P not in redact(text, kind)


@pytest.mark.parametrize("value", ["4711", "swordfish", "10.0.0.1", "/etc/passwd", "eu-west-2", "900s", "2026-11-20"])
@pytest.mark.parametrize("name", ["pin", "password", "psk", "anything", "api_key", "x-auth", "value"])
@pytest.mark.parametrize("kind", ["yaml", "toml", "ini", "properties", "environment", "unit", ""])
def test_a_harmless_looking_value_under_a_name_that_is_not_known(kind, name, value):
    sign = "=" if kind in ("toml", "ini", "environment", "unit") else ": "
    assert value not in redact(f"{name}{sign}{value}\n", kind)


@pytest.mark.parametrize("kind", sorted(BY_KIND))
@given(text=st.text(alphabet="abc=:{}[]()<>\"'|>\n \\-;#&*!%,.$/@password12", max_size=160))
def test_lines_are_never_lost(kind, text):
    assert redact(text, kind).count("\n") == text.count("\n")


@pytest.mark.parametrize("kind", sorted(BY_KIND))
@given(before=st.text(alphabet="abc=:{}[]()<>\"'|>\n \\-;#&*!%,. ", max_size=60), name=st.sampled_from(["password", "x", "k1", "apiKey"]),
       sign=st.sampled_from([": ", "=", " = ", " ", "\n  ", ": >\n  ", ':"', ": '"]))  # fmt: skip
def test_whatever_stands_before_it_a_secret_is_not_shown(kind, before, name, sign):
    secret = "Zq7xKw93Lm-Vt5"
    assert secret not in redact(f"{before}\n{name}{sign}{secret}\n", kind)


def test_environments_and_command_lines():
    variables = {
        "AWS_SECRET_ACCESS_KEY": S,
        "HTTPS_PROXY": f"http://u:{S}@p:1",
        "AWS_REGION": "eu-west-2",
        "X": "1",
        "A_B": "",
        "N": S,
    }
    assert environment(variables) == {
        "AWS_SECRET_ACCESS_KEY": "REDACTED(string-14)", "HTTPS_PROXY": "http://REDACTED@p:1", "AWS_REGION": "eu-west-2",
        "X": "REDACTED(number-1)", "A_B": "", "N": "REDACTED(string-14)",
    }  # fmt: skip
    words = [
        "/opt/edge/bin/export",
        "--token",
        S,
        f"--secret-key={S}",
        "--config",
        "/etc/e.yaml",
        "-p",
        S,
        "--password",
        "-x",
        f"-p{S}",
        S,
    ]
    assert arguments(words) == [
        "/opt/edge/bin/export", "--token", "REDACTED(string-14)", "--secret-key=REDACTED(string-14)", "--config",
        "/etc/e.yaml", "-p", "REDACTED(string-14)", "--password", "-x", "-pREDACTED(string-14)", "REDACTED(string-14)",
    ]  # fmt: skip
