"""The source as a value: what it refuses, what it says of itself, what it must be allowed to do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket

from headwater import PluginRegistry, Workspace
from headwater.auth.credentials import Identity, Permission
from headwater.errors import AccessDeniedError, ConfigError, QueryError
from headwater.interfaces.data_source import SourceCapability
from headwater.interfaces.plan import Plan
from headwater.tables.table import Table, TableName, TimePartition
from headwater_aws.auth.default import DefaultChain
from headwater_s3 import S3DataSource

ROWS = pa.table({"id": ["a", "b"], "score": [0.5, 0.25]})
DATES: Any = {"column": "t", "keys": {"dt": "yyyy-MM-dd"}}


@pytest.mark.parametrize(
    ("told", "message"),
    [
        ({}, "needs either path or paths"),
        ({"path": "s3://b/", "paths": {"a": "s3://b/"}}, "needs either path or paths"),
        ({"path": "b/"}, "is not an S3 location"),
        ({"paths": {"a b": "s3://b/"}}, "'a b' can't name an input"),
        ({"path": "s3://b/", "partitions": {"dat": DATES}}, "partitions: the source has no input"),
        ({"paths": {"a": "s3://b/"}, "columns": {"b": {"x": "int"}}}, "columns: the source has no"),
        ({"paths": {"a": "s3://b/"}, "columns": {"a": "int"}}, "columns of input 'a': expected a"),
        ({"path": "s3://b/", "columns": {"a": {"x": "int"}}}, "column 'a' of input 'data' needs"),
        ({"path": "s3://b/", "columns": {"a": "nonsense<"}}, "column 'a' of input 'data': "),
        ({"path": "s3://b/", "time_column": "t"}, "no path has a date directive"),
        ({"path": "s3://b/*", "format": "delta"}, "delta tables take no pattern in path"),
        ({"path": "s3://b/%Y/", "format": "iceberg"}, "iceberg tables take no pattern in path"),
        ({"path": "s3://b/", "regex": "x", "format": "delta"}, "take no pattern in path"),
        ({"path": "s3://b/", "columns": {"a": "int"}, "format": "delta"}, "take no columns"),
        ({"path": "s3://b/", "options": {"a": "b"}, "format": "iceberg"}, "take no options"),
        ({"path": "s3://b/", "options": {"inferSchema": True}, "format": "csv"}, "guesses types"),
    ],
)
def test_what_makes_no_sense_is_refused(told: Mapping[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        S3DataSource(**told)


def test_it_is_a_frozen_value() -> None:
    one = S3DataSource(path="s3://b/", region="us-east-1")
    assert one == S3DataSource(path="s3://b/", region="us-east-1")
    assert one.auth_ref == S3DataSource(path="s3://c/", region="us-east-1").auth_ref
    assert one.auth_ref != S3DataSource(path="s3://b/", region="eu-west-1").auth_ref
    assert one.capabilities == frozenset(SourceCapability)
    assert (one.default_database, one.allowed_databases) == ("s3", frozenset({"s3"}))
    with pytest.raises(ValueError, match="frozen"):
        one.path = "s3://c/"  # type: ignore[misc]


def test_it_tells_where_its_inputs_lie() -> None:
    source = S3DataSource(paths={"a": "s3://b/a/", "b": "s3://b/b/%Y/"}, auth=DefaultChain())
    assert source.describe() == {"type": "s3", "input a": "s3://b/a/", "input b": "s3://b/b/%Y/"}


def test_a_query_over_several_inputs() -> None:
    source = S3DataSource(
        paths={"p": "s3://b/p/", "q": "s3://b/q/"}, query="SELECT * FROM {p} JOIN {q} USING (id)"
    )
    assert source.sql() == "SELECT * FROM `p` JOIN `q` USING (id)"
    with pytest.raises(QueryError, match="no input 'data'"):
        S3DataSource(paths={"p": "s3://b/p/"}).sql()


def test_rules_of_time() -> None:
    table = Table(TableName("s3", "p"), ())
    other = Table(TableName("s3", "q"), ())
    source = S3DataSource(
        paths={"p": "s3://b/p/%Y-%m/", "q": "s3://b/q/"}, time_column="t", partitions={"q": DATES}
    )
    assert source.time_partition(table) == TimePartition("t", {"year": "yyyy", "month": "MM"})
    assert source.time_partition(other) == TimePartition("t", {"dt": "yyyy-MM-dd"})
    assert (
        S3DataSource(path="s3://b/%Y/").time_partition(Table(TableName("s3", "data"), ())) is None
    )


def test_a_configuration_file_describes_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "s")
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
            type: s3
            path: s3://b/%Y/%m/*.csv
            format: csv
            options: {header: true, sep: ";"}
            time_column: t
            auth: {type: static, access_key_id: AKIAEXAMPLE, secret_access_key: "env:SECRET"}
          id_column: id
          timestamp_column: t
"""
    )
    with Workspace.open(tmp_path / "headwater.yaml", PluginRegistry()) as workspace:
        source = workspace.connection("serving").source
    assert isinstance(source, S3DataSource)
    assert source.options == {"header": "true", "sep": ";"}
    assert "AKIAEXAMPLE" not in str(source.describe())


