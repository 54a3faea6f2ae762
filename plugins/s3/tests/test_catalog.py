"""Files as tables: keys from directories and dates, columns from files, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import json

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket

from headwater.errors import (
    AccessDeniedError,
    ConfigError,
    DatabaseNotFoundError,
    DataChangedError,
    SourceError,
    TableNotFoundError,
    UnsupportedError,
)
from headwater.tables.relation import FileRelation
from headwater.tables.table import KeyCondition, Partition, Table, TableName
from headwater_s3 import S3DataSource

ROWS = pa.table({"id": ["a", "b"], "score": [0.5, 0.25]})


def described(source: S3DataSource, name: str = "data") -> Table:
    with source.access() as access:
        return source.catalog(access).table(TableName("s3", name))


def shown(table: Table) -> dict[str, str]:
    return {c.name: str(c.type) for c in table.columns}


def related(source: S3DataSource) -> FileRelation:
    with source.access() as access:
        table = source.catalog(access).table(TableName("s3", "data"))
        kept = list(source.catalog(access).partitions(table)) if table.partition_keys else None
        relation = source.relation(table, kept, access)
    assert isinstance(relation, FileRelation)
    return relation


def keyed(source: S3DataSource, *where: KeyCondition) -> list[Partition]:
    with source.access() as access:
        catalog = source.catalog(access)
        return list(catalog.partitions(catalog.table(TableName("s3", "data")), where))


def test_a_prefix_is_a_table_of_the_files_below_it(bucket: Bucket) -> None:
    bucket.write("p/a.parquet", ROWS)
    bucket.write("p/deep/b.parquet", ROWS)
    bucket.write("p/_SUCCESS", b"x")
    bucket.write("p/.hidden/c.parquet", ROWS)
    bucket.write("p/empty.parquet", b"")
    bucket.write("pp/other.parquet", ROWS)
    source = bucket.source("p/")
    assert shown(described(source)) == {"id": "string", "score": "double"}
    relation = related(source)
    assert [f.path for f in relation.files] == [
        "s3://lake/p/a.parquet",
        "s3://lake/p/deep/b.parquet",
    ]
    assert all(f.etag and f.size for f in relation.files)
    assert (relation.format, relation.partition_columns, relation.auth_ref) == (
        "parquet",
        (),
        source.auth_ref,
    )


def test_one_object_is_a_table_too(bucket: Bucket) -> None:
    bucket.write("p/a.parquet", ROWS)
    bucket.write("p/a.parquet.bak", b"not parquet")
    assert [f.path for f in related(bucket.source("p/a.parquet")).files] == [
        "s3://lake/p/a.parquet"
    ]


def test_a_glob_leaves_the_others_out(bucket: Bucket) -> None:
    for name in ("x-1.parquet", "x-2.parquet", "y-1.parquet", "x-1.csv"):
        bucket.write(f"p/{name}", ROWS)
    files = related(bucket.source("p/x-[12].parquet")).files
    assert [f.path.rpartition("/")[2] for f in files] == ["x-1.parquet", "x-2.parquet"]


def test_a_regex_leaves_the_others_out(bucket: Bucket) -> None:
    for name in ("x-1.parquet", "x-22.parquet", "x-a.parquet"):
        bucket.write(f"p/{name}", ROWS)
    files = related(bucket.source("p/x-", regex=r"\d+\.parquet")).files
    assert [f.path.rpartition("/")[2] for f in files] == ["x-1.parquet", "x-22.parquet"]


def test_directories_of_key_and_value_are_partition_keys(bucket: Bucket) -> None:
    bucket.write("p/dt=2026-01-01/region=1/a.parquet", ROWS)
    bucket.write("p/dt=2026-01-02/region=__HIVE_DEFAULT_PARTITION__/b.parquet", ROWS)
    bucket.write("p/dt=2026-01-02/region=2/c.parquet", ROWS)
    bucket.write("p/dt=2026-01-02/region=2/d.parquet", ROWS)
    table = described(bucket.source("p/"))
    assert table.partition_keys == ("dt", "region")
    assert shown(table) == {"id": "string", "score": "double", "dt": "date", "region": "int"}
    relation = related(bucket.source("p/"))
    assert [(p.values, p.location) for p in relation.partitions] == [
        (("2026-01-01", "1"), "s3://lake/p/dt=2026-01-01/region=1/"),
        (("2026-01-02", "2"), "s3://lake/p/dt=2026-01-02/region=2/"),
        (("2026-01-02", None), "s3://lake/p/dt=2026-01-02/region=__HIVE_DEFAULT_PARTITION__/"),
    ]
    assert [f.partition for f in relation.files] == [0, 1, 1, 2]


def test_a_file_column_of_a_keys_name_gives_way_to_the_directory(bucket: Bucket) -> None:
    bucket.write("p/Score=7/a.parquet", ROWS)
    assert shown(described(bucket.source("p/"))) == {"id": "string", "Score": "int"}


def test_declared_keys_have_their_declared_type(bucket: Bucket) -> None:
    bucket.write("p/region=01/a.parquet", ROWS)
    source = bucket.source("p/", columns={"region": "string"})
    assert shown(described(source)) == {"id": "string", "score": "double", "region": "string"}


def test_a_later_key_that_the_first_ones_did_not_foretell_is_told(bucket: Bucket) -> None:
    bucket.write("p/region=1/a.parquet", ROWS)
    source = bucket.source("p/")
    with source.access() as access:
        catalog = source.catalog(access)
        table = catalog.table(TableName("s3", "data"))
    bucket.write("p/region=north/b.parquet", ROWS)
    with source.access() as later:
        catalog = source.catalog(later)
        with pytest.raises(SourceError, match=r"region=north is no int(?s:.*)declare it: columns="):
            list(catalog.partitions(table))


def test_files_that_are_not_laid_out_alike_are_refused(bucket: Bucket) -> None:
    bucket.write("p/a=1/x.parquet", ROWS)
    source = bucket.source("p/")
    with source.access() as access:
        catalog = source.catalog(access)
        table = catalog.table(TableName("s3", "data"))
    bucket.write("p/b=1/y.parquet", ROWS)
    with source.access() as later:
        catalog = source.catalog(later)
        with pytest.raises(SourceError, match=r"p/b=1/y\.parquet is not partitioned like"):
            list(catalog.partitions(table))
    with pytest.raises(SourceError, match="not partitioned alike: a= and b="):
        described(source)


def test_dates_of_the_path_are_keys_and_choose_what_is_listed(bucket: Bucket) -> None:
    for month in (1, 2):
        for day in (1, 2, 3):
            bucket.write(f"logs/2026/{month:02}/{day:02}/x.parquet", ROWS)
    bucket.write("logs/latest/01/01/x.parquet", ROWS)
    source = bucket.source("logs/%Y/%m/%d/*.parquet")
    assert described(source).partition_keys == ("year", "month", "day")
    assert shown(described(source))["year"] == "string"
    assert [p.values for p in keyed(source)] == [
        ("2026", f"{m:02}", f"{d:02}") for m in (1, 2) for d in (1, 2, 3)
    ]
    bucket.listed()
    chosen = keyed(
        source,
        KeyCondition("year", "in", ("2026",)),
        KeyCondition("month", "in", ("02",)),
        KeyCondition("day", "in", ("01", "03")),
    )
    assert [p.values for p in chosen] == [("2026", "02", "01"), ("2026", "02", "03")]
    # One page told all: the columns, that this is no lake's, and two days' files.
    assert bucket.listed() == ["logs/"]


def test_a_condition_on_an_inner_date_alone_lists_everything(bucket: Bucket) -> None:
    bucket.write("logs/2026/01/x.parquet", ROWS)
    bucket.write("logs/2026/02/x.parquet", ROWS)
    source = bucket.source("logs/%Y/%m/*")
    found = keyed(source, KeyCondition("month", "in", ("02",)))
    assert {p.values for p in found} == {("2026", "01"), ("2026", "02")}


def test_more_dates_than_are_worth_it_list_everything(bucket: Bucket) -> None:
    bucket.write("logs/2026/01/x.parquet", ROWS)
    source = bucket.source("logs/%Y/%m/*")
    bucket.listed()
    many = tuple(str(y) for y in range(1000, 1401))
    assert len(keyed(source, KeyCondition("year", "in", many))) == 1
    # For the columns; that this is no lake's, and all files, it told too.
    assert bucket.listed() == ["logs/"]


def test_dates_and_directories_together(bucket: Bucket) -> None:
    bucket.write("logs/2026/region=eu/x.parquet", ROWS)
    table = described(bucket.source("logs/%Y/"))
    assert table.partition_keys == ("year", "region")
    assert [p.values for p in keyed(bucket.source("logs/%Y/"))] == [("2026", "eu")]


def test_a_date_that_a_column_or_directory_also_names_is_refused(bucket: Bucket) -> None:
    bucket.write("p/2026/x.parquet", pa.table({"year": [1]}))
    with pytest.raises(ConfigError, match="a column 'year', which is also a date directive"):
        described(bucket.source("p/%Y/"))
    bucket.write("q/2026/year=2026/x.parquet", ROWS)
    with pytest.raises(ConfigError, match="a date directive and a directory of the same name"):
        described(bucket.source("q/%Y/"))


def test_nothing_there_is_told(bucket: Bucket) -> None:
    bucket.write("p/_SUCCESS", b"x")
    with pytest.raises(SourceError, match=r"no file matches s3://lake/p/\*\.parquet") as caught:
        described(bucket.source("p/*.parquet"))
    assert caught.value.code == "no-files"
    with pytest.raises(SourceError, match="nowhere"):
        described(S3DataSource(**{**dict(bucket.source("p/")), "path": "s3://nowhere/p/"}))


def test_unknown_inputs_and_databases(bucket: Bucket) -> None:
    source = bucket.source("p/")
    with source.access() as access:
        catalog = source.catalog(access)
        assert list(catalog.databases()) == ["s3"]
        assert list(catalog.tables("S3")) == ["data"]
        with pytest.raises(TableNotFoundError, match=r"no input 'dat'(?s:.*)'data'"):
            catalog.table(TableName("s3", "dat"))
        with pytest.raises(DatabaseNotFoundError, match="there is only s3"):
            catalog.table(TableName("glue", "data"))


def test_who_may_not_list_or_read_is_told(bucket: Bucket) -> None:
    bucket.write("p/x.parquet", ROWS)
    nothing = {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    lists = {"Effect": "Allow", "Action": "s3:ListBucket", "Resource": "*"}
    for statement, action in ((nothing, "s3:ListBucket"), (lists, "s3:GetObject")):
        keys = bucket.keys({"Version": "2012-10-17", "Statement": [statement]})
        with pytest.raises(AccessDeniedError, match=action):
            described(bucket.source("p/", auth=keys))


CSV = 'id,"a, b",score\n1,x,2.5\n'


@pytest.mark.parametrize(
    ("key", "content", "options", "columns"),
    [
        ("x.csv", CSV, {}, ["id", "a, b", "score"]),
        ("x.csv", "\ufeffid,score\r\n1,2\r\n", {}, ["id", "score"]),
        ("x.csv", "id;'a;b'\n", {"sep": ";", "quote": "'"}, ["id", "a;b"]),
        ("x.csv", 'id|"b', {"delimiter": "|", "quote": ""}, ["id", '"b']),
        ("x.csv.gz", gzip.compress(CSV.encode()), {}, ["id", "a, b", "score"]),
        ("x.csv.bz2", bz2.compress(CSV.encode()), {"header": True}, ["id", "a, b", "score"]),
        ("x.csv", "id,ä\n" + "ü" * 40_000, {}, ["id", "ä"]),
        # The end of the first request lies within a character.
        ("x.csv", "id,äx\n" + "ü" * 40_000, {}, ["id", "äx"]),
        ("x.csv", " id , score\t\n1,2\n", {}, ["id", "score"]),
        ("x.csv", b"id,\x80\xe4\n", {"encoding": "windows-1252"}, ["id", "\u20ac\u00e4"]),
    ],
    ids=[
        "quoted",
        "bom",
        "separator",
        "unquoted",
        "gzip",
        "bzip2",
        "long",
        "cut",
        "spaces",
        "encoding",
    ],
)
def test_csv_takes_its_names_from_the_header(
    bucket: Bucket, key: str, content: bytes | str, options: dict[str, str], columns: list[str]
) -> None:
    bucket.write(f"p/{key}", content)
    source = bucket.source("p/", format="csv", options=options)
    assert shown(described(source)) == dict.fromkeys(columns, "string")
    told = {"header": "true", **{k: str(v).lower() for k, v in options.items()}}
    assert dict(related(source).options) == told


def test_a_large_compressed_header_needs_only_its_beginning(bucket: Bucket) -> None:
    noise = "".join(f"{i * 7919 % 104729},x\n" for i in range(100_000))
    content = gzip.compress(f"id,score\n{noise}".encode())
    assert len(content) > 64 * 1024
    bucket.write("p/x.csv.gz", content)
    bucket.aws.requests.clear()
    assert list(shown(described(bucket.source("p/", format="csv")))) == ["id", "score"]
    (read,) = bucket.aws.requests.select("s3:GetObject")
    assert read.parameters["range"] == "bytes=0-65535"


@pytest.mark.parametrize(
    ("key", "content", "options", "error", "message"),
    [
        ("x.csv", "1,2\n", {"header": "false"}, ConfigError, "without a header row(?s:.*)columns="),
        ("x.csv", "\n1,2\n", {}, SourceError, "begins with an empty line"),
        ("x.csv", b"\xff\xfe\x00", {}, SourceError, "its header row can't be read"),
        # A name must not lose what its encoding has no word for, though the file is large.
        (
            "x.csv",
            b"gr\xf6\xdfe,b\n" + b"x" * 80_000,
            {},
            SourceError,
            "its header row can't be read",
        ),
        ("x.csv", "a,b\n", {"encoding": "GBK"}, UnsupportedError, "'GBK' is not read"),
        ("x.csv", "a,b\n", {"sep": "::"}, SourceError, "its header row can't be read"),
        ("x.csv.gz", "a,b\n", {}, SourceError, "not compressed as its name says"),
        ("x.csv.zst", "a,b\n", {}, UnsupportedError, "compressed like this must be declared"),
    ],
)
def test_csv_that_does_not_tell_its_columns(
    bucket: Bucket,
    key: str,
    content: bytes | str,
    options: dict[str, str],
    error: type[Exception],
    message: str,
) -> None:
    bucket.write(f"p/{key}", content)
    with pytest.raises(error, match=message):
        described(bucket.source("p/", format="csv", options=options))


def test_declared_csv_has_no_header_unless_told(bucket: Bucket) -> None:
    bucket.write("p/x.csv.zst", b"anything")
    declared = {"id": "bigint", "tags": "array<string>"}
    source = bucket.source("p/", format="csv", columns=declared)
    assert shown(described(source)) == declared
    assert related(source).options == {}


def test_json_must_be_declared_and_its_first_rows_help(bucket: Bucket) -> None:
    rows = [
        {"id": "a", "n": 1, "x": 1, "ok": None, "e": [0.5], "s": {"a b": 1}, "v": None},
        {"id": 2, "n": 1, "x": 0.5, "ok": True, "e": [], "new": None},
    ]
    text = "\n".join([*map(json.dumps, rows), '{"id": "cut'])
    bucket.write("p/x.json.gz", gzip.compress(text.encode()))
    with pytest.raises(ConfigError, match="the columns of json files must be declared") as caught:
        described(bucket.source("p/", format="json"))
    hint = str(caught.value.hint)
    told = json.loads(hint.removeprefix("its first rows suggest columns="))
    assert told == {
        "id": "string",
        "n": "bigint",
        "x": "double",
        "ok": "boolean",
        "e": "array<double>",
        "s": "struct<`a b`:bigint>",
        "v": "string",
        "new": "string",
    }
    source = bucket.source("p/", format="json", columns=told)
    assert shown(described(source))["s"] == "struct<`a b`:bigint>"


def test_json_of_another_shape_still_gives_an_example(bucket: Bucket) -> None:
    bucket.write("p/x.json", "[\n1]")
    with pytest.raises(ConfigError, match="columns="):
        described(bucket.source("p/", format="json"))


@pytest.mark.parametrize("format", ["parquet", "orc"])
def test_columns_come_from_the_footer(bucket: Bucket, format: str) -> None:
    wide = pa.table({f"c{i}": pa.array([float(i)] * 5000) for i in range(40)})
    bucket.write(f"p/x.{format}", wide)
    assert len(shown(described(bucket.source("p/", format=format)))) == 40


def test_a_large_parquet_file_is_not_read_for_its_columns(bucket: Bucket) -> None:
    rows = pa.table({"x": pa.array([hash(str(i)) for i in range(200_000)], pa.int64())})
    bucket.write("p/x.parquet", rows)
    bucket.aws.requests.clear()
    assert shown(described(bucket.source("p/"))) == {"x": "bigint"}
    assert len(bucket.aws.requests.select("s3:GetObject")) == 1


@pytest.mark.parametrize("format", ["parquet", "orc"])
def test_a_file_of_another_format_is_told(bucket: Bucket, format: str) -> None:
    bucket.write("p/x.dat", "certainly not a columnar file")
    with pytest.raises(SourceError, match=rf"x\.dat can't be read as {format}"):
        described(bucket.source("p/", format=format))


def test_a_file_that_changes_under_the_listing_is_told(bucket: Bucket) -> None:
    bucket.write("p/x.parquet", ROWS)
    bucket.aws.faults.fail("s3:GetObject", 412, code="PreconditionFailed")
    with pytest.raises(DataChangedError, match=r"read s3://lake/p/x\.parquet: it is not what"):
        described(bucket.source("p/"))
