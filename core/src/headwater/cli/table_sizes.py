"""How much the tables of a listing hold: measured in parallel, given in the listing's order."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from headwater.errors import HeadwaterError, SourceError

if TYPE_CHECKING:
    from headwater.tables.table import Measurable, Measure, Table

Measured: TypeAlias = "Measure | HeadwaterError | None"
"""How much a table holds; why that can't be told; or None where it was not asked."""

_THREADS: Final = 16
_AHEAD: Final = 4 * _THREADS

_Row: TypeAlias = "tuple[str, Table | HeadwaterError, Measured]"


@contextmanager
def measured(
    tables: Iterable[tuple[str, Table | HeadwaterError]], catalog: Measurable | None
) -> Iterator[Iterator[_Row]]:
    """Give the rows of a survey with how much each table holds.

    Some tables ahead are asked for side by side; leaving the context asks for no more.

    Args:
        tables: Database and table, or database and why it can't be listed.
        catalog: Who is asked; None if nobody is.
    """
    if catalog is None:
        yield ((home, table, None) for home, table in tables)
        return
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="headwater-measure")
    try:
        yield _rows(tables, catalog, pool)
    finally:
        pool.shutdown(cancel_futures=True)


def _rows(
    tables: Iterable[tuple[str, Table | HeadwaterError]],
    catalog: Measurable,
    pool: ThreadPoolExecutor,
) -> Iterator[_Row]:
    waiting: deque[tuple[str, Table | HeadwaterError, Future[Measured] | None]] = deque()
    for home, table in tables:
        measuring = None
        if not isinstance(table, HeadwaterError):
            measuring = pool.submit(copy_context().run, _ask, catalog, table)
        waiting.append((home, table, measuring))
        while waiting and (len(waiting) > _AHEAD or _is_done(waiting[0][2])):
            yield _row(*waiting.popleft())
    while waiting:
        yield _row(*waiting.popleft())


def _row(home: str, table: Table | HeadwaterError, measuring: Future[Measured] | None) -> _Row:
    return home, table, None if measuring is None else measuring.result()


def _is_done(measuring: Future[Measured] | None) -> bool:
    return measuring is None or measuring.done()


def _ask(catalog: Measurable, table: Table) -> Measured:
    try:
        return catalog.measure(table)
    except HeadwaterError as error:
        return error
    except Exception as error:  # noqa: BLE001
        # One table that can't be measured must not end the listing of the others.
        return SourceError(f"{type(error).__name__}: {error}")


def spelled(measure: Measured) -> list[str]:
    """Return the parts of a table's line that say how much it holds."""
    from headwater.interfaces.plan_text import bytes_text

    if measure is None:
        return []
    if isinstance(measure, HeadwaterError):
        return [f"not measured: {measure.message}"]
    parts = []
    if measure.partitions is not None:
        parts.append(f"{measure.partitions:,} partition{'' if measure.partitions == 1 else 's'}")
    if measure.files is not None:
        least = "" if measure.complete else "at least "
        size = "" if measure.bytes is None else f", {bytes_text(measure.bytes)}"
        parts.append(f"{least}{measure.files:,} file{'' if measure.files == 1 else 's'}{size}")
    if measure.modified is not None:
        parts.append(f"newest {measure.modified:%Y-%m-%d %H:%M} UTC")
    return parts


def measure_entry(measure: Measured) -> dict[str, Any]:
    """Return a table's measure for a program; empty if nothing was measured."""
    if measure is None:
        return {}
    if isinstance(measure, HeadwaterError):
        return {"measure": {"error": measure.to_dict()}}
    return {
        "measure": {
            "partitions": measure.partitions,
            "files": measure.files,
            "bytes": measure.bytes,
            "modified": measure.modified and measure.modified.isoformat(),
            "complete": measure.complete,
        }
    }
