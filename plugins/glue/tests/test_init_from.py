"""`headwater init --from glue:...`: the file that is proposed for a Glue table works."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml

from headwater.cli.main import run
from headwater.plugins import PluginRegistry
from headwater_glue.testing import GlueLake


@pytest.fixture
def place(lake: GlueLake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    key, secret = lake.aws.create_user_keys(lake.account_id)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    monkeypatch.chdir(tmp_path)
    return ["--region", lake.region, "--endpoint-url", lake.aws.endpoint_url]


def test_a_partitioned_table(
    lake: GlueLake, place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    columns = {"request_id": "string", "at": "timestamp", "amount": "double", "proba": "double"}
    lake.table("log", columns, keys={"year": "string", "month": "string", "day": "string"})
    for day in range(1, 8):
        location = lake.partition("log", ["2026", "01", f"{day:02}"])
        rows: dict[str, Any] = {
            "request_id": [f"r{day}"],
            "at": pa.array([datetime(2026, 1, day, 5, tzinfo=UTC)], pa.timestamp("us", "UTC")),
            "amount": [1.0],
            "proba": [0.5],
        }
        lake.write(f"{location.removeprefix(lake.uri(''))}part.parquet", pa.table(rows))
    assert run(("init", "--from", "glue:ml.log", *place), PluginRegistry()) == 0
    text = Path("headwater.yaml").read_text()
    version = yaml.safe_load(text)["models"]["log"]["versions"]["v1"]
    assert version["features"] == {"amount": "numeric"}
    assert version["predictions"] == {"proba": "numeric"}
    assert version["serving"]["source"]["partitions"] == {
        "log": {"column": "at", "keys": {"year": "yyyy", "month": "MM", "day": "dd"}}
    }
    assert "# Checked: the rows of 4 files" in text
    opened = [r for r in lake.aws.requests if r.action == "GetObject"]
    assert len({r.parameters.get("Key") or r.resources for r in opened}) <= 4
    assert run(("check",), PluginRegistry()) == 0, capsys.readouterr()


def test_no_such_table(
    lake: GlueLake, place: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    lake.table("log", {"id": "string"})
    assert run(("init", "--from", "glue:ml.lgo", *place), PluginRegistry()) == 1
    assert "did you mean 'log'?" in capsys.readouterr().err
    assert run(("init", "--from", "glue:log", *place), PluginRegistry()) == 1
    assert "name the table's database too" in capsys.readouterr().err
    assert not Path("headwater.yaml").exists()
