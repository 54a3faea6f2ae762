"""Support bundles of Glue's tables: what they tell replays as it was, and they hold no secret."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from botocore.retries.standard import ExponentialBackoff
from plugins.glue.tests.every_kind import READABLE, seed

from headwater.auth.credentials import Secret
from headwater.bundle.bundle import Bundle
from headwater.errors import SourceError
from headwater.interfaces.report import CheckReport
from headwater.workspace.model import Connection
from headwater.workspace.workspace import Workspace
from headwater_aws import AssumeRole, OidcRole, StaticKeys
from headwater_aws.testing import Emulator
from headwater_glue.source import GlueDataSource
from headwater_glue.testing import GlueLake

RULE = {"predictions": {"column": "at", "keys": {"dt": "yyyy-MM-dd"}}}
QUERY = "SELECT claim_no, at, score FROM predictions"
WINDOW = ("2026-01-02", "2026-01-03")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retry at once, as often as ever."""
    monkeypatch.setattr(ExponentialBackoff, "delay_amount", lambda *_: 0)


def day(number: int, name: str = "x") -> pa.Table:
    times = [datetime(2026, 1, number, hour, tzinfo=UTC) for hour in (3, 4)]
    return pa.table(
        {
            "claim_no": [f"{name}-{number}-a", f"{name}-{number}-b"],
            "score": [0.25, 0.5],
            "at": pa.array(times, pa.timestamp("us", "UTC")),
        }
    )


def predictions(lake: GlueLake, **more: Any) -> None:
    columns = {"claim_no": "string", "score": "double", "at": "timestamp"}
    lake.table("predictions", columns, keys={"dt": "string"}, **more)
    for number in (1, 2, 3):
        if not more:
            lake.partition("predictions", [f"2026-01-0{number}"])
        lake.write(f"predictions/dt=2026-01-0{number}/part-0.parquet", day(number))


def connected(source: GlueDataSource) -> Connection:
    workspace = Workspace()
    workspace.create_model("insurance")
    version = workspace.create_model_version(
        "insurance", "v1", "binary", predictions={"score": "numeric"}
    )
    return version.connect_serving(source, "claim_no", "at")


def told(report: CheckReport) -> list[dict[str, Any]]:
    """Return what a report tells, but of rows, which no bundle has."""
    return [s for s in report.to_dict()["stages"] if s["name"] != "rows"]


def replayed(path: Path, *window: str) -> CheckReport:
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (connection,) = workspace.connections.values()
        return connection.check(*window)


def texts(path: Path) -> dict[str, str]:
    with zipfile.ZipFile(path) as packed:
        return {name: packed.read(name).decode("latin-1") for name in packed.namelist()}


PROJECTION = {
    "projection.enabled": "true",
    "projection.dt.type": "date",
    "projection.dt.range": "2026-01-01,2026-01-03",
    "projection.dt.format": "yyyy-MM-dd",
}


@pytest.mark.parametrize("parameters", [{}, {"parameters": PROJECTION}], ids=["hive", "projection"])
@pytest.mark.parametrize(
    "window", [pytest.param((), marks=pytest.mark.slow), WINDOW], ids=["all", "window"]
)
def test_it_replays_to_the_same_report_and_plan(
    lake: GlueLake, tmp_path: Path, parameters: dict[str, Any], window: tuple[str, ...]
) -> None:
    predictions(lake, **parameters)
    connection = connected(lake.source(query=QUERY, partitions=RULE))
    path = tmp_path / "bundle.zip"
    report = connection.check(*window, bundle=path)
    plan = connection.plan(*window).to_dict()
    assert report.ok
    with Emulator.from_bundle(path) as aws, Workspace.open(aws.configuration()) as workspace:
        (again,) = workspace.connections.values()
        assert told(again.check(*window)) == told(report)
        plans = [plan, again.plan(*window).to_dict()]
        # Another window was not asked then: its partitions and files are known all the same.
        assert again.plan("2026-01-03", "2026-01-04").files == 1
        with pytest.raises(SourceError, match="holds none") as caught:
            again.read(*window).to_arrow()
        assert caught.value.code == "not-recorded"
    for one in plans:
        del one["created_at"], one["identities"]
    assert plans[0] == plans[1]


