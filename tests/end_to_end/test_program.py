"""The whole job from the command line: a file, an OIDC role, a Glue catalog, rows."""

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from headwater.cli.main import run
from headwater_aws.testing import Emulator

CONFIG = """
version: 1
auth:
  lake:
    type: oidc-role
    role_arn: ${env:LAKE_ROLE_ARN}
    token: env:LAKE_TOKEN
models:
  insurance:
    versions:
      v1:
        model_type: binary
        features: {amount: numeric, owner: string}
        predictions: {will_buy_insurance: boolean, proba: numeric}
        serving:
          source:
            type: glue
            database: my_db
            region: us-east-1
            endpoint_url: ${env:LAKE_URL}
            auth: lake
            query: SELECT * FROM model_predictions
            partitions:
              model_predictions: {column: prediction_timestamp, keys: {dt: yyyy-MM-dd}}
          id_column: prediction_id
          timestamp_column: prediction_timestamp
          labels: {will_buy_insurance: did_buy_insurance}
"""


@pytest.fixture
def token(account: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token of the customer's issuer; the file and the environment are set up to use it."""
    role = account.create_oidc_role(name="cli", subject="cli")
    text = account.issuer.token(sub="cli")
    for name in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKE_ROLE_ARN", role)
    monkeypatch.setenv("LAKE_TOKEN", text)
    monkeypatch.setenv("LAKE_URL", account.endpoint_url)
    monkeypatch.chdir(tmp_path)
    Path("headwater.yaml").write_text(CONFIG)
    return text


def test_from_discovery_to_rows(token: str, capsys: pytest.CaptureFixture[str]) -> None:
    def headwater(*arguments: str) -> str:
        assert run(arguments) == 0, capsys.readouterr().err
        return capsys.readouterr().out

    assert headwater("discover").startswith("my_db.model_predictions  ")
    assert headwater("discover", "--names") == "my_db\n  model_predictions\n"
    assert "prediction_timestamp  timestamp" in headwater("discover", "-t", "model_predictions")
    assert "it works" in headwater("check", "serving", "2026-01-02", "2026-01-04")
    plan = json.loads(headwater("plan", "serving", "2026-01-02", "2026-01-04", "--json"))
    assert plan["files"] == 2
    headwater("read", "serving", "2026-01-02", "2026-01-04", "--out", "rows.parquet")
    assert pq.read_table("rows.parquet").num_rows == 16


def test_discovery_without_a_file(
    token: str,
    account: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("headwater.yaml").unlink()
    role = account.create_oidc_role(name="other", subject="cli")
    place = ("--region", "us-east-1", "--endpoint-url", account.endpoint_url)
    auth = {"type": "oidc-role", "role_arn": role, "token": "env:LAKE_TOKEN"}
    options = [part for k, v in auth.items() for part in ("--set", f"auth.{k}={v}")]
    assert run(["discover", "--source", "glue", "--database", "my_db", *place, *options]) == 0
    assert capsys.readouterr().out.startswith("my_db.model_predictions  ")


def test_a_refused_token_is_explained_and_never_shown(
    token: str,
    account: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrong = account.issuer.token(sub="somebody-else")
    monkeypatch.setenv("LAKE_TOKEN", wrong)
    for arguments in (
        ("discover",),
        ("check",),
        ("plan", "serving"),
        ("plan", "serving", "--debug"),
    ):
        assert run(arguments) == 1
        out, err = capsys.readouterr()
        assert "somebody-else" in out + err
        assert wrong not in out + err
        assert wrong.rpartition(".")[2] not in out + err
