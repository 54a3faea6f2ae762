"""Rows in time order, in bounded memory: sorted runs that wait in a scratch folder are merged.

A query that names no order gives its rows in whatever order its files were read; a file that a
person opens, or compares with another one, wants them by their time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.scratch_folders import scratch_folder
from headwater.interfaces.schema import ID, TIMESTAMP

if TYPE_CHECKING:
    import pyarrow as pa

    from headwater.interfaces.plan import Plan

RUN: Final = 128 * 1024 * 1024
"""Bytes of rows that are sorted in memory; more of them wait in a scratch folder."""
_ROWS: Final = 16_384
"""Rows of a batch that waits."""


def names_an_order(plan: Plan) -> bool:
    """Return whether a plan's query says in which order its rows come."""
    from headwater.sql.parser import parse

    tree = parse(plan.query, database="default").tree
    return tree is not None and any(tree.args.get(k) for k in ("order", "sort", "cluster"))


def in_time_order(
    batches: Iterable[pa.RecordBatch], schema: pa.Schema, run: int = RUN
) -> Iterator[pa.RecordBatch]:
    """Yield the rows of batches by their timestamp, then their id; those without a time come last.

    Args:
        batches: The rows.
        schema: Their schema. Without a timestamp they are yielded as they come.
        run: Bytes of rows that are sorted in memory at once.
    """
    if TIMESTAMP not in schema.names:
        yield from batches
        return
    pending: list[pa.RecordBatch] = []
    size = 0
    runs: list[Path] = []
    with ExitStack() as stack:
        folder: Path | None = None
        for batch in batches:
            pending.append(batch)
            size += batch.nbytes
            if size > run:
                folder = folder or stack.enter_context(scratch_folder())
                runs.append(folder / f"run-{len(runs)}.arrow")
                _put_aside(_sorted_table(pending, schema), runs[-1])
                pending, size = [], 0
        last = _sorted_table(pending, schema)
        if not runs:
            yield from last.to_batches(max_chunksize=_ROWS * 4)
            return
        runs.append(runs[0].with_name(f"run-{len(runs)}.arrow"))
        _put_aside(last, runs[-1])
        del pending, last
        yield from _merged([_Run(path) for path in runs], schema)


def _sorted_table(batches: list[pa.RecordBatch], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa
    import pyarrow.compute as pc

    table = pa.Table.from_batches(batches, schema)
    keys: list[Any] = [(TIMESTAMP, "ascending")]
    if ID in schema.names and _has_order(schema.field(ID).type):
        keys.append((ID, "ascending"))
    only = table.select([name for name, _ in keys])
    return table.take(pc.sort_indices(only, sort_keys=keys))


def _has_order(type_: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(type_) or pa.types.is_string(type_))


def _put_aside(rows: pa.Table, path: Path) -> None:
    import pyarrow as pa

    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=_ROWS)


class _Run:
    """A sorted run, of which one batch is looked at."""

    def __init__(self, path: Path) -> None:
        import pyarrow as pa

        self._reader = pa.ipc.open_file(pa.memory_map(str(path)))
        self._next = 0
        self.rows: pa.RecordBatch | None = None
        self.advance()

    def advance(self) -> None:
        """Look at the next batch that has rows."""
        self.rows = None
        while self._next < self._reader.num_record_batches:
            batch = self._reader.get_batch(self._next)
            self._next += 1
            if batch.num_rows:
                self.rows = batch
                return

    def take(self, count: int) -> pa.RecordBatch:
        """Take the first rows of the batch that is looked at."""
        assert self.rows is not None
        rows = self.rows.slice(0, count)
        if count == self.rows.num_rows:
            self.advance()
        else:
            self.rows = self.rows.slice(count)
        return rows


def _merged(runs: list[_Run], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Yield the rows of sorted runs in order: what no run can come before any more."""
    import pyarrow.compute as pc

    while going := [run for run in runs if run.rows is not None]:
        times = [run.rows.column(TIMESTAMP) for run in going if run.rows is not None]
        # NULLs are last: a batch that ends in one says nothing of what is before them.
        ends = [t[len(t) - t.null_count - 1] for t in times if t.null_count < len(t)]
        if not ends:
            for run in going:
                while run.rows is not None:
                    yield run.take(run.rows.num_rows)
            return
        bound = min(ends, key=lambda scalar: scalar.value)
        parts = []
        for run, column in zip(going, times, strict=True):
            early: Any = pc.less_equal(column, bound)
            count = pc.sum(early).as_py() or 0
            if count:
                parts.append(run.take(count))
        yield from _sorted_table(parts, schema).to_batches()
