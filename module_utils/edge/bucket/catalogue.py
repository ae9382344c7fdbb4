# SPDX-License-Identifier: GPL-3.0-or-later
"""The bucket domain's checks. A missing protection of evidence blocks no export: effect none, however severe."""

from __future__ import annotations

from ..finding import Check, catalogue

_GUIDE = "Amazon S3 User Guide"

CATALOGUE = catalogue(
    [
        Check(
            "BUCKET-01", "The bucket exists", "critical", "bucket", "blocks",
            "Correct edge_bucket, or create the bucket in the recordings' account before another takes its name.",
            "Amazon S3 API Reference, HeadBucket (404, 403)",
        ),
        Check(
            "BUCKET-02", "The bucket is in the region that the edge talks to", "critical", "bucket", "blocks",
            "Point the export at the endpoint of the bucket's own region, or use a bucket in the edge's region.",
            "Amazon S3 API Reference, Error responses (PermanentRedirect, AuthorizationHeaderMalformed)",
        ),
        Check(
            "BUCKET-03", "The bucket belongs to the audited account", "medium", "bucket", "none",
            "Make sure that the other account is meant to hold the recordings, and send x-amz-expected-bucket-owner.",
            f"{_GUIDE}, Verifying bucket ownership with bucket owner condition",
        ),
        Check(
            "BUCKET-04", "The endpoint is regional, uses TLS, and its certificate can match the bucket's name",
            "medium", "bucket", "none",
            "Use the regional https endpoint and a bucket name without dots.",
            f"{_GUIDE}, Bucket naming rules; Virtual hosting of buckets",
        ),
        Check(
            "BUCKET-05", "Versioning is enabled", "high", "bucket", "none",
            "Enable versioning, so that an overwrite or a delete keeps what was there.",
            f"{_GUIDE}, Retaining multiple versions of objects with S3 Versioning",
        ),
        Check(
            "BUCKET-06", "Versions cannot be deleted without a second factor or a lock", "low", "bucket", "none",
            "Set a default retention with object lock, or enable MFA delete as the account's root user.",
            f"{_GUIDE}, Configuring MFA delete",
        ),
        Check(
            "BUCKET-07", "Object lock is enabled", "medium", "bucket", "none",
            "Enable object lock on the versioned bucket; it cannot be switched off again.",
            f"{_GUIDE}, Locking objects with Object Lock",
        ),
        Check(
            "BUCKET-08", "New recordings get a default retention", "medium", "bucket", "none",
            "Set a default retention of the time for which the law or the contract wants recordings kept.",
            f"{_GUIDE}, Object Lock: retention periods (bucket default)",
        ),
        Check(
            "BUCKET-09", "The given recordings are under a legal hold", "high", "bucket", "none",
            "Put a legal hold on each version named; it has no end until it is taken off.",
            f"{_GUIDE}, Object Lock: legal holds",
        ),
        Check(
            "BUCKET-10", "No lifecycle rule deletes or hides current recordings", "high", "bucket", "none",
            "Exclude the recordings' prefix from the rule, or lock the recordings for as long as they are needed.",
            f"{_GUIDE}, Lifecycle configuration elements: Expiration",
        ),
        Check(
            "BUCKET-11", "No lifecycle rule deletes noncurrent versions of recordings", "high", "bucket", "none",
            "Exclude the recordings' prefix from the rule, or lock the recordings for as long as they are needed.",
            f"{_GUIDE}, Lifecycle configuration elements: NoncurrentVersionExpiration",
        ),
        Check(
            "BUCKET-12", "No lifecycle rule removes the delete markers of recordings", "low", "bucket", "none",
            "Exclude the recordings' prefix: a delete marker is the record that, and when, something was deleted.",
            f"{_GUIDE}, Lifecycle configuration elements: ExpiredObjectDeleteMarker",
        ),
        Check(
            "BUCKET-13", "Incomplete uploads are cleaned up", "low", "bucket", "none",
            "Add AbortIncompleteMultipartUpload: parts of broken exports are kept, and invisible, for ever.",
            f"{_GUIDE}, Configuring a bucket lifecycle configuration to delete incomplete multipart uploads",
        ),
        Check(
            "BUCKET-14", "The clean-up of incomplete uploads leaves the longest export time to finish",
            "high", "bucket", "truncates",
            "Give AbortIncompleteMultipartUpload more days than the longest export takes.",
            f"{_GUIDE}, Lifecycle configuration elements: AbortIncompleteMultipartUpload",
        ),
        Check(
            "BUCKET-15", "No lifecycle rule moves recordings into an archive class", "medium", "bucket", "none",
            "Use GLACIER_IR or INTELLIGENT_TIERING, which answer at once, or plan for a restore before each retrieval.",
            f"{_GUIDE}, Working with archived objects",
        ),
        Check(
            "BUCKET-16", "The recordings can be read without a restore", "high", "bucket", "none",
            "Restore the archived versions (hours) before they are asked for.",
            f"{_GUIDE}, Working with archived objects (InvalidObjectState)",
        ),
        Check(
            "BUCKET-17", "No delete marker hides a recording", "high", "bucket", "none",
            "Read the version by its id; remove the marker only when the deletion has been accounted for.",
            f"{_GUIDE}, Working with delete markers",
        ),
        Check(
            "BUCKET-18", "Each given recording has one version", "medium", "bucket", "none",
            "Find out which version is the evidence, and ask for it by its version id.",
            f"{_GUIDE}, Retrieving object versions from a versioning-enabled bucket",
        ),
        Check(
            "BUCKET-19", "Recordings are replicated", "low", "bucket", "none",
            "Replicate the prefix to a bucket in another account or region.",
            f"{_GUIDE}, Replicating objects within and across Regions",
        ),
        Check(
            "BUCKET-20", "Recordings are encrypted at rest by default", "medium", "bucket", "none",
            "Set a default encryption.",
            f"{_GUIDE}, Setting default server-side encryption behavior",
        ),
        Check(
            "BUCKET-21", "The key that encrypts recordings can be used", "critical", "key", "blocks",
            "Enable the key, or cancel its deletion, or encrypt with another key.",
            "AWS KMS Developer Guide, Key states of AWS KMS keys",
        ),
        Check(
            "BUCKET-22", "Public access is blocked", "high", "bucket_policy", "none",
            "Switch all four settings on.",
            f"{_GUIDE}, Blocking public access to your Amazon S3 storage",
        ),
        Check(
            "BUCKET-23", "The bucket policy denies access without TLS", "medium", "bucket_policy", "none",
            "Deny everything where aws:SecureTransport is false.",
            f"{_GUIDE}, Security best practices: Enforce encryption of data in transit",
        ),
        Check(
            "BUCKET-24", "The bucket policy denies access from outside a perimeter", "medium", "bucket_policy", "none",
            "Deny reads that come neither through the edge's VPC endpoint nor from the organisation's principals.",
            "AWS whitepaper, Building a Data Perimeter on AWS",
        ),
        Check(
            "BUCKET-25", "The export need not pay for its requests", "high", "bucket", "blocks",
            "Let the owner pay, or make the export send x-amz-request-payer; without it every request is refused.",
            f"{_GUIDE}, Using Requester Pays buckets for storage transfers and usage",
        ),
        Check(
            "BUCKET-26", "The export's own configuration asks for versions where the bucket has them",
            "medium", "export", "none",
            "Make the export keep and ask for version ids; without them a later overwrite passes for the recording.",
            f"{_GUIDE}, Retrieving object versions from a versioning-enabled bucket",
        ),
    ]
)  # fmt: skip
