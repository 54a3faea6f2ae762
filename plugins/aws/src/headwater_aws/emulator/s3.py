"""S3: buckets, objects, multipart uploads, copies. Path-style addresses only.

Source: S3 API reference. There are no versions, tags, ACLs or encryption here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from urllib.parse import unquote
from xml.sax.saxutils import escape

from headwater_aws.emulator import policy
from headwater_aws.emulator.buckets import Bucket, StoredObject, Upload, joined, stored
from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.s3_calls import S3Call, deleted_keys, parse_xml
from headwater_aws.emulator.s3_reading import (
    byte_range,
    get_object,
    iso,
    list_objects,
    tag_matches,
    xml,
)
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Request, Response

_STORED_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


class S3:
    """S3 of one emulator.

    Args:
        state: Where the buckets are.
    """

    def __init__(self, state: State) -> None:
        self._state = state

    def bucket(self, name: str) -> Bucket:
        """A bucket, or AWS's error that there is none."""
        existing = self._state.buckets.get(name)
        if existing is None:
            raise AwsError("NoSuchBucket", "The specified bucket does not exist", 404)
        return existing

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
            return list_objects(bucket, call.query, second=call.action == "ListObjectsV2")
        if call.action in ("GetObject", "HeadObject"):
            stored = bucket.get(call.key)
            if stored is None:
                # Whoever may not list a bucket is not told what it lacks.
                if not permits("s3:ListBucket", f"arn:aws:s3:::{bucket.name}"):
                    raise AwsError("AccessDenied", "Access Denied", 403)
                raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
            return get_object(request, stored)
        if call.key:
            return self._change_object(request, call, bucket)
        return self._about_bucket(request, call, bucket)

    def _list_buckets(self, account_id: str) -> Response:
        own = [one for one in self._state.buckets.values() if one.account_id == account_id]
        entries = "".join(
            f"<Bucket><Name>{one.name}</Name><CreationDate>{iso(one.created)}</CreationDate>"
            f"<BucketRegion>{one.region}</BucketRegion></Bucket>"
            for one in sorted(own, key=lambda one: one.name)
        )
        owner = f"<Owner><ID>{account_id}</ID></Owner>"
        return xml("ListAllMyBucketsResult", f"{owner}<Buckets>{entries}</Buckets>")

    def _create(self, name: str, account_id: str, region: str) -> Response:
        if not _NAME.fullmatch(name):
            raise AwsError("InvalidBucketName", "The specified bucket is not valid.")
        existing = self._state.buckets.get(name)
        if existing is not None and existing.account_id != account_id:
            message = (
                "The requested bucket name is not available. The bucket namespace is shared by "
                "all users of the system. Please select a different name and try again."
            )
            raise AwsError("BucketAlreadyExists", message, 409)
        if existing is not None and region != "us-east-1":
            message = "Your previous request to create the named bucket succeeded and you own it."
            raise AwsError("BucketAlreadyOwnedByYou", message, 409)
        if existing is None:
            self._state.buckets[name] = Bucket(name, account_id, region)
        return Response(200, {"location": f"/{name}"})

    def _about_bucket(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        action = call.action
        if action == "HeadBucket":
            return Response(200, {"x-amz-bucket-region": bucket.region})
        if action == "GetBucketLocation":
            region = "" if bucket.region == "us-east-1" else bucket.region
            return xml("LocationConstraint", region)
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
        names = deleted_keys(request.body)
        for name in names:
            bucket.delete(name)
        entries = "".join(f"<Deleted><Key>{escape(name)}</Key></Deleted>" for name in names)
        return xml("DeleteResult", entries)

    def _change_object(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        if call.action == "DeleteObject":
            bucket.delete(call.key)
            return Response(204)
        if call.action == "CreateMultipartUpload":
            name = secrets.token_hex(16)
            bucket.uploads[name] = Upload(call.key, _headers(request))
            return xml(
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
                start, end = byte_range(span, len(data)) or (0, len(data))
                data = data[start:end]
            part = stored(data, {})
            upload.parts[int(call.query["partNumber"])] = part
            return _copied("CopyPartResult", part) if copied else Response(200, {"etag": part.etag})
        return _complete(request, call, bucket, upload)

    def _put(self, request: Request, call: S3Call, bucket: Bucket) -> Response:
        present = bucket.get(call.key)
        if_match = request.headers.get("if-match")
        if if_match and present is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        if (present and request.headers.get("if-none-match") == "*") or (
            if_match and present and not tag_matches(if_match, present.etag)
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
        stored = self.bucket(name).get(key)
        if stored is None:
            raise AwsError("NoSuchKey", "The specified key does not exist.", 404)
        return stored


def _complete(request: Request, call: S3Call, bucket: Bucket, upload: Upload) -> Response:
    parts = [
        (int(part.findtext("{*}PartNumber") or 0), (part.findtext("{*}ETag") or "").strip('"'))
        for part in parse_xml(request.body).iter()
        if part.tag.endswith("}Part") or part.tag == "Part"
    ]
    for number, tag in parts:
        if number not in upload.parts or upload.parts[number].etag.strip('"') != tag:
            message = "One or more of the specified parts could not be found."
            raise AwsError("InvalidPart", message)
    whole = joined(upload, [number for number, _ in parts])
    bucket.put(call.key, whole)
    del bucket.uploads[call.query["uploadId"]]
    return xml(
        "CompleteMultipartUploadResult",
        f"<Bucket>{bucket.name}</Bucket><Key>{escape(call.key)}</Key>"
        f"<ETag>{escape(whole.etag)}</ETag>",
    )


def _payload(request: Request) -> bytes:
    """The body, without the chunk framing that some clients sign it in."""
    if not request.headers.get("x-amz-content-sha256", "").startswith("STREAMING-"):
        return request.body
    chunks: list[bytes] = []
    data, at = request.body, 0
    while True:
        end = data.index(b"\r\n", at)
        size = int(data[at:end].split(b";")[0], 16)
        if size == 0:
            return b"".join(chunks)
        chunks.append(data[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


def _headers(request: Request) -> dict[str, str]:
    stored_headers = {
        name: value
        for name, value in request.headers.items()
        if name in _STORED_HEADERS or name.startswith("x-amz-meta-")
    }
    codings = [one.strip() for one in stored_headers.pop("content-encoding", "").split(",")]
    if coding := ",".join(one for one in codings if one and one != "aws-chunked"):
        stored_headers["content-encoding"] = coding
    return stored_headers


def _copied(name: str, new: StoredObject) -> Response:
    return xml(
        name,
        f"<LastModified>{iso(new.modified)}</LastModified><ETag>{escape(new.etag)}</ETag>",
    )
