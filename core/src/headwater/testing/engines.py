"""EngineContract: what every engine promises.

    class TestAcmeEngine(EngineContract):
        @pytest.fixture
        def engine(self):
            with AcmeEngine() as engine:
                yield engine

It needs one fixture; override `make_relation` too if the engine reads no local Parquet files.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from headwater.auth.credentials import Access
from headwater.errors import (
    DataChangedError,
    EngineError,
    HeadwaterError,
    QueryError,
    UnsupportedError,
)
from headwater.interfaces.engine import ArrowStream, Engine, EngineCapability
from headwater.reading.dataset import EmptyReadWarning
from headwater.tables.relation import (
    DeltaRelation,
    FileRelation,
    IcebergRelation,
    Relation,
    StreamRelation,
)
from headwater.tables.table import TableName, columns_of
from headwater.testing.answers import ANSWERS, RAISES, RARE
from headwater.testing.contract import Contract, declared, expect, fitting, undeclared
from headwater.testing.edges import (
    COLUMNS,
    differences,
    edge_rows,
    lost_and_repeated,
    many_rows,
)
from headwater.testing.engine_support import (
    DATABASE,
    Streaming,
    answer,
    parquet_relation,
    partitioned_relation,
)
from headwater.testing.leftovers import leftovers, leftovers_and_files
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.plugins.registry import PluginRegistry

MANY = 300_000
"""Rows that no engine may hand over at once."""
LARGEST_BATCH = 200_000


class EngineContract(Contract):
    """What every engine promises: Spark's answers, or a refusal; a subclass overrides `engine`."""

    @pytest.fixture
    def engine(self) -> Engine:
        """Override: give the engine (and close it afterwards, if it is to be closed)."""
        raise NotImplementedError(f"{type(self).__name__} must override the fixture engine")

    @pytest.fixture
    def make_relation(self, tmp_path: Path) -> Callable[[pa.Table], Relation]:
        """Override if the engine reads no local Parquet: turns rows into a relation called `t`."""
        return lambda rows: parquet_relation(rows, tmp_path / "t")

    @pytest.fixture
    def table(self, make_relation: Callable[[pa.Table], Relation]) -> Relation:
        """The edge rows, as a table `t`."""
        return make_relation(edge_rows())

    # What it is

    def test_every_call_ends_in_time(self, engine: Engine, table: Relation) -> None:
        """Each method of an engine, and each batch of its streams, comes within `deadline` seconds.

        If it fails: the message says which call hangs, and in which line. Give it a timeout.
        """
        self.within("engine.unavailable()", engine.unavailable)
        data = self.within(
            "engine.refusals(plan)", lambda: answer(engine, "SELECT * FROM t", table)
        )
        self.within("engine.read(plan, access), and its batches", data.to_arrow)

    def test_its_name_is_registered(
        self, engine: Engine, headwater_registry: PluginRegistry
    ) -> None:
        """`engine: {type: <name>}` in a configuration file finds it.

        If it fails: return EngineSpec(name, "module:Class") from the hook headwater_engines.
        """
        assert headwater_registry.engine(engine.name).kind == engine.name

    def test_it_says_what_it_can_do(self, engine: Engine) -> None:
        """It declares which queries it runs, and says here and now that it can be used.

        If it fails: `capabilities` is a frozenset with any-query or portable-query; `unavailable()`
        is None where everything it needs is there.
        """
        queries = {EngineCapability.ANY_QUERY, EngineCapability.PORTABLE_QUERY}
        assert isinstance(engine, Engine)
        assert queries & engine.capabilities
        assert engine.unavailable() is None

    def test_its_abilities_fit(
        self, engine: Engine, record_property: Callable[[str, object], None]
    ) -> None:
        """What it offers beside an engine's interface can be used; the run's summary names it.

        If it fails: rename or mend the method that the message names; `headwater.interfaces.engine`
        has the optional protocols.
        """
        fitting(engine, Engine, record_property)

    def test_its_streams_abilities_fit(
        self, engine: Engine, table: Relation, record_property: Callable[[str, object], None]
    ) -> None:
        """What a stream offers beside its schema and its batches can be used.

        If it fails: rename or mend what the message names; see `Noting`.
        """
        with engine.read(answer(engine, "SELECT id FROM t", table).plan, Access()) as stream:
            fitting(stream, ArrowStream, record_property)

    # Its answers

    @pytest.mark.parametrize("column", COLUMNS)
    def test_values_come_back_exactly(self, engine: Engine, table: Relation, column: str) -> None:
        """Every value comes back as it lies in the file, to the last bit, in Spark's type.

        If it fails: the message names rows and values; hand Arrow over without a detour.
        """
        rows = answer(engine, f"SELECT id, {column} FROM t", table).to_arrow()
        assert differences(rows, edge_rows(), column) == []

    @pytest.mark.parametrize("question", sorted(ANSWERS))
    def test_answers_are_sparks(self, engine: Engine, table: Relation, question: str) -> None:
        """It answers as Spark does (ANSI mode, UTC), or refuses at plan time.

        If it fails: refuse the construct in `refusals`, or compile it so that it means the same.
        """
        query, expected = ANSWERS[question]
        rows = _or_refused(engine, lambda: answer(engine, query, table)).to_pylist()
        assert sorted((tuple(r.values()) for r in rows), key=repr) == sorted(expected, key=repr)

    @pytest.mark.parametrize("question", sorted(RAISES))
    def test_it_raises_where_spark_raises(
        self, engine: Engine, table: Relation, question: str
    ) -> None:
        """What Spark does not answer (ANSI mode) is an EngineError, never a NULL.

        If it fails: raise from the compiled expression, translated to EngineError.
        """
        with pytest.raises(EngineError):
            _or_refused(engine, lambda: answer(engine, RAISES[question], table))

    def test_any_query_is_run(self, engine: Engine, table: Relation) -> None:
        """What declares any-query runs whatever the guard admits.

        If it fails: do not declare it.
        """
        if EngineCapability.ANY_QUERY not in engine.capabilities:
            undeclared(engine, "any-query")
        assert answer(engine, RARE, table).to_arrow().num_rows == 1

    def test_undeclared_queries_are_refused(self, engine: Engine, table: Relation) -> None:
        """Without any-query, what is not proven to be Spark's answer is refused, with its place.

        If it fails: return a Diagnostic with a span into `plan.sql` from `refusals`.
        """
        if EngineCapability.ANY_QUERY in engine.capabilities:
            declared(engine, "any-query")
        with pytest.raises(QueryError) as caught:
            answer(engine, RARE, table)
        assert any(d.span is not None for d in caught.value.diagnostics)

    # Its streams

    def test_columns_are_named_and_typed(self, engine: Engine, table: Relation) -> None:
        """The stream's schema is the query's: names as written, in order, in Spark's types.

        If it fails: name outputs by the query, and cast them to `arrow_type` of its types.
        """
        query = "SELECT big AS `b c`, small AS `É`, day AS `select`, amount AS `x``y` FROM t"
        schema = answer(engine, query, table).reader().schema
        types = {c.name: arrow_type(c.type) for c in columns_of(edge_rows().schema)}
        expected = {"b c": "big", "É": "small", "select": "day", "x`y": "amount"}
        assert {f.name: f.type for f in schema} == {n: types[c] for n, c in expected.items()}
        assert schema.names == list(expected)

    def test_columns_of_a_table_may_be_called_anything(
        self, engine: Engine, make_relation: Callable[[pa.Table], Relation]
    ) -> None:
        """A table's columns are found under any name: spaces, quotes, keywords, other scripts.

        If it fails: quote every name that goes into SQL.
        """
        import pyarrow as pa

        names = ["a b", 'c"d', "e'f", "from", "größe", "_g", "1h"]
        rows = pa.table({name: [number] for number, name in enumerate(names)})
        listed = ", ".join(f"`{n}`" for n in names)
        actual = answer(engine, f"SELECT {listed} FROM t", make_relation(rows)).to_arrow()
        assert actual.to_pylist() == rows.to_pylist()

    def test_rows_come_in_batches(
        self, engine: Engine, make_relation: Callable[[pa.Table], Relation]
    ) -> None:
        """A large answer comes in bounded batches, not at once.

        If it fails: stream; fetch the next batch when it is asked for.
        """
        import pyarrow as pa

        rows = pa.table({"x": pa.array(range(MANY), pa.int64())})
        sizes = [b.num_rows for b in answer(engine, "SELECT x FROM t", make_relation(rows))]
        assert max(sizes) <= LARGEST_BATCH

    def test_many_rows_come_whole(
        self, engine: Engine, make_relation: Callable[[pa.Table], Relation]
    ) -> None:
        """Of many rows each comes, once: all batches, and the last, shorter one.

        If it fails: the message says what came. Hand over each batch as it is: a buffer that is
        filled again must not be one that was given away.
        """
        import pyarrow as pa

        rows = pa.table({"x": pa.array(range(MANY + 1), pa.int64())})
        values = answer(engine, "SELECT x FROM t", make_relation(rows)).to_arrow()["x"].to_pylist()
        distinct = set(values)
        expect(
            []
            if len(values) == len(distinct) == MANY + 1
            else [f"of {MANY + 1} rows came {len(values)}, {len(distinct)} of them different"],
            "hand over every batch, also the last one, and give none of them twice",
        )

    def test_an_order_is_kept(
        self, engine: Engine, make_relation: Callable[[pa.Table], Relation]
    ) -> None:
        """Rows of a query that orders them, and says how many, come in that order.

        If it fails: hand batches over in the order of the answer, also where they are made side by
        side.
        """
        import pyarrow as pa

        rows = pa.table({"x": pa.array([n * 7919 % MANY for n in range(MANY)], pa.int64())})
        query = f"SELECT x FROM t ORDER BY x DESC LIMIT {MANY}"
        values = answer(engine, query, make_relation(rows)).to_arrow()["x"].to_pylist()
        wrong = next((n for n, x in enumerate(values) if x != MANY - 1 - n), None)
        expect(
            [] if wrong is None else [f"row {wrong} holds {values[wrong]}, not {MANY - 1 - wrong}"],
            "hand batches over in the order of the answer",
        )

    def test_a_read_leaves_nothing_behind(
        self, engine: Engine, table: Relation, tmp_path: Path
    ) -> None:
        """After a read, no thread, file or connection of it is left.

        If it fails: clean up in a `finally` of `read`.
        """
        data = answer(engine, "SELECT id, word FROM t", table)
        leftovers = leftovers_and_files(data.to_arrow, engine, tmp_path)
        expect([f"each read leaves {f}" for f in leftovers], "clean up in a `finally` of `read`")

    def test_a_read_can_be_left_and_begun_again(
        self, engine: Engine, make_relation: Callable[[pa.Table], Relation]
    ) -> None:
        """Leaving a stream in its middle releases it; the next read is whole.

        If it fails: clean up in a `finally` of `read`, under names that are new for each read.
        """
        import pyarrow as pa

        rows = pa.table({"x": pa.array(range(MANY), pa.int64())})
        data = answer(engine, "SELECT x FROM t", make_relation(rows))
        whole = data.to_arrow().num_rows

        def leave() -> None:
            reader = data.reader()
            reader.read_next_batch()
            reader.close()

        leave()
        assert data.to_arrow().num_rows == whole
        expect(
            [f"each read that was left leaves {f}" for f in leftovers(leave, engine)],
            "clean up in a `finally` of `read`, also where not all rows were taken",
        )

    def test_reads_do_not_meet(self, engine: Engine, tmp_path: Path) -> None:
        """Several reads at once, over tables of the same name, get each its own rows.

        If it fails: give tables a private name for each read.
        """
        import pyarrow as pa

        relations = [
            parquet_relation(pa.table({"x": [number] * 10}), tmp_path / str(number))
            for number in range(4)
        ]

        def read(relation: Relation) -> set[int | None]:
            return set(answer(engine, "SELECT x FROM t", relation).to_arrow()["x"].to_pylist())

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(read, relations)) == [{0}, {1}, {2}, {3}]

    # Its tables

    def test_a_stream_is_read_whole_or_refused(self, engine: Engine) -> None:
        """A table that a source streams comes with its values; an engine that reads none says so.

        If it fails: open the stream by `StreamRelation.opened`, take its columns by their names,
        and read it to its end; or raise UnsupportedError for a StreamRelation.
        """
        rows = many_rows(3_001).select(["id", "small", "word"])
        relation = StreamRelation(
            TableName(DATABASE, "t"), columns_of(rows.schema), Streaming(rows)
        )
        try:
            actual = answer(engine, "SELECT word, small, id FROM t", relation).to_arrow()
        except UnsupportedError:
            return
        expect(lost_and_repeated(actual, rows), "read every batch, and take columns by their names")

    def test_what_a_stream_raises_reaches_the_reader(self, engine: Engine) -> None:
        """Where a source fails in the middle of a read, its own error comes: code, hint, retryable.

        If it fails: keep what the stream raised, and raise it again from where rows are asked for;
        never take it for the end of the rows.
        """
        rows = many_rows(3_001).select(["id"])
        failing = Streaming(rows, fails=True)
        relation = StreamRelation(TableName(DATABASE, "t"), columns_of(rows.schema), failing)
        with pytest.raises(HeadwaterError) as caught:
            answer(engine, "SELECT id FROM t", relation).to_arrow()
        error = caught.value
        if isinstance(error, UnsupportedError):
            return
        actual = (type(error).__name__, error.code, error.hint, error.retryable)
        expected = ("SourceError", "line-cut", "call again", True)
        expect(
            [] if actual == expected else [f"{error.message}: came as {actual}, not as {expected}"],
            "keep what the stream raised, and raise it from where rows are asked for",
        )

    def test_no_files_are_an_answer(self, engine: Engine) -> None:
        """A table without files gives no rows, typed.

        If it fails: make an empty table of the relation's columns.
        """
        empty = FileRelation(TableName(DATABASE, "t"), columns_of(edge_rows().schema))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", EmptyReadWarning)
            rows = answer(engine, "SELECT * FROM t", empty).to_arrow()
        assert rows.num_rows == 0
        assert rows.schema.names == edge_rows().schema.names

    def test_partition_values_are_typed(self, engine: Engine, tmp_path: Path) -> None:
        """Key values, which are text in a path, come in their column's type; NULL is NULL.

        If it fails: cast FilePartition.values by the types of the relation's columns.
        """
        relation = partitioned_relation(edge_rows(), "day", tmp_path)
        rows = answer(engine, "SELECT id, day FROM t", relation).to_arrow()
        assert differences(rows, edge_rows(), "day") == []

    @pytest.mark.parametrize("change", ["longer", "gone"])
    def test_a_changed_file_is_an_error(self, engine: Engine, tmp_path: Path, change: str) -> None:
        """A file that is not what the plan saw is a DataChangedError, not other rows.

        If it fails: compare each file's length (or version) with the relation's before reading.
        """
        relation = parquet_relation(edge_rows(), tmp_path)
        # A mark that is not headwater's own: nobody but the engine compares this file.
        (file,) = relation.files
        relation = replace(relation, files=(replace(file, etag="planned"),))
        data = answer(engine, "SELECT id FROM t", relation)
        if change == "gone":
            Path(file.path).unlink()
        else:
            parquet_relation(edge_rows().take([0, 1, 2] * 50), tmp_path)
        with pytest.raises(DataChangedError):
            data.to_arrow()

    @pytest.mark.parametrize("format", [EngineCapability.DELTA, EngineCapability.ICEBERG])
    def test_a_lake_table_is_read_or_refused(
        self, engine: Engine, tmp_path: Path, format: EngineCapability
    ) -> None:
        """Delta and Iceberg tables are read at their pinned state if declared, else refused.

        If it fails: declare `delta` or `iceberg` only with their packages installed; raise
        UnsupportedError for the relations of what is not declared.
        """
        lake = _delta if format is EngineCapability.DELTA else _iceberg
        data = answer(engine, "SELECT id, word FROM t", lake(tmp_path))
        if format in engine.capabilities:
            assert differences(data.to_arrow(), edge_rows(), "word") == []
        else:
            with pytest.raises(UnsupportedError):
                data.to_arrow()


