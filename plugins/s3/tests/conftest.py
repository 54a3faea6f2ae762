"""One emulator for all of the plugin's tests; each test begins with an empty bucket."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import orc

from headwater.auth.credentials import Secret
from headwater_aws.auth.static import StaticKeys
from headwater_aws.testing import Emulator
from headwater_s3 import S3DataSource

REGION = "us-east-1"


class Bucket:
    """The bucket `lake`, and sources over it."""

    def __init__(self, aws: Emulator) -> None:
        self.aws = aws
        self.s3 = aws.client("s3")
        self.s3.create_bucket(Bucket="lake")

    def write(self, key: str, content: pa.Table | bytes | str) -> None:
        """Put a file into the bucket; an Arrow table is written as its key says."""
        if isinstance(content, pa.Table):
            buffer = io.BytesIO()
            orc.write_table(content, buffer) if key.endswith(".orc") else pq.write_table(
                content, buffer
            )
            content = buffer.getvalue()
        if isinstance(content, str):
            content = content.encode()
        self.s3.put_object(Bucket="lake", Key=key, Body=content)

    def keys(self, policy: Mapping[str, Any] | None = None) -> StaticKeys:
        """Return the keys of a new user; without a policy it reads all buckets."""
        key, secret = self.aws.create_user_keys(policy=policy)
        return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))

    def everything(self) -> dict[str, str]:
        """Return how deltalake and others write here."""
        allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        key, secret = self.aws.create_user_keys(
            policy={"Version": "2012-10-17", "Statement": [allow]}
        )
        return {
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": self.aws.endpoint_url,
            "AWS_ALLOW_HTTP": "true",
            "conditional_put": "etag",
        }

    def source(self, path: str | None = None, **told: Any) -> S3DataSource:
        """Return a source; `path` is a key of the bucket."""
        if path is not None:
            told["path"] = f"s3://lake/{path}"
        if "paths" in told:
            told["paths"] = {n: f"s3://lake/{p}" for n, p in told["paths"].items()}
        told.setdefault("auth", self.keys())
        return S3DataSource(region=REGION, endpoint_url=self.aws.endpoint_url, **told)

    def listed(self) -> list[str]:
        """Return the prefixes that were listed, in order, and forget them."""
        found = self.aws.requests.select("s3:ListObjectsV2")
        self.aws.requests.clear()
        return [r.parameters["prefix"] for r in found]


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


@pytest.fixture
def bucket(emulator: Emulator) -> Bucket:
    emulator.reset()
    return Bucket(emulator)
