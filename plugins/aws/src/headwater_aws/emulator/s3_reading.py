"""Reading from S3: ranges, preconditions, listings.

Source: GetObject, ListObjects and ListObjectsV2, S3 API reference; RFC 9110, section 14.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import quote
from xml.sax.saxutils import escape

from headwater_aws.emulator.buckets import Bucket, StoredObject
from headwater_aws.emulator.errors import AwsError
from headwater_aws.emulator.wire import Request, Response

MAX_KEYS = 1000
_NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'


def get_object(request: Request, stored: StoredObject) -> Response:
    """Answer GetObject or HeadObject.

    Args:
        request: Its range and preconditions are honoured.
        stored: The object.

    Returns:
        The object or a part of it, or 304.

    Raises:
        AwsError: `PreconditionFailed` or `InvalidRange`.
    """
    size = len(stored.data)
    headers = {
        "content-type": "binary/octet-stream",
        **stored.headers,
        "accept-ranges": "bytes",
        "etag": stored.etag,
        "last-modified": format_datetime(stored.modified, usegmt=True),
    }
    if_match, if_none_match = request.headers.get("if-match"), request.headers.get("if-none-match")
    if if_match and not tag_matches(if_match, stored.etag):
        message = "At least one of the pre-conditions you specified did not hold"
        raise AwsError("PreconditionFailed", message, 412)
    if if_none_match and tag_matches(if_none_match, stored.etag):
        return Response(304, headers)
    since = request.headers.get("if-unmodified-since")
    if since and not if_match and stored.modified > parsedate_to_datetime(since):
        message = "At least one of the pre-conditions you specified did not hold"
        raise AwsError("PreconditionFailed", message, 412)
    span = byte_range(request.headers.get("range", ""), size)
    if span is None:
        body = b"" if request.method == "HEAD" else stored.data[:]
        return Response(200, {**headers, "content-length": str(size)}, body)
    start, end = span
    headers["content-range"] = f"bytes {start}-{end - 1}/{size}"
    headers["content-length"] = str(end - start)
    data = stored.data
    body = memoryview(data)[start:end] if isinstance(data, bytes) else data[start:end]
    return Response(206, headers, body)


def byte_range(text: str, size: int) -> tuple[int, int] | None:
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


def list_objects(bucket: Bucket, query: Mapping[str, str], *, second: bool) -> Response:
    """Answer ListObjectsV2 or its predecessor.

    Args:
        bucket: The bucket.
        query: The query string.
        second: Whether it is version 2.

    Returns:
        One page.

    Raises:
        AwsError: `InvalidArgument`, for a continuation token that is not ours.
    """
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
        stored = bucket.get(key)
        assert stored is not None
        return (
            f"<Contents><Key>{text(key)}</Key><LastModified>{iso(stored.modified)}</LastModified>"
            f"<ETag>{escape(stored.etag)}</ETag><Size>{len(stored.data)}</Size>"
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
    parts += [
        f"<CommonPrefixes><Prefix>{text(one)}</Prefix></CommonPrefixes>" for one in page.prefixes
    ]
    return xml("ListBucketResult", "".join(parts))


def tag_matches(tags: str, etag: str) -> bool:
    """Whether an entity tag is among those of an If-Match or If-None-Match header."""
    return (
        tags == "*"
        or etag in [one.strip() for one in tags.split(",")]
        or (etag.strip('"') == tags.strip('"'))
    )


def iso(moment: datetime) -> str:
    """A time as S3 writes it in XML."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def xml(name: str, content: str) -> Response:
    """An XML answer, `content` being the inside of its root element."""
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<{name} {_NAMESPACE}>{content}</{name}>'
    return Response(200, {"content-type": "application/xml"}, text.encode())