@pytest.mark.slow
def test_every_kind_of_table_replays(tmp_path: Path) -> None:
    with Emulator() as aws:
        lake = GlueLake(aws)
        seed(lake, tmp_path)
        source = lake.source(databases=["eu"], table="t")
        reports, plans = {}, {}
        for name in READABLE:
            where = f"eu.{name}" if name == "linked_database" else name
            query = f"SELECT id, CAST('2026-01-01' AS timestamp) AS at, n AS score FROM {where}"
            one = source.model_copy(update={"query": query, "table": None})
            one.model_fields_set.add("query")
            connection = connected(one)
            with connection.workspace:
                reports[name] = connection.check(bundle=tmp_path / f"{name}.zip")
                plans[name] = connection.plan().to_dict()["tables"] if reports[name].ok else None
    for name, report in reports.items():
        path = tmp_path / f"{name}.zip"
        with Emulator.from_bundle(path) as again, Workspace.open(again.configuration()) as there:
            (connection,) = there.connections.values()
            assert told(connection.check()) == told(report), name
            if plans[name] is not None:
                assert connection.plan().to_dict()["tables"] == plans[name], name
                with pytest.raises(SourceError):
                    connection.read().to_arrow()


def _denied(lake: GlueLake, *actions: str) -> GlueDataSource:
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    keys = lake.keys({"Version": "2012-10-17", "Statement": [allow, deny]})
    return lake.source(query=QUERY, partitions=RULE, auth=keys)


def _ungranted(lake: GlueLake, columns: list[str] | None) -> GlueDataSource:
    role = lake.aws.create_oidc_role(name="reader", subject="monitor")
    lake.aws.govern("ml", "predictions", {} if columns is None else {role: columns})
    token = lake.aws.issuer.token(sub="monitor")
    return lake.source(
        query=QUERY, partitions=RULE, auth=OidcRole(role_arn=role, token=lambda: token)
    )


def _missing(lake: GlueLake) -> GlueDataSource:
    return lake.source(query="SELECT claim_no, at, score FROM prediction")


def _faulty(pattern: str, **fault: Any) -> Any:
    def source(lake: GlueLake) -> GlueDataSource:
        lake.aws.faults.fail(pattern, times=None, **fault)
        return lake.source(query=QUERY, partitions=RULE)

    return source


