"""Sources with streams that break one promise each; `test_broken_plugins.py` runs the contract."""

from __future__ import annotations

import logging
import shutil
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar
from urllib.parse import quote, unquote

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from headwater.auth.credentials import Access, Secret
from headwater.errors import SourceError
from headwater.interfaces.data_source import DataSource, SourceCapability
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.specs import SourceSpec
from headwater.sources.single_database import SingleDatabase
from headwater.tables.relation import Relation, StreamRelation
from headwater.tables.scan_request import OPERATORS, Condition, Opened, ScanRequest
from headwater.tables.table import Catalog, Column, Partition, Table, TableName
from headwater.testing import DataSourceContract, MakeSource
from headwater.types.arrow import data_type

PAGE = 1_000
DATABASE = "well"


class Good(DataSource):
    """Keeps every promise: a file of rows, handed over in pages, through a handle of its own."""

    kind: ClassVar[str] = "well"
    capabilities: ClassVar[frozenset[SourceCapability]] = frozenset({SourceCapability.DISCOVER})

    folder: str
    query: str
    password: Secret = Secret("hunter2-canary")
    fails_after: int | None = None

    def access(self) -> Access:
        return Access()

    def catalog(self, access: Access) -> Catalog:
        folder = Path(self.folder)
        if not folder.is_dir():
            raise SourceError(f"no well at {folder}")
        names = [unquote(p.name) for p in sorted(folder.iterdir())]
        return SingleDatabase(DATABASE, {n: partial(self.described, n) for n in names})

    def described(self, name: str) -> Table:
        with pa.ipc.open_file(str(self.path(name))) as file:
            columns = tuple(Column(f.name, data_type(f.type)) for f in file.schema)
        return Table(TableName(DATABASE, name), columns, kind="well")

    def path(self, name: str) -> Path:
        return Path(self.folder, quote(name, safe=""))

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return StreamRelation(table.name, table.columns, partial(self.open, table))

    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        with pa.ipc.open_file(str(self.path(table.name.name))) as file:
            schema = pa.schema([file.schema.field(name) for name in columns])
        return pa.RecordBatchReader.from_batches(schema, self.batches(table, columns))

    def batches(self, table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            for number, page in enumerate(self.pages(self.path(table.name.name))):
                if number == self.fails_after:
                    raise ConnectionResetError("the rope broke")
                yield self.page(page, columns)
        except OSError as error:
            raise SourceError(f"the well at {self.folder}: {error}", retryable=True) from error

    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        return page.select(list(columns))

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        with path.open("rb") as handle, pa.ipc.open_file(handle) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)

    def sql(self) -> str:
        return self.query

    @property
    def default_database(self) -> str:
        return DATABASE

    def describe(self) -> Mapping[str, str]:
        return {"type": self.kind, "folder": self.folder}


class Well(DataSourceContract):
    """The contract on `Source`; broken suites name what they break."""

    Source: ClassVar[type[Good]]
    breaks: ClassVar[str] = ""

    @pytest.fixture
    def headwater_plugins(self) -> Sequence[object]:
        @hookimpl
        def headwater_sources() -> list[SourceSpec]:
            return [SourceSpec("well", f"{__name__}:{self.Source.__name__}")]

        return [SimpleNamespace(__name__="well", headwater_sources=headwater_sources)]

    @pytest.fixture
    def make_source(self, tmp_path: Path) -> MakeSource:
        def make(
            rows: pa.Table, partition_key: str | None = None, table: str = "predictions"
        ) -> DataSource:
            folder = tmp_path / "well"
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            with pa.ipc.new_file(str(folder / quote(table, safe="")), rows.schema) as file:
                file.write_table(rows, max_chunksize=PAGE)
            return self.Source(folder=str(folder), query=f"SELECT * FROM `{table}`")

        return make

    @pytest.fixture
    def broken_source(self, tmp_path: Path) -> DataSource:
        return self.Source(folder=str(tmp_path / "nowhere"), query="SELECT * FROM predictions")

    @pytest.fixture
    def interrupted_source(self, make_source: MakeSource) -> DataSource:
        rows = pa.table({"id": [str(n) for n in range(3 * PAGE)]})
        source = make_source(rows)
        return source.model_copy(update={"fails_after": 2})


