"""What a policy grants is what reads of its connections need, whatever is joined to their rows."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import pytest
from tests.policy.support import (
    ACCOUNT,
    ROWS,
    admin,
    reader,
    seed,
    seed_labels,
    source_of,
    without_one,
)

from headwater import Workspace
from headwater.errors import AccessDeniedError
from headwater.interfaces.read_stats import ReadStats
from headwater.tables.window import Window
from headwater.workspace.model import Connection
from headwater_aws.policy.compiling import IdentityPolicy, Looking, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.testing import Emulator

PURPOSES = {"serving": "glue, by day", "training": "s3, one directory", "testing": "glue, a join"}
QUICK = [("serving",), ("serving", "actuals")]
"""Combinations that every run of the tests reads; the slow ones read all there are."""
COMBINATIONS = [
    chosen if chosen in QUICK else pytest.param(chosen, marks=pytest.mark.slow)
    for size in (1, 2, 3, 4)
    for chosen in itertools.combinations([*PURPOSES, "actuals"], size)
]
WINDOW = Window.of("2026-01-02", "2026-01-03")


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def connected(
    aws: Emulator,
    workspace: Workspace,
    purposes: Sequence[str],
    *,
    actuals: str = "glue",
    role: str = "one",
    actuals_role: str = "one",
    **auth: Any,
) -> dict[str, Connection]:
    """Connections of some purposes, of one version."""
    number = len(workspace.models)
    workspace.create_model(f"m{number}")
    version = workspace.create_model_version(
        f"m{number}",
        "v1",
        "regression",
        features={"amount": "numeric"},
        predictions={"proba": "numeric"},
    )
    made = {}
    identity = reader(aws, role_arn(role)).model_copy(update=auth)
    for purpose in purposes:
        if purpose == "actuals":
            theirs = reader(aws, role_arn(actuals_role)).model_copy(update=auth)
            made[purpose] = version.connect_actuals(
                source_of(aws, actuals, theirs), "id", {"proba": "actual"}, "known_at"
            )
        else:
            connect = getattr(version, f"connect_{purpose}")
            source = source_of(aws, PURPOSES[purpose], identity)
            made[purpose] = connect(source, "prediction_id", "ts")
    return made


def compiled(
    aws: Emulator, workspace: Workspace, chosen: Sequence[Connection], window: Window | None = None
) -> tuple[IdentityPolicy, ...]:
    return compile_policies(
        workspace,
        chosen,
        looking=Looking(identity=admin(aws), window=window),
        bearer=Bearer(aws.issuer.url, "me", "sts.amazonaws.com"),
    )


def read(connection: Connection) -> ReadStats:
    dataset = connection.read()
    dataset.to_arrow()
    return dataset.stats


@pytest.mark.parametrize("purposes", COMBINATIONS, ids="+".join)
def test_every_combination_of_purposes_reads_with_exactly_its_policy(
    aws: Emulator, purposes: Sequence[str]
) -> None:
    seed(aws)
    seed_labels(aws)
    with Workspace(engine="embedded") as workspace:
        made = connected(aws, workspace, purposes)
        (policy,) = compiled(aws, workspace, list(made.values()))
        aws.create_oidc_role(subject="me", name="one", policy=policy.access)
        for connection in made.values():
            assert read(connection).rows == ROWS
            report = connection.check()
            assert report.ok, report.render()


@pytest.mark.parametrize("actuals", ["glue", "s3"])
def test_serving_alone_needs_its_actuals_table_and_nothing_more(
    aws: Emulator, actuals: str
) -> None:
    seed(aws)
    seed_labels(aws)
    purposes = ("serving", "actuals")
    with Workspace(engine="embedded") as workspace:
        serving = connected(aws, workspace, purposes, actuals=actuals)["serving"]
        (policy,) = compiled(aws, workspace, [serving])
        assert policy.connections == ("m0/v1/serving", "m0/v1/actuals")
        aws.create_oidc_role(subject="me", name="one", policy=policy.access)
        assert read(serving).actuals == {"actual_proba": ROWS}
        assert serving.check().ok
        for number, (missing, rest) in enumerate(without_one(dict(policy.access))):
            if rest["Statement"]:
                name = f"without-{number}"
                aws.create_oidc_role(subject="me", name=name, policy=rest)
                made = connected(
                    aws, workspace, purposes, actuals=actuals, role=name, actuals_role=name
                )
                with pytest.raises(AccessDeniedError, match=missing.partition(" on ")[0]):
                    read(made["serving"])


def test_actuals_of_another_role_are_that_roles(aws: Emulator) -> None:
    seed(aws)
    seed_labels(aws)
    with Workspace(engine="embedded") as workspace:
        made = connected(aws, workspace, ("serving", "actuals"), actuals_role="two")
        policies = compiled(aws, workspace, [made["serving"]])
        assert [p.connections for p in policies] == [("m0/v1/serving",), ("m0/v1/actuals",)]
        assert "labels" not in json.dumps(policies[0].access)
        for one, name in zip(policies, ("one", "two"), strict=True):
            assert one.identity == role_arn(name)
            aws.create_oidc_role(subject="me", name=name, policy=one.access)
        assert read(made["serving"]).actuals == {"actual_proba": ROWS}


def test_a_window_takes_in_the_actuals_that_its_rows_take(aws: Emulator) -> None:
    seed(aws)
    seed_labels(aws)
    with Workspace(engine="embedded") as workspace:
        made = connected(aws, workspace, ("serving", "actuals"))
        (policy,) = compiled(aws, workspace, [made["serving"]], WINDOW)
        aws.create_oidc_role(subject="me", name="one", policy=policy.access)
        dataset = made["serving"].read("2026-01-02", "2026-01-03")
        assert dataset.to_arrow().num_rows == ROWS / 2
        assert dataset.stats.actuals == {"actual_proba": ROWS / 2}


def test_a_role_has_one_policy_whatever_ways_lead_to_it(aws: Emulator) -> None:
    seed(aws)
    seed_labels(aws)
    with Workspace(engine="embedded") as workspace:
        version = connected(aws, workspace, ("serving",))["serving"].version
        other = reader(aws, role_arn("one")).model_copy(update={"session_name": "labels"})
        version.connect_actuals(
            source_of(aws, "glue", other), "id", {"proba": "actual"}, "known_at"
        )
        serving = workspace.connection("serving")
        (policy,) = compiled(aws, workspace, [serving])
        (role,) = policy.roles
        assert len(role.trust["Statement"]) == 1
        aws.create_oidc_role(subject="me", name="one", policy=policy.access)
        assert read(serving).actuals == {"actual_proba": ROWS}


def test_a_narrowed_read_asks_of_each_catalog_for_its_own_tables(aws: Emulator) -> None:
    seed(aws)
    seed_labels(aws)
    with Workspace(engine="embedded") as workspace:
        made = connected(
            aws, workspace, ("serving", "actuals"), actuals="s3", session_policy="plan"
        )
        (policy,) = compiled(aws, workspace, [made["serving"]])
        aws.create_oidc_role(subject="me", name="one", policy=policy.access)
        aws.requests.clear()
        assert read(made["serving"]).actuals == {"actual_proba": ROWS}
        asked = aws.requests.select("sts:AssumeRoleWithWebIdentity")
        (narrow,) = {str(r.parameters["Policy"]) for r in asked if r.parameters.get("Policy")}
    assert "truth/labels/" in narrow
    assert ":table/db/parted" in narrow
    assert ":table/default" not in narrow
    assert "table/s3" not in narrow
