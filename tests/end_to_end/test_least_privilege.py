"""`session_policy: plan`: while a plan is read, the role may do no more than the plan needs."""

import json

import pytest
from tests.end_to_end.conftest import ACCOUNT, REGION, SUBJECT, seed

import headwater as hw
from headwater.errors import ConfigError
from headwater_glue import GlueDataSource, OidcRole, StaticKeys

WINDOW = ("2026-01-02", "2026-01-04")


def serving(aws, workspace, **auth):
    seed(aws)
    role = aws.create_oidc_role(account_id=ACCOUNT, name="monitoring", subject=SUBJECT)
    workspace.create_model("m")
    version = workspace.create_model_version(
        "m", "v1", "binary", features={"amount": "numeric"}, predictions={"proba": "numeric"}
    )
    source = GlueDataSource(
        database="my_db",
        table="model_predictions",
        region=REGION,
        endpoint_url=aws.endpoint_url,
        auth=OidcRole(
            role_arn=role,
            token=lambda: aws.issuer.token(sub=SUBJECT, aud="sts.amazonaws.com"),
            **auth,
        ),
        partitions={
            "model_predictions": {"column": "prediction_timestamp", "keys": {"dt": "yyyy-MM-dd"}}
        },
    )
    return version.connect_serving(source, "prediction_id", "prediction_timestamp")


def session_policies(aws):
    """Return the session policies that STS was asked for, None for a whole session."""
    asked = aws.requests.select("sts:AssumeRoleWithWebIdentity")
    return [r.parameters.get("Policy") for r in asked]


def test_a_read_is_narrowed_to_its_plans_prefixes(aws):
    with hw.Workspace(engine="embedded") as workspace:
        data = serving(aws, workspace, session_policy="plan").read(*WINDOW)
        aws.requests.clear()
        assert data.to_arrow().num_rows == 16
    (policy,) = [p for p in session_policies(aws) if p]
    allowed = [
        resource
        for statement in json.loads(policy)["Statement"]
        for resource in statement["Resource"]
        if "s3" in str(statement["Action"])
    ]
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
