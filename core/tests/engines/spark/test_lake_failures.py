"""What Spark says of a lake's files, told as what it is."""

from __future__ import annotations

import pytest

from headwater.engines.spark.errors import REFUSED, failure
from headwater.interfaces.plan import Scan, ScanEstimate
from headwater.tables.relation import (
    DataFile,
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    Relation,
)
from headwater.tables.table import TableName

ICEBERG = IcebergRelation(TableName("db", "i"), (), "s3://lake/i/metadata/1.json", 7)
DELTA = DeltaRelation(TableName("db", "d"), (), "s3://lake/d", 3)
FILES = FileRelation(TableName("db", "f"), (), files=(DataFile("s3://lake/f/x.parquet", 1),))


def scans(*relations: Relation) -> list[Scan]:
    return [Scan(f"t{n}", r.name, r, ScanEstimate(1, 1, 1, 1)) for n, r in enumerate(relations)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            (
                "org.apache.iceberg.exceptions.NotFoundException: Location does not exist: "
                "s3://lake/i/data/a%20b.parquet"
            ),
            "Iceberg table db.i: s3://lake/i/data/a%20b.parquet is missing: its snapshot 7",
        ),
        (
            (
                "[FAILED_READ_FILE.FILE_NOT_EXIST] Error while reading file "
                "hw0123456789ab://lake/d/x.parquet. File does not exist."
            ),
            "Delta table db.d: s3://lake/d/x.parquet is missing: its version 3",
        ),
        (
            "java.io.FileNotFoundException: No such file or directory: s3a://lake/d/k=1/y.parquet",
            "Delta table db.d: s3a://lake/d/k=1/y.parquet is missing",
        ),
    ],
)
def test_a_file_that_a_lake_names_and_is_not_there(text: str, told: str) -> None:
    error = failure(text, scans(FILES, ICEBERG, DELTA))
    assert error.code == "file-missing"
    assert error.message.startswith(told)
    assert "plan" not in (error.hint or "")


def test_a_file_that_was_listed_is_gone_since_the_plan() -> None:
    error = failure("FileNotFoundException: s3a://lake/f/x.parquet", scans(FILES, ICEBERG))
    assert error.code == "data-changed"


def test_a_scheme_that_is_closed_is_a_place_elsewhere() -> None:
    error = failure(f"java.lang.ClassNotFoundException: Class {REFUSED} not found", scans(DELTA))
    assert error.code == "foreign-place"
    assert "table db.d" in error.message