FAILURES = {
    "get-table": (lambda lake: _denied(lake, "glue:GetTable"), "access-denied"),
    "partitions": (lambda lake: _denied(lake, "glue:GetPartitions"), "access-denied"),
    "list": (lambda lake: _denied(lake, "s3:ListBucket"), "access-denied"),
    "object": (lambda lake: _denied(lake, "s3:GetObject"), "access-denied"),
    "lake-formation": (lambda lake: _ungranted(lake, None), "lake-formation-denied"),
    "columns": (lambda lake: _ungranted(lake, ["claim_no", "at"]), "unknown-column"),
    "missing": (_missing, "table-not-found"),
    "throttled": (
        _faulty("glue:GetTable", code="ThrottlingException", status=400),
        "throttled",
    ),
    "slow-down": (_faulty("s3:ListObjectsV2", code="SlowDown", status=503), "throttled"),
    "expired": (
        _faulty("glue:GetTable", code="ExpiredTokenException", status=400),
        "credentials-expired",
    ),
    "region": (
        _faulty("s3:ListObjectsV2", code="PermanentRedirect", status=301),
        "wrong-region",
    ),
    "keys": (
        _faulty("sts:GetCallerIdentity", code="InvalidClientTokenId", status=403),
        "credentials-refused",
    ),
    "outage": (_faulty("glue:GetPartitions", code="InternalServiceException", status=500), "aws"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_replays_as_the_same_failure(lake: GlueLake, tmp_path: Path, name: str) -> None:
    predictions(lake)
    source, code = FAILURES[name]
    connection = connected(source(lake))
    path = tmp_path / "bundle.zip"
    report = connection.check(*WINDOW, bundle=path)
    lake.aws.faults.clear()
    assert not report.ok
    codes = [d["code"] for s in told(report) for d in s["diagnostics"]]
    codes += [s["details"].get("code") for s in told(report)]
    assert any(c and c.startswith(code) for c in codes), codes
    again = replayed(path, *WINDOW)
    own = [_unmarked(told(r)) for r in (report, again)]
    assert own[0] == own[1]


def _unmarked(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leave out what a token is told by, which is another one in a replay, and its time."""
    return [
        {**s, "summary": "", "details": {}} if s["name"] in ("token", "issuer", "identity") else s
        for s in stages
    ]


def test_what_throttled_once_throttles_once(lake: GlueLake, tmp_path: Path) -> None:
    predictions(lake)
    lake.aws.faults.throttle("glue:GetTable", 2)
    report = connected(lake.source(query=QUERY)).check(bundle=tmp_path / "b.zip")
    assert report.ok
    with Emulator.from_bundle(tmp_path / "b.zip") as aws:
        with Workspace.open(aws.configuration()) as workspace:
            (connection,) = workspace.connections.values()
            assert told(connection.check()) == told(report)
        asked = [r.error for r in aws.requests.select("glue:GetTable")]
    assert asked == ["ThrottlingException", "ThrottlingException", None]


def test_a_role_that_may_not_be_assumed_replays(lake: GlueLake, tmp_path: Path) -> None:
    predictions(lake)
    arn = "arn:aws:iam::123456789012:role/nobodys"
    auth = AssumeRole(role_arn=arn, source=lake.keys())
    report = connected(lake.source(query=QUERY, auth=auth)).check(bundle=tmp_path / "b.zip")
    again = replayed(tmp_path / "b.zip")
    assert not report.ok
    assert [s["name"] for s in told(again)] == [s["name"] for s in told(report)]
    assert told(again)[0]["details"] == told(report)[0]["details"]


CANARY = "wJalrXUtnFEMIK7MDENGbPxRfiCYzzCANARY0001"


def test_no_secret_and_no_row_is_in_it(lake: GlueLake, tmp_path: Path) -> None:
    canaries = {
        "row": "CANARYROW",
        "text": "CANARYCSVROW",
        "key": CANARY,
        "session": "FwoGZXIvYXdzCANARYSESSION/abcdefghijklmnop==",
        "parameter": "CANARYPARAMETER",
        "presigned": "CANARYSIGNATURE",
        "url": "CANARYPASSWORD",
        "description": "CANARYDESCRIPTION",
        "footer": "CANARYFOOTERVALUE",
        "jwt": "eyJhbGciOiJSUzI1NiJ9.eyJDQU5BUlkiOiJqd3QifQ.CANARYJWT",
    }
    signed = "https://b.s3.amazonaws.com/x?X-Amz-Signature=CANARYSIGNATURE&X-Amz-Credential=a"
    parameters = {
        "db.password": canaries["parameter"],
        "source": f"jdbc:postgresql://joe:{canaries['url']}@db.example/x",
        "made_by": signed,
        "note": f"Authorization: Bearer {canaries['jwt']}",
        "aws": f"key {canaries['key']} it is",
    }
    columns = {"claim_no": "string", "score": "double", "at": "timestamp"}
    lake.table("predictions", columns, parameters=parameters)
    rows = day(1, "CANARYROW").replace_schema_metadata({"secret": canaries["footer"]})
    lake.write("predictions/part-0.parquet", rows)
    lake.table("texts", columns, serde="lazy-simple", serde_parameters={"field.delim": ","})
    lake.write("texts/a.csv", "CANARYCSVROW,CANARYCSVROW,CANARYCSVROW\n" * 3)
    key, secret = lake.aws.create_user_keys()
    lake.aws.faults.fail(
        "s3:ListObjectsV2",
        400,
        times=1,
        code="InvalidRequest",
        message=f"no: {canaries['session']} secret_key={canaries['description']}",
    )
    auth = StaticKeys(access_key_id=key, secret_access_key=Secret(secret))
    for name, anonymous in (("plain", False), ("anonymous", True)):
        for table in ("predictions", "texts"):
            path = tmp_path / f"{name}-{table}.zip"
            source = lake.source(query=f"SELECT claim_no, at, score FROM {table}", auth=auth)
            connected(source).check(bundle=path, anonymous=anonymous)
            for place, text in texts(path).items():
                for what, canary in {**canaries, "id": key, "secret": secret}.items():
                    assert canary not in text, (name, place, what)


def test_names_are_placeholders_where_asked_for(lake: GlueLake, tmp_path: Path) -> None:
    lake.create_database("acmedb")
    columns = {"claimref": "string", "riskscore": "double", "madeat": "timestamp"}
    lake.table("policyholders", columns, keys={"dt": "string", "branch": "string"},
               location="s3://lake/acmeroot/holders/", database="acmedb")  # fmt: skip
    rows = day(2).rename_columns(["claimref", "riskscore", "madeat"])
    for number, branch in ((1, "elbonia"), (2, "elbonia"), (2, "syldavia")):
        value = [f"2026-01-0{number}", branch]
        where = lake.partition("policyholders", value, database="acmedb")
        lake.write(f"{where.removeprefix('s3://lake/')}batch-zebra.parquet", rows)
    query = (
        "WITH recentones AS (SELECT claimref AS holderid, madeat, riskscore, branch "
        "FROM acmedb.policyholders WHERE branch = 'elbonia' AND claimref != 'J. Doezer' "
        "AND riskscore < 4111111111) SELECT * FROM recentones"
    )
    workspace = Workspace()
    workspace.create_model("acmemodel")
    version = workspace.create_model_version(
        "acmemodel", "spring", "binary", predictions={"danger": "numeric"}
    )
    rule = {"policyholders": {"column": "madeat", "keys": {"dt": "yyyy-MM-dd"}}}
    source = lake.source(database="acmedb", query=query, partitions=rule)
    connection = version.connect_serving(
        source, "holderid", "madeat", predictions={"danger": "riskscore"}
    )
    path = tmp_path / "bundle.zip"
    report = connection.check(*WINDOW, bundle=path, anonymous=True)
    hidden = (
        "acme policyholder claimref riskscore madeat branch elbonia syldavia zebra holderid "
        "recentones danger spring 123456789012 4111111111 Doezer user-1"
    )
    for place, text in texts(path).items():
        for name in hidden.split():
            assert name.casefold() not in text.casefold(), (place, name)
    again = replayed(path, *WINDOW)
    assert [(s["name"], s["status"]) for s in told(again)] == [
        (s["name"], s["status"]) for s in told(report)
    ]
    bundle = Bundle.load(path)
    assert bundle.anonymous
    (check,) = bundle.checks
    stages = [s for s in check["stages"] if s["name"] != "rows"]
    assert told(again) == json.loads(json.dumps(stages))


def test_what_was_recorded_is_what_was_asked(lake: GlueLake, tmp_path: Path) -> None:
    predictions(lake)
    source = lake.source(query=QUERY)
    lake.aws.requests.clear()
    connected(source).check(*WINDOW, bundle=tmp_path / "b.zip")
    seen = sorted((r.service, r.action) for r in lake.aws.requests)
    recorded = sorted((c.service, c.operation) for c in Bundle.load(tmp_path / "b.zip").calls)
    assert recorded == seen
