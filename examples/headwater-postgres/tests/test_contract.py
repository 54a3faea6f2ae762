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
        query="SELECT * FROM predictions",
        auth=more.pop("auth", login()),
    )


class TestPostgres(DataSourceContract):
    @pytest.fixture
    def make_source(self, server):
        def make(rows, partition_key=None):
            declared = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
            server.run("DROP TABLE IF EXISTS predictions")
            server.run(f"CREATE TABLE predictions ({declared})")
            places = ", ".join(["%s"] * len(TYPES))
            values = [tuple(row[name] for name in TYPES) for row in rows.to_pylist()]
            server.run(f"INSERT INTO predictions VALUES ({places})", values)
            return source(server)

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
