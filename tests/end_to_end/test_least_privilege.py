"""`session_policy: plan`: while a plan is read, the role may do no more than the plan needs."""

import json

import pytest
from tests.end_to_end.conftest import ACCOUNT, REGION, SUBJECT, decide, seed

import headwater as hw
from headwater.errors import ConfigError
from headwater_glue import GlueDataSource, OidcRole, StaticKeys

WINDOW = ("2026-01-02", "2026-01-04")


def serving(aws, workspace, *, actuals=False, **auth):
    seed(aws)
    role = aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m",
        "v1",
        "binary",
        features={"amount": "numeric"},
        predictions={"proba": "numeric", "will_buy_insurance": "boolean"},
    )

    def source(table, **more):
        return GlueDataSource(
            database="my_db",
            table=table,
            region=REGION,
            endpoint_url=aws.endpoint_url,
            auth=OidcRole(
                role_arn=role,
                token=lambda: aws.issuer.token(sub=SUBJECT, aud="sts.amazonaws.com"),
                **auth,
            ),
            **more,
        )

    if actuals:
        decide(aws)
        version.connect_actuals(
            source("decisions"),
            "prediction_id",
            labels={"will_buy_insurance": "bought"},
            timestamp_column="decided_at",
            horizon="1 hour",
        )
    partitions = {
        "model_predictions": {"column": "prediction_timestamp", "keys": {"dt": "yyyy-MM-dd"}}
    }
    predictions = source("model_predictions", partitions=partitions)
    return version.connect_serving(predictions, "prediction_id", "prediction_timestamp")


def session_policies(aws):
    """Return the session policies that STS was asked for, None for a whole session."""
    asked = aws.requests.select("sts:AssumeRoleWithWebIdentity")
    return [r.parameters.get("Policy") for r in asked]


def places(policy):
    """Return what a session policy allows of S3."""
    return [
        resource
        for statement in json.loads(policy)["Statement"]
        for resource in statement["Resource"]
        if "s3" in str(statement["Action"])
    ]


@pytest.mark.parametrize("asked", ["profile", "maturity", "beyond_horizon"])
def test_what_is_counted_is_narrowed_as_a_read_is(aws, asked, tmp_path):
    with hw.Workspace(engine="embedded") as workspace:
        connection = serving(aws, workspace, actuals=True, session_policy="plan")
        match asked:
            case "profile":
                assert connection.profile(*WINDOW).count() == 16
            case "maturity":
                assert connection.maturity(*WINDOW, every="1 day").labelled == 10
            case "beyond_horizon":
                changes = connection.changes(*WINDOW, every="1 day", ledger=tmp_path / "l.jsonl")
                assert changes.beyond_horizon
    allowed = [places(p) for p in session_policies(aws) if p]
    assert allowed
    for each in allowed:
        assert any("dt=2026-01-02" in r for r in each)
        assert not any("dt=2026-01-05" in r for r in each)


def test_a_read_is_narrowed_to_its_plans_prefixes(aws):
    with hw.Workspace(engine="embedded") as workspace:
        data = serving(aws, workspace, session_policy="plan").read(*WINDOW)
        aws.requests.clear()
        assert data.to_arrow().num_rows == 16
    (policy,) = [p for p in session_policies(aws) if p]
    allowed = places(policy)
    assert any("dt=2026-01-02" in r for r in allowed)
    assert not any("dt=2026-01-05" in r for r in allowed)
    read = {r.resource for r in aws.requests.select("s3:GetObject")}
    assert read


def test_without_it_the_whole_role_reads(aws):
    with hw.Workspace(engine="embedded") as workspace:
        assert serving(aws, workspace).read(*WINDOW).to_arrow().num_rows == 16
    assert session_policies(aws)
    assert not any(session_policies(aws))


def test_an_identity_that_can_not_be_narrowed_says_so():
    with pytest.raises((ValueError, ConfigError), match="can't be narrowed"):
        StaticKeys(
            access_key_id="AKIAEXAMPLE12345", secret_access_key="env:B", session_policy="plan"
        )
