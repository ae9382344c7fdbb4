# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast the IAM policy engine decides, against moto's evaluator on the same cases, and with a role of many policies.

    python benchmarks/iam_decisions.py

Prints medians of several rounds in processor time, the ratios and, for each target, whether it was reached; exits 0
whatever it finds.
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
ROUNDS = 15
REPEAT = 200

DECISIONS_TARGET = 50_000.0
RATIO_TARGET = 3.0
LARGE_TARGET = 0.050  # seconds

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


def seconds_of(work: Callable[[], object]) -> float:
    """The processor seconds that REPEAT calls of `work` take; other programs on the machine do not count."""
    started = time.process_time()
    for _ in range(REPEAT):
        work()
    return time.process_time() - started


def rates(*works: Callable[[], object]) -> list[list[float]]:
    """For each round, the cases that each work gets through a second; the works take turns within a round."""
    return [[len(CASES) * REPEAT / seconds_of(work) for work in works] for _ in range(ROUNDS)]


def report(name: str, reached: bool, text: str) -> None:
    """Print one measured target."""
    print(f"{'reached' if reached else 'MISSED '}  {name}: {text}")


def compile_small_set() -> PolicySet:
    """The two policies of the small set, parsed and compiled."""
    return PolicySet(identity=Policy.parse(IDENTITY, "identity"), resource=Policy.parse(BUCKET_POLICY, "bucket"))


def moto_evaluator() -> Callable[[], object] | None:
    """The small set before moto's evaluator, which explains nothing; None where moto is not installed."""
    try:
        from moto.iam.access_control import IAMPolicy, PermissionResult
    except ImportError:
        return None
    identity, bucket = IAMPolicy(json.dumps(IDENTITY)), IAMPolicy(json.dumps(BUCKET_POLICY))

    def work() -> None:
        for action, resource in CASES:
            # As moto's own request check combines policies: a denial in any wins, one permission is enough.
            results = [policy.is_action_permitted(action, resource) for policy in (identity, bucket)]
            _ = PermissionResult.DENIED not in results and PermissionResult.PERMITTED in results

    return work


def small_set() -> None:
    """Decisions a second on the small set, explanation included, and the ratio to moto."""
    policies = compile_small_set()
    requests = [Request(ROLE, action, resource, ACCOUNT) for action, resource in CASES]

    def decide_all() -> None:
        for request in requests:
            decide(request, policies).explain()

    def build_and_decide_all() -> None:
        for action, resource in CASES:
            decide(Request(ROLE, action, resource, ACCOUNT), policies).explain()

    moto = moto_evaluator()
    decide_all()
    measured = rates(decide_all, build_and_decide_all, *([moto] if moto else []))
    rate, whole = (statistics.median(column) for column in list(zip(*measured))[:2])
    compiling = len(CASES) / statistics.median(row[0] for row in rates(compile_small_set))
    allowed = sum(decide(request, policies).outcome is Outcome.ALLOW for request in requests)
    print(f"small set: {len(CASES)} requests ({allowed} allowed), 3 identity and 2 bucket statements, no conditions")
    print(f"  compile, once for each set of policies: {compiling * 1e6:,.0f} us")
    print(f"  decide and explain, building each request anew: {whole:,.0f} decisions/s")
    report("decisions a second", rate >= DECISIONS_TARGET, f"{rate:,.0f} (target {DECISIONS_TARGET:,.0f})")
    if moto is None:
        print("skipped  ratio to moto: moto is not installed")
        return
    ratio, whole_ratio = (statistics.median(row[place] / row[2] for row in measured) for place in (0, 1))
    moto_rate = statistics.median(row[2] for row in measured)
    report("ratio to moto", ratio >= RATIO_TARGET, f"{ratio:.1f} (moto: {moto_rate:,.0f}/s; target {RATIO_TARGET:.0f})")
    report("the same, building each request anew", whole_ratio >= RATIO_TARGET, f"{whole_ratio:.1f}")


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
        started = time.process_time()
        policies = PolicySet(identity=[Policy.parse(text, f"managed{place}") for place, text in enumerate(texts)])
        compiled.append(time.process_time() - started)
        started = time.process_time()
        for request in requests:
            decide(request, policies).explain()
        decided.append(time.process_time() - started)
    seconds = statistics.median(decided)
    size = sum(map(len, texts)) / len(texts) / 1000
    print(f"large set: {len(texts)} policies of {size:.1f} KB, {len(calls)} calls")
    print(f"  compile, once: {statistics.median(compiled) * 1000:,.1f} ms")
    report("large set, cold", seconds < LARGE_TARGET, f"{seconds * 1000:.1f} ms (target {LARGE_TARGET * 1000:.0f} ms)")


def main() -> int:
    """Run every measurement."""
    small_set()
    large_set()
    return 0


if __name__ == "__main__":
    sys.exit(main())
