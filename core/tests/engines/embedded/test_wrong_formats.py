"""Files of another format than their table's: an error that names the file and the format."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.orc as orc
import pyarrow.parquet as pq
import pytest
from core.tests.engines.embedded.support import columns, rows

from headwater.errors import EngineError
from headwater.tables.relation import DataFile, FileRelation
from headwater.tables.table import TableName

ROWS = pa.table({"n": pa.array([1], pa.int32())})


def of_format(folder: Path, held: str) -> Path:
    """Write a file of a format, under a name that tells none."""
    path = folder / f"{held}-0"
    match held:
        case "parquet":
            pq.write_table(ROWS, path)
        case "orc":
            orc.write_table(ROWS, path)
        case _:
            path.write_text('{"n": 1}\n')
    return path


def declared(path: Path, name: str) -> FileRelation:
    files = (DataFile(str(path), path.stat().st_size),)
    return FileRelation(TableName("db", "t"), columns(n="int"), format=name, files=files)


@pytest.mark.parametrize(
    ("held", "name"),
    [(h, n) for h in ("parquet", "orc", "json") for n in ("parquet", "orc", "avro") if h != n],
)
def test_a_file_of_another_format_is_told_with_the_tables(
    tmp_path: Path, held: str, name: str
) -> None:
    relation = declared(of_format(tmp_path, held), name)
    with pytest.raises(EngineError, match=rf"(?i)can't be read as {name}, which") as caught:
        rows("SELECT n FROM t", t=relation)
    assert caught.value.code == "wrong-format"
    assert f"{held}-0 of table db.t can't" in caught.value.message
    assert "magic" not in caught.value.message
