"""Compiled policies are enough, and nothing in them is too much: judged by the strict emulator.

The emulator is not AWS. It checks each call against real ARNs, as AWS's documents say.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from tests.policy.support import (
    ACCOUNT,
    OTHER,
    ROWS,
    SOURCES,
    admin,
    connect,
    parquet,
    read,
    reader,
    seed,
    source_of,
    stored,
    without_one,
)

from headwater import Workspace
from headwater.errors import AccessDeniedError
from headwater_aws.policy.compiling import IdentityPolicy, Looking, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.testing import Emulator

LATER = f"arn:aws:iam::{ACCOUNT}:role/later"


def compiled(aws: Emulator, workspace: Workspace, which: str, **more: Any) -> IdentityPolicy:
    """The policy of a connection whose role does not exist yet."""
    connection = connect(workspace, source_of(aws, which, reader(aws, LATER), **more))
    bearer = Bearer(aws.issuer.url, "me", "sts.amazonaws.com")
    (policy,) = compile_policies(
        workspace, [connection], looking=Looking(identity=admin(aws)), bearer=bearer
    )
    return policy


@pytest.mark.parametrize("which", SOURCES)
def test_all_of_it_is_enough_and_none_of_it_can_go(aws: Emulator, which: str) -> None:
    seed(aws)
    with Workspace(engine="embedded") as workspace:
        policy = compiled(aws, workspace, which)
        assert policy.notes == ()
        role = aws.create_oidc_role(subject="me", name="whole", policy=policy.access)
        assert read(aws, workspace, which, role) == ROWS
        cases = list(without_one(dict(policy.access)))
        assert cases
        for number, (missing, rest) in enumerate(cases):
            if not rest["Statement"]:
                continue
            name = f"without-{number}"
            role = aws.create_oidc_role(subject="me", name=name, policy=rest)
            with pytest.raises(AccessDeniedError) as caught:
                read(aws, workspace, which, role)
            action = missing.partition(" on ")[0]
            refused = caught.value
            told = refused.action or str(refused)
            assert re.search(rf"{action}(?!\w)", told), missing
            assert f"assumed-role/{name}/" in str(refused), missing


def test_what_is_shared_opens_another_accounts_catalog_and_bucket(aws: Emulator) -> None:
    seed(aws, OTHER, "theirs")
    which, their = "glue, by day", {"catalog_id": OTHER}
    with Workspace(engine="embedded") as workspace:
        owner = admin(aws, OTHER)
        connection = connect(workspace, source_of(aws, which, reader(aws, LATER), **their))
        (policy,) = compile_policies(
            workspace,
            [connection],
            looking=Looking(identity=owner),
            bearer=Bearer(aws.issuer.url, "me", "sts.amazonaws.com"),
        )
        role = aws.create_oidc_role(subject="me", name="later", policy=policy.access)
        assert role == LATER
        with pytest.raises(AccessDeniedError):
            read(aws, workspace, which, role, **their)
        for shared in policy.shared:
            document = json.dumps(shared.document)
            if shared.what.startswith("Glue"):
                glue = aws.client("glue", account_id=OTHER)
                glue.put_resource_policy(PolicyInJson=document)
            else:
                assert shared.what == "bucket theirs"
                s3 = aws.client("s3", account_id=OTHER)
                s3.put_bucket_policy(Bucket="theirs", Policy=document)
        assert read(aws, workspace, which, role, **their) == ROWS


def test_tomorrows_partition_is_covered(aws: Emulator) -> None:
    seed(aws)
    which = "glue, by day"
    with Workspace(engine="embedded") as workspace:
        policy = compiled(aws, workspace, which)
        role = aws.create_oidc_role(subject="me", name="whole", policy=policy.access)
        place = "w/parted/dt=2026-01-03"
        aws.client("s3").put_object(Bucket="lake", Key=f"{place}/a.parquet", Body=parquet(3))
        aws.client("glue").create_partition(
            DatabaseName="db",
            TableName="parted",
            PartitionInput={
                "Values": ["2026-01-03"],
                "StorageDescriptor": stored(f"s3://lake/{place}"),
            },
        )
        assert read(aws, workspace, which, role) == ROWS + 3


def test_offline_compiles_the_same_where_locations_are_told(aws: Emulator) -> None:
    seed(aws)
    which = "glue, by day"
    bearer = Bearer(aws.issuer.url, "me", "sts.amazonaws.com")
    with Workspace(engine="embedded") as workspace:
        online = compiled(aws, workspace, which)
        connection = connect(workspace, source_of(aws, which, reader(aws, LATER)))
        looking = Looking(offline=True, locations={"parted": "s3://lake/w/parted"})
        before = len(aws.requests)
        (offline,) = compile_policies(workspace, [connection], looking=looking, bearer=bearer)
        assert len(aws.requests) == before
        assert offline.access == online.access
        (unknown,) = compile_policies(
            workspace, [connection], looking=Looking(offline=True), bearer=bearer
        )
        assert "arn:aws:s3:::REPLACE-WITH-BUCKET" in str(unknown.access)
        assert "fill in buckets and prefixes" in unknown.notes[0]
