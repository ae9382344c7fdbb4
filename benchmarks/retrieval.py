# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast edge_recording_retrieve's engine fetches, with everything verified, beside tools that verify less.

    python benchmarks/retrieval.py [--mebibytes 256] [--rounds 5] [--lines 200,1000]

Peers: boto3's download_file always, alone and followed by the SHA-256 and SHA-512 that edgepath computes as well; aws,
s5cmd and rclone where they are installed. Every figure is of one process from its start to its end, on one SeaweedFS.

The first table is made on loopback: storage and tool share the processors, so that what hashing costs is seen in full.
The second is made behind the fault proxy, with one RST for every 20 MB of the object. The others are made on lines of
so many Mbit/s: what the storage sends is held to that by the kernel, in a network namespace of its own, which takes
root, unshare(1), ip(8) and tc(8). Prints the medians, the ratios, and whether each target is reached; exits 0 whatever
it finds.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "module_utils")]

MIB = 1 << 20
BUCKET, KEY = "recordings", "calls/long.wav"
RESET_EVERY = 20_000_000
RATIO_TARGET = 1.0
EXTRA_TARGET = 2.0  # per cent
MEMORY_TARGET = 150.0  # MB
KEYS = {
    name: {"access_key_id": f"{name}-key", "secret_access_key": f"{name}-secret"} for name in ("operator", "auditor")
}

OURS = """
import sys
from edge.retrieve.asked import Asked
from edge.retrieve.retrieval import Request, retrieve
from edge.retrieve.store import Source
url, bucket, key, folder = sys.argv[1:]
done = retrieve(Request(Source(bucket, "eu-west-2", url), [Asked("key", key)], folder))
sys.exit(0 if done.reconciliation["complete"] else 1)
"""
BOTO3 = """
import sys, boto3, botocore.config
url, bucket, key, folder = sys.argv[1:]
style = botocore.config.Config(s3={"addressing_style": "path"})
boto3.client("s3", endpoint_url=url, config=style).download_file(bucket, key, folder + "/file")
"""

HASHED = (
    BOTO3
    + """
import hashlib
for name in ("sha256", "sha512"):
    with open(folder + "/file", "rb") as stream:
        hashlib.file_digest(stream, name)
"""
)


def commands(url: str, folder: str) -> dict[str, list[str]]:
    """The command line of each tool that is here."""
    place = [url, BUCKET, KEY, folder]
    found = {
        "edgepath": [sys.executable, "-c", OURS, *place],
        "boto3 download_file": [sys.executable, "-c", BOTO3, *place],
        "boto3, then hashed": [sys.executable, "-c", HASHED, *place],
    }
    others = {
        "aws": ["s3", "cp", "--quiet", "--endpoint-url", url, f"s3://{BUCKET}/{KEY}", f"{folder}/file"],
        "s5cmd": ["--endpoint-url", url, "cp", f"s3://{BUCKET}/{KEY}", f"{folder}/file"],
        "rclone": ["copyto", f":s3,provider=Other,env_auth,endpoint='{url}':{BUCKET}/{KEY}", f"{folder}/file"],
    }
    for name, arguments in others.items():
        program = shutil.which(name)
        # A name on the path may be a launcher that runs nothing.
        asked = [program or "", "version" if name == "s5cmd" else "--version"]
        if program is not None and subprocess.run(asked, capture_output=True).returncode == 0:
            found[name] = [program, *arguments]
    return found


