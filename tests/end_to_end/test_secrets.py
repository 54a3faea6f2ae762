"""No secret is ever shown, whatever is run and however it fails: canaries, and a search for them.

The canaries are the tokens of the issuer, and every key and session token that STS has handed out.
Everything that a run leaves is searched: what it printed, all loggers at DEBUG (botocore's too),
errors with the local variables of our frames, plans, reports, pickles, files.
"""

from __future__ import annotations

import io
import json
import logging
import pickle
import traceback
from base64 import b64encode
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from tests.end_to_end.conftest import ACCOUNT

import headwater as hw
from headwater.cli.main import run
from headwater.errors import HeadwaterError
from headwater_aws.testing import Emulator

CONFIG = """
version: 1
auth:
  lake: {type: oidc-role, role_arn: "${env:LAKE_ROLE_ARN}", token: "env:LAKE_TOKEN"}
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
"""
WINDOW = ("2026-01-02", "2026-01-04")
COMMANDS = (
    ("discover",),
    ("discover", "-t", "model_predictions", "--json"),
    ("check", "serving", *WINDOW),
    ("check", "serving", *WINDOW, "--json"),
    ("plan", "serving", *WINDOW, "--json"),
    ("plan", "serving", *WINDOW, "--debug"),
    ("policy", "serving", "--json"),
    ("policy", "serving", "--terraform"),
    ("validate",),
    ("changes", "serving", *WINDOW, "--ledger", "windows.ledger", "--out", "windows", "--debug"),
    ("read", "serving", *WINDOW, "--out", "rows.parquet", "--overwrite", "--debug"),
    ("read", "serving", *WINDOW, "--out", "kept.parquet", "--evidence", "kept.json", "--debug"),
    ("replay", "kept.json", "--json"),
    ("replay", "kept.json", "--debug"),
)


def expire(aws: Emulator) -> None:
    aws.faults.expire_now()
    aws.faults.fail("sts:*", 503, None)


DAYS: dict[str, Callable[[Emulator], object]] = {
    "good": lambda aws: None,
    "glue denied": lambda aws: aws.faults.fail("glue:GetTable", 403, None),
    "files denied": lambda aws: aws.faults.fail("s3:GetObject", 403, None),
    "listing denied": lambda aws: aws.faults.fail("s3:ListObjectsV2", 403, None),
    "broken answers": lambda aws: aws.faults.truncate("s3:*", after=10, times=None),
    "token refused": lambda aws: aws.faults.fail(
        "sts:*", 400, None, code="InvalidIdentityToken", message="Incorrect token audience"
    ),
    "outage": expire,
}


class Everything:
    """Collects what is shown, and searches it."""

    def __init__(self, aws: Emulator, token: str) -> None:
        self._aws = aws
        self._token = token
        self.log = io.StringIO()
        self.shown: list[str] = []

    def show(self, *things: Any) -> None:
        for thing in things:
            self.shown += [repr(thing), str(thing)]

    def secrets(self) -> set[str]:
        issued = self._aws._identities._sessions.values()
        plain = {self._token, self._token.rpartition(".")[2]}
        plain |= {s.secret for s in issued} | {s.token for s in issued}
        coded = {b64encode(s.encode()).decode() for s in plain}
        return plain | coded | {quote(s, safe="") for s in plain}

    def found(self) -> list[str]:
        """Where a secret was seen: the text around it, without it."""
        text = "\n".join(self.shown) + self.log.getvalue()
        places = [(s, text.find(s)) for s in self.secrets()]
        return [text[max(0, at - 150) : at] for _, at in places if at >= 0]


@pytest.fixture
def everything(
    account: Emulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Everything]:
    role = account.create_oidc_role(account_id=ACCOUNT, name="cli", subject="cli")
    token = account.issuer.token(sub="cli")
    for name in ("AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAKE_ROLE_ARN", role)
    monkeypatch.setenv("LAKE_TOKEN", token)
    monkeypatch.setenv("LAKE_URL", account.endpoint_url)
    monkeypatch.chdir(tmp_path)
    Path("headwater.yaml").write_text(CONFIG)
    everything = Everything(account, token)
    handler = logging.StreamHandler(everything.log)
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        yield everything
    finally:
        root.removeHandler(handler)
        root.setLevel(level)


