"""Iceberg and Delta: their own state is read, not Glue's idea of it, and pinned."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from plugins.glue.tests.registered import (
    iceberg_catalog,
    register_delta,
    register_iceberg,
    write_delta,
)

from headwater import types as t
from headwater.errors import AccessDeniedError, SourceError
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import Table, TableName
from headwater_aws.lakes.iceberg import iceberg_type, parse_metadata
from headwater_glue.testing import GlueLake

ROWS = pa.table({"Id": ["a", "b"], "score": [0.5, 0.25]})


def found(lake: GlueLake, name: str) -> tuple[Table, Relation]:
    source = lake.source(table=name)
    with source.access() as access:
        table = source.catalog(access).table(TableName("ml", name))
        return table, source.relation(table, None, access)


def test_an_iceberg_table_is_its_metadatas(lake: GlueLake, tmp_path: Path) -> None:
    catalog = iceberg_catalog(lake, tmp_path)
    written = catalog.create_table("db.t", schema=ROWS.schema)
    written.append(ROWS)
    register_iceberg(lake, "t", written)
    table, relation = found(lake, "t")
    assert [(c.name, c.type) for c in table.columns] == [("Id", t.STRING), ("score", t.DOUBLE)]
    assert (table.kind, table.unqueryable, table.partition_keys) == ("iceberg", None, ())
    assert isinstance(relation, IcebergRelation)
    assert relation.metadata_location == written.metadata_location
    assert relation.snapshot_id == written.current_snapshot().snapshot_id
    assert (relation.file_count, relation.size) == (1, relation.size)
    assert relation.size


def test_an_iceberg_table_without_a_snapshot_has_no_rows(lake: GlueLake, tmp_path: Path) -> None:
    catalog = iceberg_catalog(lake, tmp_path)
    register_iceberg(lake, "t", catalog.create_table("db.t", schema=ROWS.schema))
    _, relation = found(lake, "t")
    assert isinstance(relation, IcebergRelation)
    assert (relation.snapshot_id, relation.file_count) == (None, 0)


def test_lost_or_broken_iceberg_metadata_is_told(lake: GlueLake) -> None:
    parameters = {"table_type": "ICEBERG", "metadata_location": "s3://lake/t/metadata/1.json"}
    lake.table("t", {"id": "string"}, parameters=parameters)
    with pytest.raises(SourceError, match=r"can't read the Iceberg metadata of ml\.t at s3://lake"):
        found(lake, "t")
    lake.write("t/metadata/1.json", '{"format-version": 2, "loc')
    with pytest.raises(SourceError, match="is not Iceberg metadata that can be read"):
        found(lake, "t")
    lake.write("t/metadata/1.json", '{"format-version": 2, "location": "s3://lake/t"}')
    with pytest.raises(SourceError, match="is not Iceberg metadata that can be read: 'schema'"):
        found(lake, "t")


def test_iceberg_metadata_that_may_not_be_read_is_told(lake: GlueLake) -> None:
    parameters = {"table_type": "ICEBERG", "metadata_location": "s3://lake/t/metadata/1.json"}
    lake.table("t", {"id": "string"}, parameters=parameters)
    only_glue = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [only_glue]})
    source = lake.source(table="t", auth=keys)
    with source.access() as access, pytest.raises(AccessDeniedError, match="s3:GetObject"):
        source.catalog(access).table(TableName("ml", "t"))


@pytest.mark.parametrize(
    ("type_", "expected"),
    [
        ("long", "bigint"),
        ("timestamp", "timestamp_ntz"),
        ("timestamptz", "timestamp"),
        ("uuid", "string"),
        ("fixed[16]", "binary"),
        ("decimal(9, 2)", "decimal(9,2)"),
        ({"type": "list", "element": "int", "element-id": 1}, "array<int>"),
        ({"type": "map", "key": "string", "value": "double"}, "map<string,double>"),
        (
            {"type": "struct", "fields": [{"name": "a-b", "type": "date", "id": 1}]},
            "struct<`a-b`:date>",
        ),
        ("time", "unreadable"),
        ("timestamp_ns", "unreadable"),
        ({"type": "list", "element": "time"}, "array<unreadable>"),
    ],
)
def test_iceberg_types_as_spark_reads_them(type_: object, expected: str) -> None:
    assert str(iceberg_type(type_)) == expected


def test_iceberg_metadata_of_the_first_version() -> None:
    fields = [{"id": 1, "name": "a", "type": "int", "required": False, "doc": "why"}]
    state = parse_metadata(
        {"location": "s3://x", "schema": {"fields": fields}, "current-snapshot-id": -1}
    )
    assert [(c.name, str(c.type), c.comment) for c in state.columns] == [("a", "int", "why")]
    assert state.snapshot_id is None


def test_iceberg_metadata_that_contradicts_itself() -> None:
    metadata = {"location": "s3://x", "schema": {"fields": []}, "current-snapshot-id": 7}
    with pytest.raises(ValueError, match="snapshot 7 and does not hold it"):
        parse_metadata(metadata)
    with pytest.raises(ValueError, match="schema 3 and does not hold it"):
        parse_metadata({"location": "s3://x", "schemas": [], "current-schema-id": 3})


def test_a_delta_table_is_its_logs(lake: GlueLake) -> None:
    uri = write_delta(lake, "t", ROWS, partition_by=["Id"])
    write_delta(lake, "t", ROWS, mode="append")
    register_delta(lake, "t", uri)
    table, relation = found(lake, "t")
    assert [(c.name, c.type) for c in table.columns] == [("Id", t.STRING), ("score", t.DOUBLE)]
    assert (table.kind, table.unqueryable) == ("delta", None)
    assert isinstance(relation, DeltaRelation)
    assert (relation.location, relation.version) == (uri, 1)
    assert relation.table_id
    assert relation.file_count == 4
    assert relation.size


def test_a_lost_delta_log_is_told(lake: GlueLake) -> None:
    register_delta(lake, "t", lake.uri("nowhere"))
    with pytest.raises(SourceError, match="there is no Delta log at s3://lake/nowhere"):
        found(lake, "t")
    lake.write("broken/_delta_log/00000000000000000000.json", "{not json")
    register_delta(lake, "broken", lake.uri("broken"))
    with pytest.raises(SourceError, match="its Delta log at s3://lake/broken can't be read"):
        found(lake, "broken")


def test_a_delta_log_that_may_not_be_listed_is_told_as_what_it_is(lake: GlueLake) -> None:
    register_delta(lake, "t", write_delta(lake, "t", ROWS))
    allowed = {"Effect": "Allow", "Action": ["glue:*", "s3:GetObject"], "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [allowed]})
    source = lake.source(table="t", auth=keys)
    with source.access() as access, pytest.raises(AccessDeniedError) as caught:
        source.catalog(access).table(TableName("ml", "t"))
    assert caught.value.action == "s3:ListBucket"
    assert caught.value.resource == "arn:aws:s3:::lake"
    assert "\x1b" not in str(caught.value)
