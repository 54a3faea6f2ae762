"""Our own sources keep the contract that every third party's source is held to."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headwater.auth.credentials import Secret
from headwater.interfaces.data_source import DataSource
from headwater.partitions.hive_layout import NULL_PARTITION
from headwater.sources.files import FileDataSource
from headwater.sources.memory import MemoryDataSource
from headwater.testing import DataSourceContract, MakeSource, edge_rows
from headwater_aws.auth.static import StaticKeys
from headwater_aws.testing import Emulator
from headwater_glue.testing import GlueLake
from headwater_s3 import S3DataSource

HIVE = {
    "id": "string",
    "at": "timestamp",
    "day": "date",
    "flag": "boolean",
    "small": "int",
    "big": "bigint",
    "ratio": "double",
    "word": "string",
    "amount": "decimal(18,4)",
}


def by_day(rows: pa.Table) -> dict[str | None, pa.Table]:
    """Return rows by their day, without that column."""
    found: dict[str | None, list[int]] = {}
    for index, day in enumerate(rows["day"].to_pylist()):
        found.setdefault(day and day.isoformat(), []).append(index)
    return {d: rows.take(i).drop_columns(["day"]) for d, i in found.items()}


def directory(day: str | None) -> str:
    return f"day={NULL_PARTITION if day is None else day}"


class TestMemory(DataSourceContract):
    @pytest.fixture
    def make_source(self) -> MakeSource:
        def make(
            rows: pa.Table, partition_key: str | None = None, table: str = "predictions"
        ) -> DataSource:
            return MemoryDataSource(tables={table: rows}, query=f"SELECT * FROM `{table}`")

        return make

    @pytest.fixture
    def broken_source(self) -> DataSource:
        return MemoryDataSource(tables={"other": edge_rows()}, query="SELECT * FROM predictions")


class TestFiles(DataSourceContract):
    @pytest.fixture
    def make_source(self, tmp_path: Path) -> MakeSource:
        def make(
            rows: pa.Table, partition_key: str | None = None, table: str = "predictions"
        ) -> DataSource:
            root = tmp_path / "predictions"
            shutil.rmtree(root, ignore_errors=True)
            parts = {"": rows} if partition_key is None else by_day(rows)
            for day, part in parts.items():
                folder = root if day == "" else root / directory(day)
                folder.mkdir(parents=True)
                pq.write_table(part, folder / "part-0.parquet")
            query = f"SELECT * FROM `{table}`"
            return FileDataSource(tables={table: str(root)}, query=query)

        return make

    @pytest.fixture
    def broken_source(self, tmp_path: Path) -> DataSource:
        return FileDataSource(tables={"predictions": str(tmp_path / "nowhere")})


@pytest.fixture(scope="module")
def emulator() -> Iterator[Emulator]:
    with Emulator() as aws:
        yield aws


class TestS3(DataSourceContract):
    @pytest.fixture
    def lake(self, emulator: Emulator) -> GlueLake:
        emulator.reset()
        return GlueLake(emulator)

    def over(self, lake: GlueLake, prefix: str) -> DataSource:
        return S3DataSource(
            path=f"s3://lake/{prefix}",
            query="SELECT * FROM {data}",
            region=lake.region,
            endpoint_url=lake.aws.endpoint_url,
            auth=lake.keys(),
        )

    @pytest.fixture
    def make_source(self, lake: GlueLake) -> MakeSource:
        number = count()

        def make(rows: pa.Table, partition_key: str | None = None) -> DataSource:
            prefix = f"predictions-{next(number)}/"
            parts = {"": rows} if partition_key is None else by_day(rows)
            for day, part in parts.items():
                where = prefix if day == "" else f"{prefix}{directory(day)}/"
                lake.write(f"{where}part-0.parquet", part)
            return self.over(lake, prefix)

        return make

    @pytest.fixture
    def broken_source(self, lake: GlueLake) -> DataSource:
        return self.over(lake, "nothing-here/")


class TestGlue(DataSourceContract):
    @pytest.fixture
    def lake(self, emulator: Emulator) -> GlueLake:
        emulator.reset()
        return GlueLake(emulator)

    @pytest.fixture
    def make_source(self, lake: GlueLake) -> MakeSource:
        number = count()

        def make(
            rows: pa.Table, partition_key: str | None = None, table: str | None = None
        ) -> DataSource:
            columns = {c: HIVE.get(c, "string") for c in rows.column_names}
            name = table or f"predictions_{next(number)}"
            if partition_key is None:
                lake.table(name, columns)
                lake.write(f"{name}/part-0.parquet", rows)
                return lake.source(query=f"SELECT * FROM `{name}`")
            data = {c: t for c, t in columns.items() if c != "day"}
            lake.table(name, data, keys={"day": "date"})
            for day, part in by_day(rows).items():
                lake.partition(name, [day])
                lake.write(f"{name}/{directory(day)}/part-0.parquet", part)
            return lake.source(query=f"SELECT * FROM {name}")

        return make

    @pytest.fixture
    def broken_source(self, lake: GlueLake) -> DataSource:
        key, _ = lake.aws.create_user_keys(lake.account_id)
        wrong = StaticKeys(access_key_id=key, secret_access_key=Secret("not-the-secret-of-it"))
        return lake.source(query="SELECT * FROM predictions", auth=wrong)
