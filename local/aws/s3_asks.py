"""What S3 calls ask permission for.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3";
S3 user guide, "Multipart upload API and permissions".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from local.aws.policies import Ask

Params = Mapping[str, Any]

PREFIX = "s3:prefix"

_ON_OBJECT = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObject": "DeleteObject",
    "DeleteObjectTagging": "DeleteObjectTagging",
    "GetObject": "GetObject",
    "GetObjectAttributes": "GetObject",
    "GetObjectTagging": "GetObjectTagging",
    "HeadObject": "GetObject",
    "ListParts": "ListMultipartUploadParts",
    "PutObject": "PutObject",
    "PutObjectTagging": "PutObjectTagging",
    "UploadPart": "PutObject",
}
"""The IAM action of each call on one object."""

_ON_BUCKET = {
    "GetBucketLocation": "GetBucketLocation",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
}
"""The IAM action of each call on one bucket."""


def asks_of(operation: str, params: Params) -> list[Ask] | None:
    """Return the permissions that an S3 call needs, or None where they are not known."""
    if operation in _ON_OBJECT:
        return _object(operation, params)
    if operation in _ON_BUCKET:
        return _bucket(operation, params)
    special = _SPECIAL.get(operation)
    return special(params) if special else None


def _object(operation: str, params: Params) -> list[Ask]:
    key, version = params["Key"], params.get("VersionId")
    action = _ON_OBJECT[operation]
    # A version is asked for by an action of its own.
    versioned = version and action in {"GetObject", "DeleteObject", "GetObjectTagging"}
    asks = [_ask(f"{action}Version" if versioned else action, params["Bucket"], key)]
    if params.get("Tagging") and operation in {"PutObject", "CreateMultipartUpload"}:
        asks.append(_ask("PutObjectTagging", params["Bucket"], key))
    return asks


def _bucket(operation: str, params: Params) -> list[Ask]:
    context = {PREFIX: [params["Prefix"]]} if params.get("Prefix") else {}
    return [Ask(f"s3:{_ON_BUCKET[operation]}", f"arn:aws:s3:::{params['Bucket']}", context)]


def _delete_several(params: Params) -> list[Ask]:
    return [
        _ask(
            "DeleteObjectVersion" if each.get("VersionId") else "DeleteObject",
            params["Bucket"],
            each["Key"],
        )
        for each in params["Delete"]["Objects"]
    ]


def _copy(params: Params) -> list[Ask]:
    source_bucket, _, source_key = str(params["CopySource"]).lstrip("/").partition("/")
    return [
        _ask("GetObject", source_bucket, source_key.partition("?")[0]),
        _ask("PutObject", params["Bucket"], params["Key"]),
    ]


def _ask(action: str, bucket: str, key: str) -> Ask:
    return Ask(f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}")


_SPECIAL: dict[str, Callable[[Params], list[Ask]]] = {
    "CopyObject": _copy,
    "DeleteObjects": _delete_several,
    "UploadPartCopy": _copy,
}
