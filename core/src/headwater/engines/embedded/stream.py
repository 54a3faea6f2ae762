"""The open read: DuckDB's batches under the names and types that the query promises."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from headwater.diagnostics import Diagnostic
from headwater.engines.embedded.errors import translated
from headwater.engines.embedded.misfits import Place
from headwater.engines.embedded.running import Rows
from headwater.errors import EngineError, HeadwaterError
from headwater.interfaces.plan import Scan
from headwater.tables.table import Column
from headwater.types.arrow import arrow_type

if TYPE_CHECKING:
    import pyarrow as pa


class Stream:
    """Record batches of a query that runs, under the names and types that it promises.

    Args:
        rows: The query that runs.
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
        rows: Rows,
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
        self._rows = rows
        self._scans = scans
        self._causes = (renewals, raised, places, copies)
        with translated(scans, *self._causes):
            types = rows.schema.types
        self._schema = pa.schema([pa.field(c.name, arrow_type(c.type)) for c in columns])
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

        batches = iter(self._rows)
        while True:
            with translated(self._scans, *self._causes):
                batch = next(batches, None)
            if batch is None:
                return
            yield pa.RecordBatch.from_arrays(batch.columns, schema=self._schema)
