"""Tables that Lake Formation governs: nothing that it hides is silently missing."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pytest

from headwater.errors import AccessDeniedError, MappingError, QueryError
from headwater.workspace.workspace import Workspace
from headwater_aws import OidcRole
from headwater_glue import GlueDataSource
from headwater_glue.testing import GlueLake

ROWS = pa.table({"id": ["a"], "ts": ["2026-01-01 00:00:00"], "score": [0.5]})
COLUMNS = {"id": "string", "ts": "string", "score": "double"}


@pytest.fixture
def governed(lake: GlueLake) -> GlueLake:
    lake.table("log", COLUMNS, keys={"dt": "string"})
    where = lake.partition("log", ["2026-01-01"])
    lake.write(f"{where.removeprefix('s3://lake/')}x.parquet", ROWS)
    lake.table("open", COLUMNS)
    return lake


def granted(lake: GlueLake, columns: Sequence[str] | None) -> GlueDataSource:
    """Return a source of a role that IAM allows everything, and Lake Formation these columns."""
    role = lake.aws.create_oidc_role(name="reader", subject="monitor")
    grants = {} if columns is None else {role: columns}
    lake.aws.govern(lake.database, "log", grants)
    token = lake.aws.issuer.token(sub="monitor")
    auth = OidcRole(role_arn=role, token=lambda: token)
    return lake.source(auth=auth, query="SELECT * FROM log")


def columns_of(source: GlueDataSource) -> list[str]:
    with Workspace() as workspace:
        return workspace.sql(source.sql(), source).to_arrow().schema.names


def test_what_is_granted_is_read(governed: GlueLake) -> None:
    assert columns_of(granted(governed, ["*"])) == ["id", "ts", "score", "dt"]


def test_columns_that_are_not_granted_are_told_where_they_are_missed(governed: GlueLake) -> None:
    source = granted(governed, ["id", "ts"])
    assert columns_of(source) == ["id", "ts", "dt"]
    with Workspace() as workspace:
        plan = workspace.sql("SELECT id FROM log", source).plan
        assert [w.code for w in plan.warnings] == ["lake-formation"]
        with pytest.raises(QueryError, match="granted to this identity"):
            workspace.sql("SELECT score FROM log", source)
        workspace.create_model("m", "Scores")
        version = workspace.create_model_version(
            model_id="m", model_version="v1", model_type="binary", predictions={"score": "numeric"}
        )
        serving = version.connect_serving(data_source=source, id_column="id", timestamp_column="ts")
        with pytest.raises(MappingError, match="granted to this identity"):
            serving.plan("2026-01-01", "2026-01-02")


def test_a_table_that_is_not_granted_is_denied_by_name_and_not_listed(governed: GlueLake) -> None:
    source = granted(governed, None)
    with pytest.raises(AccessDeniedError) as caught:
        columns_of(source)
    assert caught.value.code == "lake-formation-denied"
    assert "grant DESCRIBE and SELECT" in str(caught.value.hint)
    with source.access() as access:
        listed = list(source.catalog(access).tables(governed.database))
    assert listed == ["open"]


def test_partitions_that_are_not_granted_are_a_verdict(governed: GlueLake) -> None:
    source = granted(governed, [])
    with Workspace() as workspace:
        data = workspace.sql("SELECT id FROM log", source)
        with pytest.warns(match="Glue shows none of its partitions to this identity"):
            assert data.to_arrow().num_rows == 0
        verdict = data.stats.verdict
    assert verdict is not None
    assert verdict.code == "lake-formation-filtered"
