"""S3 as boto3 sees it: ranges, listings, uploads, preconditions."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.httpsession import URLLib3Session
from plugins.aws.tests.emulator.support import OTHER, refused

from headwater_aws.testing import Emulator

DATA = bytes(range(256)) * 40


@pytest.fixture
def s3(aws: Emulator) -> Any:
    client = aws.client("s3")
    client.create_bucket(Bucket="lake")
    return client


def put(s3: Any, *keys: str) -> None:
    for key in keys:
        s3.put_object(Bucket="lake", Key=key, Body=key.encode())


def keys(answer: dict[str, Any]) -> list[str]:
    return [one["Key"] for one in answer.get("Contents", [])]


def prefixes(answer: dict[str, Any]) -> list[str]:
    return [one["Prefix"] for one in answer.get("CommonPrefixes", [])]


@pytest.mark.parametrize(
    ("span", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=100-199", 100, 200),
        ("bytes=10000-", 10000, len(DATA)),
        ("bytes=10000-999999", 10000, len(DATA)),
        ("bytes=-8", len(DATA) - 8, len(DATA)),
        ("bytes=-999999", 0, len(DATA)),
    ],
)
def test_ranges(s3: Any, span: str, start: int, end: int) -> None:
    s3.put_object(Bucket="lake", Key="k", Body=DATA)
    answer = s3.get_object(Bucket="lake", Key="k", Range=span)
    assert answer["Body"].read() == DATA[start:end]
    assert answer["ContentRange"] == f"bytes {start}-{end - 1}/{len(DATA)}"
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206


@pytest.mark.parametrize("span", [f"bytes={len(DATA)}-", "bytes=99999-100000", "bytes=5-3"])
def test_ranges_that_cannot_be(s3: Any, span: str) -> None:
    s3.put_object(Bucket="lake", Key="k", Body=DATA)
    with refused("InvalidRange", status=416):
        s3.get_object(Bucket="lake", Key="k", Range=span)


def test_a_range_of_nothing(s3: Any) -> None:
    s3.put_object(Bucket="lake", Key="empty", Body=b"")
    assert s3.get_object(Bucket="lake", Key="empty")["Body"].read() == b""
    with refused("InvalidRange"):
        s3.get_object(Bucket="lake", Key="empty", Range="bytes=0-")


def test_what_a_head_says(s3: Any) -> None:
    put_answer = s3.put_object(
        Bucket="lake", Key="k", Body=DATA, ContentType="text/csv", Metadata={"owner": "ann"}
    )
    head = s3.head_object(Bucket="lake", Key="k")
    assert head["ContentLength"] == len(DATA)
    assert head["ContentType"] == "text/csv"
    assert head["Metadata"] == {"owner": "ann"}
    assert head["ETag"] == put_answer["ETag"] == f'"{hashlib.md5(DATA).hexdigest()}"'
    assert head["AcceptRanges"] == "bytes"


def test_preconditions_of_reading(s3: Any) -> None:
    etag = s3.put_object(Bucket="lake", Key="k", Body=DATA)["ETag"]
    s3.get_object(Bucket="lake", Key="k", IfMatch=etag)
    with refused("PreconditionFailed", status=412):
        s3.get_object(Bucket="lake", Key="k", IfMatch='"other"')
    with refused("304"):
        s3.get_object(Bucket="lake", Key="k", IfNoneMatch=etag)
    s3.get_object(Bucket="lake", Key="k", IfNoneMatch='"other"')


def test_preconditions_of_writing(s3: Any) -> None:
    etag = s3.put_object(Bucket="lake", Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    with refused("PreconditionFailed", status=412):
        s3.put_object(Bucket="lake", Key="k", Body=b"2", IfNoneMatch="*")
    s3.put_object(Bucket="lake", Key="k", Body=b"2", IfMatch=etag)
    with refused("PreconditionFailed"):
        s3.put_object(Bucket="lake", Key="k", Body=b"3", IfMatch=etag)
    assert s3.get_object(Bucket="lake", Key="k")["Body"].read() == b"2"
    with refused("NoSuchKey", status=404):
        s3.put_object(Bucket="lake", Key="gone", Body=b"3", IfMatch=etag)


def test_who_compares_before_writing_must_be_allowed_to_read(aws: Emulator, s3: Any) -> None:
    etag = s3.put_object(Bucket="lake", Key="k", Body=b"1")["ETag"]
    statement = {"Effect": "Allow", "Action": "s3:PutObject", "Resource": "arn:aws:s3:::lake/*"}
    key, secret = aws.create_user_keys(policy={"Version": "2012-10-17", "Statement": [statement]})
    writer = aws.client_for("s3", {"AccessKeyId": key, "SecretAccessKey": secret})
    writer.put_object(Bucket="lake", Key="other", Body=b"2", IfNoneMatch="*")
    with refused("AccessDenied", status=403):
        writer.put_object(Bucket="lake", Key="k", Body=b"2", IfMatch=etag)


def test_listing_in_order_and_in_pages(s3: Any) -> None:
    names = sorted(f"d={n % 7}/p {n:04d}+é.parquet" for n in range(1200))
    for name in reversed(names):
        s3.put_object(Bucket="lake", Key=name, Body=b"")
    pages = list(s3.get_paginator("list_objects_v2").paginate(Bucket="lake"))
    assert [page["KeyCount"] for page in pages] == [1000, 200]
    assert [page["IsTruncated"] for page in pages] == [True, False]
    assert [key for page in pages for key in keys(page)] == names
    first = list(s3.get_paginator("list_objects").paginate(Bucket="lake"))
    assert [key for page in first for key in keys(page)] == names


def test_listing_by_prefix_and_delimiter(s3: Any) -> None:
    put(s3, "a/1", "a/2", "a/b/1", "ab", "c", "d/1")
    assert keys(s3.list_objects_v2(Bucket="lake", Prefix="a/")) == ["a/1", "a/2", "a/b/1"]
    top = s3.list_objects_v2(Bucket="lake", Delimiter="/")
    assert (prefixes(top), keys(top)) == (["a/", "d/"], ["ab", "c"])
    inner = s3.list_objects_v2(Bucket="lake", Prefix="a/", Delimiter="/")
    assert (prefixes(inner), keys(inner)) == (["a/b/"], ["a/1", "a/2"])
    assert keys(s3.list_objects_v2(Bucket="lake", StartAfter="ab")) == ["c", "d/1"]
    assert s3.list_objects_v2(Bucket="lake", Prefix="zz")["KeyCount"] == 0


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pages_of_groups(s3: Any, size: int) -> None:
    put(s3, "a/1", "a/2", "b", "c/1", "c/2", "d")
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(
            Bucket="lake", Delimiter="/", PaginationConfig={"PageSize": size}
        )
        found = [name for page in pages for name in sorted(prefixes(page) + keys(page))]
        assert found == ["a/", "b", "c/", "d"]


def test_a_token_that_is_none(s3: Any) -> None:
    with refused("InvalidArgument", "continuation token"):
        s3.list_objects_v2(Bucket="lake", ContinuationToken="\N{SNOWMAN}")


def test_uploads_in_parts(s3: Any) -> None:
    data = bytes(range(256)) * 24 * 1024  # 6 MiB
    config = TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    s3.upload_fileobj(io.BytesIO(data), "lake", "big", Config=config)
    head = s3.head_object(Bucket="lake", Key="big")
    assert head["ETag"].endswith('-2"')
    assert (
        s3.get_object(Bucket="lake", Key="big", Range="bytes=5242870-5242889")["Body"].read()
        == data[5242870:5242890]
    )
    target = io.BytesIO()
    s3.download_fileobj("lake", "big", target, Config=config)
    assert target.getvalue() == data


def test_an_upload_that_is_given_up(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="lake", Key="k")["UploadId"]
    asked = {"Bucket": "lake", "Key": "k", "UploadId": upload}
    etag = s3.upload_part(**asked, PartNumber=1, Body=b"x")["ETag"]
    with refused("InvalidPart"):
        parts = [{"PartNumber": 2, "ETag": etag}]
        s3.complete_multipart_upload(**asked, MultipartUpload={"Parts": parts})
    s3.abort_multipart_upload(**asked)
    with refused("NoSuchUpload"):
        s3.upload_part(**asked, PartNumber=1, Body=b"x")
    with refused("NoSuchKey"):
        s3.get_object(Bucket="lake", Key="k")


def test_a_body_signed_chunk_by_chunk(aws: Emulator, s3: Any) -> None:
    """As Java's and C++'s SDKs send it: framed in chunks, with trailing checksums."""
    body = (
        b"5;chunk-signature=aa\r\nhello\r\n6;chunk-signature=bb\r\n world\r\n0\r\nx-amz:1\r\n\r\n"
    )
    headers = {"Content-Encoding": "aws-chunked", "X-Amz-Decoded-Content-Length": "11"}
    request = AWSRequest("PUT", f"{aws.endpoint_url}/lake/k", headers, body)

    class Streaming(S3SigV4Auth):
        def payload(self, request: Any) -> str:
            return "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"

    admin = s3._request_signer._credentials
    signer = Streaming(Credentials(admin.access_key, admin.secret_key), "s3", "us-east-1")
    signer.add_auth(request)
    session = URLLib3Session()
    assert session.send(request.prepare()).status_code == 200
    session.close()
    stored = s3.get_object(Bucket="lake", Key="k")
    assert stored["Body"].read() == b"hello world"
    assert "ContentEncoding" not in stored


def test_copies_and_deletions(s3: Any) -> None:
    s3.put_object(Bucket="lake", Key="a b", Body=b"x", ContentType="text/csv")
    s3.copy_object(Bucket="lake", Key="c", CopySource={"Bucket": "lake", "Key": "a b"})
    assert s3.head_object(Bucket="lake", Key="c")["ContentType"] == "text/csv"
    with refused("NoSuchKey"):
        s3.copy_object(Bucket="lake", Key="c", CopySource="lake/missing")
    s3.delete_object(Bucket="lake", Key="missing")
    s3.delete_objects(Bucket="lake", Delete={"Objects": [{"Key": "a b"}, {"Key": "c"}]})
    assert keys(s3.list_objects_v2(Bucket="lake")) == []


def test_buckets(aws: Emulator, s3: Any) -> None:
    with refused("BucketAlreadyExists", status=409):
        aws.client("s3", account_id=OTHER).create_bucket(Bucket="lake")
    s3.create_bucket(Bucket="lake")  # again, in us-east-1, is no error
    far = aws.client("s3", region="eu-west-1")
    where = {"LocationConstraint": "eu-west-1"}
    far.create_bucket(Bucket="far", CreateBucketConfiguration=where)
    assert far.get_bucket_location(Bucket="far")["LocationConstraint"] == "eu-west-1"
    assert s3.get_bucket_location(Bucket="lake")["LocationConstraint"] is None
    assert s3.head_bucket(Bucket="far")["BucketRegion"] == "eu-west-1"
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["far", "lake"]
    assert aws.client("s3", account_id=OTHER).list_buckets()["Buckets"] == []
    with refused("NoSuchBucket", status=404):
        s3.list_objects_v2(Bucket="missing")
    with refused("InvalidBucketName"):
        s3.create_bucket(Bucket="Lake_1")
    put(s3, "k")
    with refused("BucketNotEmpty"):
        s3.delete_bucket(Bucket="lake")
    s3.delete_object(Bucket="lake", Key="k")
    s3.delete_bucket(Bucket="lake")
    with refused("404"):
        s3.head_bucket(Bucket="lake")


def test_bucket_policies(s3: Any) -> None:
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="lake")
    text = '{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}'
    s3.put_bucket_policy(Bucket="lake", Policy=text)
    assert s3.get_bucket_policy(Bucket="lake")["Policy"] == text
    s3.delete_bucket_policy(Bucket="lake")
    with refused("NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="lake")
    with refused("MalformedPolicyDocument"):
        s3.put_bucket_policy(Bucket="lake", Policy="{}")


def test_what_is_not_there_is_said(s3: Any) -> None:
    put(s3, "k")
    with refused("NotImplemented", "tagging", 501):
        s3.get_object_tagging(Bucket="lake", Key="k")
    with refused("NotImplemented", "versions"):
        s3.list_object_versions(Bucket="lake")