class SuiteGood(Well):
    Source = Good


# Rows


class FirstPage(Good):
    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        yield from list(super().pages(path))[:1]


class SuiteFirstPage(Well):
    Source = FirstPage
    breaks = "test_many_rows_come_whole"

    @pytest.fixture
    def interrupted_source(self) -> None:
        """It never comes so far."""


class Repeating(Good):
    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        for number, page in enumerate(super().pages(path)):
            yield page
            if number == 3:
                yield page


class SuiteRepeating(Well):
    Source = Repeating
    breaks = "test_many_rows_come_whole"


class Even(Good):
    """Drops the last page where it is no whole one."""

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        for number, page in enumerate(super().pages(path)):
            if number == 0 or page.num_rows == PAGE:
                yield page


class SuiteEven(Well):
    Source = Even
    breaks = "test_many_rows_come_whole"


class Miscounting(Good):
    """Says that there are as many rows as fit into its first page."""

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return replace(self.streaming(table), rows=PAGE)

    def streaming(self, table: Table) -> StreamRelation:
        return StreamRelation(table.name, table.columns, partial(self.open, table))


class SuiteMiscounting(Well):
    Source = Miscounting
    breaks = "test_what_it_says_of_its_size_is_about_so"


class Endless(Good):
    """Never moves its cursor on."""

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        pages = list(super().pages(path))
        yield from pages[:1]
        while len(pages) > 1:
            yield pages[0]


class SuiteEndless(Well):
    Source = Endless
    breaks = "test_many_rows_come_whole"

    @pytest.fixture
    def interrupted_source(self) -> None:
        """It fails as any other."""


class Guessing(Good):
    """Types each page by what it holds: integers beside NULL become doubles, as pandas has it."""

    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        chosen = super().page(page, columns)
        if "small" not in columns or chosen.column("small").null_count != PAGE:
            return chosen
        at = chosen.schema.names.index("small")
        return chosen.set_column(at, "small", pc.cast(chosen.column("small"), pa.float64()))


class SuiteGuessing(Well):
    Source = Guessing
    breaks = "test_many_rows_come_whole"


class Clipping(Good):
    """Fetches texts into a buffer of 4,000 characters."""

    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        chosen = super().page(page, columns)
        if "word" not in columns:
            return chosen
        at = chosen.schema.names.index("word")
        return chosen.set_column(
            at, "word", pc.utf8_slice_codeunits(chosen.column("word"), 0, 4000)
        )


class SuiteClipping(Well):
    Source = Clipping
    breaks = "test_texts_are_not_cut"


# Columns, types and names


class Positional(Good):
    """Gives values in the order of the table, under names in the order that is asked for."""

    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        if set(columns) != {"id", "word"}:
            return super().page(page, columns)
        ordered = page.select([n for n in page.schema.names if n in columns])
        return pa.RecordBatch.from_arrays(ordered.columns, names=list(columns))


class SuitePositional(Well):
    Source = Positional
    breaks = "test_columns_come_as_they_are_asked_for"


class Retyping(Good):
    """Gives days as moments at midnight: the same values, in another type than the schema says."""

    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        chosen = super().page(page, columns)
        if "day" not in columns:
            return chosen
        at = chosen.schema.names.index("day")
        return chosen.set_column(at, "day", pc.cast(chosen.column("day"), pa.date64()))


class SuiteRetyping(Well):
    Source = Retyping
    breaks = "test_streams_have_the_declared_types"


