"""The open read: DuckDB's batches under the names and types that the query promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from headwater.diagnostics import Diagnostic
from headwater.engines.embedded.errors import translated
from headwater.engines.embedded.misfits import Place
from headwater.errors import EngineError, HeadwaterError
from headwater.interfaces.plan import Scan
from headwater.tables.table import Column
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa

_INTERRUPTED: Final = "INTERRUPT Error"
_RUNS_FOR_A_REASON: Final = 3


class Stream:
    """Record batches of a running query, each fetched when it is asked for.

    Args:
        run: Starts the query.
        columns: Names and types that the batches have.
        scans: The tables that are read, for errors.
        renewals: Failed renewals of credentials, for errors.
        raised: What tables' own streams raised, for errors.
        places: Where values may lie that fit no column, for errors.
        copies: Files that stand for a table's, for errors.
        notes: What a reader should know of these rows.
    """

    def __init__(
        self,
        run: Callable[[], pa.RecordBatchReader],
        columns: Sequence[Column],
        scans: Sequence[Scan],
        renewals: Sequence[HeadwaterError],
        raised: Sequence[HeadwaterError],
        places: Sequence[Place] = (),
        copies: Mapping[str, str] = MappingProxyType({}),
        notes: Sequence[Diagnostic] = (),
    ) -> None:
        import pyarrow as pa

        self.notes = tuple(notes)
        self._run = run
        self._scans = scans
        self._causes = (renewals, raised, places, copies)
        with translated(scans, *self._causes), self._with_reason():
            self._reader = run()
        self._schema = pa.schema([pa.field(c.name, arrow_type(c.type)) for c in columns])
        types = self._reader.schema.types
        if types != self._schema.types:
            raise EngineError(
                f"embedded engine: DuckDB gives {types}, the query has {self._schema.types}",
                code="engine-types",
                hint="this is a defect of headwater; please report it with the query",
            )

    @property
    def schema(self) -> pa.Schema:
        """Schema of all batches."""
        return self._schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        while True:
            with translated(self._scans, *self._causes), self._with_reason():
                try:
                    batch = self._reader.read_next_batch()
                except StopIteration:
                    return
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)

    @contextmanager
    def _with_reason(self) -> Iterator[None]:
        """Raise why a query failed where DuckDB only tells that its threads were interrupted.

        One thread's failure ends the others, and now and then what these say hides it
        (duckdb/duckdb#25902). Nobody else interrupts, so the query is run anew for its reason.
        """
        import duckdb
        import pyarrow as pa

        failures = (duckdb.Error, pa.ArrowException, OSError)
        try:
            yield
        except failures as error:
            reason: Exception = error
            for _ in range(_RUNS_FOR_A_REASON):
                if _INTERRUPTED not in str(reason):
                    break
                try:
                    for _batch in self._run():
                        pass
                except failures as again:
                    reason = again
            raise reason from None
