"""Connections over S3, from the window to the rows: what is read, what is left, what is said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from plugins.s3.tests.conftest import Bucket

from headwater import Workspace
from headwater.errors import AuthError, DataChangedError, QueryError
from headwater.workspace.model import Connection
from headwater_aws.auth.oidc_role import OidcRole
from headwater_s3 import S3DataSource

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def day(number: int) -> pa.Table:
    at = [FIRST + timedelta(days=number, hours=h) for h in (0, 12)]
    return pa.table(
        {
            "id": [f"{number}-{i}" for i in range(2)],
            "at": pa.array(at, pa.timestamp("us", tz="UTC")),
            "score": [0.5, float(number)],
        }
    )


def serving(workspace: Workspace, source: S3DataSource) -> Connection:
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "regression", predictions={"score": "numeric"}
    )
    return version.connect_serving(source, "id", "at")


@pytest.mark.parametrize(
    ("pattern", "path", "told"),
    [
        ("p/%Y/%m/%d/x.parquet", "p/%Y/%m/%d/", {"time_column": "at"}),
        ("p/%Y-%m/%d-x.parquet", "p/%Y-%m/%d-*.parquet", {"time_column": "at"}),
        (
            "p/dt=%Y-%m-%d/x.parquet",
            "p/",
            {"partitions": {"data": {"column": "at", "keys": {"dt": "yyyy-MM-dd"}}}},
        ),
    ],
    ids=["dates", "dates-in-names", "hive"],
)
def test_the_window_chooses_the_files(
    bucket: Bucket, pattern: str, path: str, told: dict[str, object]
) -> None:
    for number in range(40):
        bucket.write((FIRST + timedelta(days=number)).strftime(pattern), day(number))
    with Workspace() as workspace:
        connection = serving(workspace, bucket.source(path, **told))
        plan = connection.plan("2026-01-31", "2026-02-02")
        assert (plan.files, plan.scans[0].blocker) == (2, None)
        rows = connection.read("2026-01-31", "2026-02-02").to_arrow()
        assert sorted(map(str, rows["id"].to_pylist())) == ["30-0", "30-1", "31-0", "31-1"]
        assert connection.plan("2026-01-31T13:00", "2026-02-01T12:00").files == 2
        assert connection.check().ok


def test_without_a_rule_everything_is_read_and_the_plan_says_so(bucket: Bucket) -> None:
    for number in range(3):
        bucket.write((FIRST + timedelta(days=number)).strftime("p/%Y/%m/%d/x.parquet"), day(number))
    with Workspace() as workspace:
        connection = serving(workspace, bucket.source("p/%Y/%m/%d/"))
        plan = connection.plan("2026-01-02", "2026-01-03")
        assert plan.files == 3
        assert "(year, month, day) follow from time" in str(plan.scans[0].blocker)
        rows = connection.read("2026-01-02", "2026-01-03").to_arrow()
        assert rows["id"].to_pylist() == ["1-0", "1-1"]


def test_the_users_own_condition_on_a_date_chooses_too(bucket: Bucket) -> None:
    for number in range(40):
        bucket.write((FIRST + timedelta(days=number)).strftime("p/%Y/%m/%d.parquet"), day(number))
    source = bucket.source("p/%Y/%m/*", query="SELECT * FROM {data} WHERE month = '02'")
    with Workspace() as workspace:
        plan = serving(workspace, source).plan()
        assert (plan.files, plan.scans[0].pruned_by) == (9, "month (in the query)")


def test_several_inputs_are_joined(bucket: Bucket) -> None:
    bucket.write("p/x.parquet", day(0))
    bucket.write("labels/x.parquet", pa.table({"id": ["0-1"], "bought": [True]}))
    source = bucket.source(
        paths={"served": "p/", "labels": "labels/"},
        query="SELECT s.*, l.bought FROM {served} s LEFT JOIN {labels} l ON s.id = l.id",
    )
    with Workspace() as workspace:
        data = workspace.sql(source.sql(), source).to_arrow()
    assert dict(zip(data["id"].to_pylist(), data["bought"].to_pylist(), strict=True)) == {
        "0-0": None,
        "0-1": True,
    }


def test_a_role_is_assumed_and_a_token_that_is_refused_stays_secret(
    bucket: Bucket, tmp_path: Path
) -> None:
    bucket.write("p/x.parquet", day(0))
    role = bucket.aws.create_oidc_role(subject="monitor")
    token = tmp_path / "token"
    token.write_text(bucket.aws.issuer.token(sub="monitor", aud="sts.amazonaws.com"))
    auth = OidcRole(role_arn=role, token=f"file:{token}")
    with Workspace() as workspace:
        connection = serving(workspace, bucket.source("p/", auth=auth))
        (identity,) = connection.plan().identities.values()
        assert identity.strategy == "oidc-role"
        assert connection.read().to_arrow().num_rows == 2
        forged = f"{token.read_text()[:-8]}AAAAAAAA"
        token.write_text(forged)
        with pytest.raises(AuthError) as caught:
            connection.read()
        assert forged not in f"{caught.value!r}{caught.value}"


@pytest.mark.parametrize("call", ["s3:ListObjectsV2", "s3:GetObject"])
@pytest.mark.parametrize("fault", ["throttle", "drop", "fail"])
def test_passing_faults_pass(bucket: Bucket, call: str, fault: str) -> None:
    bucket.write("p/x.parquet", day(0))
    getattr(bucket.aws.faults, fault)(call)
    with Workspace() as workspace:
        assert serving(workspace, bucket.source("p/")).read().to_arrow().num_rows == 2


def test_a_file_that_changed_after_the_plan_is_an_error(bucket: Bucket) -> None:
    bucket.write("p/x.parquet", day(0))
    with Workspace() as workspace:
        data = serving(workspace, bucket.source("p/")).read()
        bucket.write("p/x.parquet", pa.concat_tables([day(0), day(1), day(2)]))
        with pytest.raises(DataChangedError, match=r"x\.parquet"):
            data.to_arrow()


def test_a_query_of_ones_own_has_the_placeholders_too(bucket: Bucket) -> None:
    bucket.write("p/x.parquet", day(0))
    bucket.write("q/x.parquet", day(1))
    source = bucket.source("p/")
    with Workspace(engine="embedded") as workspace:
        query = "SELECT '{data}' AS text, id FROM {data} AS d WHERE d.id = '0-1'"
        assert workspace.sql(query, source).to_arrow().to_pylist() == [
            {"text": "{data}", "id": "0-1"}
        ]
        assert workspace.sql(source.sql(), source).to_arrow().num_rows == 2
        with pytest.raises(QueryError) as caught:
            workspace.sql("SELECT id FROM {datta}", source)
    assert [d.code for d in caught.value.diagnostics] == ["unknown-input"]
