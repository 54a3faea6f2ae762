"""A LIMIT takes its rows before a join asks for some of them, as in Spark."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from core.tests.engines.embedded.support import parquet, rows

from headwater.tables.relation import FileRelation

LOGS = [(time, "abc"[time % 3]) for time in range(16)]
FACTS = [(number * 7 % 30, "abc"[number % 3]) for number in range(100)]
LATEST = """
SELECT x.t, x.id
FROM (SELECT a.t, b.id FROM logs a JOIN facts b ON a.k = b.k ORDER BY t DESC, id DESC LIMIT {n}) x
JOIN wanted y ON x.id = y.id
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("limits")


def of(folder: Path, name: str, table: dict[str, list[object]]) -> FileRelation:
    return parquet(folder / name, pa.table(table))


@pytest.mark.parametrize("n", [5, 12, 40])
@pytest.mark.parametrize("wanted", [0, 3, 6, 9, 12])
def test_the_latest_rows_are_joined_not_the_latest_that_join(
    n: int, wanted: int, folder: Path
) -> None:
    """DuckDB would pass the range of the join's keys through the LIMIT, into the scan."""
    pairs = [(time, id_) for time, k in LOGS for id_, other in FACTS if k == other]
    latest = sorted(pairs, reverse=True)[:n]
    found = rows(
        LATEST.format(n=n),
        logs=of(folder, "logs", {"t": [t for t, _ in LOGS], "k": [k for _, k in LOGS]}),
        facts=of(folder, "facts", {"id": [i for i, _ in FACTS], "k": [k for _, k in FACTS]}),
        wanted=of(folder, "wanted", {"id": [wanted]}),
    )
    assert sorted((r["t"], r["id"]) for r in found) == sorted(p for p in latest if p[1] == wanted)
