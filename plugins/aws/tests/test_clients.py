from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from plugins.aws.tests.support import REGION, oidc_role, opened, seed, soon_again

from headwater.auth.credentials import Secret
from headwater.errors import AuthError, SourceError
from headwater_aws import StaticKeys
from headwater_aws.clients import ATTEMPTS, THREADS, deadline
from headwater_aws.testing import Emulator

KEYS = StaticKeys(access_key_id="AKIA", secret_access_key=Secret("x"))


def test_are_built_once_and_shared() -> None:
    with KEYS.open(region=REGION) as session, ThreadPoolExecutor(8) as pool:
        built = set(pool.map(lambda _: id(session.client("s3")), range(16)))
        assert len(built) == 1
        elsewhere = session.client("s3", region="eu-west-1")
        assert elsewhere is not session.client("s3")
        assert elsewhere.meta.region_name == "eu-west-1"


def test_are_patient_and_wide() -> None:
    with KEYS.open(region=REGION) as session:
        config = session.client("glue").meta.config
    assert config.retries == {"mode": "standard", "total_max_attempts": ATTEMPTS}
    assert config.max_pool_connections == THREADS == 32
    assert "headwater/" in config.user_agent_extra


def test_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [n for n in os.environ if n.startswith("AWS_ENDPOINT")]:
        monkeypatch.delenv(name)
    with KEYS.open(region="eu-west-1") as session:
        assert session.client("glue").meta.endpoint_url == "https://glue.eu-west-1.amazonaws.com"
        assert session.storage().settings == {"region": "eu-west-1"}
    with KEYS.open(region="cn-north-1") as session:
        assert session.storage().settings == {"region": "cn-north-1"}
    with KEYS.open(region="eu-west-1", endpoint_url="http://127.0.0.1:9") as session:
        for service in ("glue", "s3", "sts"):
            assert session.client(service).meta.endpoint_url == "http://127.0.0.1:9"
        assert session.client("s3").meta.config.s3["addressing_style"] == "path"
        assert session.storage().settings["endpoint_url"] == "http://127.0.0.1:9"
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:8")
    with KEYS.open(region="eu-west-1") as session:
        assert session.client("glue").meta.endpoint_url == "https://glue.eu-west-1.amazonaws.com"
        assert session.storage().settings["endpoint_url"] == "http://127.0.0.1:8"


def test_a_misspelled_profile_in_the_environment_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    session = KEYS.open(region=REGION)
    with session, pytest.raises(AuthError, match="no-such-profile"):
        session.client("glue")


def test_closed_is_closed(aws: Emulator) -> None:
    with opened(aws) as session:
        session.identity()
    with pytest.raises(RuntimeError, match="closed"):
        session.client("glue")


def test_throttling_is_waited_out(aws: Emulator) -> None:
    seed(aws)
    with soon_again(), opened(aws) as session:
        glue = session.client("glue")
        aws.faults.throttle("glue:GetDatabases", 2)
        assert glue.get_databases()["ResponseMetadata"]["RetryAttempts"] == 2


def test_head_without_a_body_is_renewed_too(aws: Emulator) -> None:
    # S3 answers an expired token on HEAD with 400 and nothing else.
    aws.client("s3").create_bucket(Bucket="lake")
    aws.client("s3").put_object(Bucket="lake", Key="a", Body=b"abc")
    with opened(aws) as session:
        s3 = session.client("s3")
        assert s3.head_object(Bucket="lake", Key="a")["ContentLength"] == 3
        aws.faults.expire_now()
        assert s3.head_object(Bucket="lake", Key="a")["ContentLength"] == 3
        aws.faults.expire_now()
        assert s3.get_object(Bucket="lake", Key="a")["Body"].read() == b"abc"


def test_a_renewal_that_fails_tells_its_own_reason(aws: Emulator) -> None:
    seed(aws)
    good = [True]
    strategy = oidc_role(aws).model_copy(
        update={"token": _source(lambda: aws.issuer.token(sub="me" if good[0] else "stranger"))}
    )
    with opened(aws, strategy) as session:
        session.client("glue").get_databases()
        good[0] = False
        aws.faults.expire_now()
        with pytest.raises(AuthError, match="sub=stranger"):
            session.client("glue").get_databases()


def _source(function: object) -> object:
    from headwater_aws.tokens import parse_token

    return parse_token(function)  # type: ignore[arg-type]


class TestDeadline:
    def test_ends_the_retries_of_a_call(self, aws: Emulator) -> None:
        seed(aws)
        with opened(aws) as session:
            glue = session.client("glue")
            glue.get_databases()
            aws.faults.throttle("glue:GetDatabases", None)
            aws.faults.slow("glue:GetDatabases", 0.2)
            start = time.monotonic()
            with (
                pytest.raises(SourceError, match="did not answer GetDatabases") as caught,
                deadline(0.1),
            ):
                glue.get_databases()
            assert time.monotonic() - start < 2
        assert caught.value.code == "deadline"
        assert "ThrottlingException" in str(caught.value)
        assert caught.value.retryable

    def test_bounds_calls_together_and_in_other_threads(self, aws: Emulator) -> None:
        seed(aws, tables=250)
        aws.faults.slow("glue:GetTables", 0.15)
        with opened(aws) as session, ThreadPoolExecutor(1) as pool:
            pages = session.client("glue").get_paginator("get_tables")

            def read() -> int:
                return sum(len(p["TableList"]) for p in pages.paginate(DatabaseName="db"))

            assert read() == 250
            with deadline(0.25):
                work = pool.submit(copy_context().run, read)
                with pytest.raises(SourceError, match="did not answer GetTables"):
                    work.result()
            assert read() == 250

    def test_an_outer_deadline_keeps_its_force(self, aws: Emulator) -> None:
        with (
            opened(aws) as session,
            deadline(0.0),
            deadline(60),
            pytest.raises(SourceError, match="in the time allowed"),
        ):
            session.identity()


def test_a_dropped_connection_is_tried_again(aws: Emulator) -> None:
    seed(aws)
    with opened(aws) as session:
        glue = session.client("glue")
        glue.get_databases()
        aws.faults.drop("glue:GetDatabases", 1)
        assert glue.get_databases()["DatabaseList"]


def test_nobody_at_the_address(aws: Emulator) -> None:
    url = aws.endpoint_url
    strategy = oidc_role(aws)
    aws.close()
    with (
        strategy.open(region=REGION, endpoint_url=url) as session,
        deadline(3),
        pytest.raises(AuthError, match="no answer: Could not connect") as caught,
    ):
        session.identity()
    assert caught.value.retryable


def test_denied_is_not_tried_again(aws: Emulator) -> None:
    nothing = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}],
    }
    role = aws.create_oidc_role(subject="me", policy=nothing)
    with (
        opened(aws, oidc_role(aws, role)) as session,
        pytest.raises(ClientError, match="AccessDenied"),
    ):
        session.client("glue").get_databases()
    assert [r.action for r in aws.requests] == ["AssumeRoleWithWebIdentity", "GetDatabases"]
