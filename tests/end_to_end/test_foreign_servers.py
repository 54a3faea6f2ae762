"""The catalog of every kind of table, read through servers that are not ours, to the same rows.

What our emulator believes of AWS, these two were written to by others. `LOST` says what a server
does not keep of a catalog: that headwater says so, and gives no other rows, is tested too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from plugins.glue.tests.every_kind import COLUMNS, EXPECTED, READABLE, REFUSED, seed
from plugins.glue.tests.test_every_kind import query_of, rows
from tests.foreign_servers import ministack, moto, needs_ministack
from tests.spark_reads import planned_sql

from headwater.engines.spark import SparkEngine
from headwater.errors import HeadwaterError
from headwater_glue.source import GlueDataSource
from headwater_glue.testing import GlueLake
from headwater_s3 import S3DataSource

pytestmark = pytest.mark.slow

SERVERS = {"moto": moto, "ministack": ministack}
LOST = {"moto": frozenset[str](), "ministack": frozenset({"link", "linked_database"})}
"""Tables that a server can't tell of: ministack keeps no `TargetTable` and no `TargetDatabase`."""


@pytest.fixture(scope="module", params=["moto", pytest.param("ministack", marks=needs_ministack)])
def lake(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GlueLake]:
    with SERVERS[request.param](tmp_path_factory.mktemp(request.param)) as server:
        # It has what a lake asks of the emulator.
        filled = GlueLake(server, account_id=server.account_id)  # type: ignore[arg-type]
        seed(filled, tmp_path_factory.mktemp("lakes"))
        yield filled


@pytest.fixture
def source(lake: GlueLake) -> GlueDataSource:
    return lake.source(table="t", databases=["eu"])


@pytest.fixture
def lost(request: pytest.FixtureRequest) -> frozenset[str]:
    return LOST[request.node.callspec.params["lake"]]


def test_every_readable_table_has_the_rows_that_were_written(
    source: GlueDataSource, lost: frozenset[str]
) -> None:
    found = {name: rows(source, query_of(name)) for name in READABLE if name not in lost}
    assert found == dict.fromkeys(READABLE.keys() - lost, EXPECTED)


@pytest.mark.parametrize("lake", ["moto"], indirect=True)
def test_spark_reads_the_same_rows(source: GlueDataSource, spark_engine: SparkEngine) -> None:
    """All tables in one query, which takes less time than one for each."""
    each = (f"SELECT '{name}' AS name, * FROM ({query_of(name)})" for name in READABLE)
    read = planned_sql(source, " UNION ALL ".join(each), spark_engine).to_arrow().to_pylist()
    found = {name: [r for r in read if r["name"] == name] for name in READABLE}
    rows_of = {name: sorted(tuple(r.values())[1:] for r in held) for name, held in found.items()}
    assert rows_of == dict.fromkeys(READABLE, EXPECTED)


def test_every_other_table_says_why_it_is_none(source: GlueDataSource) -> None:
    for name, says in REFUSED.items():
        with pytest.raises(HeadwaterError) as caught:
            rows(source, f"SELECT * FROM {name}")
        assert says in str(caught.value).lower() or says in str(caught.value), name


def test_what_a_server_does_not_keep_is_refused_and_not_empty(
    lake: GlueLake, source: GlueDataSource, lost: frozenset[str]
) -> None:
    kept = lake.glue.get_table(DatabaseName="ml", Name="link")["Table"].get("TargetTable")
    assert (kept is None) == ("link" in lost), "the server has learnt it: take it out of LOST"
    for name in lost:
        with pytest.raises(HeadwaterError):
            rows(source, query_of(name))


def test_the_same_files_without_a_catalog(lake: GlueLake) -> None:
    keys = lake.keys()
    found = {}
    inputs: dict[str, dict[str, Any]] = {
        "hive_parquet/": {},
        "hive_orc/*.orc": {"format": "orc", "columns": COLUMNS},
        "projected/dt=%Y-%m-%d/*.parquet": {},
        "templated/on/*/v1/": {"format": "parquet"},
        "spark_json/": {
            "format": "json",
            "columns": {name.title(): type_ for name, type_ in COLUMNS.items()},
        },
    }
    for path, more in inputs.items():
        source = S3DataSource(
            path=lake.uri(path),
            auth=keys,
            region=lake.region,
            endpoint_url=lake.aws.endpoint_url,
            **more,
        )
        found[path] = rows(source, "SELECT id, n, score FROM {data}")
    assert found == dict.fromkeys(found, EXPECTED)
