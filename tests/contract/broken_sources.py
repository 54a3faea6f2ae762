"""Sources that break one promise each; `test_broken_plugins.py` runs the contract on them.

pytest does not collect this file by itself: its name does not begin with `test_`.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from pydantic import ConfigDict
from tests.contract.test_sources import by_day, directory

from headwater.auth.credentials import Access, Permission, Secret
from headwater.errors import SourceError, TableNotFoundError, UnsupportedError
from headwater.interfaces.data_source import DataSource, SourceCapability
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.plan import Plan
from headwater.interfaces.report import CheckStage
from headwater.interfaces.specs import SourceSpec
from headwater.sources.files import FileDataSource
from headwater.tables.relation import FileRelation, MemoryRelation, Relation, StreamRelation
from headwater.tables.table import (
    Catalog,
    Column,
    KeyCondition,
    Partition,
    Table,
    TableName,
    TimePartition,
)
from headwater.testing import DataSourceContract, MakeSource
from headwater.types import STRING


class Good(FileDataSource):
    """Keeps every promise, with every capability."""

    kind: ClassVar[str] = "shelf"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset(SourceCapability)

    password: Secret = Secret("hunter2-canary")

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        return [Permission("shelf:Read", ("predictions",), reason="rows")]


class Looking:
    """A catalog that looks another one up; broken ones override a method."""

    def __init__(self, inner: Catalog) -> None:
        self.inner = inner

    def databases(self) -> Iterator[str]:
        return self.inner.databases()

    def tables(self, database: str) -> Iterator[str]:
        return self.inner.tables(database)

    def table(self, name: TableName) -> Table:
        return self.inner.table(name)

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        return self.inner.partitions(table, where)

    def count_partitions(self, table: Table, at_most: int) -> int | None:
        return self.inner.count_partitions(table, at_most)


class Modest(Good):
    """Keeps every promise, and declares nothing."""

    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset()

    def catalog(self, access: Access) -> Catalog:
        return ModestCatalog(super().catalog(access))

    def permissions(self, plan: Plan) -> Iterable[Permission]:
        return DataSource.permissions(self, plan)


class ModestCatalog(Looking):
    def databases(self) -> Iterator[str]:
        raise UnsupportedError("a shelf lists nothing")

    def tables(self, database: str) -> Iterator[str]:
        raise UnsupportedError("a shelf lists nothing")

    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        raise UnsupportedError("a shelf has no partitions")


class Shelf(DataSourceContract):
    """The contract on `Source`; broken suites name what they break."""

    Source: ClassVar[type[FileDataSource]]
    given: ClassVar[str | None] = None
    """Class that the plugin registers instead."""
    always_partitioned: ClassVar[bool] = False
    breaks: ClassVar[str] = ""

    @pytest.fixture
    def headwater_plugins(self) -> Sequence[object]:
        @hookimpl
        def headwater_sources() -> list[SourceSpec]:
            return [SourceSpec("shelf", f"{__name__}:{self.given or self.Source.__name__}")]

        return [SimpleNamespace(__name__="shelf", headwater_sources=headwater_sources)]

    @pytest.fixture
    def make_source(self, tmp_path: Path) -> MakeSource:
        def make(rows: pa.Table, partition_key: str | None = None) -> DataSource:
            root = tmp_path / "predictions"
            shutil.rmtree(root, ignore_errors=True)
            keyed = partition_key is not None or (self.always_partitioned and rows.num_rows > 0)
            for day, part in (by_day(rows) if keyed else {"": rows}).items():
                folder = root / directory(day) if keyed else root
                folder.mkdir(parents=True)
                pq.write_table(part, folder / "part-0.parquet")
            return self.Source(tables={"predictions": str(root)})

        return make

    @pytest.fixture
    def broken_source(self, tmp_path: Path) -> DataSource:
        return self.Source(tables={"predictions": str(tmp_path / "nowhere")})


class SuiteGood(Shelf):
    Source = Good


class SuiteModest(Shelf):
    Source = Modest


class SuiteRegistersAnother(Shelf):
    Source = Good
    given = "Modest"
    breaks = "test_its_kind_is_registered"


class Mutable(Good):
    model_config = ConfigDict(frozen=False)


class SuiteMutable(Shelf):
    Source = Mutable
    breaks = "test_it_is_a_frozen_value"


class Lenient(Good):
    model_config = ConfigDict(extra="ignore")


class SuiteLenient(Shelf):
    Source = Lenient
    breaks = "test_an_unknown_option_is_refused"


class Eager(Good):
    def sql(self) -> str:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", 9), timeout=0.1).close()
        return super().sql()


class SuiteEager(Shelf):
    Source = Eager
    breaks = "test_describing_it_connects_to_nothing"


class Talkative(Good):
    def describe(self) -> Mapping[str, str]:
        return {**super().describe(), "password": self.password.reveal()}


class SuiteTalkative(Shelf):
    Source = Talkative
    breaks = "test_its_secrets_stay_secret"


class GhostCatalog(Looking):
    def table(self, name: TableName) -> Table:
        t = self.inner.table(name)
        data = (Column("ghost", STRING), *t.columns)
        return Table(t.name, data, t.partition_keys, t.kind, t.location, t.detail)


class Ghost(Good):
    def catalog(self, access: Access) -> Catalog:
        return GhostCatalog(super().catalog(access))


class SuiteGhost(Shelf):
    Source = Ghost
    breaks = "test_the_tables_of_its_query_are_found"


class CaseCatalog(Looking):
    def table(self, name: TableName) -> Table:
        found = self.inner.table(name)
        if found.name.name != name.name:
            raise TableNotFoundError(f"no table {name}", hint=f"did you mean {found.name.name}?")
        return found


class CaseSensitive(Good):
    def catalog(self, access: Access) -> Catalog:
        return CaseCatalog(super().catalog(access))


class SuiteCaseSensitive(Shelf):
    Source = CaseSensitive
    breaks = "test_names_are_found_in_any_case"


class NamelessCatalog(Looking):
    def table(self, name: TableName) -> Table:
        try:
            return self.inner.table(name)
        except TableNotFoundError as error:
            raise TableNotFoundError("not found", hint=error.hint) from error


class Nameless(Good):
    def catalog(self, access: Access) -> Catalog:
        return NamelessCatalog(super().catalog(access))


class SuiteNameless(Shelf):
    Source = Nameless
    breaks = "test_a_missing_table_is_named"


class HintlessCatalog(Looking):
    def table(self, name: TableName) -> Table:
        try:
            return self.inner.table(name)
        except TableNotFoundError as error:
            raise TableNotFoundError(error.message) from error


class Hintless(Good):
    def catalog(self, access: Access) -> Catalog:
        return HintlessCatalog(super().catalog(access))


class SuiteHintless(Shelf):
    Source = Hintless
    breaks = "test_a_near_miss_gets_a_suggestion"


class BusyCatalog(Looking):
    busy: ClassVar[bool] = False

    def table(self, name: TableName) -> Table:
        if BusyCatalog.busy:
            raise SourceError("another statement is under way on this connection")
        BusyCatalog.busy = True
        try:
            time.sleep(0.01)
            return self.inner.table(name)
        finally:
            BusyCatalog.busy = False


class Busy(Good):
    def catalog(self, access: Access) -> Catalog:
        return BusyCatalog(super().catalog(access))


class SuiteBusy(Shelf):
    Source = Busy
    breaks = "test_it_can_be_asked_from_many_threads"


class OneAccess(Access):
    open: ClassVar[bool] = False

    def close(self) -> None:
        OneAccess.open = False


class OneCatalog(Looking):
    def table(self, name: TableName) -> Table:
        if not OneAccess.open:
            raise SourceError("the connection is closed")
        return self.inner.table(name)


class OneConnection(Good):
    def access(self) -> Access:
        OneAccess.open = True
        return OneAccess()

    def catalog(self, access: Access) -> Catalog:
        return OneCatalog(super().catalog(access))


class SuiteOneConnection(Shelf):
    Source = OneConnection
    breaks = "test_two_accesses_do_not_share_their_end"


class SilentCatalog(Looking):
    def tables(self, database: str) -> Iterator[str]:
        return iter(())


class Silent(Good):
    def catalog(self, access: Access) -> Catalog:
        return SilentCatalog(super().catalog(access))


class SuiteSilent(Shelf):
    Source = Silent
    breaks = "test_discovery_lists_what_can_be_queried"


class PretendingCatalog(ModestCatalog):
    def databases(self) -> Iterator[str]:
        return iter(())

    def tables(self, database: str) -> Iterator[str]:
        return iter(())


class Pretending(Modest):
    def catalog(self, access: Access) -> Catalog:
        return PretendingCatalog(Good.catalog(self, access))


class SuitePretending(Shelf):
    Source = Pretending
    breaks = "test_undeclared_discovery_is_refused"


class StutteringCatalog(Looking):
    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        found = list(self.inner.partitions(table, where))
        empty = Partition(found[0].values, found[0].location, [])
        return [*found, empty]


class Stuttering(Good):
    def catalog(self, access: Access) -> Catalog:
        return StutteringCatalog(super().catalog(access))


class SuiteStuttering(Shelf):
    Source = Stuttering
    breaks = "test_partitions_hold_every_row"


class StrictCatalog(Looking):
    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        for found in self.inner.partitions(table, where):
            value = found.values[0]
            # Takes `>=` for `>`.
            if all(c.operator != ">=" or (value or "") > c.values[0] for c in where):
                yield found


class Strict(Good):
    def catalog(self, access: Access) -> Catalog:
        return StrictCatalog(super().catalog(access))


class SuiteStrict(Shelf):
    Source = Strict
    breaks = "test_a_condition_never_loses_a_partition"


class EmptyHandedCatalog(ModestCatalog):
    def partitions(self, table: Table, where: Sequence[KeyCondition] = ()) -> Iterable[Partition]:
        return ()


class EmptyHanded(Modest):
    def catalog(self, access: Access) -> Catalog:
        return EmptyHandedCatalog(Good.catalog(self, access))


class SuiteEmptyHanded(Shelf):
    Source = EmptyHanded
    breaks = "test_undeclared_partitions_are_refused"


def _rows(relation: Relation) -> pa.Table:
    assert isinstance(relation, FileRelation)
    return pq.read_table(relation.files[0].path, partitioning=None)


class Rounding(Good):
    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        relation = super().relation(table, partitions, access)
        if partitions is not None:
            return relation
        rows = _rows(relation)
        at = rows.column_names.index("ratio")
        # Adding zero turns -0.0 into 0.0.
        rounded = rows.set_column(at, "ratio", pc.add(rows["ratio"], 0.0))
        return MemoryRelation(table.name, table.columns, rounded)


class SuiteRounding(Shelf):
    Source = Rounding
    breaks = "test_values_come_back_exactly[ratio]"


class Unlisted(Looking):
    def some_partition(
        self, table: Table, where: Sequence[KeyCondition], at_most: int
    ) -> Sequence[Partition]:
        """Misspelt: the pattern of a key's values is never compared."""
        return ()


