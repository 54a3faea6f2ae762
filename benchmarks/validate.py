"""Checking a query of 30 lines over five tables: headwater beside Spark's analysis and SQLMesh.

What is timed is the answer to "is this query right, and what does it give": headwater's
`validate()`, Spark's own analysis (`spark.sql(...)` in a local session whose five tables are
temporary views; nothing runs), and SQLMesh's loading and rendering of the same text as a model (it
resolves and types the columns too). Each in a process of its own, warm, the ways taken in turn; the
best of the rounds' medians. headwater and SQLMesh are given catalogs of several sizes.

SQLMesh pins another version of sqlglot than headwater, so it gets an environment of its own, made
beside this one on the first run; `SQLMESH_PYTHON` names one that is there already. Without network
its row says that it is missing.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

SQLMESH = "0.236.4"
SIZES = (10, 1_000, 10_000)
COLUMNS = 50
"""Columns of each table that only fills the catalog."""
WARM, TIMES, ROUNDS = 10, 40, 3
TABLES = {
    "predictions": {"prediction_id": "string", "entity_id": "bigint", "model": "string",
                    "score": "double", "event_ts": "timestamp", "country": "string",
                    "tags": "array<string>", "dt": "date"},
    "labels": {"prediction_id": "string", "label": "int", "label_ts": "timestamp"},
    "features": {"entity_id": "bigint", "f1": "double", "f2": "float", "feature_ts": "timestamp"},
    "entities": {"entity_id": "bigint", "segment": "string", "signup": "date"},
    "prices": {"country": "string", "price": "decimal(10,2)", "valid_from": "date"},
}  # fmt: skip
QUERY = """\
WITH latest AS (
  SELECT prediction_id, label, label_ts
  FROM (
    SELECT l.*, row_number() OVER (PARTITION BY prediction_id ORDER BY label_ts DESC) AS n
    FROM labels l
  ) AS ranked
  WHERE n = 1
),
recent AS (
  SELECT entity_id, max(f1) AS f1, avg(f2) AS f2, count(*) AS seen
  FROM features
  WHERE feature_ts >= TIMESTAMP '2026-01-01 00:00:00'
  GROUP BY entity_id
)
SELECT p.prediction_id,
       p.event_ts,
       date_trunc('HOUR', p.event_ts) AS hour,
       CASE WHEN p.score >= 0.9 THEN 'high' WHEN p.score >= 0.5 THEN 'mid' ELSE 'low' END AS band,
       CAST(p.score AS DECIMAL(10, 4)) AS score,
       coalesce(e.segment, 'unknown') AS segment,
       r.f1, r.f2, r.seen,
       prices.price * 2 AS doubled,
       size(p.tags) AS tags,
       latest.label