class Doubling(Good):
    """Gives an integer that is asked for alone as a double."""

    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        stream = super().open(table, columns)
        if list(columns) != ["small"]:
            return stream
        return stream.cast(pa.schema([("small", pa.float64())]))


class SuiteDoubling(Well):
    Source = Doubling
    breaks = "test_streams_have_the_declared_types"


class Local(Good):
    """Gives moments without their zone where nothing else is asked for."""

    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        stream = super().open(table, columns)
        if list(columns) != ["at"]:
            return stream
        return stream.cast(pa.schema([("at", pa.timestamp("us"))]))


class SuiteLocal(Well):
    Source = Local
    breaks = "test_streams_have_the_declared_types"


class UnquotedColumns(Good):
    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        if "select" in columns:
            raise SourceError("syntax error near SELECT")
        return super().open(table, columns)


class SuiteUnquotedColumns(Well):
    Source = UnquotedColumns
    breaks = "test_columns_may_be_called_anything"


class UnquotedTables(Good):
    def path(self, name: str) -> Path:
        return super().path(name.rpartition(".")[2])

    def described(self, name: str) -> Table:
        if "." in name:
            raise SourceError(f"no schema {name.partition('.')[0]}")
        return super().described(name)


class SuiteUnquotedTables(Well):
    Source = UnquotedTables
    breaks = "test_tables_may_be_called_anything"


# What a scan asks for


class Pushing(Good):
    """Applies what it is asked for, and says so."""

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        return StreamRelation(table.name, table.columns, partial(self.asked, table))

    def asked(self, table: Table, request: ScanRequest) -> Opened:
        known = tuple(c for c in request.conditions if c.operator in OPERATORS)
        kept = self.kept(self.open(table, [c.name for c in table.columns]), known, request)
        return Opened(kept, self.told(known), limited=request.limit is not None)

    def kept(
        self, stream: pa.RecordBatchReader, known: Sequence[Condition], request: ScanRequest
    ) -> pa.RecordBatchReader:
        """Leave rows out batch by batch."""
        schema = pa.schema([stream.schema.field(n) for n in request.columns])

        def batches() -> Iterator[pa.RecordBatch]:
            left = request.limit
            for batch in stream:
                for condition in known:
                    batch = batch.filter(self.met(batch.column(condition.column), condition))
                yield batch.select(list(request.columns)).slice(0, left)
                left = None if left is None else max(left - batch.num_rows, 0)

        return pa.RecordBatchReader.from_batches(schema, batches())

    def met(self, values: Any, condition: Condition) -> Any:
        given = [pa.scalar(v).cast(values.type) for v in condition.values]
        match condition.operator.removeprefix("null or "):
            case "in":
                found = pc.is_in(values, pa.array([g.as_py() for g in given], values.type))
            case ">=":
                found = pc.greater_equal(values, given[0])
            case _:
                found = pc.less(values, given[0])
        return pc.fill_null(found, condition.operator.startswith("null or "))

    def told(self, known: Sequence[Condition]) -> Sequence[Condition]:
        return known


class SuitePushing(Well):
    Source = Pushing


class Late(Pushing):
    """Takes `>=` for `>` where it compares times."""

    def met(self, values: Any, condition: Condition) -> Any:
        if condition.operator == ">=" and pa.types.is_timestamp(values.type):
            return pc.greater(values, pa.scalar(condition.value).cast(values.type))
        return super().met(values, condition)


class SuiteLate(Well):
    Source = Late
    breaks = "test_a_window_is_exact"


class Blunt(Pushing):
    """Sends times in whole seconds."""

    def met(self, values: Any, condition: Condition) -> Any:
        if condition.operator == "<" and isinstance(value := condition.value, datetime):
            condition = replace(condition, values=(value.replace(microsecond=0),))
        return super().met(values, condition)


class SuiteBlunt(Well):
    Source = Blunt
    breaks = "test_a_window_is_exact"