class Unsampled(Good):
    def catalog(self, access: Access) -> Catalog:
        return Unlisted(super().catalog(access))


class SuiteUnsampled(Shelf):
    Source = Unsampled
    breaks = "test_its_abilities_fit"


class NeedsRows(Good):
    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        relation = super().relation(table, partitions, access)
        if partitions is None and _rows(relation).num_rows == 0:
            raise SourceError("there is no first row to tell the types from")
        return relation


class SuiteNeedsRows(Shelf):
    Source = NeedsRows
    breaks = "test_no_rows_are_an_answer"


class Cursor:
    """A cursor that is opened once, and ends."""

    def __init__(self, rows: pa.Table) -> None:
        self.rows = rows
        self.ended = False

    def __call__(self, columns: Sequence[str]) -> pa.RecordBatchReader:
        chosen = self.rows.select(list(columns))
        batches = [] if self.ended else chosen.to_batches()

        def given() -> Iterator[pa.RecordBatch]:
            yield from batches
            self.ended = True

        return pa.RecordBatchReader.from_batches(chosen.schema, given())


class OneShot(Good):
    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        relation = super().relation(table, partitions, access)
        if partitions is not None:
            return relation
        return StreamRelation(table.name, table.columns, Cursor(_rows(relation)))


class SuiteOneShot(Shelf):
    Source = OneShot
    breaks = "test_it_can_be_read_again"


