"""Keys are found on the files themselves; the emulator encrypts nothing, so S3 is played here."""

from __future__ import annotations

from typing import cast

import pytest
from plugins.aws.tests.support import client_error

from headwater.auth.credentials import Permission
from headwater.errors import AccessDeniedError
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import DataFile, FileRelation, IcebergRelation, Relation
from headwater.tables.table import TableName
from headwater_aws.policy.keys import key_permissions
from headwater_aws.session import AwsSession

KEY = "arn:aws:kms:eu-west-1:123456789012:key/abc"
NAME = TableName("db", "t")


class Storage:
    """An AWS session whose S3 answers from a dict of heads."""

    region = "eu-west-1"

    def caller_arn(self) -> str:
        return "arn:aws:iam::123456789012:user/me"

    def __init__(self, heads: dict[str, dict[str, str]]) -> None:
        self.heads = heads
        self.asked: list[str] = []

    def client(self, service: str) -> Storage:
        assert service == "s3"
        return self

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, str]:  # noqa: N803 - S3's names
        self.asked.append(f"{Bucket}/{Key}")
        if f"{Bucket}/{Key}" not in self.heads:
            raise client_error("403", "Forbidden", "HeadObject")
        return self.heads[f"{Bucket}/{Key}"]


def found(storage: Storage, *relations: Relation) -> tuple[Permission, ...]:
    estimate = ScanEstimate(0, None, 0, 0)
    scans = tuple(Scan(f"t{n}", NAME, r, estimate) for n, r in enumerate(relations))
    plan = Plan("c", "", "", scans, None, None, "", "")
    return key_permissions(plan, cast("AwsSession", storage), "me")


def files(*paths: str) -> FileRelation:
    return FileRelation(NAME, (), files=tuple(DataFile(p, 1) for p in paths), auth_ref="me")


def test_each_key_once_and_one_file_of_each_bucket() -> None:
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY}
    plain = {"ServerSideEncryption": "AES256"}
    storage = Storage({"a/1": encrypted, "b/1": plain, "c/m.json": encrypted})
    iceberg = IcebergRelation(NAME, (), "s3://c/m.json", None, "me")
    theirs = FileRelation(NAME, (), files=(DataFile("s3://z/1", 1),), auth_ref="other")
    (permission,) = found(storage, files("s3://a/1", "s3://a/2", "s3://b/1"), iceberg, theirs)
    assert permission.action == "kms:Decrypt"
    assert permission.resources == (KEY,)
    assert permission.conditions == {
        "StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}
    }
    assert storage.asked == ["a/1", "b/1", "c/m.json"]


def test_nothing_encrypted_needs_nothing() -> None:
    assert found(Storage({"a/1": {}}), files("s3://a/1")) == ()


def test_a_file_that_may_not_be_looked_at() -> None:
    with pytest.raises(AccessDeniedError, match="may not s3:GetObject on arn:aws:s3:::a/1"):
        found(Storage({}), files("s3://a/1"))
