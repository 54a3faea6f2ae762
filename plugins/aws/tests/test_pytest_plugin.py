"""The fixtures, in projects of others."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import boto3
import pytest

from headwater_aws.testing import Emulator

pytest_plugins = ["pytester"]

SHARED = """
import pytest

@pytest.fixture(scope="session")
def lake(aws_factory):
    aws = aws_factory()
    aws.client("s3").create_bucket(Bucket="lake")
    return aws

@pytest.fixture(scope="module")
def other(aws_module_factory):
    return aws_module_factory(latency=0.0)

seen = []

@pytest.mark.parametrize("number", range(4))
def test_it_is_there(lake, other, number):
    seen.append((lake.endpoint_url, other.endpoint_url))
    assert len(set(seen)) == 1
    assert lake is not other
    lake.client("s3").put_object(Bucket="lake", Key=str(number), Body=b"")

def test_each_test_has_its_own_besides(lake, aws):
    assert aws.endpoint_url != lake.endpoint_url
    assert aws.client("s3").list_buckets()["Buckets"] == []
"""
OWN = """
import pytest

@pytest.fixture
def aws():
    return {"region": "eu-west-1"}

def test_their_own(aws):
    assert aws["region"]

def test_a_bucket(s3_bucket):
    pass

def test_an_issuer(oidc_issuer):
    pass

def test_an_environment(aws_environment):
    pass

def test_a_catalog(glue_catalog):
    pass
"""
GIVEN = """
import pytest

@pytest.fixture(scope="session")
def aws(aws_factory):
    return aws_factory()

@pytest.mark.parametrize("number", range(2))
def test_a_bucket_is_empty(aws, s3_bucket, number):
    assert aws.client("s3").list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0
    aws.client("s3").put_object(Bucket=s3_bucket, Key="k", Body=b"")
"""


def test_plain_clients_call_the_emulator(
    aws: Emulator, aws_environment: Mapping[str, str], s3_bucket: str
) -> None:
    s3 = boto3.client("s3")
    s3.put_object(Bucket=s3_bucket, Key="a b/é", Body=b"rows")
    assert s3.get_object(Bucket=s3_bucket, Key="a b/é")["Body"].read() == b"rows"
    assert "PutObject" in {r.action for r in aws.requests}
    arn = boto3.client("sts").get_caller_identity()["Arn"]
    assert ":user/" in arn
    assert {k: v for k, v in os.environ.items() if k.startswith("AWS_")} == aws_environment


@pytest.fixture
def ours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine whose own settings would lead elsewhere."""
    other = boto3.Session("AKIAOTHER", "x", region_name="eu-west-1")
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", other)
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of another")


@pytest.mark.usefixtures("ours", "aws_environment")
def test_nothing_of_this_machine_is_taken(aws: Emulator) -> None:
    assert boto3.client("s3").list_buckets()["Buckets"] == []
    assert boto3.client("s3").meta.endpoint_url == aws.endpoint_url


def test_an_environment_may_be_narrow(aws: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    for name, value in aws.environment(policy=policy).items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("s3")
    assert client.list_buckets()["Buckets"] == []
    with pytest.raises(client.exceptions.ClientError, match="AccessDenied"):
        client.create_bucket(Bucket="b")


def test_emulators_of_a_session_and_a_module(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_one=SHARED, test_two=SHARED)
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=10)


def test_a_fixture_of_the_projects_own_is_noticed(pytester: pytest.Pytester) -> None:
    test = pytester.makepyfile(OWN).name
    done = pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider")
    done.assert_outcomes(passed=1, errors=4)
    for name in ("s3_bucket", "oidc_issuer", "aws_environment", "glue_catalog"):
        said = (
            f"the fixture '{name}' of headwater needs headwater's 'aws', an Emulator; this project "
            f"has an 'aws' of its own, in {test}, line *, which gave a dict. Rename it; or let it "
            "give an emulator: *"
        )
        done.stdout.fnmatch_lines([said])


def test_a_project_may_share_the_emulator_under_its_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(GIVEN)
    pytester.runpytest_inprocess("-q", "-p", "no:cacheprovider").assert_outcomes(passed=2)


@pytest.mark.slow
def test_processes_of_xdist_have_their_own(pytester: pytest.Pytester, tmp_path: Path) -> None:
    pytest.importorskip("xdist")
    pytester.makepyfile(test_one=SHARED, test_two=SHARED)
    options = ("-q", "-p", "no:cacheprovider", "-n", "2", "--dist", "loadfile")
    pytester.runpytest_subprocess(*options).assert_outcomes(passed=10)
