"""`timeout=` of what takes long, in Python and on the command line: it ends, nothing is left."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pytest
from core.tests.leftovers import nothing_left

import headwater as hw
from headwater.auth.credentials import Access
from headwater.cli.main import run
from headwater.errors import ConfigError, ReadTimeoutError
from headwater.interfaces.data_source import DataSource
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import SourceSpec
from headwater.interfaces.stopping import Stop
from headwater.plugins import PluginRegistry
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import ScanRequest
from headwater.tables.table import Catalog, Partition, Table, TableName, columns_of

TIMEOUT = 0.2
SOON = 10.0
"""Seconds in which a test's call must end, on a machine that is busy; the source waits for 60."""
DAYS = ("2026-01-01", "2026-01-03")
ROWS = pa.table(
    {
        "id": pa.array([], pa.string()),
        "at": pa.array([], pa.timestamp("us", "UTC")),
        "hit": pa.array([], pa.bool_()),
        "known": pa.array([], pa.bool_()),
        "known_at": pa.array([], pa.timestamp("us", "UTC")),
    }
)


class Waiting(DataSource):
    """A source that does not answer: its catalog, or its rows."""

    kind: ClassVar[str] = "waiting"

    where: Literal["catalog", "rows"]

    def catalog(self, access: Access) -> Catalog:
        if self.where == "catalog":
            Stop.current().wait(60)
        table = Table(TableName("d", "t"), columns_of(ROWS.schema))
        return SingleDatabase("d", {"t": lambda: table})

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return StreamRelation(table.name, table.columns, waiting_rows)

    def sql(self) -> str:
        return "SELECT * FROM t"

    @property
    def default_database(self) -> str:
        return "d"


def waiting_rows(request: ScanRequest) -> Any:
    Stop.current().wait(60)
    raise AssertionError("it waited to the end")


def serving(workspace: hw.Workspace, where: Any) -> hw.Connection:
    workspace.create_model("m")
    version = workspace.create_model_version("m", "v1", "binary", predictions={"hit": "boolean"})
    return version.connect_serving(
        Waiting(where=where), "id", "at", labels={"hit": "known"}, label_timestamp_column="known_at"
    )


CALLS: dict[str, Callable[[hw.Connection, Path, Any], object]] = {
    "plan": lambda c, _, t: c.plan(*DAYS, timeout=t),
    "plan every": lambda c, _, t: c.plan(*DAYS, every="1 day", timeout=t),
    "read": lambda c, _, t: c.read(*DAYS, timeout=t).to_arrow(),
    "read every": lambda c, _, t: [d.to_arrow() for d in c.read(*DAYS, every="1 day", timeout=t)],
    "profile": lambda c, _, t: c.profile(*DAYS, timeout=t),
    "maturity": lambda c, _, t: c.maturity(*DAYS, timeout=t),
    "sql": lambda c, _, t: c.workspace.sql("SELECT id FROM t", c.source, timeout=t).to_arrow(),
}
COMMANDS = {
    "plan": ["plan", "serving", *DAYS],
    "read": ["read", "serving", *DAYS, "--out", "rows.parquet"],
    "profile": ["profile", "serving", *DAYS],
    "maturity": ["maturity", "serving", *DAYS],
    "changes": ["changes", "serving", *DAYS, "--ledger", "ledger.jsonl"],
}


def in_time(call: Callable[[], object]) -> None:
    began = time.monotonic()
    call()
    assert time.monotonic() - began < SOON


@pytest.mark.parametrize(
    ("name", "where"),
    [*((name, "catalog") for name in CALLS), ("read every", "rows"), ("maturity", "rows")],
)
def test_what_takes_too_long_is_ended_and_leaves_nothing(
    name: str, where: str, tmp_path: Path
) -> None:
    with hw.Workspace(engine="embedded") as workspace:
        connection = serving(workspace, where)

        def call() -> None:
            with pytest.raises(ReadTimeoutError, match=r"was not over after 0\.2 seconds"):
                CALLS[name](connection, tmp_path, TIMEOUT)

        with nothing_left(tmp_path):
            in_time(call)


@pytest.mark.parametrize("where", ["catalog", "rows"])
@pytest.mark.parametrize("whole", [False, True])
def test_a_check_that_takes_too_long_tells_what_it_found(
    where: str, whole: bool, tmp_path: Path
) -> None:
    with hw.Workspace(engine="embedded") as workspace, nothing_left(tmp_path):
        connection = serving(workspace, where)
        reports: list[hw.CheckReport] = []

        def call() -> None:
            checked = workspace.versions[0] if whole else connection
            reports.append(checked.check(*DAYS, timeout=TIMEOUT))

        in_time(call)
    (report,) = reports
    assert not report.ok
    *found, last = report.stages
    assert (last.name, last.diagnostics[0].code) == ("timeout", "timeout")
    assert "was not over after 0.2 seconds" in last.summary
    named = [s.name for s in found]
    assert not any(s.diagnostics for s in found), "what was cut off has no findings"
    if not whole:
        assert named[:1] == ["identity"]
        assert ("mapping" in named) is (where == "rows")


def test_a_timeout_that_is_none_is_refused_before_anything_is_asked() -> None:
    connection = serving(hw.Workspace(engine="embedded"), "catalog")
    for call in CALLS.values():
        with pytest.raises(ConfigError, match="timeout"):
            call(connection, Path(), 0)
    with pytest.raises(ConfigError, match="timeout"):
        connection.check(timeout="soon")


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.chdir(tmp_path)

    def started(*arguments: str, where: str) -> int:
        labels = {"labels": {"hit": "known"}, "label_timestamp_column": "known_at"}
        source = {"type": "waiting", "where": where}
        at = {"source": source, "id_column": "id", "timestamp_column": "at", **labels}
        version = {"model_type": "binary", "predictions": {"hit": "boolean"}, "serving": at}
        config = {"version": 1, "models": {"m": {"versions": {"v1": version}}}}
        Path("headwater.json").write_text(json.dumps(config), encoding="utf-8")
        spec = SourceSpec("waiting", f"{__name__}:Waiting", "does not answer")
        plugin = SimpleNamespace(__name__="plugin", headwater_sources=hookimpl(lambda: [spec]))
        return run(arguments, PluginRegistry([plugin], discover=False))

    return started


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_gives_up(
    command: str,
    program: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    codes: list[int] = []
    arguments = [*COMMANDS[command], "--engine", "embedded", "--timeout", "0.2", "--json"]
    with nothing_left(tmp_path):
        in_time(lambda: codes.append(program(*arguments, where="catalog")))
    answer = json.loads(capsys.readouterr().out)
    assert codes == [1]
    assert answer["error"]["code"] == "timeout"
    assert "--timeout" in answer["error"]["hint"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["headwater.json"]


def test_the_command_check_says_what_it_found(
    program: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program("check", "serving", "--timeout", "0.2s", where="catalog") == 1
    said = capsys.readouterr().out
    assert "identity" in said
    assert "timeout" in said


def test_wrong_times_are_wrong_usage(
    program: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program("read", "serving", "--out", "x.csv", "--timeout", "soon", where="rows") == 2
    assert "'soon' is no duration" in capsys.readouterr().err
