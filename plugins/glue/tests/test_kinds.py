"""What a table is, told in the one order that does not mistake one kind for another."""

from __future__ import annotations

from typing import Any

import pytest
from plugins.glue.tests.raw import glue_table

from headwater_glue.kinds import Kind, classify, data_location

CASES: dict[str, tuple[dict[str, Any], Kind, str | None]] = {
    "plain Hive": ({}, Kind.HIVE, None),
    "resource link": (
        {"TargetTable": {"CatalogId": "2" * 12, "DatabaseName": "d", "Name": "t"}},
        Kind.LINK,
        None,
    ),
    "link before all else": (
        {
            "TargetTable": {"DatabaseName": "d", "Name": "t"},
            "parameters": {"table_type": "ICEBERG", "metadata_location": "s3://x"},
        },
        Kind.LINK,
        None,
    ),
    "Iceberg": (
        {"parameters": {"table_type": "iceberg", "metadata_location": "s3://lake/m.json"}},
        Kind.ICEBERG,
        None,
    ),
    "Iceberg without its state": (
        {"parameters": {"table_type": "ICEBERG"}},
        Kind.ICEBERG,
        "no metadata_location",
    ),
    "Iceberg in S3 Tables": (
        {
            "parameters": {"table_type": "ICEBERG", "metadata_location": "s3://x/m.json"},
            "CatalogId": "111111111111:s3tablescatalog/bucket",
        },
        Kind.ICEBERG,
        None,
    ),
    "Delta by Spark": ({"parameters": {"spark.sql.sources.provider": "DELTA"}}, Kind.DELTA, None),
    "Delta by Athena": ({"parameters": {"TABLE_TYPE": "delta"}}, Kind.DELTA, None),
    "a manifest is not Delta": (
        {
            "input_format": "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat",
            "parameters": {"table_type": "DELTA"},
        },
        Kind.MANIFEST,
        None,
    ),
    "Hudi by input format": (
        {"input_format": "org.apache.hudi.hadoop.HoodieParquetInputFormat"},
        Kind.HUDI,
        None,
    ),
    "Hudi by Spark": ({"parameters": {"spark.sql.sources.provider": "hudi"}}, Kind.HUDI, None),
    "Athena view": (
        {"table_type": "VIRTUAL_VIEW", "location": "", "parameters": {"presto_view": "true"}},
        Kind.ATHENA_VIEW,
        None,
    ),
    "Athena view by its text": (
        {"table_type": "VIRTUAL_VIEW", "ViewOriginalText": "/* Presto View: e30= */"},
        Kind.ATHENA_VIEW,
        None,
    ),
    "Spark view": (
        {"table_type": "VIRTUAL_VIEW", "parameters": {"view.query.out.numCols": "1"}},
        Kind.SPARK_VIEW,
        None,
    ),
    "Hive view": (
        {"table_type": "VIRTUAL_VIEW", "ViewOriginalText": "select 1"},
        Kind.HIVE_VIEW,
        "Hive's SQL",
    ),
    "view in several dialects": (
        {
            "table_type": "VIRTUAL_VIEW",
            "ViewDefinition": {
                "Representations": [{"Dialect": "spark", "ViewOriginalText": "SELECT 1"}]
            },
        },
        Kind.MULTI_DIALECT_VIEW,
        None,
    ),
    "view for Redshift alone": (
        {
            "table_type": "VIRTUAL_VIEW",
            "ViewDefinition": {
                "Representations": [{"Dialect": "REDSHIFT", "ViewOriginalText": "SELECT 1"}]
            },
        },
        Kind.MULTI_DIALECT_VIEW,
        "defined for REDSHIFT only",
    ),
    "S3 Tables": ({"CatalogId": "1:s3tablescatalog/b"}, Kind.S3_TABLES, "Iceberg REST"),
    "federated": (
        {"FederatedTable": {"ConnectionName": "snow", "Identifier": "x"}},
        Kind.FEDERATED,
        "connection 'snow'",
    ),
    "Spark files": ({"parameters": {"spark.sql.sources.provider": "parquet"}}, Kind.SPARK, None),
    "Spark on JDBC": (
        {"parameters": {"spark.sql.sources.provider": "jdbc"}},
        Kind.SPARK,
        "'jdbc' is not one of plain files",
    ),
    "not in S3": ({"location": "hdfs://n/x"}, Kind.HIVE, "'hdfs://n/x', not in S3"),
    "no place": ({"location": ""}, Kind.HIVE, "no location"),
    "place by template": (
        {"location": "", "parameters": {"storage.location.template": "s3://x/${k}"}},
        Kind.HIVE,
        None,
    ),
    "governed": ({"table_type": "GOVERNED"}, Kind.UNKNOWN, "governed"),
    "nothing said": ({"serde": "", "input_format": ""}, Kind.UNKNOWN, "neither its serde"),
}


@pytest.mark.parametrize(("told", "kind", "reason"), CASES.values(), ids=CASES.keys())
def test_kind(told: Any, kind: Any, reason: Any) -> None:
    found = classify(glue_table(**told))
    assert found.kind is kind
    if reason is None:
        assert found.unqueryable is None
    else:
        assert reason in (found.unqueryable or "")


def test_a_spark_tables_true_place_is_its_path() -> None:
    table = glue_table(
        location="s3://warehouse/db.db/t-__PLACEHOLDER__",
        serde_parameters={"path": "s3://lake/true/"},
        parameters={"spark.sql.sources.provider": "parquet"},
    )
    assert data_location(table) == "s3://lake/true/"


def test_a_hive_tables_place_is_its_location() -> None:
    assert data_location(glue_table(serde_parameters={"path": "s3://other/"})) == "s3://lake/t/"
