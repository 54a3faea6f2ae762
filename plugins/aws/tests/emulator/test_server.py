"""The emulator as a guest in somebody's test suite: isolated, quiet, gone when closed."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto import mock_aws
from plugins.aws.tests.emulator.support import (
    ACCOUNT,
    OTHER,
    allow,
    assume,
    refused,
    seed_table,
    signed_in,
)

from headwater_aws.emulator import sigv4
from headwater_aws.emulator.identities import Identities, Principal
from headwater_aws.emulator.state import State
from headwater_aws.emulator.wire import Request
from headwater_aws.testing import Emulator, OidcIssuer


def test_it_listens_on_the_loopback_only(aws: Emulator) -> None:
    assert aws.endpoint_url.startswith("http://127.0.0.1:")
    assert aws.issuer.url.startswith("http://127.0.0.1:")
    port = int(aws.endpoint_url.rpartition(":")[2])
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.2", port), timeout=2)


def test_two_emulators_share_nothing() -> None:
    with Emulator() as one, Emulator() as two:
        for aws, name in ((one, "first"), (two, "second")):
            seed_table(aws.client("glue"), name)
            aws.client("s3").create_bucket(Bucket="lake")
            aws.client("s3").put_object(Bucket="lake", Key=name, Body=b"")
            aws.create_oidc_role(subject="me")
        for aws, name in ((one, "first"), (two, "second")):
            databases = aws.client("glue").get_databases()["DatabaseList"]
            assert [database["Name"] for database in databases] == [name]
            (found,) = aws.client("s3").list_objects_v2(Bucket="lake")["Contents"]
            assert found["Key"] == name
        session = assume(one, f"arn:aws:iam::{ACCOUNT}:role/monitoring")
        with refused("UnrecognizedClientException"):
            two.client_for("glue", session).get_databases()
        with refused("InvalidIdentityToken"):
            assume(two, f"arn:aws:iam::{ACCOUNT}:role/monitoring", one.issuer.token(sub="me"))


def test_accounts_do_not_cross(aws: Emulator) -> None:
    sessions = {
        account_id: signed_in(aws, allow("*"), account_id=account_id)
        for account_id in (ACCOUNT, OTHER)
    }
    for account_id, session in sessions.items():
        aws.client_for("glue", session).create_database(DatabaseInput={"Name": "d" + account_id})

    def ask(account_id: str) -> set[tuple[str, str]]:
        client = aws.client_for("glue", sessions[account_id])
        answers = [client.get_databases()["DatabaseList"] for _ in range(20)]
        return {(one["Name"], one["CatalogId"]) for answer in answers for one in answer}

    with ThreadPoolExecutor(6) as pool:
        for account_id, seen in zip(
            [ACCOUNT, OTHER] * 3, pool.map(ask, [ACCOUNT, OTHER] * 3), strict=True
        ):
            assert seen == {("d" + account_id, account_id)}


def test_motos_own_mocks_are_left_alone(aws: Emulator) -> None:
    aws.client("s3").create_bucket(Bucket="lake")
    seed_table(aws.client("glue"))
    with mock_aws():
        mocked = boto3.client(
            "glue", region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        assert mocked.get_databases()["DatabaseList"] == []
    assert aws.client("glue").get_database(Name="db")
    assert aws.client("s3").head_bucket(Bucket="lake")


def test_reset_forgets(aws: Emulator) -> None:
    seed_table(aws.client("glue"))
    aws.client("s3").create_bucket(Bucket="lake")
    session = signed_in(aws)
    aws.faults.fail("glue:*", times=None)
    address, issuer = aws.endpoint_url, aws.issuer.url
    aws.reset()
    assert (aws.endpoint_url, aws.issuer.url) == (address, issuer)
    assert len(aws.requests) == 0
    assert aws.client("glue").get_databases()["DatabaseList"] == []
    assert aws.client("s3").list_buckets()["Buckets"] == []
    with refused("UnrecognizedClientException"):
        aws.client_for("glue", session).get_databases()
    aws.client_for("glue", signed_in(aws)).get_databases()


def test_nothing_is_left_when_it_closes() -> None:
    before = set(threading.enumerate())
    with Emulator() as aws:
        client = aws.client_for("glue", signed_in(aws))
        client.get_databases()  # leaves a connection open, as clients do
        address = aws.endpoint_url
    assert set(threading.enumerate()) <= before
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(address, timeout=2)


def test_closing_twice_and_closing_unstarted() -> None:
    aws = Emulator()
    aws.close()
    aws = Emulator()
    aws.start()
    aws.close()
    aws.close()


def test_connections_are_kept_alive(aws: Emulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", int(aws.endpoint_url.rpartition(":")[2]))
    for _ in range(3):
        connection.request("GET", "/bucket/key")
        sock = connection.sock
        answer = connection.getresponse()
        assert (answer.status, answer.version) == (403, 11)
        assert b"<Code>AccessDenied</Code>" in answer.read()
        assert connection.sock is sock
    connection.close()


def test_a_bad_account_id(aws: Emulator) -> None:
    with pytest.raises(ValueError, match="twelve digits, unlike '12'"):
        aws.client("s3", account_id="12")


def test_a_service_it_does_not_have(aws: Emulator) -> None:
    with refused("NotImplemented", "Glue, S3, STS and IAM, but not athena", 501):
        aws.client("athena").list_work_groups()


def test_seeding_does_not_depend_on_the_users_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "from headwater_aws.testing import Emulator\n"
        "with Emulator() as aws: aws.client('s3').create_bucket(Bucket='lake'); print('ok')"
    )
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout.strip()) == (0, "ok"), done.stderr


def test_the_pytest_plugin_imports_nothing_of_aws() -> None:
    code = (
        "import sys, headwater_aws.pytest_plugin\n"
        "print([name for name in ('boto3', 'moto', 'joserfc', 'headwater_aws.emulator')"
        " if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_emulator_stands_without_the_core() -> None:
    code = (
        "import sys, headwater_aws.testing\n"
        "print([name for name in sys.modules if name.split('.')[0] == 'headwater'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"


def test_the_fixtures(aws: Emulator, oidc_issuer: OidcIssuer, s3_bucket: str) -> None:
    assert oidc_issuer is aws.issuer
    assert aws.client("s3").list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0


def test_secrets_are_in_no_repr(aws: Emulator) -> None:
    principal = Principal("arn", ACCOUNT, "id")
    session = Identities(State(), lambda: 0.0).open_session(principal, 1)
    assert session.secret not in repr(session)
    assert session.token not in repr(session)
    header = (
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, "
        "SignedHeaders=host, Signature=deadbeef"
    )
    headers = {"authorization": header, "x-amz-date": "t", "x-amz-security-token": "the-token"}
    request = Request("GET", "/", headers, b"the-body")
    signature = sigv4.read(request)
    for secret in ("deadbeef", "the-token", "the-body"):
        assert secret not in repr(signature)
        assert secret not in repr(request)