def permitted(source: S3DataSource) -> dict[str, Permission]:
    nothing = Plan("c", "", "", (), None, None, "", "")
    return {p.action: p for p in source.permissions(nothing)}


def test_permissions_name_the_prefixes() -> None:
    source = S3DataSource(
        paths={"a": "s3://b/a/%Y/*.csv", "x": "s3://b/a/x/", "o": "s3://b/o.csv"}, format="csv"
    )
    found = permitted(source)
    assert found["s3:ListBucket"].resources == ("arn:aws:s3:::b",)
    assert found["s3:ListBucket"].conditions == {"StringLike": {"s3:prefix": ["a/*", "o.csv*"]}}
    assert found["s3:GetObject"].resources == ("arn:aws:s3:::b/a/*", "arn:aws:s3:::b/o.csv*")
    assert found["s3:GetObject"].reason == "rows of input a, input o"


@pytest.mark.parametrize(
    ("region", "caller", "partition"),
    [
        ("us-east-1", None, "aws"),
        ("cn-north-1", None, "aws-cn"),
        ("us-gov-west-1", None, "aws-us-gov"),
        ("eusc-de-east-1", None, "aws-eusc"),
        ("us-isob-east-1", None, "aws-iso-b"),
        (None, "arn:aws-cn:sts::123456789012:assumed-role/r/s", "aws-cn"),
        (None, None, "aws"),
    ],
)
def test_permissions_in_every_part_of_the_world(
    region: str | None, caller: str | None, partition: str
) -> None:
    source = S3DataSource(path="s3://b/", region=region)
    who = {source.auth_ref: Identity(caller)} if caller else {}
    found = source.permissions(Plan("c", "", "", (), None, None, "", "", who))
    assert [r for p in found for r in p.resources] == [
        f"arn:{partition}:s3:::b",
        f"arn:{partition}:s3:::b/*",
    ]


def test_permissions_of_an_iceberg_table_by_its_metadata_file() -> None:
    source = S3DataSource(path="s3://b/t/metadata/v1.metadata.json", format="iceberg")
    assert permitted(source)["s3:GetObject"].resources == ("arn:aws:s3:::b/t*",)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("p/", {}),
        ("p/%Y/*.parquet", {}),
        ("p/2026/x.parquet", {}),
        ("p/2026", {}),
        ("", {"regex": "p/.*"}),
    ],
)
def test_what_it_asks_for_is_what_it_needs(bucket: Bucket, path: str, told: dict[str, str]) -> None:
    bucket.write("p/2026/x.parquet", ROWS)
    open_ = bucket.source(path, **told)
    statements = [
        {
            "Effect": "Allow",
            "Action": p.action,
            "Resource": list(p.resources),
            "Condition": dict(p.conditions),
        }
        for p in permitted(open_).values()
    ]
    with Workspace() as workspace:
        narrow = bucket.source(
            path, auth=bucket.keys({"Version": "2012-10-17", "Statement": statements}), **told
        )
        assert workspace.sql("SELECT id FROM data", narrow).to_arrow().num_rows == 2
        for missing in range(len(statements)):
            rest = statements[:missing] + statements[missing + 1 :]
            keys = bucket.keys({"Version": "2012-10-17", "Statement": rest})
            with pytest.raises(AccessDeniedError):
                workspace.sql("SELECT id FROM data", bucket.source(path, auth=keys, **told))
