"""`headwater discover` over Glue: every table told what it is; names only when asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from plugins.glue.tests.registered import register_delta, write_delta

from headwater.cli.main import run
from headwater.plugins import PluginRegistry
from headwater_glue.testing import GlueLake

Discover = Callable[..., tuple[int, str, str]]
ARN = "arn:aws:glue:us-east-1:123456789012"


@pytest.fixture
def discover(
    lake: GlueLake, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Discover:
    def run_it(*arguments: str, policy: dict[str, Any] | None = None) -> tuple[int, str, str]:
        key, secret = lake.aws.create_user_keys(lake.account_id, policy)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
        place = ("--source", "glue", "--region", lake.region, "--endpoint-url")
        code = run(("discover", *place, lake.aws.endpoint_url, *arguments), PluginRegistry())
        said = capsys.readouterr()
        return code, said.out, said.err

    return run_it


def test_what_each_table_is(lake: GlueLake, discover: Discover) -> None:
    lake.create_database("empty")
    lake.table("log", {"id": "string"}, keys={"dt": "string", "hour": "int"})
    lake.table("grok", {"id": "string"}, serde="com.amazonaws.glue.serde.GrokSerDe")
    code, out, err = discover()
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert set(lines) == {"ml.log", "ml.grok", "empty"}
    assert lines["ml.log"].split()[1:] == ["hive", "3", "columns;", "by", "dt,", "hour"]
    assert "can't be queried: " in lines["ml.grok"]
    assert lines["empty"] == "empty  (no tables)"
    assert not [r for r in lake.aws.requests if r.action == "GetTable"]


def test_as_json(lake: GlueLake, discover: Discover) -> None:
    lake.table("log", {"id": "string"}, keys={"dt": "string"})
    [database] = json.loads(discover("--json")[1])["databases"]
    assert (database["name"], database["tables"]) == ("ml", ["log"])
    assert database["details"][0]["partition_keys"] == ["dt"]
    assert database["details"][0]["unqueryable"] is None


def test_names_only(lake: GlueLake, discover: Discover) -> None:
    lake.table("log", {"id": "string"})
    assert discover("--names")[1] == "ml\n  log\n"
    assert json.loads(discover("--names", "--json")[1]) == {
        "databases": [{"name": "ml", "tables": ["log"]}],
        "catalog": {},
    }


def test_one_database(lake: GlueLake, discover: Discover) -> None:
    lake.create_database("other")
    lake.table("log", {"id": "string"})
    assert discover("-d", "ml")[1].startswith("ml.log ")
    assert discover("-d", "other")[1] == "other  (no tables)\n"
    code, out, err = discover("-d", "mll")
    assert (code, out) == (1, "")
    assert "'ml'" in err


def test_a_database_that_may_not_be_listed_hides_no_other(
    lake: GlueLake, discover: Discover
) -> None:
    lake.create_database("secret")
    lake.table("log", {"id": "string"})
    denied = {"Effect": "Deny", "Action": "glue:GetTables", "Resource": f"{ARN}:database/secret"}
    allowed = {"Effect": "Allow", "Action": "glue:*", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [allowed, denied]}
    code, out, err = discover(policy=policy)
    assert code == 0
    assert out.startswith("ml.log ")
    assert "secret  (no tables)" not in out
    assert err.startswith("warning: secret: ")
    assert discover("-d", "secret", policy=policy)[0] == 1


def test_names_of_many_databases_come_in_order(lake: GlueLake, discover: Discover) -> None:
    for number in range(12):
        lake.create_database(f"d{number:02}")
        for table in ("a", "b"):
            lake.table(table, {"id": "string"}, database=f"d{number:02}")
    expected = "".join(f"d{number:02}\n  a\n  b\n" for number in range(12)) + "ml\n"
    assert discover("--names")[1] == expected


def test_details_tell_partitions_files_size_and_freshness(
    lake: GlueLake, discover: Discover
) -> None:
    lake.table("log", {"id": "string"}, keys={"dt": "string"})
    for day in ("1", "2"):
        lake.partition("log", [day])
    lake.write("log/dt=1/a.parquet", b"x" * 1000)
    lake.write("log/dt=2/_SUCCESS", b"hidden")
    lake.table("nothing", {"id": "string"})
    lake.table("away", {"id": "string"}, location="s3://no-such-bucket/x/")
    lake.table("view", {"id": "string"}, TableType="VIRTUAL_VIEW", ViewOriginalText="select 1")
    target = {"CatalogId": lake.account_id, "DatabaseName": "ml", "Name": "log"}
    lake.glue.create_table(DatabaseName="ml", TableInput={"Name": "link", "TargetTable": target})
    code, out, err = discover("--details")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert re.search(
        r"by dt; 2 partitions; 1 file, 1.0 kB; newest \d{4}-\d\d-\d\d \d\d:\d\d UTC$",
        lines["ml.log"],
    )
    assert re.search(r"2 partitions; 1 file, 1.0 kB", lines["ml.link"])
    assert lines["ml.nothing"].endswith("1 column; 0 files, 0 B")
    assert "not measured: " in lines["ml.away"]
    assert "file" not in lines["ml.view"].partition("can't be queried")[0]
    [database] = json.loads(discover("--details", "--json")[1])["databases"]
    told = {d["name"]: d.get("measure") for d in database["details"]}
    assert told["view"] is None
    assert "error" in told["away"]
    assert told["log"] | {"modified": None} == {
        "partitions": 2,
        "files": 1,
        "bytes": 1000,
        "modified": None,
        "complete": True,
    }


def test_details_of_tables_that_keep_their_own_history(lake: GlueLake, discover: Discover) -> None:
    rows = pa.table({"id": ["a", "b"]})
    register_delta(lake, "t", write_delta(lake, "t", rows))
    assert re.search(r"ml\.t +delta +.*1 file, .*; newest 2", discover("--details")[1])


def test_names_and_details_are_not_asked_together(discover: Discover) -> None:
    assert discover("--names", "--details")[0] == 2


@pytest.mark.parametrize("more", [(), ("--details",), ("--json",), ("--json", "--details")])
def test_a_table_that_is_described_wrongly_is_said_and_told_by_the_exit_code(
    lake: GlueLake, discover: Discover, more: tuple[str, ...]
) -> None:
    for name, type_ in {"a": "string", "bad": f"decimal({'9' * 4301},2)", "z": "string"}.items():
        lake.table(name, {"id": type_})
    code, out, err = discover(*more)
    assert code == 1
    assert "the catalog's description of ml.bad can't be read whole" in err
    if "--json" in more:
        [database] = json.loads(out)["databases"]
        assert [t["name"] for t in database["details"]] == ["a", "bad", "z"]
        assert [bool(t["problem"]) for t in database["details"]] == [False, True, False]
    else:
        assert [line.split()[0] for line in out.splitlines()] == ["ml.a", "ml.bad", "ml.z"]
        assert "the type of column 'id' can't be read" in out