FROM predictions p
LEFT JOIN latest ON latest.prediction_id = p.prediction_id
LEFT JOIN recent r ON r.entity_id = p.entity_id
JOIN entities e ON e.entity_id = p.entity_id
LEFT JOIN prices ON prices.country = p.country AND prices.valid_from <= p.dt
WHERE p.dt >= DATE '2026-01-01' AND p.model IN ('churn', 'fraud')"""


def main() -> None:
    """Print each way's time, and its ratio to headwater's over the smallest catalog."""
    print(f"{len(QUERY.splitlines())} lines, {len(TABLES)} tables; {TIMES} warm runs a round")
    ways = [("headwater", sys.executable, size) for size in SIZES]
    ways.append(("spark", sys.executable, len(TABLES)))
    try:
        python = sqlmesh_python()
        ways += [("sqlmesh", python, size) for size in SIZES]
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"  sqlmesh is not measured: no environment for it could be made ({error})")
    rounds = [[_measured(*way) for way in ways] for _ in range(ROUNDS)]
    best = [
        min(runs, key=lambda told: float(told["seconds"])) for runs in zip(*rounds, strict=True)
    ]
    base = _seconds(best[0])
    for (way, _, size), told in zip(ways, best, strict=True):
        print(
            f"  {way:<10} {size:>6,} tables  {_seconds(told) * 1000:8.2f} ms  "
            f"{_seconds(told) / base:6.1f}x   "
            f"({told['with']})"
        )


def _seconds(told: dict[str, Any]) -> float:
    return float(told["seconds"])


def _measured(way: str, python: str, size: int) -> dict[str, Any]:
    done = subprocess.run(
        [python, "-m", "benchmarks.validate", way, str(size)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "SQLMESH__DISABLE_ANONYMIZED_ANALYTICS": "true"},
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def sqlmesh_python() -> str:
    """Return a Python that has SQLMesh; its environment is made if there is none.

    Raises:
        OSError: If it can't be made.
        subprocess.CalledProcessError: If SQLMesh can't be installed into it.
    """
    if given := os.environ.get("SQLMESH_PYTHON"):
        return given
    folder = Path(sys.prefix) / f"sqlmesh-{SQLMESH}"
    python = folder / "bin" / "python"
    done = folder / "installed"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run(
            [python, "-m", "pip", "install", "-q", f"sqlmesh=={SQLMESH}"],
            check=True,
            capture_output=True,
        )
        done.touch()
    return str(python)


def catalog(size: int) -> dict[str, dict[str, str]]:
    """Return the five tables among as many others as make up a size."""
    others = {f"column_{i}": "string" for i in range(COLUMNS)}
    return {**TABLES, **{f"t{i:05}": others for i in range(size - len(TABLES))}}


def headwater(size: int) -> tuple[Callable[[], Any], str]:
    """Validate: names, types, columns, portability."""
    import sqlglot

    from headwater.sql import validate

    tables = {"db": catalog(size)}

    def run() -> None:
        found = validate(QUERY, catalog=tables, database="db")
        assert found.ok, found.render()
        assert len(found.tables) == len(TABLES)

    origin = getattr(find_spec("sqlglot.parser"), "origin", None) or ""
    kind = "sqlglot" if origin.endswith(".py") else "sqlglotc"
    return run, f"{kind} {sqlglot.__version__}"


def spark(_: int) -> tuple[Callable[[], Any], str]:
    """Let Spark parse and analyse; nothing is run."""
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .getOrCreate()
    )
    for name, columns in TABLES.items():
        schema = ", ".join(f"{column} {type_}" for column, type_ in columns.items())
        session.createDataFrame([], schema).createOrReplaceTempView(name)

    def run() -> None:
        assert session.sql(QUERY).schema

    return run, f"Spark {session.version}, analysis only"


def sqlmesh(size: int) -> tuple[Callable[[], Any], str]:
    """Load the query as a model of SQLMesh and render it."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.schema import MappingSchema
    from sqlmesh.core.dialect import parse
    from sqlmesh.core.model import load_sql_based_model

    types = {
        name: {c: exp.DataType.build(type_, dialect="spark") for c, type_ in columns.items()}
        for name, columns in catalog(size).items()
    }
    schema = MappingSchema(types, dialect="spark", normalize=False)
    text = f"MODEL (name checked, dialect spark);\n{QUERY}"

    def run() -> None:
        model = load_sql_based_model(parse(text, default_dialect="spark"), dialect="spark")
        model.update_schema(schema)
        assert model.render_query() is not None
        assert str((model.columns_to_types or {})["score"]) == "DECIMAL(10, 4)"

    return run, f"SQLMesh {SQLMESH} on sqlglot {sqlglot.__version__}"


def measure(run: Callable[[], Any]) -> float:
    """Return the median seconds of warm runs."""
    for _ in range(WARM):
        run()
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        run()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


WAYS: dict[str, Callable[[int], tuple[Callable[[], Any], str]]] = {
    "headwater": headwater,
    "spark": spark,
    "sqlmesh": sqlmesh,
}

if __name__ == "__main__":
    _, name, tables_there = sys.argv
    ready, told_with = WAYS[name](int(tables_there))
    print(json.dumps({"seconds": measure(ready), "with": told_with}))
