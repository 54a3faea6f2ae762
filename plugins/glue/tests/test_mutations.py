"""Whatever changes under a table: a typed error, a verdict, or the rows as they are."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from headwater.dataset import Dataset
from headwater.errors import DataChangedError, EngineError, HeadwaterError
from headwater.workspace import Workspace
from headwater_glue.testing import GlueLake

COLUMNS = {"id": "string", "n": "int"}
ROWS = pa.table({"id": ["a", "b"], "n": pa.array([1, 2], pa.int32())})


@pytest.fixture
def planned(lake: GlueLake) -> tuple[GlueLake, Dataset]:
    """A table of two partitions, and a read of it that was planned and not begun."""
    lake.table("t", COLUMNS, keys={"dt": "string"})
    for day in ("1", "2"):
        lake.partition("t", [day])
        lake.write(f"t/dt={day}/0.parquet", ROWS)
    with Workspace() as workspace:
        return lake, workspace.sql("SELECT id, n, dt FROM t", source=lake.source(table="t"))


def test_unchanged(planned: tuple[GlueLake, Dataset]) -> None:
    assert planned[1].to_arrow().num_rows == 4


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda lake: lake.write("t/dt=2/0.parquet", ROWS.slice(0, 1)), DataChangedError),
        (lambda lake: lake.write("t/dt=2/0.parquet", b"PAR1 no footer PAR1"), HeadwaterError),
        (
            lambda lake: lake.s3.delete_object(Bucket="lake", Key="t/dt=2/0.parquet"),
            HeadwaterError,
        ),
    ],
    ids=["rewritten", "corrupted", "deleted"],
)
def test_a_file_that_changed_since_the_plan_is_an_error(
    planned: tuple[GlueLake, Dataset],
    change: Callable[[GlueLake], object],
    error: type[HeadwaterError],
) -> None:
    lake, data = planned
    change(lake)
    with pytest.raises(error, match=r"t/dt=2/0\.parquet"):
        data.to_arrow()


def test_what_was_planned_is_read_although_its_table_is_gone(
    planned: tuple[GlueLake, Dataset],
) -> None:
    lake, data = planned
    lake.write("t/dt=1/1.parquet", ROWS)
    lake.glue.delete_table(DatabaseName="ml", Name="t")
    assert data.to_arrow().num_rows == 4


@pytest.mark.parametrize(
    ("column", "says"),
    [
        (pa.array([2**40, 1], pa.int64()), "the file holds bigint, the table declares int"),
        (pa.array(["x", "y"]), "the file holds varchar, the table declares int"),
    ],
)
def test_a_type_that_is_not_the_tables_is_an_error(
    lake: GlueLake, column: pa.Array, says: str
) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.set_column(1, "n", column))
    with Workspace() as workspace, pytest.raises(EngineError, match=says):
        workspace.sql("SELECT * FROM t", source=lake.source(table="t")).to_arrow()


def test_a_column_that_a_file_has_not_is_null_as_in_spark(lake: GlueLake) -> None:
    lake.table("t", COLUMNS)
    lake.write("t/0.parquet", ROWS.rename_columns(["id", "renamed"]))
    with Workspace() as workspace:
        found = workspace.sql("SELECT id, n FROM t", source=lake.source(table="t")).to_arrow()
    assert found["n"].null_count == 2