def run(command: list[str], scratch: Path, seconds: float = 120.0) -> dict[str, float]:
    """{"seconds", "processor", "status", "megabytes"} of one process with a fresh folder.

    processor: seconds of all processors, its own and its children's; megabytes: its peak resident set.
    """
    folder = tempfile.mkdtemp(dir=scratch)
    words = [word.replace("FOLDER", folder) for word in command]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "module_utils"),
        "AWS_ACCESS_KEY_ID": KEYS["operator"]["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": KEYS["operator"]["secret_access_key"],
        "AWS_DEFAULT_REGION": "eu-west-2",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    environment.pop("AWS_CA_BUNDLE", None)  # rclone 1.60 cannot take it, and there is no TLS here
    begun = time.monotonic()
    child = subprocess.Popen(["timeout", str(seconds), *words], env=environment, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    elapsed = time.monotonic() - begun
    shutil.rmtree(folder)
    spent = used.ru_utime + used.ru_stime
    megabytes = used.ru_maxrss / 1024
    return {"seconds": elapsed, "processor": spent, "status": os.waitstatus_to_exitcode(status), "megabytes": megabytes}


@contextmanager
def storage(scratch: Path) -> Iterator[str]:
    from lab.process import Server
    from lab.servers import ObjectStore

    started: list[Server] = []
    try:
        yield ObjectStore(scratch, scratch, KEYS, started.append).url()
    finally:
        for server in started:
            server.stop()


def upload(url: str, size: int, scratch: Path) -> None:
    from lab import seed

    s3 = seed.client("s3", url, KEYS["operator"])
    s3.create_bucket(Bucket=BUCKET)
    source = scratch / "source"
    content = random.Random(7)
    with source.open("wb") as stream:
        for _ in range(size // MIB):
            stream.write(content.randbytes(MIB))
    s3.upload_file(str(source), BUCKET, KEY)
    source.unlink()


def undisturbed(url: str, scratch: Path, size: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of each tool; the tools take turns, so that a busy moment hits all of them."""
    taken: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for name, command in commands(url, "FOLDER").items():
            taken.setdefault(name, []).append(run(command, scratch))
    return {
        name: {
            "rate": size / MIB / statistics.median(one["seconds"] for one in many),
            "processor": statistics.median(one["processor"] for one in many),
            "megabytes": max(one["megabytes"] for one in many),
            "failed": sum(one["status"] != 0 for one in many),
        }
        for name, many in taken.items()
    }


def with_resets(url: str, scratch: Path, size: int) -> dict[str, dict[str, float]]:
    from lab.fault_proxy import Fault, FaultProxy

    found = {}
    for name in commands(url, "FOLDER"):
        fault = Fault("reset", after_bytes=3_000_000, request="^GET .*long", times=size // RESET_EVERY)
        with FaultProxy(url.partition("//")[2], [fault]) as proxy:
            done = run(commands(proxy.url, "FOLDER")[name], scratch)
            came = sum(entry["bytes_down"] for entry in proxy.log)
            found[name] = {**done, "resets": len(proxy.events("reset")), "extra": 100.0 * (came / size - 1)}
    return found


def verdict(reached: bool) -> str:
    return "reached" if reached else "NOT REACHED"


def compare(plain: dict[str, dict[str, float]]) -> None:
    """A table of the tools, and whether edgepath is as fast as the two that the target names."""
    ours = plain["edgepath"]
    for name, one in plain.items():
        ratio = f"  edgepath is {ours['rate'] / one['rate']:.2f} times as fast" if name != "edgepath" else ""
        failed = f"  FAILED {one['failed']:.0f} times" if one["failed"] else ""
        spent = f"{one['processor']:7.2f} s of processor"
        print(f"{name:22}{one['rate']:8.1f} MiB/s{spent}{one['megabytes']:8.1f} MB peak{ratio}{failed}")
    for name in ("boto3 download_file", "aws"):
        if name in plain:
            reached = ours["rate"] / plain[name]["rate"] >= RATIO_TARGET
            print(f"  target: at least {RATIO_TARGET:.1f} times {name}: {verdict(reached)}")
    print(f"  target: under {MEMORY_TARGET:.0f} MB: {verdict(ours['megabytes'] < MEMORY_TARGET)}")


def resets(broken: dict[str, dict[str, float]]) -> None:
    print(f"\nwith one RST for every {RESET_EVERY / 1e6:.0f} MB")
    for name, one in broken.items():
        outcome = "complete" if one["status"] == 0 else f"failed with status {one['status']:.0f}"
        print(
            f"{name:22}{one['resets']:4.0f} resets{one['extra']:8.2f} % extra bytes{one['seconds']:8.1f} s  {outcome}"
        )
    mine = broken["edgepath"]
    reached = mine["status"] == 0 and mine["extra"] <= EXTRA_TARGET
    print(f"  target: complete, at most {EXTRA_TARGET:.0f} % extra: {verdict(reached)}")


def on_lines(lines: list[int], given: argparse.Namespace) -> None:
    """This program again, in a network namespace whose loopback is as slow as a line."""
    missing = [name for name in ("unshare", "ip", "tc") if shutil.which(name) is None]
    if missing or os.geteuid() != 0:
        print(f"\nno lines were measured: that takes root{''.join(f', {name}' for name in missing)}")
        return
    for line in lines:
        again = [sys.executable, str(Path(__file__).resolve()), "--within", str(line)]
        again += ["--mebibytes", str(given.mebibytes), "--rounds", str(given.rounds)]
        sys.stdout.flush()
        command = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *again]
        if subprocess.run(command).returncode != 0:
            print(f"\nthe line of {line} Mbit/s could not be measured")


def shape(url: str, line: int) -> None:
    """Hold what the storage sends from its own port to a rate; what its parts say to each other stays as it is."""
    port = url.rpartition(":")[2]
    for words in (
        "qdisc add dev lo root handle 1: htb default 10",
        "class add dev lo parent 1: classid 1:10 htb rate 100gbit quantum 60000",
        f"class add dev lo parent 1: classid 1:20 htb rate {line}mbit burst 256k quantum 60000",
        f"filter add dev lo parent 1: protocol ip u32 match ip sport {port} 0xffff flowid 1:20",
    ):
        subprocess.run(["tc", *words.split()], check=True)


def main(arguments: Any = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--mebibytes", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lines", default="200,1000", help="Mbit/s, comma-separated")
    parser.add_argument("--within", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    size = given.mebibytes * MIB
    with tempfile.TemporaryDirectory() as name, storage(Path(name)) as url:
        scratch = Path(name)
        upload(url, size, scratch)
        if given.within is not None:
            shape(url, given.within)
        print("on loopback" if given.within is None else f"\non a line of {given.within} Mbit/s")
        compare(undisturbed(url, scratch, size, given.rounds))
        if given.within is None:
            resets(with_resets(url, scratch, size))
    if given.within is None:
        on_lines([int(line) for line in given.lines.split(",") if line], given)
    return 0


if __name__ == "__main__":
    sys.exit(main())
