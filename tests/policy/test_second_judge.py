"""Compiled policies, judged by an emulator that is not ours: ministack with `AUTH=true`.

It looks at S3's ARNs and prefixes as AWS does, and at Glue's by database; it believes every token
and asks no permission for BatchGetPartition. So it can say that a policy is enough, and that an
action is needed, but not that each ARN is. It is not AWS either.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.foreign_servers import ForeignServer, ministack, needs_ministack
from tests.policy.support import ROWS, SOURCES, connect, read, reader, seed, source_of

from headwater import Workspace
from headwater.auth.credentials import Secret
from headwater.errors import AccessDeniedError
from headwater_aws import StaticKeys
from headwater_aws.policy.compiling import Looking, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.testing import OidcIssuer

ACCOUNT = "000000000000"
ROOT = StaticKeys(access_key_id="test", secret_access_key=Secret("test"))
BELIEVED = {"glue:BatchGetPartition"}
"""Actions that it never refuses."""

pytestmark = [pytest.mark.slow, needs_ministack]


class Judge:
    """A ministack that asks for permission, as much of it as the test set needs of the emulator."""

    def __init__(self, server: ForeignServer, issuer: OidcIssuer) -> None:
        self.endpoint_url = server.endpoint_url
        self.client = server.client
        self.issuer = issuer

    def role(self, name: str, trust: Any, access: Any) -> str:
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(access))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    home = tmp_path_factory.mktemp("ministack")
    with ministack(home, judges=True) as server, OidcIssuer() as issuer:
        started = Judge(server, issuer)
        seed(started)  # type: ignore[arg-type]  # it has what seeding asks for
        started.client("iam").create_open_id_connect_provider(
            Url=issuer.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
        )
        yield started


@pytest.mark.parametrize("which", SOURCES)
def test_it_is_enough_and_every_action_is_needed(judge: Any, which: str) -> None:
    tag = "".join(c for c in which if c.isalpha())
    later = f"arn:aws:iam::{ACCOUNT}:role/later"
    bearer = Bearer(judge.issuer.url, "me", "sts.amazonaws.com")
    with Workspace(engine="embedded") as workspace:
        connection = connect(workspace, source_of(judge, which, reader(judge, later)))
        (policy,) = compile_policies(
            workspace, [connection], looking=Looking(identity=ROOT), bearer=bearer
        )
        trust = policy.roles[0].trust
        whole = judge.role(f"{tag}-whole", trust, policy.access)
        assert read(judge, workspace, which, whole) == ROWS
        statements = policy.access["Statement"]
        for action in sorted({p.action for p in policy.permissions} - BELIEVED):
            rest = [_without(s, action) for s in statements]
            access = {**policy.access, "Statement": [s for s in rest if s["Action"]]}
            if not access["Statement"]:
                continue
            role = judge.role(f"{tag}-{action.replace(':', '-')}", trust, access)
            with pytest.raises(AccessDeniedError):
                read(judge, workspace, which, role)


def _without(statement: dict[str, Any], action: str) -> dict[str, Any]:
    actions = statement["Action"]
    listed = [actions] if isinstance(actions, str) else actions
    return {**statement, "Action": [a for a in listed if a != action]}