class Elsewhere(Pushing):
    """Sends times as the server's clock shows them, an hour ahead."""

    def met(self, values: Any, condition: Condition) -> Any:
        if condition.operator in (">=", "<") and isinstance(value := condition.value, datetime):
            condition = replace(condition, values=(value + timedelta(hours=1),))
        return super().met(values, condition)


class SuiteElsewhere(Well):
    Source = Elsewhere
    breaks = "test_a_window_is_exact"


class Forgetting(Pushing):
    """Drops NULL, as a comparison does, where it is wanted."""

    def met(self, values: Any, condition: Condition) -> Any:
        plain: Any = condition.operator.removeprefix("null or ")
        return super().met(values, replace(condition, operator=plain))


class SuiteForgetting(Well):
    Source = Forgetting
    breaks = "test_conditions_lose_no_row"


class Capped(Pushing):
    """Looks through the first 20,000 rows, as a service that ends there does, and filters then."""

    def kept(
        self, stream: pa.RecordBatchReader, known: Sequence[Condition], request: ScanRequest
    ) -> pa.RecordBatchReader:
        def first() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(stream):
                if not known or number < 20:
                    yield batch

        seen = pa.RecordBatchReader.from_batches(stream.schema, first())
        return super().kept(seen, known, request)


class SuiteCapped(Well):
    Source = Capped
    breaks = "test_conditions_lose_no_row"


class Untaught(Pushing):
    """Knows what every operator is."""

    def asked(self, table: Table, request: ScanRequest) -> Opened:
        {"in": 1, ">=": 2, "<": 3, "null or >=": 4, "null or <": 5}[
            request.conditions[0].operator if request.conditions else "in"
        ]
        return super().asked(table, request)


class SuiteUntaught(Well):
    Source = Untaught
    breaks = "test_conditions_lose_no_row"


class Boasting(Pushing):
    """Says that it applied everything, and applies nothing."""

    def met(self, values: Any, condition: Condition) -> Any:
        return pa.array([True] * len(values))


class SuiteBoasting(Well):
    Source = Boasting
    breaks = "test_what_was_applied_was_applied"


class Deaf(Pushing):
    """Compares texts as a collation without case and without blanks at the end does."""

    def met(self, values: Any, condition: Condition) -> Any:
        if not pa.types.is_string(values.type):
            return super().met(values, condition)
        plain = [str(v).rstrip().casefold() for v in condition.values]
        folded = pc.utf8_lower(pc.utf8_rtrim_whitespace(values))
        return pc.fill_null(pc.is_in(folded, pa.array(plain)), False)


class SuiteDeaf(Well):
    Source = Deaf
    breaks = "test_what_was_applied_was_applied"


# Reads that meet, are left, break off


class OneCursor(Good):
    """Has one cursor for all its reads."""

    at: ClassVar[int] = 0

    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        OneCursor.at = 0
        return super().open(table, columns)

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        pages = list(super().pages(path))
        while OneCursor.at < len(pages):
            OneCursor.at += 1
            yield pages[OneCursor.at - 1]


class SuiteOneCursor(Well):
    Source = OneCursor
    breaks = "test_two_streams_side_by_side"


HANDLES: list[Any] = []


class Keeping(Good):
    """Takes a handle from a pool, and brings it back where the read comes to its end."""

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        handle = path.open("rb")
        HANDLES.append(handle)
        with pa.ipc.open_file(handle) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)
        HANDLES.remove(handle)
        handle.close()


class SuiteKeeping(Well):
    Source = Keeping
    breaks = "test_a_read_that_is_left_lets_go"

    @pytest.fixture
    def interrupted_source(self) -> None:
        """It is left to others."""


class Fetching(Good):
    """Fetches on a thread that waits for ever to hand a page over."""

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        room, filled = threading.Semaphore(2), threading.Semaphore(0)
        pages: list[pa.RecordBatch | None] = []

        def fetch() -> None:
            for page in (*super(Fetching, self).pages(path), None):
                room.acquire()
                pages.append(page)
                filled.release()

        threading.Thread(target=fetch, daemon=True).start()
        while True:
            filled.acquire()
            page = pages.pop(0)
            if page is None:
                return
            yield page
            room.release()


