# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets planted in every place that an audit reads are nowhere in what it leaves, nor in what it prints at -vvvv."""

from __future__ import annotations

import base64
import contextlib
import json
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
import pytest

from .conftest import Audit

pytestmark = [pytest.mark.lab, pytest.mark.xdist_group("retrieving")]

SIGNED = ("https://euw2-recordings-london.s3.eu-west-2.amazonaws.com/exports/a.wav?X-Amz-Algorithm=AWS4-HMAC-SHA256"
          "&X-Amz-Credential={key_id}%2F20261120%2Feu-west-2%2Fs3%2Faws4_request&X-Amz-Date=20261120T020000Z"
          "&X-Amz-Expires=3600&X-Amz-Security-Token={token}&X-Amz-Signature={signature}")  # fmt: skip


class Canaries:
    """Makes secrets that occur nowhere else, each named for the place in which it is planted."""

    def __init__(self) -> None:
        self.planted: dict[str, str] = {}

    def __call__(self, place: str) -> str:
        return self.planted.setdefault(place, f"CaNaRy{secrets.token_hex(12)}")

    def url(self, place: str) -> str:
        parts = {part: self(f"{place}, {part}") for part in ("token", "signature")}
        return SIGNED.format(key_id="ASIA" + "ABCDEFGHIJKLMNOP", **parts)


