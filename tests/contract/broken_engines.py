"""Engines that break one promise each; `test_broken_plugins.py` runs the contract on them."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from headwater.auth.credentials import Access
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded import EmbeddedEngine
from headwater.errors import DataChangedError, EngineError, SourceError
from headwater.interfaces.engine import ArrowStream, Engine, EngineCapability
from headwater.interfaces.hookspecs import hookimpl
from headwater.interfaces.plan import Plan
from headwater.interfaces.specs import EngineSpec
from headwater.tables.relation import FileRelation, StreamRelation
from headwater.testing import EngineContract


class Changed:
    """A stream with other batches."""

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches


class Good:
    """Keeps every promise: it is the embedded engine by another name."""

    name = "shelf"
    capabilities = EmbeddedEngine.capabilities

    def __init__(self) -> None:
        self.inner = EmbeddedEngine()

    def unavailable(self) -> str | None:
        return self.inner.unavailable()

    def refusals(self, plan: Plan) -> tuple[Diagnostic, ...]:
        return self.inner.refusals(plan)

    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        with self.inner.read(plan, access) as stream:
            yield Changed(self.schema(stream.schema), self.batches(stream, plan))

    def schema(self, schema: pa.Schema) -> pa.Schema:
        return schema

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        for batch in stream:
            changed = self.batch(batch, plan)
            yield changed.rename_columns(self.schema(changed.schema).names)

    def batch(self, batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
        return batch


class Shelf(EngineContract):
    """The contract on `Kind`; broken suites name what they break."""

    Kind: ClassVar[type[Good]]
    breaks: ClassVar[str] = ""

    @pytest.fixture
    def headwater_plugins(self) -> Sequence[object]:
        @hookimpl
        def headwater_engines() -> list[EngineSpec]:
            return [EngineSpec("shelf", f"{__name__}:{self.Kind.__name__}")]

        return [SimpleNamespace(__name__="shelf", headwater_engines=headwater_engines)]

    @pytest.fixture
    def engine(self) -> Engine:
        return self.Kind()


class SuiteGood(Shelf):
    Kind = Good


class Nobody(Good):
    name = "nobody"


class SuiteNobody(Shelf):
    Kind = Nobody
    breaks = "test_its_name_is_registered"


class Undecided(Good):
    capabilities = Good.capabilities - {EngineCapability.PORTABLE_QUERY}


class SuiteUndecided(Shelf):
    Kind = Undecided
    breaks = "test_it_says_what_it_can_do"


class Unheard(Good):
    def remark(self) -> tuple[Diagnostic, ...]:
        """Misspelt: nobody asks for it."""
        return ()


class SuiteUnheard(Shelf):
    Kind = Unheard
    breaks = "test_its_abilities_fit"


class Muttered(Changed):
    def notes(self) -> tuple[Diagnostic, ...]:
        """A method, where an attribute is read."""
        return ()


class Muttering(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        with self.inner.read(plan, access) as stream:
            inner: Any = stream
            muttered: Any = Muttered(inner.schema, iter(inner))
            # A read of all rows would stumble over it before the contract looks.
            yield muttered if plan.query == "SELECT id FROM t" and len(plan.scans) == 1 else inner


class SuiteMuttering(Shelf):
    Kind = Muttering
    breaks = "test_its_streams_abilities_fit"


class Rounding(Good):
    def batch(self, batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
        if "ratio" not in batch.schema.names:
            return batch
        at = batch.schema.names.index("ratio")
        return batch.set_column(at, "ratio", pc.add(batch.column(at), 0.0))


class SuiteRounding(Shelf):
    Kind = Rounding
    breaks = "test_values_come_back_exactly[ratio]"


class GroupsNoNull(Good):
    def batch(self, batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
        if batch.schema.names != ["flag", "n"]:
            return batch
        return batch.filter(pc.is_valid(batch.column("flag")))


class SuiteGroupsNoNull(Shelf):
    Kind = GroupsNoNull
    breaks = "test_answers_are_sparks[a-group-of-null]"


class Forgiving(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        with ExitStack() as stack:
            try:
                stream: Any = stack.enter_context(super().read(plan, access))
            except EngineError:
                schema = pa.schema([("x", pa.int32())])
                stream = pa.table([pa.nulls(1, pa.int32())], schema=schema).to_reader()
            yield stream


class SuiteForgiving(Shelf):
    Kind = Forgiving
    breaks = "test_it_raises_where_spark_raises"


class Boastful(Good):
    capabilities = Good.capabilities | {EngineCapability.ANY_QUERY}


class SuiteBoastful(Shelf):
    Kind = Boastful
    breaks = "test_any_query_is_run"


class Vague(Good):
    def refusals(self, plan: Plan) -> tuple[Diagnostic, ...]:
        return tuple(replace(d, span=None) for d in super().refusals(plan))


class SuiteVague(Shelf):
    Kind = Vague
    breaks = "test_undeclared_queries_are_refused"


class Renaming(Good):
    def schema(self, schema: pa.Schema) -> pa.Schema:
        return pa.schema([f.with_name(f.name.replace("b c", "b_c")) for f in schema])


class SuiteRenaming(Shelf):
    Kind = Renaming
    breaks = "test_columns_are_named_and_typed"


class Unquoted(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        if any('"' in c.name for s in plan.scans for c in s.relation.columns):
            raise EngineError("syntax error")
        with super().read(plan, access) as stream:
            yield stream


class SuiteUnquoted(Shelf):
    Kind = Unquoted
    breaks = "test_columns_of_a_table_may_be_called_anything"


class Hoarding(Good):
    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        whole = pa.Table.from_batches(list(stream), stream.schema).combine_chunks()
        yield from whole.to_batches(max_chunksize=None)


class SuiteHoarding(Shelf):
    Kind = Hoarding
    breaks = "test_rows_come_in_batches"


class Littering(Good):
    left_over: bool = False

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        if self.left_over:
            raise EngineError("the table t0 exists already")
        whole = False
        try:
            yield from stream
            whole = True
        finally:
            self.left_over |= not whole


class SuiteLittering(Shelf):
    Kind = Littering
    breaks = "test_a_read_can_be_left_and_begun_again"


class Sharing(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        self.plan = plan
        time.sleep(0.05)
        with super().read(self.plan, access) as stream:
            yield stream


class SuiteSharing(Shelf):
    Kind = Sharing
    breaks = "test_reads_do_not_meet"


class NeedsFiles(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        if any(isinstance(s.relation, FileRelation) and not s.relation.files for s in plan.scans):
            raise EngineError("no files found")
        with super().read(plan, access) as stream:
            yield stream


class SuiteNeedsFiles(Shelf):
    Kind = NeedsFiles
    breaks = "test_no_files_are_an_answer"


class Keyless(Good):
    def batch(self, batch: pa.RecordBatch, plan: Plan) -> pa.RecordBatch:
        relation = plan.scans[0].relation
        if not (isinstance(relation, FileRelation) and relation.partition_columns):
            return batch
        at = batch.schema.names.index("day")
        return batch.set_column(at, batch.schema.field(at), pa.nulls(len(batch), pa.date32()))


class SuiteKeyless(Shelf):
    Kind = Keyless
    breaks = "test_partition_values_are_typed"


class Mumbling(Good):
    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        try:
            with super().read(plan, access) as stream:
                yield stream
        except DataChangedError as error:
            raise EngineError("IO error") from error


class SuiteMumbling(Shelf):
    Kind = Mumbling
    breaks = "test_a_changed_file_is_an_error"


class Modest(Good):
    capabilities = Good.capabilities - {EngineCapability.DELTA}


class SuiteModest(Shelf):
    Kind = Modest
    breaks = "test_a_lake_table_is_read_or_refused[delta]"


class Waiting(Good):
    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        threading.Event().wait()
        yield from stream


class SuiteWaiting(Shelf):
    Kind = Waiting
    deadline = 1
    breaks = "test_every_call_ends_in_time"


class Reusing(Good):
    """Gives its first buffer again where the last one should come."""

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        first: pa.RecordBatch | None = None
        for batch in stream:
            first = batch if first is None else first
            odd = plan.query == "SELECT x FROM t" and batch.num_rows % 2 == 1
            yield first.slice(0, batch.num_rows) if odd else batch


class SuiteReusing(Shelf):
    Kind = Reusing
    breaks = "test_many_rows_come_whole"


class Hasty(Good):
    """Hands on first what is ready first."""

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        batches = list(super().batches(stream, plan))
        yield from reversed(batches)


class SuiteHasty(Shelf):
    Kind = Hasty
    breaks = "test_an_order_is_kept"


class Spilling(Good):
    """Spills to a file that nobody deletes."""

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        with tempfile.NamedTemporaryFile(delete=False):
            yield from stream


class SuiteSpilling(Shelf):
    Kind = Spilling
    breaks = "test_a_read_leaves_nothing_behind"


class Streamless(Good):
    """Takes a stream's first batch for all of it."""

    def batches(self, stream: ArrowStream, plan: Plan) -> Iterator[pa.RecordBatch]:
        for batch in super().batches(stream, plan):
            streamed = isinstance(plan.scans[0].relation, StreamRelation)
            yield batch.slice(0, 1_000) if streamed else batch


class SuiteStreamless(Shelf):
    Kind = Streamless
    breaks = "test_a_stream_is_read_whole_or_refused"


class Wrapping(Good):
    """Says of every error that it is its own."""

    @contextmanager
    def read(self, plan: Plan, access: Access) -> Iterator[ArrowStream]:
        try:
            with super().read(plan, access) as stream:
                yield stream
        except SourceError as error:
            if error.code != "line-cut":
                raise
            raise EngineError(f"a worker failed: {error}") from error


class SuiteWrapping(Shelf):
    Kind = Wrapping
    breaks = "test_what_a_stream_raises_reaches_the_reader"


SUITES: dict[str, Any] = {
    name: suite for name, suite in vars(sys.modules[__name__]).items() if name.startswith("Suite")
}