class SuiteFetching(Well):
    Source = Fetching
    breaks = "test_a_read_that_is_left_lets_go"


class Littering(Good):
    """Copies what it reads to a temporary file."""

    def pages(self, path: Path) -> Iterator[pa.RecordBatch]:
        with tempfile.NamedTemporaryFile(delete=False) as file:
            file.write(path.read_bytes())
        yield from super().pages(Path(file.name))


class SuiteLittering(Well):
    Source = Littering
    breaks = "test_a_read_leaves_nothing_behind"


class Mumbling(Good):
    def batches(self, table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from super().batches(table, columns)
        except SourceError as error:
            raise SourceError(error.message, retryable=True) from None


class SuiteMumbling(Well):
    Source = Mumbling
    breaks = "test_a_read_that_breaks_off_says_why"


class Resigned(Good):
    def batches(self, table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from super().batches(table, columns)
        except SourceError as error:
            raise SourceError(error.message) from error


class SuiteResigned(Well):
    Source = Resigned
    breaks = "test_a_read_that_breaks_off_says_why"


class Quiet(Good):
    """Takes a broken connection for the end of the rows."""

    def batches(self, table: Table, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        try:
            yield from super().batches(table, columns)
        except SourceError:
            return


class SuiteQuiet(Well):
    Source = Quiet
    breaks = "test_a_read_that_breaks_off_says_why"


# Calls and secrets


class Waiting(Good):
    def described(self, name: str) -> Table:
        threading.Event().wait()
        raise AssertionError


class SuiteWaiting(Well):
    Source = Waiting
    deadline = 1
    breaks = "test_every_call_ends_in_time"


class WaitingMidway(Good):
    def page(self, page: pa.RecordBatch, columns: Sequence[str]) -> pa.RecordBatch:
        threading.Event().wait()
        raise AssertionError


class SuiteWaitingMidway(Well):
    Source = WaitingMidway
    deadline = 1
    breaks = "test_every_call_ends_in_time"


class Plain(Good):
    """Holds its password as a text."""

    password: str = "hunter2"  # type: ignore[assignment]


class SuitePlain(Well):
    Source = Plain
    breaks = "test_its_secrets_stay_secret"


class Wired(Good):
    """Has a password in its address."""

    url: str = "acme://monitor:hunter2@127.0.0.1/ml"


class SuiteWired(Well):
    Source = Wired
    breaks = "test_its_secrets_stay_secret"


class Carrying(Good):
    """Has what opens its stream carry the password."""

    def relation(
        self, table: Table, partitions: Sequence[Partition] | None, access: Access
    ) -> Relation:
        opened: Callable[..., Any] = partial(
            carried, self.folder, table, self.password.reveal(), type(self)
        )
        return StreamRelation(table.name, table.columns, opened)


def carried(
    folder: str, table: Table, password: str, cls: type[Good], columns: Sequence[str]
) -> pa.RecordBatchReader:
    return Good(folder=folder, query="").open(table, columns)


class SuiteCarrying(Well):
    Source = Carrying
    breaks = "test_its_secrets_stay_secret"

    @pytest.fixture
    def interrupted_source(self) -> None:
        """What it carries does not say when to fail."""


class Chatty(Good):
    def open(self, table: Table, columns: Sequence[str]) -> pa.RecordBatchReader:
        logging.getLogger("well").debug("drawing as %s", self.password.reveal())
        return super().open(table, columns)


class SuiteChatty(Well):
    Source = Chatty
    breaks = "test_nothing_secret_is_logged"


SUITES: dict[str, Any] = {
    name: suite
    for name, suite in vars(sys.modules[__name__]).items()
    if name.startswith("Suite") and isinstance(suite, type)
}
