"""What a data source promises of its streams: which columns, what types, how they end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest import mock

import pytest

from headwater.errors import HeadwaterError
from headwater.sql.rewriting import quoted
from headwater.tables.relation import StreamRelation
from headwater.testing.contract import expect
from headwater.testing.edges import COLUMNS, MANY, differences, many_rows
from headwater.testing.leftovers import leftovers, leftovers_and_files
from headwater.testing.sources.support import (
    MakeSource,
    SourcePromises,
    dataset,
    only_relation,
    only_relations,
    only_stream,
    opened,
    read,
    table_text,
)
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.data_source import DataSource

ORDERS: Final = (
    ("word", "id"),
    (*reversed(COLUMNS), "id"),
    ("id", "amount"),
    ("ratio", "id"),
    ("big", "id", "small"),
    ("flag", "id", "day", "at"),
)
"""Columns of the edge rows, as they are asked for."""


class StreamPromises(SourcePromises):
    """A stream gives what is asked for, in the declared types, and lets go when it is left."""

    def test_columns_come_as_they_are_asked_for(self, source: DataSource) -> None:
        """Whichever columns a query needs, in whatever order, each has its own values.

        If it fails: take values by the names that you are asked for, not by where they stand in the
        table; and name the columns of the stream in the order in which you put the values.
        """
        table = table_text(source)
        whole = _lower(read(source))
        faults = []
        for names in ORDERS[:2]:
            query = f"SELECT {', '.join(map(quoted, names))} FROM {table}"
            faults += [
                f"of {', '.join(names)}: column {c!r}: {d}"
                for c in names
                for d in differences(read(source, query), whole, c)
            ]
        with source.access() as access:
            relations = only_relations(source, access)
            for names in ORDERS:
                relation = next(relations)  # each is opened once: more is another promise
                if faults or not isinstance(relation, StreamRelation):
                    break
                spelled = {c.name.casefold(): c.name for c in relation.columns}
                batches = list(opened(relation, [spelled[n] for n in names]))
                faults += [
                    f"asked for {', '.join(names)}: column {c!r}: {d}"
                    for c in names
                    for d in _other_values(batches, whole, c)
                ]
        expect(faults, "give each column that is asked for its own values, by its name")

    def test_streams_have_the_declared_types(self, source: DataSource) -> None:
        """A stream's schema and each of its batches have the Arrow types of the declared columns.

        If it fails: give `pa.schema([(c.name, headwater.interfaces.arrow_type(c.type)), ...])`, and
        build arrays of these types; or declare in the catalog what the system really holds.
        """
        with source.access() as access:
            relation = only_stream(source, access)
            expected = {c.name.casefold(): arrow_type(c.type) for c in relation.columns}
            faults = []
            for names in (
                [c.name for c in relation.columns],
                *([c.name] for c in relation.columns),
            ):
                stream = opened(relation, names)
                schemas = [("the schema", stream.schema)]
                schemas += [("a batch", batch.schema) for batch in stream]
                faults += [
                    f"asked for {', '.join(names)}: {what} holds {field.type} in column "
                    f"{field.name!r}, declared as {expected[field.name.casefold()]}"
                    for what, schema in schemas
                    for field in schema
                    if field.name.casefold() in expected
                    and _plain(field.type) != expected[field.name.casefold()]
                ]
        expect(
            list(dict.fromkeys(faults)),
            "declare in the catalog what the system holds, and build arrays of "
            "headwater.interfaces.arrow_type of it: timestamps in microseconds and UTC",
        )

    def test_two_streams_side_by_side(self, make_source: MakeSource) -> None:
        """Two reads of one table at the same time, one begun before the other, are each whole.

        If it fails: open a cursor, a page counter, a file of its own in each `open`; keep none in
        the source, the relation or the module.
        """
        source = make_source(many_rows())
        with source.access() as access:
            relations = only_relations(source, access)
            relation, other = next(relations), next(relations)
            if isinstance(relation, StreamRelation) and isinstance(other, StreamRelation):
                identity = [c.name for c in relation.columns if c.name.casefold() == "id"]
                alone = opened(other, identity)
                faults = _side_by_side(alone, lambda: opened(relation, identity))
            else:
                with dataset(source, _of_ids(source)) as data:
                    faults = _side_by_side(data.reader(), data.reader)
        expect(faults, "hold what a read has come to in its own stream, not in what all share")

    def test_a_read_that_is_left_lets_go(self, make_source: MakeSource) -> None:
        """Who leaves a read after its first rows leaves no connection, file or thread behind.

        If it fails: close them in a `finally` of the generator that gives the batches (or in the
        reader's close), and end threads that wait to hand rows over.
        """
        source = make_source(many_rows())

        def leave() -> None:
            with dataset(source, _of_ids(source)) as data:
                reader = data.reader()
                reader.read_next_batch()
                reader.close()
            with source.access() as access:
                relation = only_relation(source, access)
                if isinstance(relation, StreamRelation):
                    reader = opened(relation, [relation.columns[0].name])
                    reader.read_next_batch()
                    reader.close()

        expect(
            [f"each read that was left leaves {f}" for f in leftovers(leave, source)],
            "close what a read opened in a `finally` of the generator that gives its batches",
        )

    def test_a_read_leaves_nothing_behind(self, source: DataSource, tmp_path: Path) -> None:
        """After a read, and after its access is closed, no thread, connection or file is left.

        If it fails: close what you open, also where all went well; delete temporary files.
        """
        leftovers = leftovers_and_files(lambda: read(source), source, tmp_path)
        expect(
            [f"each read leaves {f}" for f in leftovers],
            "close cursors, connections and files when a read ends, and in `access`'s close; "
            "delete what was written",
        )

    def test_a_read_that_breaks_off_says_why(
        self, make_source: MakeSource, interrupted_source: DataSource | None
    ) -> None:
        """Where the system fails in the middle of a read, that is told: what, why, retry or not.

        The error is one of headwater's, the driver's exception is its `__cause__`, and `retryable`
        is true, for another try may succeed. Rows that came are never taken for all.

        If it fails: translate exceptions also where batches are fetched, not only where the stream
        is opened: `raise SourceError(..., retryable=True) from error`. Override the fixture
        interrupted_source if the kit can't interrupt your source by itself.
        """
        if interrupted_source is not None:
            error = _error_of(lambda: _drained(interrupted_source)) or _error_of(
                lambda: read(interrupted_source)
            )
        else:
            source = make_source(many_rows())
            with source.access() as access:
                only_stream(source, access)
            with _cutting() as cut:
                error = _error_of(lambda: _drained(source, cut))
            if error is None and not cut.hit:
                pytest.skip(
                    f"{source.kind} reads over no connection that Python opened: to prove what "
                    "happens when a read breaks off, override the fixture interrupted_source"
                )
        if error is None:
            expect(
                ["the read broke off, and ended as if all rows had come"],
                "let no exception end a stream quietly: `except: break` loses rows",
            )
            return
        expect(
            list(_faults(error)),
            "raise SourceError(what, retryable=True) from error, also where batches are fetched",
        )


def _lower(rows: pa.Table) -> pa.Table:
    return rows.rename_columns([n.casefold() for n in rows.column_names])


def _other_values(batches: Sequence[pa.RecordBatch], whole: pa.Table, column: str) -> list[str]:
    """Return how values differ from those of all columns, of whatever type and in any order."""
    import pyarrow as pa

    expected = whole.select(list(dict.fromkeys(("id", column))))
    arrays: dict[str, list[Any]] = {f.name: [] for f in expected.schema}
    for batch in batches:
        spelled = {n.casefold(): n for n in batch.schema.names}
        for field in expected.schema:
            if field.name not in spelled:
                return [f"there is none; there are {', '.join(batch.schema.names)}"]
            try:
                arrays[field.name].append(batch.column(spelled[field.name]).cast(field.type))
            except pa.ArrowException as error:
                return [f"its values are others: {error}"]
    chunked = [pa.chunked_array(arrays[f.name], f.type) for f in expected.schema]
    return differences(pa.table(chunked, schema=expected.schema), expected, column)


def _plain(type_: Any) -> Any:
    """Return a type without its layout: texts and bytes may be large, viewed or in a dictionary."""
    import pyarrow as pa

    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    if pa.types.is_large_string(type_) or pa.types.is_string_view(type_):
        return pa.string()
    if pa.types.is_large_binary(type_) or pa.types.is_binary_view(type_):
        return pa.binary()
    return type_


def _side_by_side(
    lonely: pa.RecordBatchReader, begin: Callable[[], pa.RecordBatchReader]
) -> list[str]:
    """Return how reads of ids side by side differ from one alone."""
    alone = _ids(lonely)
    if len(alone) > MANY:
        return []  # that it gives too many is told by another promise
    first, second = begin(), begin()
    came = list(map(str, first.read_next_batch().column(0).to_pylist()))
    other = _ids(second)
    return [
        f"the read that began {which} gave {len(ids)} rows; one alone gave {len(alone)}, and others"
        for which, ids in (("first", [*came, *_ids(first)]), ("second", other))
        if sorted(ids) != sorted(alone)
    ]


def _ids(reader: pa.RecordBatchReader) -> list[str]:
    """Return the ids of a reader, or enough of them where it does not end."""
    ids: list[str] = []
    for batch in reader:
        ids += map(str, batch.column(0).to_pylist())
        if len(ids) > 2 * MANY:
            break
    return ids


def _of_ids(source: DataSource) -> str:
    return f"SELECT id FROM {table_text(source)}"


class _Cut:
    """Connections that were opened, and whether they are cut."""

    def __init__(self) -> None:
        self.sockets: set[int] = set()
        self.now = False
        self.hit = False


@contextmanager
def _cutting() -> Iterator[_Cut]:
    """Note connections that Python opens inside; once `now` is set, to read from them fails."""
    cut = _Cut()
    connect = socket.socket.connect

    def note_address(self: socket.socket, address: Any) -> None:
        cut.sockets.add(self.fileno())
        connect(self, address)

    def failing(function: Any) -> Any:
        def receive(self: socket.socket, *args: Any, **kwargs: Any) -> Any:
            if cut.now and self.fileno() in cut.sockets:
                cut.hit = True
                raise ConnectionResetError("the contract cut this connection")
            return function(self, *args, **kwargs)

        return receive

    with ExitStack() as stack:
        stack.enter_context(mock.patch("socket.socket.connect", note_address))
        classes: list[Any] = [socket.socket]
        try:
            import ssl

            classes.append(ssl.SSLSocket)
        except ImportError:
            pass
        for cls in classes:
            for name in ("recv", "recv_into", "read"):
                if (function := getattr(cls, name, None)) is not None:
                    stack.enter_context(mock.patch.object(cls, name, failing(function)))
        yield cut


def _drained(source: DataSource, cut: _Cut | None = None) -> None:
    """Read a source's own stream to its end; cut its connection after the first rows."""
    with source.access() as access:
        relation = only_relation(source, access)
        if isinstance(relation, StreamRelation):
            stream = opened(relation, [c.name for c in relation.columns])
            stream.read_next_batch()
            if cut is not None:
                cut.now = True
            rows = 0
            for batch in stream:
                rows += batch.num_rows
                if rows > 2 * MANY:
                    break  # it may never end


def _error_of(call: Callable[[], object]) -> BaseException | None:
    """Return what a call raises; None if it ends."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - what it is, is the question
        return error
    return None


def _faults(error: BaseException) -> Iterator[str]:
    """Yield what is missing in an error about a read that broke off."""
    if not isinstance(error, HeadwaterError):
        yield f"the stream raises {type(error).__name__}, not an error of headwater: {error}"
        return
    chain: list[BaseException] = []
    cause = error.__cause__
    while cause is not None:
        chain.append(cause)
        cause = cause.__cause__
    if not any(not isinstance(c, HeadwaterError) for c in chain):
        yield f"{type(error).__name__} has no exception of the driver as its __cause__: {error}"
    if not error.retryable:
        yield f"{type(error).__name__} says retryable=False, though it may be well later: {error}"
