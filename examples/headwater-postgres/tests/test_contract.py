"""The contracts of headwater, on a real PostgreSQL."""

from __future__ import annotations

import pytest
from headwater_postgres import PostgresDataSource, PostgresLogin

from headwater.interfaces import Secret
from headwater.testing import AuthContract, DataSourceContract

TYPES = {
    "id": "text",
    "at": "timestamptz",
    "day": "date",
    "flag": "boolean",
    "small": "integer",
    "big": "bigint",
    "ratio": "double precision",
    "word": "text",
    "amount": "numeric(18, 4)",
}


def login(password="s3cret-canary"):
    return PostgresLogin(user="monitor", password=Secret(password))


def source(server, **more):
    return PostgresDataSource(
        host="127.0.0.1",
        port=more.pop("port", server.port),
        database="monitor",
        query=more.pop("query", "SELECT * FROM predictions"),
        auth=more.pop("auth", login()),
    )


def quoted(name):
    return '"' + name.replace('"', '""') + '"'


class TestPostgres(DataSourceContract):
    @pytest.fixture
    def make_source(self, server):
        def make(rows, partition_key=None, table="predictions"):
            names = rows.column_names
            declared = ", ".join(f"{quoted(n)} {TYPES.get(n, 'text')}" for n in names)
            server.run(f"DROP TABLE IF EXISTS {quoted(table)}")
            server.run(f"CREATE TABLE {quoted(table)} ({declared})")
            server.copy(quoted(table), zip(*rows.to_pydict().values(), strict=True))
            return source(server, query=f"SELECT * FROM `{table}`")

        return make

    @pytest.fixture
    def broken_source(self, server):
        return source(server, auth=login("guessed-canary"))


class TestLogin(AuthContract):
    @pytest.fixture
    def opening(self, server):
        return {"endpoint_url": f"postgresql://127.0.0.1:{server.port}/monitor"}

    @pytest.fixture
    def strategy(self):
        return login()

    @pytest.fixture
    def refused_strategy(self):
        return login("guessed-canary")