class Forgetful(Good):
    def time_partition(self, table: Table) -> TimePartition | None:
        return TimePartition("at", {"day": "yyyy-MM-dd"}) if table.partition_keys else None

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        if partitions is not None and len(partitions) < len(table.detail):
            partitions = [p for p in partitions if p.values != ("2026-01-01",)]
        return super().relation(table, partitions, access)


class SuiteForgetful(Shelf):
    Source = Forgetful
    always_partitioned = True
    breaks = "test_a_window_is_exact"


class Abroad(Good):
    """Says that days are those of Paris; they are those of UTC."""

    def time_partition(self, table: Table) -> TimePartition | None:
        return TimePartition("at", {"day": "yyyy-MM-dd"}, timezone="Europe/Paris")


class SuiteAbroad(Shelf):
    Source = Abroad
    breaks = "test_a_time_partition_says_the_truth"


class Stubborn(Good):
    """Says that days are those of UTC, whichever they are."""

    def time_partition(self, table: Table) -> TimePartition | None:
        return TimePartition("at", {"day": "yyyy-MM-dd"}) if table.partition_keys else None


class SuiteStubborn(Shelf):
    Source = Stubborn
    breaks = "test_a_time_partition_says_the_truth"

    @pytest.fixture
    def day_zones(self) -> Sequence[str]:
        return ("America/New_York", "Pacific/Auckland")