def add(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text((path.read_text(encoding="utf-8") if path.exists() else "") + text, encoding="utf-8")


def plant(root: Path, canary: Canaries) -> None:
    """Secrets where operators and services put them."""
    environ = {
        "AWS_ACCESS_KEY_ID": "AKIAABCDEFGHIJKLMNOP",
        "AWS_SECRET_ACCESS_KEY": canary("environment, secret key"),
        "AWS_SESSION_TOKEN": canary("environment, session token"),
        "EXPORT_DB_PASSWORD": canary("environment, password"),
        "API_TOKEN": canary("environment, token"),
        "HTTPS_PROXY": f"http://export:{canary('environment, proxy')}@127.0.0.1:3128",
        "DATABASE_URL": f"postgresql://export:{canary('environment, database url')}@db/recordings",
        "AWS_CONFIG_FILE": "/var/lib/export/.aws/config",
    }
    add(root, "proc/1412/environ", "".join(f"{name}={value}\0" for name, value in environ.items()))
    words = ("/opt/edge/bin/export", "--config", "/opt/edge/export.yaml", f"--api-token={canary('command line, =')}",
             "--password", canary("command line, next word"))  # fmt: skip
    (root / "proc/1412/cmdline").write_text("".join(f"{word}\0" for word in words), encoding="utf-8")
    add(root, "opt/edge/export.yaml",
        f"  access_key: AKIAABCDEFGHIJKLMNOP\n  secret_key: {canary('settings, secret key')}\n"
        f"  password: \"{canary('settings, password')}\"\n"
        f"  upload_url: {canary.url('settings')}\n"
        f"  headers:\n    Authorization: Bearer {canary('settings, bearer')}\n")  # fmt: skip
    add(root, "opt/edge/recording-storage.yaml",
        f"  credentials:\n    accessKeyId: AKIAABCDEFGHIJKLMNOP\n    secretAccessKey: {canary('storage, secret key')}\n"
        f"    sessionToken: {canary('storage, session token')}\n")  # fmt: skip
    plant_shapes(root, canary)
    for name in ("config", "credentials"):
        add(root, f"var/lib/export/.aws/{name}",
            f"[default]\nregion = eu-west-2\naws_access_key_id = AKIAABCDEFGHIJKLMNOP\n"
            f"aws_secret_access_key = {canary(f'aws {name}')}\naws_session_token = {canary(f'aws {name}, token')}\n"
            f"max_attempts = 3\n")  # fmt: skip
    add(root, "etc/systemd/system/edge-export.service.d/secret.conf",
        f"[Service]\nEnvironment=\"EXPORT_API_TOKEN={canary('unit, environment')}\" LOG_LEVEL=info\n"
        f"EnvironmentFile=-/etc/default/edge-export\n"
        f"ExecStart=\nExecStart=/opt/edge/bin/export --secret-key {canary('unit, command')}\n")  # fmt: skip
    add(root, "etc/default/edge-export", f"CLIENT_SECRET={canary('environment file')}\n")
    shown = root / "var/lib/edgepath/recorded/systemctl-show.txt"
    shown.write_text(
        shown.read_text(encoding="utf-8").replace(
            "Environment=\n", f"Environment=EXPORT_API_TOKEN={canary('systemctl show')} LOG_LEVEL=info\n"
        ).replace("DropInPaths=\n", "DropInPaths=/etc/systemd/system/edge-export.service.d/secret.conf\n"),
        encoding="utf-8",
    )  # fmt: skip
    add(root, "etc/squid/squid.conf",
        f"cache_peer upstream.example parent 3128 0 login=export:{canary('squid, peer')}\n"
        f"cachemgr_passwd {canary('squid, manager')} all\n")  # fmt: skip
    add(root, "etc/haproxy/haproxy.cfg",
        f"global\n  stats socket /run/haproxy.sock\ndefaults\n  timeout server 2h\n  timeout client 2h\n"
        f"frontend stats\n  bind :8404\n  stats auth admin:{canary('haproxy, stats')}\n"
        f"userlist edges\n  user export insecure-password {canary('haproxy, user')}\n"
        f"backend b\n  # {canary('haproxy, comment')}\n"
        f"  http-request set-header X-Auth-Key {canary('haproxy, header')}\n")  # fmt: skip
    add(root, "etc/nginx/nginx.conf",
        f"http {{\n  server {{\n    listen 8080;\n    location / {{\n"
        f"      proxy_pass https://s3.eu-west-2.amazonaws.com;\n"
        f"      proxy_set_header Authorization \"Bearer {canary('nginx, header')}\";\n    }}\n  }}\n}}\n")  # fmt: skip
    add(root, "var/log/genesys/edge.log",
        f"2026-11-20T02:18:41.229Z WARN  [export] PUT {canary.url('log')} ended\n"
        f"2026-11-20T02:18:41.230Z WARN  [export] Authorization: Bearer {canary('log, bearer')}\n"
        f"2026-11-20T02:18:41.231Z ERROR [export] password={canary('log, password')} reset\n")  # fmt: skip
    add(
        root,
        "var/log/squid/access.log",
        f"1795141121.300 900004 127.0.0.1 TCP_MISS/502 39 PUT {canary.url('access log')} - HIER_DIRECT/1.2.3.4 -\n",
    )


def plant_shapes(root: Path, canary: Canaries) -> None:
    """The shapes that no list of names would know, and the places in which nobody looks for a secret."""
    add(root, "opt/edge/export.yaml",
        f"  # the old one was {canary('settings, comment')}\n"
        f"  psk: {canary('settings, psk')}\n  smtpPass: {canary('settings, pass')}\n"
        f"  accounts:\n  - name: password\n    value: {canary('settings, value')}\n"
        f"  note: >\n    {canary('settings, folded')}\n"
        f"  relay: export:{canary('settings, no scheme')}@relay:25\n"
        f"  jwt: eyJhbGciOiJIUzI1NiJ9.{canary('settings, jwt')}.c2ln\n"
        f"  pem: |\n    -----BEGIN PGP PRIVATE KEY BLOCK-----\n    {canary('settings, pgp')}\n"
        f"    -----END PGP PRIVATE KEY BLOCK-----\n")  # fmt: skip
    add(root, "opt/edge/recording-storage.yaml", f"  webhook: https://hooks.example.org/{canary('storage, webhook')}\n")
    add(root, "etc/resolv.conf", f"# {canary('resolv.conf, comment')}\nnameservr {canary('resolv.conf, keyword')}\n")
    add(root, "etc/hosts", f"# {canary('hosts, comment')}\n")
    add(root, "etc/sysctl.d/70-notes.conf", f"# {canary('sysctl, comment')}\nvendor.key = {canary('sysctl, key')}\n")
    add(root, "var/lib/edgepath/recorded/journalctl.txt",
        f"1795141121.231 edge export[1412]: read: connection reset by peer, key={canary('journal')}\n")  # fmt: skip
    nft = root / "var/lib/edgepath/recorded/nft.json"
    ruleset = json.loads(nft.read_text(encoding="utf-8"))
    ruleset["nftables"].append(
        {"table": {"family": "inet", "name": "notes", "handle": 99, "comment": canary("nft, comment")}}
    )
    nft.write_text(json.dumps(ruleset), encoding="utf-8")
    add(root, "etc/systemd/system/edge-export.service.d/shapes.conf",
        f"[Service]\nEnvironment='API_PASS={canary('unit, pass')}'\nSetCredential=db:{canary('unit, credential')}\n"
        f"# {canary('unit, comment')}\n")  # fmt: skip


def forms(secret: str) -> Iterator[bytes]:
    """What a secret looks like in a file: as it is, quoted for a URL, and encoded."""
    yield secret.encode()
    yield quote(secret, safe="").encode()
    for start in range(3):  # base64 of a secret in the middle of other text, at each of its three offsets
        whole = base64.b64encode(b"x" * start + secret.encode())
        yield whole[4 if start else 0 : -4]


def found(canary: Canaries, held: dict[str, bytes]) -> list[str]:
    return [
        f"the secret of {place} is in {where}"
        for place, secret in canary.planted.items()
        for where, content in held.items()
        if any(form in content for form in forms(secret))
    ]


class Watch(threading.Thread):
    """Reads the command lines of all processes, again and again, while it is open."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: set[bytes] = set()
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.1):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                with contextlib.suppress(OSError):
                    self.seen.add(path.read_bytes())

    def __enter__(self) -> Watch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join()


@contextlib.contextmanager
def planted_in_aws(environment: dict[str, str], canary: Canaries, bucket: str) -> Iterator[None]:
    """A tag of the bucket, and a statement of its policy that knows its callers by a word."""
    state = json.loads((Path(environment["EDGEPATH_LAB_DIR"]) / "lab.json").read_text(encoding="utf-8"))
    key = state["credentials"]["operator"]
    s3 = boto3.client("s3", endpoint_url=state["endpoints"]["aws"], region_name="eu-west-2",
                      aws_access_key_id=key["access_key_id"],
                      aws_secret_access_key=key["secret_access_key"])  # fmt: skip
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append({
        "Sid": "KnowsItsCallers", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "s3:GetBucketLocation", "Resource": f"arn:aws:s3:::{bucket}",
        "Condition": {"StringEquals": {"aws:Referer": canary("policy, referer")}},
    })  # fmt: skip
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": [{"Key": "note", "Value": canary("tag")}]})
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)
        s3.delete_bucket_tagging(Bucket=bucket)


def contents(directory: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file() and not path.is_symlink()}


def test_a_planted_secret_would_be_found(tmp_path: Path) -> None:
    canary = Canaries()
    secret = canary("x")
    for text in (secret, base64.b64encode(b"ab" + secret.encode()).decode(), f"a {secret} b"):
        assert found(canary, {"a file": text.encode()}) == ["the secret of x is in a file"]
    assert found(canary, {"a file": b"nothing"}) == []


def test_no_planted_secret_is_anywhere(
    audit: Callable[..., Audit], lab_environment: dict[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    canary = Canaries()
    root = tmp_path / "node"
    shutil.copytree(Path(lab_environment["EDGEPATH_LAB_DIR"]) / "edges/london", root, symlinks=True)
    plant(root, canary)
    job = json.loads((Path(__file__).parents[2] / "lab/data/failed-job.json").read_text(encoding="utf-8"))
    job["error"]["message"] += f"; PUT {canary.url('job document')}"
    job["request"] = {"headers": {"Authorization": f"Bearer {canary('job document, bearer')}"}}
    (tmp_path / "job.json").write_text(json.dumps(job), encoding="utf-8")
    variables: dict[str, Any] = {
        "edge_root": str(root),
        "edge_job_path": str(tmp_path / "job.json"),
        "edge_proxy_config_paths": ["/etc/squid/squid.conf", "/etc/haproxy/haproxy.cfg", "/etc/nginx/nginx.conf"],
        "ansible_become_password": canary("become password"),
        "ansible_password": canary("connection password"),
    }
    inventory = tmp_path / "beside.yml"
    inventory.write_text(json.dumps({"edges": {"hosts": {"london": variables}}}), encoding="utf-8")
    # Short: Ansible has sockets in there, whose paths may have 107 letters (unix(7)).
    temporary = Path(tempfile.mkdtemp(prefix="edgepath-"))
    request.addfinalizer(lambda: shutil.rmtree(temporary))
    canary.planted["controller, secret key"] = lab_environment["AWS_SECRET_ACCESS_KEY"]
    places = {"TMPDIR": str(temporary), "ANSIBLE_LOCAL_TEMP": str(temporary / "local"),
              "ANSIBLE_REMOTE_TMP": str(temporary / "remote")}  # fmt: skip
    given = ("-i", "inventories/lab", "-i", str(inventory), "--limit", "london")
    with Watch() as watch, planted_in_aws(lab_environment, canary, "euw2-recordings-london"):
        result = audit(*given, "-vvvv", **places)
        assert result.run_dir is not None, result.output
        changing = audit(*given, "--check", "--diff", "-vvvv", playbook="converge.yml",
                         EDGEPATH_RUNS_DIR=str(result.run_dir.parent), **places)  # fmt: skip
    assert "--- before" in changing.output, changing.output[-3000:]
    facts = json.loads((result.run_dir / "facts/london.json").read_text(encoding="utf-8"))
    for section in ("timeouts", "log"):
        assert "$unread" not in facts[section], "what is not read cannot leak: the test would prove nothing"
    assert "EXPORT_API_TOKEN" in json.dumps(facts), "the unit was not read"
    assert "stats auth" in json.dumps(facts), "the proxies were not read"
    held = {"the terminal": result.output.encode(), "the diff": changing.output.encode(),
            "the process list": b"\n".join(watch.seen), **contents(result.run_dir.parent),
            **contents(temporary)}  # fmt: skip
    assert found(canary, held) == []
    assert len(canary.planted) > 50
