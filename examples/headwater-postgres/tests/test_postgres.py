"""What is particular about PostgreSQL."""

from __future__ import annotations

import pytest
from headwater_postgres import PostgresDataSource, PostgresLogin
from test_contract import source

from headwater.config import load
from headwater.errors import QueryError, SourceError


def test_only_the_columns_that_are_needed_are_read(server, headwater_workspace):
    server.run("DROP TABLE IF EXISTS predictions")
    server.run("CREATE TABLE predictions (id text, shape point)")
    server.run("INSERT INTO predictions VALUES (%s, %s)", [("a", "(1,2)")])
    found = headwater_workspace.sql("SELECT id FROM predictions", source(server))
    assert found.to_arrow().to_pylist() == [{"id": "a"}]
    with pytest.raises(QueryError, match="'shape' can't be read"):
        headwater_workspace.sql("SELECT shape FROM predictions", source(server))


def test_many_rows_come_in_batches(server, headwater_workspace):
    server.run("DROP TABLE IF EXISTS predictions")
    server.run("CREATE TABLE predictions AS SELECT generate_series(1, 25000) AS n")
    found = headwater_workspace.sql("SELECT sum(n) AS s FROM predictions", source(server))
    assert found.to_arrow().to_pylist() == [{"s": 312512500}]


def test_nobody_there(server):
    nowhere = source(server, port=9)
    with nowhere.access() as access, pytest.raises(SourceError, match=r"127\.0\.0\.1:9/monitor"):
        nowhere.catalog(access)


def test_a_configuration_file_describes_it(tmp_path, monkeypatch, headwater_registry):
    monkeypatch.setenv("PGPASSWORD", "canary")
    (tmp_path / "headwater.yaml").write_text(
        """
version: 1
models:
  m:
    versions:
      v1:
        model_type: regression
        predictions: {score: numeric}
        serving:
          source:
            type: postgres
            database: ml
            query: SELECT * FROM predictions
            auth: {type: postgres-login, user: monitor, password: "env:PGPASSWORD"}
          id_column: id
          timestamp_column: at
"""
    )
    config = load(tmp_path / "headwater.yaml", headwater_registry)
    found = config.models["m"].versions["v1"].connections["serving"].source
    assert isinstance(found, PostgresDataSource)
    assert isinstance(found.auth, PostgresLogin)
    assert "canary" not in repr(found)
