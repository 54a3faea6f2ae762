"""PIVOT, recursion, frames and the like: what the embedded engine answers is what Spark 4.1.4 said.

`queries/syntax.json` holds each query with Spark's columns and rows, in no order, or null where it
raises. `python -m tests.differential.test_syntax` asks it anew.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.differential import engines

from headwater.engines.spark import SparkEngine
from headwater.errors import EngineError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import Column, TableName
from headwater.types.arrow import data_type

ANSWERS_AT: Final = Path(__file__).parent / "queries" / "syntax.json"
ANSWERS: Final[dict[str, dict[str, Any] | None]] = json.loads(ANSWERS_AT.read_text())
KINDS: Final = (
    " PIVOT ",
    "UNPIVOT",
    "RECURSIVE",
    "RANGE ",
    "LATERAL",
    "|>",
    "FROM (t ",
    "(SELECT ",
)
REFUSED: Final = 0.4
"""Share of a kind's queries that Spark answers which the embedded engine may refuse, or fail."""
_ROWS: Final = {"t": (24, 5), "u": (12, 9), "e": (0, 3)}
"""How many rows a table has, and the seed that they are drawn by."""
_DRAWN: Final[dict[str, tuple[pa.DataType, list[Any]]]] = {
    "k": (pa.string(), ["a", "b", "c", "", None, "B"]),
    "g": (pa.int32(), [1, 2, 3, None]),
    "i": (pa.int32(), [None, -3, -1, 0, 1, 2, 5, 7, 10, 100]),
    "b": (pa.int64(), [None, -10, 0, 1, 2, 3, 4, 10**10, -(10**10)]),
    "sm": (pa.int16(), [None, -3, 0, 1, 2, 300]),
    "d": (
        pa.float64(),
        [None, float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1.5, 2.25, -7.125, 1e300],
    ),
    "x": (pa.float64(), [None, 0.0, -0.0, 1.5, 2.25, -7.125, 8.0]),
    "f": (pa.float32(), [None, 0.5, 1.5, -2.0, 0.0]),
    "dec": (pa.decimal128(10, 2), [None, *map(Decimal, ("1.50", "-2.25", "0.00", "99999999.99"))]),
    "o": (pa.bool_(), [None, True, False]),
    "dt": (pa.date32(), [None, *(date(2024, 2, 27) + timedelta(days=n) for n in range(6))]),
    "ts": (
        pa.timestamp("us", tz="UTC"),
        [None]
        + [datetime(2024, 2, 28, 22, tzinfo=UTC) + timedelta(minutes=17 * n) for n in range(30)],
    ),
    "ar": (pa.list_(pa.int32()), [None, [], [1], [1, 2, None]]),
}


def write(folder: Path) -> dict[str, FileRelation]:
    """Write the tables and return them by their names."""
    made = {}
    for name, (count, seed) in _ROWS.items():
        drawn = random.Random(seed)
        columns: dict[str, pa.Array[Any]] = {"id": pa.array(range(1, count + 1), pa.int64())}
        for column, (type_, values) in _DRAWN.items():
            columns[column] = pa.array([drawn.choice(values) for _ in range(count)], type_)
        table, path = pa.table(columns), folder / f"{name}.parquet"
        pq.write_table(table, path)
        described = tuple(Column(f.name, data_type(f.type)) for f in table.schema)
        file = DataFile(str(path), path.stat().st_size)
        made[name] = FileRelation(TableName("db", name), described, files=(file,))
    return made


def plain(found: pa.Table) -> dict[str, Any]:
    """Return an answer as it is kept: its columns with their types, and its rows as texts."""
    columns = [f"{f.name} {data_type(f.type)}" for f in found.schema]
    cells = [[_cell(v) for v in column.to_pylist()] for column in found.columns]
    rows = [" | ".join(row) for row in zip(*cells, strict=True)]
    return {"columns": columns, "rows": sorted(rows)}


def _cell(value: Any) -> str:
    if isinstance(value, datetime):
        return str(value.astimezone(UTC).replace(tzinfo=None))
    return repr(value) if isinstance(value, float) else str(value)


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[engines.Embedded]:
    with engines.embedded(write(tmp_path_factory.mktemp("syntax"))) as opened:
        yield opened


def test_the_embedded_engine_answers_as_spark_or_refuses(embedded: engines.Embedded) -> None:
    left: list[str] = []
    broken: list[str] = []
    for sql, expected in ANSWERS.items():
        if embedded.refuses(sql):
            left += [sql] if expected is not None else []
            continue
        try:
            found = embedded(sql)
        except EngineError as error:
            broken += [f"{sql}: {error.message}"] if error.code == "engine" else []
            left += [sql] if expected is not None else []
            continue
        assert expected is not None, f"Spark raises: {sql}"
        assert plain(found) == expected, sql
    assert not broken
    for kind in KINDS:
        answered = [s for s, found in ANSWERS.items() if kind in s and found is not None]
        unanswered = [s for s in left if kind in s]
        assert len(unanswered) <= REFUSED * len(answered), "\n".join(unanswered)


@pytest.mark.slow
@pytest.mark.spark
def test_spark_still_says_so(spark_engine: SparkEngine, tmp_path: Path) -> None:
    assert _asked(spark_engine, tmp_path, list(ANSWERS)[::5]) == {
        sql: ANSWERS[sql] for sql in list(ANSWERS)[::5]
    }


def _asked(engine: SparkEngine, folder: Path, queries: list[str]) -> dict[str, Any]:
    session = engines.reference(engine)
    engines.register(session, write(folder))
    found: dict[str, Any] = {}
    for sql in queries:
        try:
            found[sql] = plain(engines.on_spark(session, sql))
        except engines.SparkError:
            found[sql] = None
    return found


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as made_in:
        kept = _asked(SparkEngine(), Path(made_in), list(ANSWERS))
    ANSWERS_AT.write_text(json.dumps(kept, ensure_ascii=False, indent=0) + "\n")
