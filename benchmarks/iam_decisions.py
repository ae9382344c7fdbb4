# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the IAM policy engine decides, against moto's evaluator on the same cases, and with a role of many policies.

    python benchmarks/iam_decisions.py

Prints medians of several rounds, the ratios and, for each target, whether it was reached; exits 0 whatever it finds.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "module_utils"))

from edge.iam.engine import Outcome, Policy, PolicySet, Request, decide  # noqa: E402

ACCOUNT = "111122223333"
ROLE = f"arn:aws:sts::{ACCOUNT}:assumed-role/Export/i-0abc"
BUCKET = "arn:aws:s3:::recordings"
ROUNDS = 9

DECISIONS_TARGET = 50_000.0
RATIO_TARGET = 3.0
LARGE_TARGET = 0.050

IDENTITY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"{BUCKET}/*"},
        {"Effect": "Allow", "Action": "s3:List*", "Resource": BUCKET},
        {"Effect": "Deny", "Action": "s3:Delete*", "Resource": "*"},
    ],
}
BUCKET_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObjectTagging", "Resource": f"{BUCKET}/*"},
        {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"{BUCKET}/locked/*"},
    ],
}
CASES = [
    ("s3:GetObject", f"{BUCKET}/2026/a.wav"),
    ("s3:GetObject", "arn:aws:s3:::other/a.wav"),
    ("s3:PutObject", f"{BUCKET}/2026/a.wav"),
    ("s3:PutObject", f"{BUCKET}/locked/a.wav"),
    ("s3:ListBucket", BUCKET),
    ("s3:ListBucketVersions", BUCKET),
    ("s3:ListBucket", "arn:aws:s3:::other"),
    ("s3:DeleteObject", f"{BUCKET}/2026/a.wav"),
    ("s3:GetObjectTagging", f"{BUCKET}/2026/a.wav"),
    ("s3:GetObjectAcl", f"{BUCKET}/2026/a.wav"),
    ("s3:AbortMultipartUpload", f"{BUCKET}/2026/a.wav"),
    ("ec2:DescribeInstances", "*"),
]


def median_seconds(work: Callable[[], None], repeat: int) -> float:
    """The median over ROUNDS of the seconds that one call of `work` takes, each round being `repeat` calls."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(repeat):
            work()
        rounds.append((time.perf_counter() - started) / repeat)
    return statistics.median(rounds)


def report(name: str, reached: bool, text: str) -> None:
    """Print one measured target."""
    print(f"{'reached' if reached else 'MISSED '}  {name}: {text}")


def small_set() -> float:
    """Decisions a second on the small set, explanation included."""
    policies = PolicySet(identity=Policy.parse(IDENTITY, "identity"), resource=Policy.parse(BUCKET_POLICY, "bucket"))
    requests = [Request(ROLE, action, resource, ACCOUNT) for action, resource in CASES]

    def work() -> None:
        for request in requests:
            decide(request, policies).explain()

    def with_requests() -> None:
        for action, resource in CASES:
            decide(Request(ROLE, action, resource, ACCOUNT), policies).explain()

    work()
    rate = len(CASES) / median_seconds(work, 200)
    whole = len(CASES) / median_seconds(with_requests, 200)
    outcomes = [decide(request, policies).outcome for request in requests]
    allowed = sum(outcome is Outcome.ALLOW for outcome in outcomes)
    compile_seconds = median_seconds(
        lambda: print(
            end="" if PolicySet(identity=Policy.parse(IDENTITY), resource=Policy.parse(BUCKET_POLICY)) else ""
        ),
        200,
    )
    print(f"small set: {len(CASES)} requests ({allowed} allowed), 3 identity and 2 bucket statements, no conditions")
    print(f"  compile, once for each set of policies: {compile_seconds * 1e6:,.0f} us")
    print(f"  decide and explain, building each request anew: {whole:,.0f} decisions/s")
    report("decisions a second", rate >= DECISIONS_TARGET, f"{rate:,.0f} (target {DECISIONS_TARGET:,.0f})")
    return rate


def against_moto(rate: float) -> None:
    """The ratio to moto's evaluator, which is asked the same cases without an explanation."""
    try:
        from moto.iam.access_control import IAMPolicy, PermissionResult
    except ImportError:
        print("skipped  ratio to moto: moto is not installed")
        return
    identity, bucket = IAMPolicy(json.dumps(IDENTITY)), IAMPolicy(json.dumps(BUCKET_POLICY))

    def ask(action: str, resource: str) -> bool:
        # As moto's own request check combines policies: a denial in any wins, one permission is enough.
        results = [policy.is_action_permitted(action, resource) for policy in (identity, bucket)]
        return PermissionResult.DENIED not in results and PermissionResult.PERMITTED in results

    def work() -> None:
        for action, resource in CASES:
            ask(action, resource)

    work()
    moto_rate = len(CASES) / median_seconds(work, 200)
    ratio = rate / moto_rate
    report("ratio to moto", ratio >= RATIO_TARGET, f"{ratio:.1f} ({moto_rate:,.0f} decisions/s; target {RATIO_TARGET})")


def managed_policy(number: int) -> dict[str, Any]:
    """A managed policy of about 6 KB, the limit of IAM."""
    services = ["ec2", "iam", "sqs", "sns", "logs", "lambda", "dynamodb", "s3"]
    statements: list[dict[str, Any]] = []
    while len(json.dumps(statements)) < 5_900:
        place = len(statements)
        service = services[(number + place) % len(services)]
        names = [f"{service}:Operation{number}x{place}x{index}" for index in range(6)] + [
            f"{service}:Describe{number}*"
        ]
        arns = [f"arn:aws:{service}:*:{ACCOUNT}:thing/{number}/{place}/{index}/*" for index in range(3)]
        statements.append({"Sid": f"S{number}x{place}", "Effect": "Allow", "Action": names, "Resource": arns})
    statements[-1] = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"{BUCKET}/{number}/*"}
    return {"Version": "2012-10-17", "Statement": statements}


def large_set() -> None:
    """Twenty managed policies of 6 KB against 200 different calls, the first decision of each included."""
    texts = [json.dumps(managed_policy(number)) for number in range(20)]
    calls = [("s3:GetObject", f"{BUCKET}/{index % 25}/{index}.wav") for index in range(100)]
    calls += [(f"ec2:Describe{index % 20}Things{index}", "*") for index in range(50)]
    calls += [(f"sqs:Operation{index % 20}x3x1", f"arn:aws:sqs:eu-west-1:{ACCOUNT}:q{index}") for index in range(50)]
    requests = [Request(ROLE, action, resource, ACCOUNT) for action, resource in calls]
    compiled, decided = [], []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        policies = PolicySet(identity=[Policy.parse(text, f"managed{place}") for place, text in enumerate(texts)])
        compiled.append(time.perf_counter() - started)
        started = time.perf_counter()
        for request in requests:
            decide(request, policies).explain()
        decided.append(time.perf_counter() - started)
    seconds = statistics.median(decided)
    size = sum(map(len, texts)) / len(texts) / 1000
    print(f"large set: {len(texts)} policies of {size:.1f} KB, {len(calls)} calls")
    print(f"  compile, once: {statistics.median(compiled) * 1000:,.1f} ms")
    report("large set, cold", seconds < LARGE_TARGET, f"{seconds * 1000:.1f} ms (target {LARGE_TARGET * 1000:.0f} ms)")


def main() -> int:
    """Run every measurement."""
    rate = small_set()
    against_moto(rate)
    large_set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