class Worried(Good):
    def examine(self, access: Access) -> Iterator[CheckStage]:
        yield CheckStage.failed("identity", SourceError("the shelf may be dusty"))


class SuiteWorried(Shelf):
    Source = Worried
    breaks = "test_check_finds_it_sound"


class Unreasoned(Good):
    def permissions(self, plan: Plan) -> Iterable[Permission]:
        return [Permission("shelf:Read", ("predictions",))]


class SuiteUnreasoned(Shelf):
    Source = Unreasoned
    breaks = "test_permissions_say_what_and_why"


class Unworried(Modest):
    def permissions(self, plan: Plan) -> Iterable[Permission]:
        return ()


class SuiteUnworried(Shelf):
    Source = Unworried
    breaks = "test_undeclared_permissions_are_refused"


class LeakyCatalog(Looking):
    def table(self, name: TableName) -> Table:
        try:
            return self.inner.table(name)
        except SourceError as error:
            if error.code != "path-not-found":
                raise
            raise SourceError("login with password hunter2-canary failed") from error


class Leaky(Good):
    def catalog(self, access: Access) -> Catalog:
        return LeakyCatalog(super().catalog(access))


class SuiteLeaky(Shelf):
    Source = Leaky
    breaks = "test_a_fault_is_a_clear_error"


class Panicking(Good):
    def examine(self, access: Access) -> Iterator[CheckStage]:
        if not all(Path(p).exists() for p in self.tables.values()):
            raise RuntimeError("connection refused")
        return super().examine(access)


class SuitePanicking(Shelf):
    Source = Panicking
    breaks = "test_check_reports_a_fault"


SUITES: dict[str, Any] = {
    name: suite
    for name, suite in vars(sys.modules[__name__]).items()
    if name.startswith("Suite") and isinstance(suite, type)
}
