"""What is particular about PostgreSQL."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from headwater_postgres import PostgresDataSource, PostgresLogin
from test_contract import source

from headwater.config import load
from headwater.errors import CancelledError, QueryError, ReadTimeoutError, SourceError


def test_only_the_columns_that_are_needed_are_read(server, headwater_workspace):
    server.run("DROP TABLE IF EXISTS predictions")
    server.run("CREATE TABLE predictions (id text, shape point)")
    server.run("INSERT INTO predictions VALUES (%s, %s)", [("a", "(1,2)")])
    found = headwater_workspace.sql("SELECT id FROM predictions", source(server))
    assert found.to_arrow().to_pylist() == [{"id": "a"}]
    with pytest.raises(QueryError, match="'shape' can't be read"):
        headwater_workspace.sql("SELECT shape FROM predictions", source(server))


DAYS, EACH = 60, 500
"""Days of the log, and rows of each."""


@pytest.fixture(scope="module")
def log(server):
    server.run("DROP TABLE IF EXISTS log")
    server.run(
        f"CREATE TABLE log AS SELECT 'r' || n AS id, timestamptz '2026-01-01Z' + "
        f"n * interval '1 day' / {EACH} AS at, n AS score, "
        f"(ARRAY['de', 'fr'])[1 + n % 2] AS country FROM generate_series(0, {DAYS * EACH - 1}) n"
    )
    server.run("CREATE INDEX ON log (at)")
    server.run("ANALYZE log")
    return server


def connect(workspace, server, query):
    workspace.create_model("m", "M")
    version = workspace.create_model_version("m", "v1", "regression", predictions={"y": "numeric"})
    found = source(server).model_copy(update={"query": query})
    return version.connect_serving(found, "id", "at", predictions={"y": "score"})


def fetched(server, besides=(0, 0)):
    """Return how many rows the server read from the log, by scan and by index, besides some."""
    asked = "SELECT seq_tup_read, idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'log'"
    deadline = time.monotonic() + 10
    while True:
        (now,) = server.ask(asked)
        since = tuple(after - before for before, after in zip(besides, now, strict=True))
        # A connection's figures are there soon after it is gone.
        if any(since) or time.monotonic() > deadline:
            return since
        time.sleep(0.05)


def test_one_day_of_sixty_reads_one_day(log, headwater_workspace):
    serving = connect(headwater_workspace, log, "SELECT id, at, score FROM log")
    before = fetched(log)
    data = serving.read("2026-01-31", "2026-02-01")
    assert data.to_arrow().num_rows == EACH
    assert fetched(log, before) == (0, EACH)
    scan = data.plan.scans[0]
    assert scan.relation.rows == DAYS * EACH
    assert scan.relation.size > 100_000


def test_conditions_and_limits_are_the_servers_work(log, headwater_workspace):
    query = "SELECT * FROM log WHERE country = 'de' AND score BETWEEN 10 AND 20"
    found = headwater_workspace.sql(query, source(log)).to_arrow()
    assert sorted(found["score"].to_pylist()) == [10, 12, 14, 16, 18, 20]
    before = fetched(log)
    few = headwater_workspace.sql("SELECT id FROM log LIMIT 5", source(log))
    assert few.to_arrow().num_rows == 5
    assert 5 <= fetched(log, before)[0] <= 50


def working(server):
    """Return what the server does for headwater: its statements, and how many connections."""
    asked = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'headwater'"
    return [(state, query) for state, query in server.ask(asked)]


def until(what, seconds=10):
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


@pytest.mark.parametrize("how", ["cancel", "timeout", "close"])
def test_the_server_ends_what_nobody_waits_for(server, headwater_workspace, how):
    server.run(
        "CREATE OR REPLACE VIEW slow AS SELECT n AS id FROM generate_series(1, 3) n "
        "WHERE pg_sleep(5)::text = ''"
    )
    slow = source(server).model_copy(update={"query": "SELECT id FROM slow"})
    timeout = 1 if how == "timeout" else None
    data = headwater_workspace.sql(slow.query, slow, timeout=timeout)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(data.to_arrow)
        until(lambda: any(s == "active" and "FETCH" in q for s, q in working(server)))
        began = time.monotonic()
        if how == "cancel":
            data.cancel()
        elif how == "close":
            headwater_workspace.close()
        with pytest.raises(ReadTimeoutError if how == "timeout" else CancelledError):
            reading.result()
        until(lambda: not working(server))
    assert time.monotonic() - began < 4, "the server slept on"


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
