"""Our own stores of ledgers keep the contract."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headwater.auth.credentials import Secret
from headwater.interfaces.ledger_store import LedgerStore
from headwater.ledger.file_store import FileLedgerStore
from headwater.testing import LedgerStoreContract
from headwater_aws import StaticKeys
from headwater_aws.testing import Emulator
from headwater_s3 import S3LedgerStore

REGION = "eu-central-1"


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


class TestFile(LedgerStoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LedgerStore:
        return FileLedgerStore(path=str(tmp_path / "state" / "ledger"))

    @pytest.fixture
    def hidden_store(self, tmp_path: Path) -> LedgerStore:
        (tmp_path / "file").touch()
        return FileLedgerStore(path=str(tmp_path / "file" / "ledger"))


class TestS3(LedgerStoreContract):
    @pytest.fixture
    def keys(self, emulator: Emulator) -> StaticKeys:
        emulator.reset()
        emulator.client("s3", region=REGION).create_bucket(
            Bucket="state", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        allowed = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": "arn:aws:s3:::state/h/*"}
        listed = {"Action": "s3:ListBucket", "Resource": "arn:aws:s3:::state"}
        statements = [{"Effect": "Allow", **one} for one in (allowed, listed)]
        key, secret = emulator.create_user_keys(
            policy={"Version": "2012-10-17", "Statement": statements}
        )
        return StaticKeys(access_key_id=key, secret_access_key=Secret(secret))

    @pytest.fixture
    def store(self, emulator: Emulator, keys: StaticKeys) -> LedgerStore:
        return S3LedgerStore(
            uri="s3://state/h/ledger", region=REGION, auth=keys, endpoint_url=emulator.endpoint_url
        )

    @pytest.fixture
    def hidden_store(self, emulator: Emulator, keys: StaticKeys) -> LedgerStore:
        return S3LedgerStore(
            uri="s3://state/elsewhere", region=REGION, auth=keys, endpoint_url=emulator.endpoint_url
        )
