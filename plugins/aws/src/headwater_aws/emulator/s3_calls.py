"""What does an S3 request ask, and which permissions does it need?

Source: "Actions, resources, and condition keys for Amazon S3", Service Authorization Reference.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.wire import Request


@dataclass(frozen=True)
class S3Call:
    """What a request asks of S3.

    Args:
        action: Name of the operation, such as `ListObjectsV2`.
        needs: Permissions and the ARNs that they are needed on.
        bucket: Name of the bucket; empty for a listing of buckets.
        key: Key of the object; empty for an operation on the bucket.
        query: The query string.
        context: Condition keys of the request.
    """

    action: str
    needs: tuple[tuple[str, str], ...]
    bucket: str
    key: str
    query: Mapping[str, str]
    context: Mapping[str, str]


# (method, is it about an object?, what the query must have) -> (operation, permission)
_OPERATIONS: tuple[tuple[str, bool, str, str, str], ...] = (
    ("GET", False, "location", "GetBucketLocation", "s3:GetBucketLocation"),
    ("GET", False, "policy", "GetBucketPolicy", "s3:GetBucketPolicy"),
    ("GET", False, "list-type", "ListObjectsV2", "s3:ListBucket"),
    ("GET", False, "", "ListObjects", "s3:ListBucket"),
    ("HEAD", False, "", "HeadBucket", "s3:ListBucket"),
    ("PUT", False, "policy", "PutBucketPolicy", "s3:PutBucketPolicy"),
    ("PUT", False, "", "CreateBucket", "s3:CreateBucket"),
    ("DELETE", False, "policy", "DeleteBucketPolicy", "s3:DeleteBucketPolicy"),
    ("DELETE", False, "", "DeleteBucket", "s3:DeleteBucket"),
    ("POST", False, "delete", "DeleteObjects", "s3:DeleteObject"),
    ("GET", True, "", "GetObject", "s3:GetObject"),
    ("HEAD", True, "", "HeadObject", "s3:GetObject"),
    ("PUT", True, "uploadId", "UploadPart", "s3:PutObject"),
    ("PUT", True, "", "PutObject", "s3:PutObject"),
    ("POST", True, "uploads", "CreateMultipartUpload", "s3:PutObject"),
    ("POST", True, "uploadId", "CompleteMultipartUpload", "s3:PutObject"),
    ("DELETE", True, "uploadId", "AbortMultipartUpload", "s3:AbortMultipartUpload"),
    ("DELETE", True, "", "DeleteObject", "s3:DeleteObject"),
)
#: Query parameters that turn an operation into another one, which the emulator does not have.
_OTHER = frozenset(
    [
        "accelerate",
        "acl",
        "analytics",
        "attributes",
        "cors",
        "encryption",
        "inventory",
        "legal-hold",
        "lifecycle",
        "logging",
        "metrics",
        "notification",
        "object-lock",
        "ownershipControls",
        "policyStatus",
        "publicAccessBlock",
        "replication",
        "requestPayment",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "versionId",
        "versioning",
        "versions",
        "website",
    ]
)
_OTHER_WHEN_READING = _OTHER | {"partNumber", "uploadId", "uploads"}


def read(request: Request) -> S3Call:
    """Parse a request to S3.

    Args:
        request: The request.

    Returns:
        The operation and what it needs.

    Raises:
        AwsError: `NotImplemented`, for an operation that the emulator does not have.
    """
    query = dict(request.query)
    bucket, _, key = request.path.lstrip("/").partition("/")
    context = {
        f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query
    }
    if not bucket:
        return S3Call("ListBuckets", (("s3:ListAllMyBuckets", "*"),), "", "", query, context)
    arn = f"arn:aws:s3:::{bucket}" + (f"/{key}" if key else "")
    reading = request.method in ("GET", "HEAD")
    elsewhere = (_OTHER_WHEN_READING if reading else _OTHER) & set(query)
    for method, on_object, parameters, action, permission in _OPERATIONS:
        if elsewhere:
            break
        if (method, on_object) != (request.method, bool(key)) or (
            parameters and parameters not in query
        ):
            continue
        needs = [(permission, arn)]
        if action == "DeleteObjects":
            needs = [(permission, f"{arn}/{name}") for name in deleted_keys(request.body)]
        if "x-amz-copy-source" in request.headers:
            source = unquote(request.headers["x-amz-copy-source"]).lstrip("/")
            needs.insert(0, ("s3:GetObject", f"arn:aws:s3:::{source}"))
            action = "UploadPartCopy" if action == "UploadPart" else "CopyObject"
        elif action == "PutObject" and "if-match" in request.headers:
            # Whoever learns by it whether an object is what they think it is must be allowed to.
            needs.append(("s3:GetObject", arn))
        return S3Call(action, tuple(needs), bucket, key, query, context)
    operation = ", ".join(sorted(elsewhere)) or request.path
    raise AwsError(
        "NotImplemented", f"The emulator's S3 has no {request.method} of {operation}.", 501
    )


def deleted_keys(body: bytes) -> list[str]:
    """Keys that a DeleteObjects request names."""
    return [one.text or "" for one in parse_xml(body).iter() if one.tag.rpartition("}")[2] == "Key"]


def parse_xml(body: bytes) -> ET.Element:
    """Read a request's XML, or refuse it as S3 does."""
    try:
        return ET.fromstring(body)
    except ET.ParseError as error:
        raise AwsError(
            "MalformedXML", "The XML you provided was not well-formed or did not validate"
        ) from error
