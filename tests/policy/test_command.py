"""`headwater policy`, run as a user runs it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.policy.support import ACCOUNT, admin, seed, seed_labels

from headwater.cli.main import run
from headwater_aws.testing import Emulator

CONFIG = """
version: 1
auth:
  lake: {{type: oidc-role, role_arn: "{role}", token: "env:POLICY_TOKEN"}}
models:
  m:
    versions:
      v1:
        model_type: regression
        features: {{amount: numeric}}
        predictions: {{proba: numeric}}
        serving:
          source: {{type: glue, database: db, query: "SELECT * FROM parted", region: us-east-1,
                    auth: lake, endpoint_url: "{url}"}}
          id_column: prediction_id
          timestamp_column: ts
        training:
          source: {{type: files, tables: {{t: "{folder}"}}}}
          id_column: prediction_id
          timestamp_column: ts
"""

ACTUALS = """
        actuals:
          source: {{type: glue, database: later, query: "SELECT * FROM labels", region: us-east-1,
                    auth: {auth}, endpoint_url: "{url}"}}
          id_column: id
          labels: {{proba: actual}}
          timestamp_column: known_at
"""

Answer = tuple[int, str, str]


@pytest.fixture
def policy(
    aws: Emulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[..., Answer]:
    """Runs the command over an account that is there and a role that is not there yet."""
    seed(aws)
    role = f"arn:aws:iam::{ACCOUNT}:role/ml/later"
    key = admin(aws)
    secret: Any = key.secret_access_key
    (tmp_path / "credentials").write_text(
        f"[boss]\naws_access_key_id={key.access_key_id}\naws_secret_access_key={secret.token()}\n"
    )
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("POLICY_TOKEN", aws.issuer.token(sub="me"))
    config = tmp_path / "headwater.yaml"
    config.write_text(CONFIG.format(role=role, url=aws.endpoint_url, folder=tmp_path))

    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = run(["policy", *arguments, "--config", str(config)])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def test_without_access_it_says_how_to_get_some(policy: Callable[..., Answer]) -> None:
    code, _, err = policy("serving")
    assert code == 1
    assert "role/ml/later" in err
    assert "--as PROFILE" in err
    assert "--offline" in err


def test_walk_through(policy: Callable[..., Answer], aws: Emulator) -> None:
    code, out, _ = policy("serving", "--as", "boss")
    assert code == 0
    assert re.findall(r"(?m)^ *(\d+)\. ", out) == ["1", "2", "3", "4", "5", "6"]
    assert f"Provider URL: {aws.issuer.url}" in out
    assert "aws iam create-role --role-name later --path /ml/" in out
    assert '"glue:GetPartitions"' in out
    assert "arn:aws:s3:::lake/w/parted/*" in out
    assert "service control policies" in out
    assert "Bucket lake, if the bucket belongs to another account than" in out


def test_json_and_diff(policy: Callable[..., Answer], tmp_path: Path) -> None:
    code, out, _ = policy("--as", "boss", "--json")
    assert code == 0
    (identity,) = json.loads(out)["identities"]
    assert identity["identity"].endswith("role/ml/later")
    assert identity["connections"] == ["m/v1/serving"]
    assert identity["roles"][0]["trust_policy"]["Statement"][0]["Effect"] == "Allow"
    assert identity["notes"] == []
    access = identity["access_policy"]
    path = tmp_path / "policy.json"
    path.write_text(json.dumps({"PolicyDocument": access}))
    code, out, _ = policy("--as", "boss", "--diff", str(path))
    assert code == 0
    assert "grants exactly what is needed" in out
    access["Statement"] = [s for s in access["Statement"] if s["Action"] != "s3:GetObject"]
    path.write_text(json.dumps(access))
    code, out, _ = policy("--as", "boss", "--diff", str(path), "--json")
    assert code == 1
    assert json.loads(out)["lacking"] == ["s3:GetObject on arn:aws:s3:::lake/w/parted/*"]


@pytest.fixture
def with_actuals(
    policy: Callable[..., Answer], aws: Emulator, tmp_path: Path
) -> Callable[..., Path]:
    """Connects actuals, of the same identity or of another one."""
    seed_labels(aws)

    def connect(role: str | None = None) -> Path:
        path = tmp_path / "headwater.yaml"
        text = path.read_text() + ACTUALS.format(
            auth="truth" if role else "lake", url=aws.endpoint_url
        )
        if role:
            other = f"\n  truth: {{type: oidc-role, role_arn: {role}, token: 'env:POLICY_TOKEN'}}"
            text = text.replace("\nauth:", f"\nauth:{other}")
        path.write_text(text)
        return tmp_path / "policy.json"

    return connect


def test_serving_takes_in_the_actuals_that_are_joined_to_it(
    policy: Callable[..., Answer], with_actuals: Callable[..., Path]
) -> None:
    path = with_actuals()
    _, out, _ = policy("serving", "--as", "boss", "--json")
    (identity,) = json.loads(out)["identities"]
    assert identity["connections"] == ["m/v1/serving", "m/v1/actuals"]
    assert "table/later/labels" in str(identity["access_policy"])
    _, out, _ = policy("serving", "--as", "boss", "--offline", "--json")
    assert "table/later/labels" in out
    access = identity["access_policy"]
    alone = [s for s in access["Statement"] if "arn:aws:s3:::truth" not in str(s)]
    path.write_text(json.dumps({**access, "Statement": alone}))
    code, out, _ = policy("serving", "--as", "boss", "--diff", str(path))
    assert code == 1
    assert "s3:GetObject on arn:aws:s3:::truth/labels/*" in out
    path.write_text(json.dumps(access))
    assert policy("serving", "--as", "boss", "--diff", str(path))[0] == 0


def test_of_two_roles_a_policy_is_compared_with_the_one_that_is_named(
    policy: Callable[..., Answer], with_actuals: Callable[..., Path]
) -> None:
    path = with_actuals(f"arn:aws:iam::{ACCOUNT}:role/truth")
    _, out, _ = policy("--as", "boss", "--identity", "truth", "--json")
    (identity,) = json.loads(out)["identities"]
    assert identity["connections"] == ["m/v1/actuals"]
    path.write_text(json.dumps(identity["access_policy"]))
    code, _, err = policy("serving", "--as", "boss", "--diff", str(path))
    assert code == 1
    assert "--identity later" in err
    diff = ("serving", "--as", "boss", "--diff", str(path), "--identity")
    assert policy(*diff, "truth")[0] == 0
    assert policy(*diff, "later")[0] == 1
    code, _, err = policy(*diff, "nobody")
    assert code == 1
    assert "role/truth" in err


def test_the_seeds_policy_is_broader_and_told_so(
    policy: Callable[..., Answer], tmp_path: Path
) -> None:
    code, out, _ = policy("--as", "boss", "--seed-style", "--json")
    assert code == 0
    (identity,) = json.loads(out)["identities"]
    assert "CreateDatabase" in identity["notes"][0]
    path = tmp_path / "broad.json"
    path.write_text(json.dumps(identity["access_policy"]))
    code, out, _ = policy("--as", "boss", "--diff", str(path), "--json")
    found = json.loads(out)
    # It names no action with which partitions are asked for many at once.
    assert {one.partition(" on ")[0] for one in found["lacking"]} == {"glue:BatchGetPartition"}
    assert "glue:CreateDatabase: no connection needs it" in found["excess"]
    assert any("s3:GetObject on arn:aws:s3:::lake/*" in one for one in found["excess"])


def test_terraform_holds_the_same_policies(policy: Callable[..., Answer]) -> None:
    _, out, _ = policy("--as", "boss", "--json")
    (identity,) = json.loads(out)["identities"]
    code, out, _ = policy("--as", "boss", "--terraform")
    assert code == 0
    blocks = re.findall(r'(?m)^resource "(\w+)" "(\w+)" \{', out)
    assert [kind for kind, _ in blocks] == [
        "aws_iam_openid_connect_provider",
        "aws_iam_role",
        "aws_iam_role_policy",
    ]
    documents = [json.loads(d) for d in re.findall(r"(?s)jsonencode\((\{.*?\n  \})\)", out)]
    assert documents == [identity["roles"][0]["trust_policy"], identity["access_policy"]]
    assert 'path               = "/ml/"' in out


def test_offline(policy: Callable[..., Answer], aws: Emulator) -> None:
    before = len(aws.requests)
    code, out, _ = policy(
        "--offline",
        "--location=parted=s3://lake/w/parted",
        "--issuer=https://idp.example.com",
        "--subject=system:serviceaccount:ml:monitor",
        "--json",
    )
    assert code == 0
    assert len(aws.requests) == before
    (identity,) = json.loads(out)["identities"]
    assert "idp.example.com:sub" in str(identity["roles"][0]["trust_policy"])
    assert "arn:aws:s3:::lake/w/parted/*" in str(identity["access_policy"])


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--issuer", "x"], 2, "go together"),
        (["--location", "t=s3://b/"], 2, "is for --offline"),
        (["--offline", "--location", "t"], 2, "write TABLE=s3://bucket/prefix/"),
        (["--start", "2026-01-01"], 2, "a window needs both start and end"),
        (["training"], 1, "no connection uses an AWS identity"),
        (["--as", "nobody"], 1, "nobody"),
    ],
)
def test_wrong_usage(
    policy: Callable[..., Answer], arguments: list[str], code: int, says: str
) -> None:
    found, _, err = policy(*arguments)
    assert found == code
    assert says in " ".join(err.split())