def _or_refused(engine: Engine, ask: Callable[[], Any]) -> pa.Table:
    try:
        data = ask()
    except QueryError as refusal:
        if EngineCapability.ANY_QUERY in engine.capabilities:
            raise
        pytest.skip(f"{engine.name} refuses, as it may: {refusal.diagnostics[0].message}")
    rows: pa.Table = data.to_arrow()
    return rows


def _delta(folder: Path) -> DeltaRelation:
    deltalake = pytest.importorskip("deltalake", reason="needs deltalake to write a Delta table")
    rows = edge_rows().select(["id", "word"])
    deltalake.write_deltalake(str(folder / "delta"), rows)
    deltalake.write_deltalake(str(folder / "delta"), rows, mode="append")
    return DeltaRelation(
        TableName(DATABASE, "t"), columns_of(rows.schema), str(folder / "delta"), 0
    )


def _iceberg(folder: Path) -> IcebergRelation:
    catalogs = pytest.importorskip(
        "pyiceberg.catalog.sql", reason="needs pyiceberg[sql-sqlite] to write an Iceberg table"
    )
    rows = edge_rows().select(["id", "word"])
    catalog = catalogs.SqlCatalog(
        "contract", uri=f"sqlite:///{folder}/iceberg.db", warehouse=f"file://{folder}"
    )
    catalog.create_namespace("db")
    table = catalog.create_table("db.t", schema=rows.schema)
    table.append(rows)
    pinned = table.current_snapshot().snapshot_id
    table.append(rows)
    catalog.close()
    return IcebergRelation(
        TableName(DATABASE, "t"), columns_of(rows.schema), table.metadata_location, pinned
    )
