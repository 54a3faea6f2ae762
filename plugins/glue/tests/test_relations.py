"""What an engine is told to read: every file by name, and what is different in a partition."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from headwater.errors import DataChangedError, SourceError, UnsupportedError
from headwater.tables.relation import CatalogRelation, FileRelation, Relation
from headwater.tables.table import KeyCondition, TableName
from headwater_glue.testing import GlueLake

COLUMNS = {"id": "string", "score": "double"}
ROWS = pa.table({"id": ["a", "b"], "score": [0.5, 0.25]})


def relation(
    lake: GlueLake, name: str, where: Sequence[KeyCondition] = (), database: str = "ml"
) -> Relation:
    source = lake.source(table=name)
    with source.access() as access:
        catalog = source.catalog(access)
        table = catalog.table(TableName(database, name))
        kept = list(catalog.partitions(table, where)) if table.partition_keys else None
        return source.relation(table, kept, access)


def files(lake: GlueLake, name: str, where: Sequence[KeyCondition] = ()) -> FileRelation:
    found = relation(lake, name, where)
    assert isinstance(found, FileRelation)
    return found


def test_an_unpartitioned_table_is_its_files(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/part-0.parquet", ROWS)
    lake.write("t/deeper/part-1.parquet", ROWS)
    for hidden in ("t/_SUCCESS", "t/.crc", "t/_temporary/x.parquet"):
        lake.write(hidden, b"x")
    lake.write("t/empty.parquet", b"")
    lake.write("t2/other.parquet", ROWS)
    found = files(lake, "t")
    assert [f.path for f in found.files] == [
        "s3://lake/t/deeper/part-1.parquet",
        "s3://lake/t/part-0.parquet",
    ]
    assert all(f.size > 100 and f.etag and f.partition == 0 for f in found.files)
    assert found.size == sum(f.size for f in found.files)
    assert (found.format, found.options, found.partition_columns) == ("parquet", {}, ())
    assert [p.values for p in found.partitions] == [()]


def test_partitions_keep_their_files_apart(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    for day in ("2026-01-02", "2026-01-01", "2026-01-10"):
        lake.partition("p", [day])
        lake.write(f"p/dt={day}/part-0.parquet", ROWS)
    # `dt=2026-01-1` must not catch the files of `dt=2026-01-10`.
    lake.partition("p", ["2026-01-1"], location="s3://lake/p/dt=2026-01-1")
    lake.partition("p", [None], location="s3://lake/elsewhere/")
    lake.write("elsewhere/x.parquet", ROWS)
    found = files(lake, "p")
    by_value = {
        p.values[0]: [f.path for f in found.files if f.partition == i]
        for i, p in enumerate(found.partitions)
    }
    assert by_value == {
        None: ["s3://lake/elsewhere/x.parquet"],
        "2026-01-1": [],
        "2026-01-01": ["s3://lake/p/dt=2026-01-01/part-0.parquet"],
        "2026-01-02": ["s3://lake/p/dt=2026-01-02/part-0.parquet"],
        "2026-01-10": ["s3://lake/p/dt=2026-01-10/part-0.parquet"],
    }
    assert found.partition_columns == ("dt",)
    assert [c.name for c in found.data_columns] == ["id", "score"]


def test_a_partition_whose_files_are_gone_is_still_there(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.partition("p", ["2026-01-01"])
    found = files(lake, "p")
    assert [p.location for p in found.partitions] == ["s3://lake/p/dt=2026-01-01/"]
    assert found.files == ()


def test_only_the_wanted_partitions_are_listed(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    for month in range(1, 13):
        lake.partition("p", [f"2026-{month:02}"])
        lake.write(f"p/dt=2026-{month:02}/part-0.parquet", ROWS)
    found = files(lake, "p", [KeyCondition("dt", "in", ("2026-07",))])
    assert [f.path for f in found.files] == ["s3://lake/p/dt=2026-07/part-0.parquet"]
    # The partition, and whether it is of a Delta, Iceberg or Hudi table.
    assert sum(1 for r in lake.aws.requests if r.service == "s3") == 2


def test_a_partition_of_other_types_says_so(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.partition("p", ["1"], columns={"id": "string", "score": "float"})
    lake.partition("p", ["2"], columns={"id": "string"})
    lake.partition("p", ["3"], columns={"ID": "STRING", "Score": "DOUBLE", "more": "int"})
    own = {p.values[0]: p.columns for p in files(lake, "p").partitions}
    assert [(c.name, str(c.type)) for c in own["1"] or ()] == [("id", "string"), ("score", "float")]
    # By name, a column more or less changes nothing.
    assert own["2"] is None
    assert own["3"] is None


def test_a_text_partition_of_other_columns_says_so(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"}, serde="lazy-simple")
    lake.partition("p", ["1"], columns={"score": "double", "id": "string"})
    lake.partition("p", ["2"])
    own = {p.values[0]: p.columns for p in files(lake, "p").partitions}
    assert [c.name for c in own["1"] or ()] == ["score", "id"]
    assert own["2"] is None


def test_a_partition_of_another_format_says_so(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.partition("p", ["1"], serde="orc")
    lake.partition("p", ["2"], serde="lazy-simple", serde_parameters={"field.delim": ","})
    lake.partition("p", ["3"])
    found = files(lake, "p")
    told = {p.values[0]: (p.format, (p.options or {}).get("sep")) for p in found.partitions}
    assert told == {"1": ("orc", None), "2": ("hive-text", ","), "3": (None, None)}


def test_a_partition_that_cannot_be_read_is_named(lake: GlueLake) -> None:
    lake.table("p", COLUMNS, keys={"dt": "string"})
    lake.partition("p", ["1"], serde="org.apache.hadoop.hive.serde2.RegexSerDe")
    with pytest.raises(UnsupportedError, match=r"its partition dt=1 can't be read: .*RegexSerDe"):
        files(lake, "p")


def test_a_link_is_read_where_it_leads(lake: GlueLake) -> None:
    lake.table("real", COLUMNS)
    lake.write("real/x.parquet", ROWS)
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "real"}
    lake.glue.create_table(DatabaseName="ml", TableInput={"Name": "alias", "TargetTable": target})
    found = files(lake, "alias")
    assert str(found.name) == f"{lake.account_id}.ml.real"
    assert [f.path for f in found.files] == ["s3://lake/real/x.parquet"]


def test_hudi_is_left_to_the_clusters_own_catalog(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, parameters={"spark.sql.sources.provider": "hudi"})
    assert isinstance(relation(lake, "t"), CatalogRelation)


def test_what_cannot_be_read_is_refused_with_its_reason(lake: GlueLake) -> None:
    lake.table("t", COLUMNS, serde="com.amazonaws.glue.serde.GrokSerDe")
    with pytest.raises(
        UnsupportedError, match=r"table ml\.t can't be read: its serde is GrokSerDe"
    ):
        relation(lake, "t")


MANIFEST = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}


def manifest_table(lake: GlueLake, *lines: str) -> None:
    location = lake.uri("m/_symlink_format_manifest/")
    columns = [{"Name": n, "Type": t} for n, t in COLUMNS.items()]
    lake.table("m", {}, StorageDescriptor={**MANIFEST, "Columns": columns, "Location": location})
    lake.write("m/_symlink_format_manifest/manifest", "\n".join(lines))


def test_a_manifest_names_the_files(lake: GlueLake) -> None:
    kept = lake.write("m/part-1.parquet", ROWS)
    lake.write("m/part-0-deleted-since.parquet", ROWS)
    manifest_table(lake, kept.replace("s3://", "s3a://"), "")
    found = files(lake, "m")
    assert [f.path for f in found.files] == ["s3://lake/m/part-1.parquet"]
    assert found.files[0].size > 0
    assert found.format == "parquet"


def test_a_manifest_of_files_that_are_gone_is_told(lake: GlueLake) -> None:
    manifest_table(lake, lake.uri("m/gone.parquet"))
    with pytest.raises(DataChangedError, match=r"names s3://lake/m/gone\.parquet, which is not"):
        files(lake, "m")


def test_what_is_no_manifest_is_told(lake: GlueLake) -> None:
    manifest_table(lake, "PAR1 binary")
    with pytest.raises(SourceError, match="'PAR1 binary' is not an S3 URI"):
        files(lake, "m")
