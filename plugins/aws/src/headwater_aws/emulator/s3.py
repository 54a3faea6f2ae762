"""S3: what each request is, what it needs, and how it is answered. Path-style addresses only.

Source: S3 API reference; "Actions, resources, and condition keys for Amazon S3", Service
Authorization Reference. There are no versions, tags, ACLs or encryption here.
"""

from __future__ import annotations

import base64
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any
from urllib.parse import quote, unquote
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from headwater_aws.emulator import policy
from headwater_aws.emulator.buckets import Bucket, StoredObject, Upload, joined, stored
from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Request, Response

_XML = "application/xml"
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
_KEPT = ("content-type", "content-encoding", "content-disposition", "content-language",
         "cache-control", "expires")
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
MAX_KEYS = 1000


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
_OTHER = {
    "acl", "attributes", "cors", "encryption", "legal-hold", "lifecycle", "logging", "notification",
    "object-lock", "ownershipControls", "publicAccessBlock", "replication", "requestPayment",
    "restore", "retention", "select", "tagging", "torrent", "versioning", "versions", "website",
    "analytics", "inventory", "metrics", "accelerate", "policyStatus", "versionId",
}


def read(request: Request) -> S3Call:
    """Tell what a request asks.

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
    for method, on_object, wanted, action, permission in _OPERATIONS:
        if (method, on_object) != (request.method, bool(key)) or _OTHER & set(query):
            continue
        if wanted and wanted not in query:
            continue
        needs = [(permission, arn)]
        if permission == "s3:ListBucket":
            # A listing without a prefix is judged as one with an empty prefix.
            context.setdefault("s3:prefix", "")
        if action == "DeleteObjects":
            needs = [(permission, f"{arn}/{name}") for name in _deleted(request.body)]
        if "x-amz-copy-source" in request.headers:
            source = unquote(request.headers["x-amz-copy-source"]).lstrip("/")
            needs.insert(0, ("s3:GetObject", f"arn:aws:s3:::{source}"))
            action = "UploadPartCopy" if action == "UploadPart" else "CopyObject"
        return S3Call(action, tuple(needs), bucket, key, query, context)
    what = ", ".join(sorted(_OTHER & set(query))) or "this"
    raise AwsError(
        "NotImplemented", f"The emulator's S3 has no {request.method} of {what}.", 501
    )


class S3:
    """S3 of one emulator.

    Args:
        state: Where the buckets are.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def bucket(self, name: str) -> Bucket:
        """A bucket, or AWS's error that there is none."""
        found = self._state.buckets.get(name)
        if found is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        return found

    def call(
        self,
        request: Request,
        call: S3Call,
        account_id: str,
        region: str,
        permits: Callable[[str, str], bool],
    ) -> Response:
        """Answer one call.

        Args:
            request: The request.
            call: What it asks.
            account_id: Account of the caller.
            region: Region of the request.
            permits: Whether the caller may perform an action on an ARN of the bucket.

        Returns:
            The response.

        Raises:
            AwsError: With S3's code and message.
        """
        if call.action == "ListBuckets":
            return self._list_buckets(account_id)
        if call.action == "CreateBucket":
            return self._create(call.bucket, account_id, region)
        bucket = self.bucket(call.bucket)
        if call.action in ("ListObjectsV2", "ListObjects"):
            return _list(bucket, call.query, call.action == "ListObjectsV2")
        if call.action in ("GetObject", "HeadObject"):
            found = bucket.get(call.key)
            if found is None:
                # Whoever may not list a bucket is not told what it lacks.
                if not permits("s3:ListBucket", f"arn:aws:s3:::{bucket.name}"):
                    raise AwsError("AccessDenied", "Access Denied", 403)
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            return _get(request, found)
        if call.key:
            return self._change_object(request, call, bucket)
        return self._about_bucket(request, call, bucket)

    def _list_buckets(self, account_id: str) -> Response:
        own = [one for one in self._state.buckets.values() if one.account_id == account_id]
        entries = "".join(
            f"<Bucket><Name>{one.name}</Name><CreationDate>{_iso(one.created)}</CreationDate>"
            f"<BucketRegion>{one.region}</BucketRegion></Bucket>"
            for one in sorted(own, key=lambda one: one.name)
        )
        owner = f"<Owner><ID>{account_id}</ID></Owner>"
        return _xml("ListAllMyBucketsResult", f"{owner}<Buckets>{entries}</Buckets>")

    def _create(self, name: str, account_id: str, region: str) -> Response:
        if not _NAME.fullmatch(name):
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
        found = self._state.buckets.get(name)
        if found is not None and found.account_id != account_id:
            message = (
                "The requested bucket name is not available. The bucket namespace is shared by "
                "all users of the system. Please select a different name and try again."
            )
            raise AwsError("BucketAlreadyExists", message, 409)
        if found is not None and region != "us-east-1":
            message = "Your previous request to create the named bucket succeeded and you own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409)
        if found is None:
            self._state.buckets[name] = Bucket(name, account_id, region)
        return Response(200, {"location": f"/{name}"})

    def _about_bucket(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        action = call.action
        if action == "HeadBucket":
            return Response(200, {"x-amz-bucket-region": bucket.region})
        if action == "GetBucketLocation":
            region = "" if bucket.region == "us-east-1" else bucket.region
            return _xml("LocationConstraint", region)
        if action == "GetBucketPolicy":
            if bucket.policy is None:
                raise AwsError("NoSuchBucketPolicy", "The bucket policy does not exist", 404)
            return Response(200, {"content-type": "application/json"}, bucket.policy.encode())
        if action == "PutBucketPolicy":
            policy.parse(request.body.decode())
            bucket.policy = request.body.decode()
            return Response(204)
        if action == "DeleteBucketPolicy":
            bucket.policy = None
            return Response(204)
        if action == "DeleteBucket":
            if len(bucket):
                message = "The bucket you tried to delete is not empty"
                raise AwsError("BucketNotEmpty", message, 409)
            del self._state.buckets[bucket.name]
            return Response(204)
        names = _deleted(request.body)
        for name in names:
            bucket.delete(name)
        entries = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return _xml("DeleteResult", entries)

    def _change_object(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        if call.action == "DeleteObject":
            bucket.delete(call.key)
            return Response(204)
        if call.action == "CreateMultipartUpload":
            name = secrets.token_hex(16)
            bucket.uploads[name] = Upload(call.key, _headers(request))
            return _xml(
                "InitiateMultipartUploadResult",
                f"<Bucket>{bucket.name}</Bucket><Key>{escape(call.key)}</Key>"
                f"<UploadId>{name}</UploadId>",
            )
        if call.action in ("PutObject", "CopyObject"):
            return self._put(request, call, bucket)
        upload = bucket.uploads.get(call.query["uploadId"])
        if upload is None or upload.key != call.key:
            message = "The specified upload does not exist."
            raise AwsError("NoSuchUpload", message, 404)
        if call.action == "AbortMultipartUpload":
            del bucket.uploads[call.query["uploadId"]]
            return Response(204)
        if call.action in ("UploadPart", "UploadPartCopy"):
            copied = call.action == "UploadPartCopy"
            data = self._source(request).data if copied else _payload(request)
            if span := request.headers.get("x-amz-copy-source-range"):
                start, end = _range(span, len(data)) or (0, len(data))
                data = data[start:end]
            part = stored(data, {})
            upload.parts[int(call.query["partNumber"])] = part
            return _copied("CopyPartResult", part) if copied else Response(200, {"etag": part.etag})
        return _complete(request, call, bucket, upload)

    def _put(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        present = bucket.get(call.key)
        wanted = request.headers.get("if-match")
        if (present and request.headers.get("if-none-match") == "*") or (
            wanted and (present is None or not _tag_matches(wanted, present.etag))
        ):
            message = "At least one of the pre-conditions you specified did not hold"
            raise AwsError("PreconditionFailed", message, 412)
        if call.action == "PutObject":
            new = stored(_payload(request), _headers(request))
            bucket.put(call.key, new)
            return Response(200, {"etag": new.etag})
        source = self._source(request)
        replace = request.headers.get("x-amz-metadata-directive") == "REPLACE"
        new = stored(source.data, _headers(request) if replace else source.headers)
        bucket.put(call.key, new)
        return _copied("CopyObjectResult", new)

    def _source(self, request: Request) -> StoredObject:
        name, _, key = unquote(request.headers["x-amz-copy-source"]).lstrip("/").partition("/")
        found = self.bucket(name).get(key)
        if found is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        return found


def _complete(request: Request, call: S3Call, bucket: Bucket, upload: Upload) -> Response:
    wanted = [
        (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"'))
        for part in _parse(request.body).iter()
        if part.tag.endswith("}Part") or part.tag == "Part"
    ]
    for number, tag in wanted:
        if number not in upload.parts or upload.parts[number].etag.strip('"') != tag:
            message = "One or more of the specified parts could not be found."
            raise AwsError("InvalidPart", message)
    whole = joined(upload, [number for number, _ in wanted])
    bucket.put(call.key, whole)
    del bucket.uploads[call.query["uploadId"]]
    return _xml(
        "CompleteMultipartUploadResult",
        f"<Bucket>{bucket.name}</Bucket><Key>{escape(call.key)}</Key>"
        f"<ETag>{escape(whole.etag)}</ETag>",
    )


def _get(request: Request, found: StoredObject) -> Response:
    size = len(found.data)
    headers = {
        "content-type": "binary/octet-stream",
        **found.headers,
        "accept-ranges": "bytes",
        "etag": found.etag,
        "last-modified": format_datetime(found.modified, usegmt=True),
    }
    wanted, unwanted = request.headers.get("if-match"), request.headers.get("if-none-match")
    if wanted and not _tag_matches(wanted, found.etag):
        message = "At least one of the pre-conditions you specified did not hold"
        raise AwsError("PreconditionFailed", message, 412)
    if unwanted and _tag_matches(unwanted, found.etag):
        return Response(304, headers)
    since = request.headers.get("if-unmodified-since")
    if since and not wanted and found.modified > parsedate_to_datetime(since):
        message = "At least one of the pre-conditions you specified did not hold"
        raise AwsError("PreconditionFailed", message, 412)
    span = _range(request.headers.get("range", ""), size)
    if span is None:
        return Response(200, {**headers, "content-length": str(size)}, found.data)
    start, end = span
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    return Response(206, headers, memoryview(found.data)[start:end])


def _range(text: str, size: int) -> tuple[int, int] | None:
    """First byte and the one after the last; None for all of it."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", text.replace(" ", ""))
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), min(size, int(match[2] or size) + 1)
    if start >= size or (match[2] and match[1] and int(match[2]) < start):
        raise AwsError("InvalidRange", "The requested range is not satisfiable", 416)
    return start, end


def _list(bucket: Bucket, query: Mapping[str, str], second: bool) -> Response:
    most = min(int(query.get("max-keys") or MAX_KEYS), MAX_KEYS)
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    token = query.get("continuation-token") if second else None
    after = query.get("start-after" if second else "marker", "")
    if token is not None:
        try:
            after = base64.urlsafe_b64decode(token).decode()
        except ValueError as error:
            message = "The continuation token provided is incorrect"
            raise AwsError("InvalidArgument", message) from error
    page = bucket.list(prefix, delimiter, after, most)
    in_url = query.get("encoding-type") == "url"

    def text(value: str) -> str:
        return quote(value, safe="/") if in_url else escape(value)

    def entry(key: str) -> str:
        found = bucket.get(key)
        assert found is not None
        return (
            f"<Contents><Key>{text(key)}</Key><LastModified>{_iso(found.modified)}</LastModified>"
            f"<ETag>{escape(found.etag)}</ETag><Size>{len(found.data)}</Size>"
            "<StorageClass>STANDARD</StorageClass></Contents>"
        )

    parts = [
        f"<Name>{bucket.name}</Name><Prefix>{text(prefix)}</Prefix><MaxKeys>{most}</MaxKeys>",
        f"<Delimiter>{text(delimiter)}</Delimiter>" if delimiter else "",
        "<EncodingType>url</EncodingType>" if in_url else "",
        f"<IsTruncated>{'true' if page.resume_after else 'false'}</IsTruncated>",
    ]
    if second:
        parts.append(f"<KeyCount>{len(page.keys) + len(page.prefixes)}</KeyCount>")
        if token is not None:
            parts.append(f"<ContinuationToken>{escape(token)}</ContinuationToken>")
        if page.resume_after:
            following = base64.urlsafe_b64encode(page.resume_after.encode()).decode()
            parts.append(f"<NextContinuationToken>{following}</NextContinuationToken>")
    else:
        parts.append(f"<Marker>{text(after)}</Marker>")
        if page.resume_after and delimiter:
            parts.append(f"<NextMarker>{text(page.resume_after)}</NextMarker>")
    parts += [entry(key) for key in page.keys]
    parts += [f"<CommonPrefixes><Prefix>{text(one)}</Prefix></CommonPrefixes>"
              for one in page.prefixes]
    return _xml("ListBucketResult", "".join(parts))


def _payload(request: Request) -> bytes:
    """The body, without the chunk framing that some clients sign it in."""
    if not request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return request.body
    data, at, chunks = request.body, 0, []
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end].split(b";")[0], 16)
        if size == 0:
            return b"".join(chunks)
        chunks.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


def _headers(request: Request) -> dict[str, str]:
    kept = {
        name: value
        for name, value in request.headers.items()
        if name in _KEPT or name.startswith("x-amz-meta-")
    }
    codings = [one.strip() for one in kept.pop("content-encoding", "").split(",")]
    if coding := ",".join(one for one in codings if one and one != "aws-chunked"):
        kept["content-encoding"] = coding
    return kept


def _deleted(body: bytes) -> list[str]:
    return [one.text or "" for one in _parse(body).iter() if one.tag.rpartition("}")[2] == "Key"]


def _parse(body: bytes) -> Any:
    try:
        return ElementTree.fromstring(body)
    except ElementTree.ParseError as error:
        raise AwsError(
            "MalformedXML", "The XML you provided was not well-formed or did not validate"
        ) from error


def _tag_matches(wanted: str, etag: str) -> bool:
    return wanted == "*" or etag in [one.strip() for one in wanted.split(",")] or (
        etag.strip('"') == wanted.strip('"')
    )


def _copied(name: str, new: StoredObject) -> Response:
    return _xml(
        name,
        f"<LastModified>{_iso(new.modified)}</LastModified><ETag>{escape(new.etag)}</ETag>",
    )


def _iso(moment: Any) -> str:
    return str(moment.strftime("%Y-%m-%dT%H:%M:%S.000Z"))


def _xml(name: str, content: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {_NAMESPACE}>{content}</{name}>'
    return Response(200, {"content-type": _XML}, text.encode())
