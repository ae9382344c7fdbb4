# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets are gone, everything else stays where it was."""

from __future__ import annotations

import json

import pytest
import yaml
from ansible.module_utils.edge.timeouts.redact import REDACTED, redact_arguments, redact_environment, redact_text
from hypothesis import given
from hypothesis import strategies as st

SECRET = "hunter2-S3cr3t"


@pytest.mark.parametrize(
    "text",
    [
        f"secret_access_key: {SECRET}",
        f"  - password: '{SECRET}'",
        f'password = "{SECRET} with spaces"',
        f"aws.secretKey={SECRET}",
        f'{{"apiKey": "{SECRET}", "read_timeout": 900}}',
        f'{{"credentials": {{"id": "{SECRET}", "more": ["{SECRET}"]}}, "read_timeout": 900}}',
        f"storage: {{user: edge, password: {SECRET}, read_timeout: 900}}",
        f"client_secret: |\n    {SECRET}\n    {SECRET}\nread_timeout: 900",
        f"token:\n  - {SECRET}\n  - {SECRET}\nread_timeout: 900",
        f"credentials:\n  id: {SECRET}\n  nested:\n    more: {SECRET}\n",
        f"url: https://edge:{SECRET}@proxy:3128/",
        f"proxy: http://{SECRET}@proxy:3128",
        f"url: https://b.s3.amazonaws.com/k?X-Amz-Credential={SECRET}&X-Amz-Signature={SECRET}&x=1",
        f"url: https://b.s3.amazonaws.com/k?X-Amz-Security-Token={SECRET}",
        f"header: Bearer {SECRET}",
        f'proxy_set_header Authorization "Basic {SECRET}";',
        f"  stats auth admin:{SECRET}",
        f"cache_peer p parent 3128 0 login=edge:{SECRET}",
        f"cachemgr_passwd {SECRET} all",
        f"Environment=AWS_SECRET_ACCESS_KEY={SECRET} FOO=bar",
        f'Environment="A_TOKEN={SECRET}" "HTTPS_PROXY=http://p:1"',
        f"password = first \\\n  {SECRET}\nread_timeout = 900",
        f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----\n",
        f"private_key: -----BEGIN PRIVATE KEY-----\n{SECRET}",
        "id: AKIAIOSFODNN7EXAMPLE".replace("EXAMPLE", "EXAMPLE"),
    ],
)
def test_the_secret_is_gone_and_the_lines_stay(text):
    clean = redact_text(text)
    assert SECRET not in clean and "AKIA" not in clean
    assert REDACTED in clean or "{}" in clean
    assert clean.count("\n") == text.count("\n")
    for kept in ("read_timeout: 900", '"read_timeout": 900', "read_timeout = 900", "FOO=bar", "HTTPS_PROXY=http://p:1"):
        assert (kept in text) == (kept in clean)


@pytest.mark.parametrize(
    "text",
    [
        "read_timeout: 7200\nproxy: http://127.0.0.1:3128\n",
        "token_lifetime: 900\nsession_refreshable: true\ncredential_seconds: 3600\n",
        "net.ipv4.tcp_syncookies = 1\n",
        "Environment=HTTPS_PROXY=http://127.0.0.1:3128 NO_PROXY=localhost\n",
        "http_port 3128\nread_timeout 15 minutes\n",
    ],
)
def test_what_is_no_secret_stays(text):
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "load"),
    [
        (f'{{"a": {{"password": "{SECRET}", "b": 1}}, "tokens": ["x", {{"y": "z"}}], "c": 2}}', json.loads),
        (f"a:\n  secret: '{SECRET}'\n  b: 1\ntokens: [x, {{y: z}}]\nc: 2\n", yaml.safe_load),
        (f"a:\n  password:\n    - {SECRET}\n  b: 1\nc: 2\n", yaml.safe_load),
    ],
)
def test_the_rest_can_still_be_parsed(text, load):
    tree = load(redact_text(text))
    assert (tree["a"]["b"], tree["c"]) == (1, 2)


def test_environment_and_arguments():
    environment = {"AWS_SECRET_ACCESS_KEY": SECRET, "HTTPS_PROXY": f"http://u:{SECRET}@p:1", "AWS_REGION": "eu-west-2"}
    assert redact_environment(environment) == {
        "AWS_SECRET_ACCESS_KEY": REDACTED,
        "HTTPS_PROXY": f"http://{REDACTED}@p:1",
        "AWS_REGION": "eu-west-2",
    }
    arguments = ["export", "--token", SECRET, f"--secret-key={SECRET}", "--config", "/etc/e.yaml", "--password", "-x"]
    assert redact_arguments(arguments) == [
        "export", "--token", REDACTED, f"--secret-key={REDACTED}", "--config", "/etc/e.yaml", "--password", REDACTED,
    ]  # fmt: skip


@given(st.text(max_size=200))
def test_lines_are_never_lost(text):
    assert redact_text(text).count("\n") == text.count("\n")


@given(st.text(alphabet="abc=:{}[]\"'|>\n \\-;password", max_size=120))
def test_lines_are_never_lost_around_secrets(text):
    assert redact_text(text).count("\n") == text.count("\n")


@given(st.sampled_from(["password", "apiToken", "AWS_SECRET_ACCESS_KEY"]), st.sampled_from([": ", "=", " = ", ":"]),
       st.text(alphabet="abcdefgh0123456789+/", min_size=8, max_size=40))  # fmt: skip
def test_any_value_of_a_secret_name_is_gone(name, separator, value):
    assert value not in redact_text(f"a: 1\n{name}{separator}{value}\nb: 2\n")
