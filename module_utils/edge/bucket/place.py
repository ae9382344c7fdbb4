# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges where the bucket is: that it exists, in which region and account, and by which name it is reached."""

from __future__ import annotations

from urllib.parse import urlsplit

from ..finding import Finding, Unread
from .case import Case
from .endpoint import read as read_endpoint
from .endpoint import regional_host


def exists(case: Case) -> Finding:
    location = case.fact("location")
    if isinstance(location, Unread):
        owned = case.fact("owner", "owned")
        hint = "; it is not among the audited account's own buckets" if owned is False else ""
        return case.ask.unknown("BUCKET-01", case.arn, location, message=f"{location.message}{hint}")
    if not location["exists"]:
        summary = f"set edge_bucket to the recordings' bucket; {case.bucket} does not exist"
        return case.failed(
            "BUCKET-01",
            f"no bucket of the name {case.bucket} exists",
            evidence=({"operation": "s3:HeadBucket", "answer": "404"},),
            fix=case.fix("correct_edge_bucket", summary, variable="edge_bucket"),
        )
    return case.passed("BUCKET-01", f"{case.bucket} exists")


def region(case: Case) -> Finding:
    if not case.in_aws:
        return case.not_applicable("BUCKET-02", "storage outside AWS has no regions of AWS")
    location = case.fact("location")
    if isinstance(location, Unread):
        return case.ask.unknown("BUCKET-02", case.arn, location)
    expected = read_endpoint(case.edge.storage_host, case.bucket).region or case.edge.region
    actual = location["region"]
    if location["moved"]:
        return case.failed(
            "BUCKET-02",
            f"the endpoint in {expected} redirects to another region",
            evidence=({"operation": "s3:HeadBucket", "answer": "301"},),
            fix=case.fix("set_storage_endpoint", "point the export at the bucket's own region", region=None),
        )
    if actual is None or expected is None:
        missing = "edge_region is not set" if expected is None else "no answer named the bucket's region"
        return case.unknown("BUCKET-02", "not_collected", "s3:HeadBucket", f"cannot compare regions: {missing}")
    if actual != expected:
        host = regional_host(actual)
        return case.failed(
            "BUCKET-02",
            f"the bucket is in {actual}, the edge talks to {expected}",
            evidence=({"operation": "s3:HeadBucket", "bucket_region": actual, "endpoint": case.edge.storage_host},),
            fix=case.fix("set_storage_endpoint", f"use {host} as edge_storage_endpoint", endpoint=host, region=actual),
        )
    return case.passed("BUCKET-02", f"bucket and endpoint are in {actual}")


def account(case: Case) -> Finding:
    if not case.in_aws:
        return case.not_applicable("BUCKET-03", "storage outside AWS has no accounts of AWS")
    owned, account_id = case.fact("owner", "owned"), case.settled(case.fact("owner", "account"))
    if isinstance(owned, Unread):
        return case.ask.unknown("BUCKET-03", case.arn, owned)
    if owned is None:
        return case.unknown(
            "BUCKET-03", "not_collected", "s3:ListAllMyBuckets", "the account's buckets were not listed"
        )
    whose = f"account {account_id}" if account_id else "the audited account"
    if owned:
        return case.passed("BUCKET-03", f"{whose} owns the bucket")
    return case.failed(
        "BUCKET-03",
        f"another account owns the bucket: it is not among those of {whose}",
        evidence=({"operation": "s3:ListBuckets", "account": account_id},),
        fix=case.fix(
            "set_expected_bucket_owner", "name the owner's account in the export's requests", needs=["account"]
        ),
    )


def endpoint_style(case: Case) -> Finding:
    faults: list[str] = []
    host = case.edge.storage_host
    named = read_endpoint(host, case.bucket)
    secure = urlsplit(case.edge.storage_url).scheme == "https"
    if not secure:
        faults.append("recordings travel without TLS (http)")
    if named.is_global:
        faults.append(f"{host} is the global endpoint; it serves us-east-1 and redirects for other regions")
    if case.in_aws and secure and "." in case.bucket:
        faults.append("the dots in the bucket's name keep virtual-hosted requests from matching the certificate")
    if not faults:
        return case.passed("BUCKET-04", f"{case.edge.storage_url} fits the bucket's name")
    good = f"https://{regional_host(case.edge.region)}" if case.in_aws and case.edge.region else f"https://{host}"
    return case.failed(
        "BUCKET-04",
        "; ".join(faults),
        evidence=({"endpoint": case.edge.storage_url, "bucket": case.bucket},),
        fix=case.fix(
            "set_storage_endpoint", f"use {good}; a bucket with dots needs path-style requests", endpoint=good
        ),
    )
