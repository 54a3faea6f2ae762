"""What the JVMs of an application get from the two services of this process, over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

import pytest

from headwater.auth.credentials import Credentials, Secret
from headwater.engines.spark.credential_server import LendingService
from headwater.engines.spark.http_server import HttpServer
from headwater.engines.spark.table_catalog import TableCatalog, VendedTable

CREDENTIALS = Credentials("s3", {"access_key_id": Secret("AK"), "secret_access_key": Secret("SK")})


@pytest.fixture
def lending() -> Iterator[LendingService]:
    service = LendingService()
    yield service
    service.close()


@pytest.fixture
def catalog() -> Iterator[TableCatalog]:
    service = TableCatalog()
    service.add("0", VendedTable("s3://b/m.json", {"uuid": "u"}, lambda: CREDENTIALS, False))
    yield service
    service.close()


def ask(
    service: HttpServer, method: str, path: str, body: str = "", **headers: str
) -> tuple[int, str, str]:
    """Return status, content type and text."""
    connection = HTTPConnection(urlsplit(service.url).netloc, timeout=10)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Content-Type"], answer.read().decode()
    finally:
        connection.close()


def test_a_loan_is_for_who_signs_with_its_key(lending: LendingService) -> None:
    with lending.lend("reader", lambda: CREDENTIALS) as loan:
        form = urlencode({"Action": "AssumeRole", "RoleArn": loan.role})
        status, kind, text = ask(lending, "POST", "/", form)
    assert (status, kind) == (403, "text/xml")
    assert "<Code>SignatureDoesNotMatch</Code>" in text
    assert "SK" not in text


def test_only_loans_are_answered(lending: LendingService) -> None:
    status, _, text = ask(lending, "POST", "/", urlencode({"Action": "GetCallerIdentity"}))
    assert status == 400
    assert "<Code>InvalidAction</Code>" in text


def test_a_large_request_is_not_read(lending: LendingService) -> None:
    assert ask(lending, "POST", "/", "x" * 20_000)[0] == 413


def test_a_catalog_gives_its_tables_to_who_has_its_token(catalog: TableCatalog) -> None:
    token = catalog.settings("c")["spark.sql.catalog.c.token"]
    place = "/v1/namespaces/hw/tables/0?snapshots=all"
    status, kind, text = ask(catalog, "GET", place, Authorization=f"Bearer {token}")
    assert (status, kind) == (200, "application/json")
    table = json.loads(text)
    assert table["metadata-location"] == "s3://b/m.json"
    assert table["config"]["s3.secret-access-key"] == "SK"
    for given in ({}, {"Authorization": f"Bearer {token}x"}):
        status, _, text = ask(catalog, "GET", place, **given)
        assert status == 401
        assert "SK" not in text


def test_a_service_knows_one_method(lending: LendingService, catalog: TableCatalog) -> None:
    assert ask(lending, "GET", "/")[0] == 501
    assert ask(catalog, "POST", "/v1/config")[0] == 501


def test_a_closed_service_does_not_listen() -> None:
    service = TableCatalog()
    assert ask(service, "GET", "/v1/config?warehouse=x")[0] == 200
    service.close()
    with pytest.raises(ConnectionRefusedError):
        ask(service, "GET", "/v1/config")
