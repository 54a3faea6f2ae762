"""A plan as a dict says what pins its rows."""

import json
from dataclasses import replace

from headwater.interfaces import plan_text
from headwater.interfaces.plan import Plan, Scan, ScanEstimate
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    MemoryRelation,
)
from headwater.tables.table import Column, TableName
from headwater.types import STRING

NAME = TableName("db", "t")
COLUMNS = (Column("id", STRING),)


def told(relation):
    scan = Scan("t0", NAME, relation, ScanEstimate(1, None, 1, 1))
    plan = Plan("m/v1/serving", "SELECT 1", "SELECT 1", (scan,), None, None, "embedded", "")
    document = json.loads(json.dumps(plan.to_dict()))
    assert document["headwater"]
    (table,) = document["tables"]
    return table


def test_files_are_named_with_their_marks_and_all_of_them_have_one_digest():
    relation = FileRelation(
        NAME, COLUMNS, files=(DataFile("s3://b/2", 2), DataFile("s3://b/1", 1, etag="e"))
    )
    table = told(relation)
    assert table["data_files"] == [
        {"path": "s3://b/1", "size": 1, "etag": "e"},
        {"path": "s3://b/2", "size": 2, "etag": None},
    ]
    digest = table["data_files_digest"]
    turned = replace(relation, files=relation.files[::-1])
    assert told(turned)["data_files_digest"] == digest
    for other in (
        DataFile("s3://b/2", 3),
        DataFile("s3://b/3", 2),
        DataFile("s3://b/2", 2, etag=""),
    ):
        changed = told(replace(relation, files=(other, relation.files[1])))
        assert (changed["data_files_digest"] == digest) is (other.etag == "")


def test_of_many_files_the_digest_alone_is_told(monkeypatch):
    monkeypatch.setattr(plan_text, "FILES", 1)
    relation = FileRelation(NAME, COLUMNS, files=(DataFile("a", 1), DataFile("b", 1)))
    table = told(relation)
    assert table["data_files"] is None
    assert len(table["data_files_digest"]) == 64


def test_lakes_tell_their_snapshot_or_version():
    iceberg = told(IcebergRelation(NAME, COLUMNS, "s3://b/metadata/7.json", 77))
    assert (iceberg["snapshot_id"], iceberg["metadata_location"]) == (77, "s3://b/metadata/7.json")
    delta = told(DeltaRelation(NAME, COLUMNS, "s3://b/t", 12))
    assert (delta["location"], delta["version"]) == ("s3://b/t", 12)
    assert "data_files" not in told(MemoryRelation(NAME, COLUMNS, None))
