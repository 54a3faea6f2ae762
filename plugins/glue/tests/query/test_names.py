"""Tables of one name in two databases: each column is of the one that is written before it."""

from __future__ import annotations

import pyarrow as pa
import pytest

from headwater.workspace.workspace import Workspace
from headwater_glue.testing import GlueLake


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ml.t.i FROM ml.t JOIN eu.t ON ml.t.i = eu.t.i",
        "SELECT i FROM t WHERE EXISTS (SELECT 1 FROM eu.t WHERE eu.t.i = ml.t.i)",
        "SELECT i FROM ml.t WHERE i IN (SELECT t.i FROM eu.t WHERE ml.t.v = 'b')",
        "SELECT eu.t.* EXCEPT (eu.t.v) FROM ml.t JOIN eu.t ON eu.t.v = 'e' AND ml.t.v = 'a'",
    ],
)
def test_each_column_is_of_its_own_table(lake: GlueLake, query: str) -> None:
    lake.create_database("eu")
    for database, numbers, letters in (("ml", [1, 2], ["a", "b"]), ("eu", [2, 5], ["e", "f"])):
        columns = {"i": "int", "v": "string"}
        lake.table("t", columns, database=database, location=lake.uri(f"{database}/"))
        rows = pa.table({"i": pa.array(numbers, pa.int32()), "v": letters})
        lake.write(f"{database}/p.parquet", rows)
    with Workspace(engine="embedded") as workspace:
        rows = workspace.sql(query, lake.source(query=query, databases=["eu"])).to_arrow()
    assert rows.to_pylist() == [{"i": 2}]