QUICK = ("good", "files denied")
ALL_DAYS = [day if day in QUICK else pytest.param(day, marks=pytest.mark.slow) for day in DAYS]


@pytest.mark.parametrize("day", ALL_DAYS)
def test_commands(
    day: str, everything: Everything, account: Emulator, capsys: pytest.CaptureFixture[str]
) -> None:
    DAYS[day](account)
    for command in COMMANDS:
        run(command)
        everything.shown += capsys.readouterr()
    files = [p for p in Path.cwd().rglob("*") if p.is_file() and p.name != "headwater.yaml"]
    everything.shown += [p.read_bytes().decode("latin-1") for p in files]
    assert everything.found() == []
    # The search can find: the calls were made, were logged, and did carry the secrets.
    assert len(everything.secrets()) > 9 or day in ("token refused", "outage")
    assert "botocore" in everything.log.getvalue()


@pytest.mark.parametrize("way", ["oidc-role", "static", "assume-role", "profile"])
def test_evidence_by_each_strategy(
    way: str, everything: Everything, account: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    anyone = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
    }
    key, secret = account.create_user_keys(account_id=ACCOUNT, policy=anyone, name="someone")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}
        ],
    }
    role = account.create_role(account_id=ACCOUNT, name="reader", trust=trust, policy=anyone)
    keys = f'{{type: static, access_key_id: {key}, secret_access_key: "env:CANARY"}}'
    config = Path("aws-config")
    config.write_text(
        f"[profile p]\nregion=us-east-1\naws_access_key_id={key}\naws_secret_access_key={secret}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("CANARY", secret)
    auth = {
        "oidc-role": '{type: oidc-role, role_arn: "${env:LAKE_ROLE_ARN}", token: "env:LAKE_TOKEN"}',
        "static": keys,
        "assume-role": f"{{type: assume-role, role_arn: {role}, source: {keys}}}",
        "profile": "{type: profile, name: p}",
    }
    Path("headwater.yaml").write_text(CONFIG.replace(auth["oidc-role"], auth[way]))
    with hw.Workspace.open("headwater.yaml") as workspace:
        data = workspace.connection("serving").read(*WINDOW, digests=True)
        data.to_arrow()
        evidence = data.evidence()
        again = workspace.replay(evidence)
        again.to_arrow()
    assert again.replay is not None
    assert again.replay.same
    assert [c["strategy"] for c in evidence.document["callers"]] == [way]
    everything.shown += [evidence.to_json(), str(evidence), json.dumps(again.replay.to_dict())]
    assert everything.found() == []
    assert secret not in evidence.to_json()


@pytest.mark.parametrize("day", ALL_DAYS)
def test_objects_and_errors(day: str, everything: Everything, account: Emulator) -> None:
    with hw.Workspace.open("headwater.yaml") as workspace:
        connection = workspace.connection("serving")
        source = connection.source
        everything.show(workspace, connection, source, source.describe(), source.model_dump())
        everything.show(source.model_dump_json(), pickle.dumps(source))
        DAYS[day](account)
        report = connection.check(*WINDOW)
        everything.show(report, report._repr_html_(), json.dumps(report.to_dict()))
        everything.show(pickle.dumps(report))
        try:
            data = connection.read(*WINDOW)
            plan = data.plan
            everything.show(plan, plan.explain(), json.dumps(plan.to_dict()), pickle.dumps(plan))
            everything.show(plan._repr_html_(), data, data._repr_html_())
            data.write_parquet("rows.parquet")
        except HeadwaterError as error:
            everything.show(error, error.to_dict(), error.__dict__, pickle.dumps(error))
            show_traceback(everything, error)
        else:
            assert day == "good"
    assert everything.found() == []


def show_traceback(everything: Everything, error: BaseException) -> None:
    """Show an error and its causes as tools do that print the variables of our frames."""
    everything.shown += traceback.format_exception(error)
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None:
        assert id(cause) not in seen, "an error is its own cause"
        seen.add(id(cause))
        for frame, _ in traceback.walk_tb(cause.__traceback__):
            if frame.f_globals.get("__name__", "").startswith("headwater"):
                everything.show(*frame.f_locals.values())
        cause = cause.__cause__ or cause.__context__
