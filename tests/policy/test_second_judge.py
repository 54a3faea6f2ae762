"""Compiled policies, judged by an emulator that is not ours: ministack with `AUTH=true`.

It looks at S3's ARNs and prefixes as AWS does, and at Glue's by database; it believes every token
and asks no permission for BatchGetPartition. So it can say that a policy is enough, and that an
action is needed, but not that each ARN is. It is not AWS either.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from tests.policy.support import REGION, ROWS, SOURCES, connect, read, reader, seed, source_of

from headwater import Workspace
from headwater.auth.credentials import Secret
from headwater.errors import AccessDeniedError
from headwater_aws import StaticKeys
from headwater_aws.policy.compiling import Looking, compile_policies
from headwater_aws.policy.roles import Bearer
from headwater_aws.testing import OidcIssuer

PROGRAM = os.environ.get("HEADWATER_MINISTACK", "")
ACCOUNT = "000000000000"
ROOT = StaticKeys(access_key_id="test", secret_access_key=Secret("test"))
BELIEVED = {"glue:BatchGetPartition"}
"""Actions that it never refuses."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PROGRAM,
        reason="the second judge is not there: `make judge` installs ministack in an environment "
        "of its own (it wants another botocore than headwater is locked to) and runs these tests; "
        "HEADWATER_MINISTACK names its program",
    ),
]


class Judge:
    """A running ministack, with as much of the emulator's shape as the test set needs."""

    def __init__(self, url: str, issuer: OidcIssuer) -> None:
        self.endpoint_url = url
        self.issuer = issuer

    def client(self, service: str, **_: Any) -> Any:
        config = Config(s3={"addressing_style": "path"})
        client: Any = boto3.client  # typed by service name, of which this one is not yet known
        return client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=config,
        )

    def role(self, name: str, trust: Any, access: Any) -> str:
        iam = self.client("iam")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(access))
        return f"arn:aws:iam::{ACCOUNT}:role/{name}"


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("ministack")
    # Without BIND_HOST it would listen on every interface.
    own = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "AUTH": "true", "HOME": str(home)}
    with Path(home / "log").open("w") as log:
        program = subprocess.Popen(
            [PROGRAM], env={**os.environ, **own}, stdout=log, stderr=subprocess.STDOUT
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait(url, program)
        with OidcIssuer() as issuer:
            started = Judge(url, issuer)
            seed(started)  # type: ignore[arg-type]  # it has what seeding asks for
            started.client("iam").create_open_id_connect_provider(
                Url=issuer.url, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
            )
            yield started
    finally:
        program.terminate()
        program.wait(30)


def _wait(url: str, program: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        assert program.poll() is None, "ministack ended before it answered"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail("ministack did not answer within 30 seconds")


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
