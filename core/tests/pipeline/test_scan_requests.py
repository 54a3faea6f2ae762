"""What a read asks of a source that streams its rows: applied or not, the answer is the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

import headwater as hw
from headwater.auth.credentials import Access
from headwater.engines.spark import SparkEngine
from headwater.errors import PlanError
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import Opened, ScanRequest
from headwater.tables.table import Catalog, Column, Partition, Table, TableName
from headwater.types.arrow import data_type

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 60
ROWS = pa.table(
    {
        "id": [f"r{n}" for n in range(DAYS * 4)],
        "at": pa.array(
            [FIRST + timedelta(hours=6 * n) for n in range(DAYS * 4)], pa.timestamp("us", "UTC")
        ),
        "y": [float(n) for n in range(DAYS * 4)],
        "n": list(range(DAYS * 4)),
        "country": ["de", "fr"] * DAYS * 2,
    }
)
LABELS = pa.table(
    {
        "id": ROWS["id"],
        "set_at": pa.array([None, FIRST + timedelta(days=3)] * DAYS * 2, ROWS["at"].type),
        "label": [1.0] * DAYS * 4,
    }
)


def met(request: ScanRequest, row: dict[str, Any]) -> bool:
    """Return whether a row meets all conditions, as a source would decide it."""
    return all(_meets(row[c.column], c.operator, c.values) for c in request.conditions)


def _meets(value: Any, operator: str, values: Sequence[Any]) -> bool:
    if value is None:
        return operator.startswith("null or ")
    operator = operator.removeprefix("null or ")
    if operator == "in":
        return value in values
    return bool((value >= values[0]) is (operator == ">="))


@dataclass(frozen=True)
class Streamed:
    """Opens a table; a worker of Spark unpickles it, and leaves its requests in a file."""

    rows: pa.Table
    log: Path
    applies: bool

    def __call__(self, request: ScanRequest) -> Any:
        with self.log.open("a") as log:
            log.write(f"{request}\n")
        if not self.applies:
            return self.rows.select(list(request.columns))
        kept = [row for row in self.rows.to_pylist() if met(request, row)][: request.limit]
        table = pa.Table.from_pylist(kept, self.rows.schema).select(list(request.columns))
        return Opened(table, request.conditions, limited=request.limit is not None)


class Asked(hw.DataSource):
    kind: ClassVar[str] = "asked"

    query: str
    log: Path
    applies: bool = True
    rows: int | None = None
    size: int | None = None

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        return SingleDatabase("d", {n: lambda n=n: _table(n) for n in ("t", "labels")})  # type: ignore[misc]

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        rows = ROWS if table.name.name == "t" else LABELS
        opens = Streamed(rows, self.log, self.applies)
        return StreamRelation(table.name, table.columns, opens, rows=self.rows, size=self.size)

    def sql(self) -> str:
        return self.query

    @property
    def default_database(self) -> str:
        return "d"


def _table(name: str) -> Table:
    rows = ROWS if name == "t" else LABELS
    columns = tuple(Column(f.name, data_type(f.type)) for f in rows.schema)
    return Table(TableName("d", name), columns)


@pytest.fixture
def read(tmp_path: Path) -> Iterator[Callable[..., tuple[list[dict[str, Any]], list[str]]]]:
    """Return the rows of a read whose source applies all, and what it was asked; none applied."""
    with hw.Workspace() as workspace:
        workspace.create_model("m", "M")
        numbers = count()

        def rows(query: str, applies: bool, engine: Any, actuals: bool) -> tuple[Any, list[str]]:
            log = tmp_path / "log"
            log.write_text("")
            version = workspace.create_model_version(
                model_id="m",
                model_version=f"v{next(numbers)}",
                model_type="regression",
                predictions={"y": "numeric"},
            )
            serving = version.connect_serving(
                Asked(query=query, log=log, applies=applies),
                id_column="id",
                timestamp_column="at",
            )
            if actuals:
                version.connect_actuals(
                    Asked(query="SELECT * FROM labels", log=log, applies=applies),
                    id_column="id",
                    timestamp_column="set_at",
                    labels={"y": "label"},
                )
            if not isinstance(engine, str):
                workspace.use_engine(engine)
                engine = engine.name
            as_of = "2026-03-01" if actuals else None
            data = serving.read("2026-01-03", "2026-01-04", engine=engine, as_of=as_of)
            told = sorted(str(scan.request) for scan in data.plan.scans)
            found = sorted(data.to_arrow().to_pylist(), key=lambda row: str(row["id"]))
            asked = log.read_text().splitlines()
            assert told == sorted(asked), "the plan says what is asked"
            return found, asked

        def both(query: str, engine: Any = "embedded", actuals: bool = False) -> Any:
            applied, asked = rows(query, True, engine, actuals)
            plain, again = rows(query, False, engine, actuals)
            assert applied == plain
            assert sorted(asked) == sorted(again)
            return applied, asked

        yield both


WINDOW = "at >= 2026-01-03T00:00:00+00:00 and at < 2026-01-04T00:00:00+00:00"


def check(read: Callable[..., Any], engine: Any) -> None:
    rows, asked = read("SELECT id, at, y FROM t WHERE n > 8 AND country = 'de'", engine)
    assert [row["id"] for row in rows] == ["r10"]
    assert asked == [f"id, at, y, n, country where {WINDOW} and n >= 9 and country in (de)"]
    # Blocked: rows of other times are in the answer.
    rows, asked = read("SELECT id, at, avg(y) OVER () AS y FROM t", engine)
    assert [row["y"] for row in rows] == [119.5] * 4
    assert asked == ["id, at, y"]


def test_a_window_and_conditions_are_asked_for(read: Callable[..., Any]) -> None:
    check(read, "embedded")
    rows, asked = read("SELECT id, at, y FROM t LIMIT 12")
    assert len(rows) == 4
    assert asked == ["id, at, y where 12 rows"]


@pytest.mark.spark
@pytest.mark.slow
def test_spark_asks_for_the_same(read: Callable[..., Any], spark_engine: SparkEngine) -> None:
    check(read, spark_engine)


def test_labels_without_a_time_are_not_left_out(read: Callable[..., Any]) -> None:
    rows, asked = read("SELECT id, at, y FROM t", actuals=True)
    assert len(rows) == 4
    start = (FIRST + timedelta(days=2, hours=-36)).isoformat()
    assert sorted(asked)[1].startswith(f"id, set_at, label where set_at null or >= {start} and ")
    assert "set_at null or < 2026-03-01" in sorted(asked)[1]
    assert min(asked) == "id, at, y where " + WINDOW


def test_a_plan_tells_what_is_asked_before_anything_is_opened(tmp_path: Path) -> None:
    log = tmp_path / "log"
    query = "SELECT id, at, y FROM t WHERE country IN ('de', 'fr')"
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m", "M")
        version = workspace.create_model_version(
            "m", "v1", "regression", predictions={"y": "numeric"}
        )
        serving = version.connect_serving(Asked(query=query, log=log), "id", "at")
        plan = serving.plan("2026-01-03", "2026-01-04")
        assert (
            "            asks for id, at, y, country\n"
            "            where at >= 2026-01-03T00:00:00+00:00\n"
            "            where at < 2026-01-04T00:00:00+00:00\n"
            "            where country in (de, fr)\n"
        ) in plan.explain()
        day = {"start": "2026-01-03T00:00:00+00:00", "end": "2026-01-04T00:00:00+00:00"}
        asked = json.loads(json.dumps(plan.to_dict()))["tables"][0]["asked"]
        assert asked == {
            "columns": ["id", "at", "y", "country"],
            "conditions": [
                {"column": "at", "operator": ">=", "values": [day["start"]]},
                {"column": "at", "operator": "<", "values": [day["end"]]},
                {"column": "country", "operator": "in", "values": ["de", "fr"]},
            ],
            "time_column": "at",
            "window": day,
            "limit": None,
        }
        assert pickle.loads(pickle.dumps(plan)) == plan
        days = serving.plan("2026-01-03", "2026-01-05", every="1 day")
        assert [str(d.scans[0].request) == str(plan.scans[0].request) for d in days] == [
            True,
            False,
        ]
        assert "where at < 2026-01-05" in days.explain()
        few = workspace.sql("SELECT id FROM t LIMIT 3", serving.source).plan
        assert "            3 rows at most\n" in few.explain()
        assert few.to_dict()["tables"][0]["asked"]["limit"] == 3
        assert not log.exists(), "nothing was opened"
        rows = workspace.sql("SELECT id FROM t", hw.MemoryDataSource(tables={"t": ROWS})).plan
        assert rows.to_dict()["tables"][0]["asked"] is None


def test_what_is_not_known_is_no_zero(tmp_path: Path) -> None:
    source = Asked(query="SELECT * FROM t", log=tmp_path / "log")
    with hw.Workspace(engine="embedded") as workspace:
        plan = workspace.sql(source.query, source).plan
        assert plan.bytes is None
        assert "reads     0 files, unknown size\n" in plan.explain()
        assert "rows unknown, unknown size: all that the table holds" in plan.explain()
        assert plan.to_dict()["bytes"] is None
        assert plan.to_dict()["tables"][0]["rows"] is None
        measured = source.model_copy(update={"rows": 240, "size": 9_600})
        plan = workspace.sql(source.query, measured).plan
        assert plan.bytes == 9_600
        assert "reads     0 files, 9.6 kB at most\n" in plan.explain()
        assert "rows 240, 9.6 kB: all that the table holds" in plan.explain()


def test_an_unknown_size_is_not_held_to_a_limit(tmp_path: Path) -> None:
    source = Asked(query="SELECT * FROM t", log=tmp_path / "log")
    with hw.Workspace(engine="embedded") as workspace:
        workspace.create_model("m", "M")
        version = workspace.create_model_version(
            model_id="m",
            model_version="v1",
            model_type="regression",
            predictions={"y": "numeric"},
        )
        serving = version.connect_serving(source, "id", "at", max_bytes=1_000)
        with pytest.raises(PlanError, match=r"nothing says how large d\.t may be") as caught:
            serving.plan()
        assert caught.value.code == "max-bytes"
        assert "StreamRelation.size" in str(caught.value.hint)
        other = source.model_copy(update={"size": 900})
        version = workspace.create_model_version(
            model_id="m",
            model_version="v2",
            model_type="regression",
            predictions={"y": "numeric"},
        )
        assert version.connect_serving(other, "id", "at", max_bytes=1_000).plan().bytes == 900
