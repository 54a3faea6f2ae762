"""The contracts of headwater, on a server that answers as the service does."""

from __future__ import annotations

import pytest
from conftest import CLIENT, SECRET
from headwater_scores import ScoresClient, ScoresDataSource

from headwater.plugin import Secret
from headwater.testing import AuthContract, DataSourceContract


def client(service, secret=SECRET, **more):
    return ScoresClient(
        token_url=f"{service.url}/oauth/token",
        client_id=CLIENT,
        client_secret=Secret(secret),
        **more,
    )


def source(service, query="SELECT * FROM predictions", **more):
    return ScoresDataSource(url=service.url, query=query, auth=client(service, **more))


class TestScores(DataSourceContract):
    @pytest.fixture
    def make_source(self, service):
        def make(rows, partition_key=None, table="predictions"):
            service.page = 3 if rows.num_rows < 100 else 1000
            service.tables[table] = rows
            quoted = table.replace("`", "``")
            return source(service, f"SELECT * FROM `{quoted}`")

        return make

    @pytest.fixture
    def broken_source(self, service):
        return source(service, secret="guessed-canary")


class TestClient(AuthContract):
    @pytest.fixture
    def opening(self, service):
        return {"endpoint_url": service.url}

    @pytest.fixture
    def strategy(self, service):
        return client(service)

    @pytest.fixture
    def refused_strategy(self, service):
        return client(service, secret="guessed-canary")
