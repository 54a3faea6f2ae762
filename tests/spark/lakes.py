"""Lakes for the tests: files in the emulator's buckets, and the identities that read them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from headwater.auth.credentials import Access
from headwater.tables.relation import DataFile, FilePartition, FileRelation
from headwater.tables.table import Column, TableName
from headwater_aws.auth import OidcRole
from headwater_aws.testing import Emulator

ACCOUNT = "123456789012"


def put(aws: Emulator, bucket: str, key: str, **data: Any) -> DataFile:
    """Write a Parquet file into a bucket."""
    buffer = io.BytesIO()
    pq.write_table(pa.table(data), buffer)
    body = buffer.getvalue()
    answer = aws.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
    return DataFile(f"s3://{bucket}/{key}", len(body), etag=answer["ETag"])


def relation(
    columns: tuple[Column, ...],
    parts: Mapping[tuple[str | None, ...], list[DataFile]],
    keys: tuple[str, ...] = (),
    auth_ref: str | None = "lake",
    name: str = "events",
) -> FileRelation:
    """Return a relation over files in S3, by their partition values."""
    named = tuple(
        DataFile(f.path, f.size, index, f.etag)
        for index, files in enumerate(parts.values())
        for f in files
    )
    partitions = tuple(FilePartition(values) for values in parts)
    return FileRelation(
        TableName("db", name), columns, keys, "parquet", {}, partitions, named, auth_ref
    )


def role(
    aws: Emulator,
    name: str = "reader",
    *,
    policy: Mapping[str, Any] | None = None,
    token: Callable[[], str] | None = None,
) -> Any:
    """Return an opened session of a role that trusts the emulator's issuer."""
    arn = aws.create_oidc_role(name=name, subject=name, policy=policy)
    strategy = OidcRole(
        role_arn=arn,
        token=token or (lambda: aws.issuer.token(sub=name, aud="sts.amazonaws.com")),
        session_name=name,
    )
    return strategy.open(region="us-east-1", endpoint_url=aws.endpoint_url)


def reading(*prefixes: str) -> dict[str, Any]:
    """Return a policy that reads prefixes (`bucket/prefix/`) and lists nothing else."""
    buckets = sorted({p.partition("/")[0] for p in prefixes})
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "s3:GetObject",
                "Resource": [f"arn:aws:s3:::{p}*" for p in prefixes],
            },
            {
                "Effect": "Allow",
                "Action": "s3:ListBucket",
                "Resource": [f"arn:aws:s3:::{b}" for b in buckets],
            },
        ],
    }


def access(**sessions: Any) -> Access:
    """Return an access of opened sessions."""
    return Access(sessions)


def readers(aws: Emulator) -> set[str]:
    """Return the names of the role sessions that read objects."""
    return {str(r.principal).rpartition("/")[2] for r in aws.requests if r.action == "GetObject"}
