"""Two accounts, two roles, one process: no read ever uses the other's identity."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.end_to_end.conftest import storage

import headwater as hw
from headwater_aws.testing import Emulator
from headwater_glue import GlueDataSource, OidcRole

REGION = "us-east-1"
ACCOUNTS = {"111111111111": "ours", "222222222222": "theirs"}
START = datetime(2026, 1, 1, tzinfo=UTC)
COLUMNS = {"pid": "string", "at": "timestamp", "score": "double", "truth": "double"}
ROWS = 50


def log(owner: str) -> bytes:
    """Rows with the same ids in both accounts, whose texts and values tell whose they are."""
    value = float(len(owner))
    table = pa.table(
        {
            "pid": [str(n) for n in range(ROWS)],
            "at": pa.array(
                [START + timedelta(minutes=n) for n in range(ROWS)], pa.timestamp("us", tz="UTC")
            ),
            "score": [value] * ROWS,
            "truth": [value] * ROWS,
        }
    )
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


def role_in(aws: Emulator, account: str, owner: str) -> str:
    """A table of the same name in each account, and a role that may read its own account only."""
    s3, glue = (aws.client(s, account_id=account, region=REGION) for s in ("s3", "glue"))
    s3.create_bucket(Bucket=owner)
    s3.put_object(Bucket=owner, Key="log/a.parquet", Body=log(owner))
    glue.create_database(DatabaseInput={"Name": "db"})
    descriptor = storage(f"s3://{owner}/log/", COLUMNS)
    glue.create_table(
        DatabaseName="db",
        TableInput={
            "Name": "log",
            "TableType": "EXTERNAL_TABLE",
            "PartitionKeys": [],
            "StorageDescriptor": descriptor,
        },
    )
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["glue:*", "s3:*"],
                "Resource": [
                    f"arn:aws:glue:{REGION}:{account}:*",
                    f"arn:aws:s3:::{owner}",
                    f"arn:aws:s3:::{owner}/*",
                ],
            }
        ],
    }
    return aws.create_oidc_role(account_id=account, name=owner, subject=owner, policy=policy)


@pytest.fixture
def sources(aws: Emulator) -> dict[str, GlueDataSource]:
    """A source in each account, by its owner."""
    return {
        owner: GlueDataSource(
            database="db",
            table="log",
            region=REGION,
            endpoint_url=aws.endpoint_url,
            auth=OidcRole(
                role_arn=role_in(aws, account, owner),
                token=partial(aws.issuer.token, sub=owner),
            ),
        )
        for account, owner in ACCOUNTS.items()
    }


@pytest.fixture
def workspace() -> Iterator[hw.Workspace]:
    with hw.Workspace(engine="embedded") as made:
        yield made


def version(workspace: hw.Workspace, name: str) -> hw.ModelVersion:
    workspace.create_model(name)
    return workspace.create_model_version(
        name, "v1", "regression", predictions={"score": "numeric"}
    )


def assert_each_read_its_own(aws: Emulator) -> None:
    """Every object and table was asked for by the role of the account that it lies in."""
    seen = set()
    for one in aws.requests.select("*"):
        account = one.principal.split(":")[4] if one.principal else ""
        owner = ACCOUNTS.get(account)
        if one.service not in ("s3", "glue") or owner is None:
            continue
        seen.add(owner)
        assert one.status < 400, one
        assert f"assumed-role/{owner}/" in one.principal, one
        for resource in one.resources:
            assert (resource + "/").startswith(f"arn:aws:s3:::{owner}/") or account in resource
    assert seen == set(ACCOUNTS.values())


def test_concurrent_reads_do_not_cross(
    aws: Emulator, sources: dict[str, GlueDataSource], workspace: hw.Workspace
) -> None:
    connections = {
        owner: version(workspace, owner).connect_serving(source, "pid", "at")
        for owner, source in sources.items()
    }
    aws.requests.clear()

    def read(owner: str) -> tuple[str, set[float], int]:
        rows = connections[owner].read().to_arrow()
        return owner, {float(str(s)) for s in rows["score"].to_pylist()}, rows.num_rows

    with ThreadPoolExecutor(4) as pool:
        for owner, scores, count in pool.map(read, list(ACCOUNTS.values()) * 4):
            assert (scores, count) == ({float(len(owner))}, ROWS)
    assert_each_read_its_own(aws)


def test_one_read_of_two_accounts_uses_each_identity_for_its_own(
    aws: Emulator, sources: dict[str, GlueDataSource], workspace: hw.Workspace
) -> None:
    both = version(workspace, "both")
    both.connect_actuals(sources["theirs"], "pid", labels={"score": "truth"}, timestamp_column="at")
    serving = both.connect_serving(sources["ours"], "pid", "at")
    aws.requests.clear()
    data = serving.read()
    assert len(data.plan.identities) == 2
    rows = data.to_arrow()
    assert set(rows["score"].to_pylist()) == {float(len("ours"))}
    assert set(rows["actual_score"].to_pylist()) == {float(len("theirs"))}
    assert_each_read_its_own(aws)


def test_the_other_accounts_table_stays_closed(
    aws: Emulator, sources: dict[str, GlueDataSource], workspace: hw.Workspace
) -> None:
    theirs = next(a for a, owner in ACCOUNTS.items() if owner == "theirs")
    crossed = sources["ours"].model_copy(update={"catalog_id": theirs})
    report = version(workspace, "m").connect_serving(crossed, "pid", "at").check()
    stage = report.stage("glue:GetTable")
    assert stage is not None
    assert "assumed-role/ours/" in stage.diagnostics[0].message
    assert theirs in stage.diagnostics[0].message
