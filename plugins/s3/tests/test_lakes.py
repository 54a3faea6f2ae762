"""Delta and Iceberg tables by their directory: real ones, made by their own libraries."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import REGION, Bucket
from tests.iceberg import file_catalog

from headwater import Workspace
from headwater.errors import SourceError
from headwater.tables.relation import DeltaRelation, IcebergRelation, Relation
from headwater.tables.table import Table, TableName

ROWS = pa.table({"Id": ["a", "b"], "score": [0.5, 0.25]})


def found(bucket: Bucket, path: str, format: str) -> tuple[Table, Relation]:
    source = bucket.source(path, format=format)
    with source.access() as access:
        table = source.catalog(access).table(TableName("s3", "data"))
        return table, source.relation(table, None, access)


def delta(bucket: Bucket, **told: Any) -> None:
    from deltalake import write_deltalake

    write_deltalake("s3://lake/d", ROWS, storage_options=bucket.everything(), **told)


def iceberg(bucket: Bucket, folder: Path) -> Any:
    keys = bucket.everything()
    catalog = file_catalog(
        folder,
        "s3://lake/iceberg",
        **{
            "s3.endpoint": bucket.aws.endpoint_url,
            "s3.access-key-id": keys["AWS_ACCESS_KEY_ID"],
            "s3.secret-access-key": keys["AWS_SECRET_ACCESS_KEY"],
            "s3.region": REGION,
        },
    )
    return catalog.create_table("db.t", schema=ROWS.schema)


def rows(bucket: Bucket, path: str, format: str) -> list[dict[str, object]]:
    with Workspace() as workspace:
        data = workspace.sql("SELECT id, score FROM data", bucket.source(path, format=format))
        return sorted(data.to_arrow().to_pylist(), key=lambda r: r["score"])


def test_a_delta_table_is_pinned_to_its_newest_version(bucket: Bucket) -> None:
    delta(bucket)
    delta(bucket, mode="append")
    table, relation = found(bucket, "d/", "delta")
    assert [str(c.type) for c in table.columns] == ["string", "double"]
    assert isinstance(relation, DeltaRelation)
    assert (relation.version, relation.file_count, table.kind) == (1, 2, "delta")
    assert [r["score"] for r in rows(bucket, "d", "delta")] == [0.25, 0.25, 0.5, 0.5]


def test_a_delta_table_that_is_made_anew_has_another_id(bucket: Bucket) -> None:
    def made(path: str) -> DeltaRelation:
        from deltalake import write_deltalake

        write_deltalake(f"s3://lake/{path}", ROWS, storage_options=bucket.everything())
        _, relation = found(bucket, path, "delta")
        assert isinstance(relation, DeltaRelation)
        return relation

    one, other = made("one"), made("other")
    assert one.version == other.version == 0
    assert one.table_id
    assert one.table_id != other.table_id


def test_no_delta_table_is_told(bucket: Bucket) -> None:
    with pytest.raises(SourceError, match="there is no Delta log at s3://lake/nothing/"):
        found(bucket, "nothing/", "delta")


def test_an_iceberg_table_by_its_directory_and_by_its_metadata(
    bucket: Bucket, tmp_path: Path
) -> None:
    written = iceberg(bucket, tmp_path)
    written.append(ROWS)
    first = written.metadata_location
    written.append(ROWS)
    directory = written.metadata.location.removeprefix("s3://lake/")
    table, relation = found(bucket, directory, "iceberg")
    assert isinstance(relation, IcebergRelation)
    assert (table.kind, relation.metadata_location) == ("iceberg", written.metadata_location)
    assert relation.snapshot_id == written.current_snapshot().snapshot_id
    assert len(rows(bucket, f"{directory}/", "iceberg")) == 4
    assert len(rows(bucket, first.removeprefix("s3://lake/"), "iceberg")) == 2


def test_two_newest_metadata_files_are_nobodys_to_choose_from(bucket: Bucket) -> None:
    for name in ("00001-aa.metadata.json", "00001-bb.metadata.json", "00000-cc.metadata.json"):
        bucket.write(f"t/metadata/{name}", "{}")
    with pytest.raises(SourceError, match=r"00001-aa\S+ and \S+00001-bb\S+ are both the newest"):
        found(bucket, "t/", "iceberg")


@pytest.mark.parametrize("newest", ["v10.metadata.json", "v10.gz.metadata.json"])
def test_versions_are_compared_as_numbers(bucket: Bucket, newest: str) -> None:
    for name in ("v9.metadata.json", newest, "version-hint.text", "snap-1.avro"):
        bucket.write(f"t/metadata/{name}", "not json")
    with pytest.raises(SourceError, match=f"{newest} is not Iceberg metadata that can be read"):
        found(bucket, "t/", "iceberg")


def test_no_iceberg_table_is_told(bucket: Bucket) -> None:
    with pytest.raises(SourceError, match="no Iceberg metadata in s3://lake/t/metadata/"):
        found(bucket, "t", "iceberg")
