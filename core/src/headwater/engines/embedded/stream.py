"""The open read: DuckDB's batches under the names and types that the query promises."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from headwater.arrow_types import arrow_type
from headwater.diagnostics import Diagnostic
from headwater.engines.embedded.failures import translated
from headwater.errors import EngineError, HeadwaterError
from headwater.plan import Scan
from headwater.table import Column

if TYPE_CHECKING:
    import pyarrow as pa
    from duckdb import DuckDBPyConnection

BATCH_ROWS = 65_536


class Stream:
    """Record batches of a running query, each fetched when it is asked for.

    Args:
        result: A connection whose query has been executed.
        columns: Names and types that the batches have.
        scans: The tables that are read, for errors.
        renewals: Failed renewals of credentials, for errors.
        raised: What tables' own streams raised, for errors.
        notes: What a reader should know of these rows.
    """

    def __init__(
        self,
        result: DuckDBPyConnection,
        columns: Sequence[Column],
        scans: Sequence[Scan],
        renewals: Sequence[HeadwaterError],
        raised: Sequence[HeadwaterError],
        notes: Sequence[Diagnostic] = (),
    ) -> None:
        import pyarrow as pa

        self.notes = tuple(notes)
        self._scans = scans
        self._causes = (renewals, raised)
        with translated(scans, *self._causes):
            self._reader = result.to_arrow_reader(BATCH_ROWS)
        self._schema = pa.schema([pa.field(c.name, arrow_type(c.type)) for c in columns])
        found = self._reader.schema.types
        if found != self._schema.types:
            raise EngineError(
                f"embedded engine: DuckDB gives {found}, the query has {self._schema.types}",
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
            with translated(self._scans, *self._causes):
                try:
                    batch = self._reader.read_next_batch()
                except StopIteration:
                    return
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
