"""Surveying a catalog: tables told what they are as Glue's pages arrive, databases abreast."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from itertools import islice
from queue import Empty, Full, Queue
from typing import Final, TypeAlias

from headwater.errors import HeadwaterError, SourceError
from headwater.tables.table import Table, TableName
from headwater_glue.api import GlueApi, Raw
from headwater_glue.descriptions import describe
from headwater_glue.entry import GlueTable

Surveyed: TypeAlias = "tuple[str, Table | HeadwaterError]"
"""A database's name, and one of its tables; or why the database can't be listed (any further)."""

_Found: TypeAlias = "list[Surveyed] | None"
"""What one page gave; None is the end. A page at a time: a queue's lock costs more than a table."""

_FIRST: Final = 20
"""Tables of the very first page, which is asked for alone: a person is waiting for it."""
_AHEAD: Final = 16
_POLL_SECONDS: Final = 0.1


def survey(
    api: GlueApi, databases: Iterable[str], *, threads: int = 8
) -> Generator[Surveyed, None, None]:
    """Yield the tables of several databases as they come; those of one database in its order.

    One call gives a hundred tables with all that Glue holds, so a table costs a hundredth of one.
    Links are not followed, and no file is opened: what a table is follows from its entry alone.

    Args:
        api: Glue's calls on the catalog.
        databases: Their names; taken as they are needed.
        threads: Databases that are listed side by side.
    """
    queue: Queue[_Found] = Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: _Found) -> None:
        put_in = False
        while not put_in and not stopped.is_set():
            with suppress(Full):
                queue.put(item, timeout=_POLL_SECONDS)
                put_in = True

    def rest(database: str, pages: Iterator[Sequence[Raw]]) -> None:
        try:
            for page in pages:
                if stopped.is_set():
                    return
                put([(database, _described(database, raw, api)) for raw in page])
        except HeadwaterError as error:
            put([(database, error)])
        except Exception as error:  # noqa: BLE001
            # A database that ends here unheard would look empty.
            put([(database, _unforeseen(error))])

    def all_of_them() -> None:
        try:
            names = iter(databases)
            with ThreadPoolExecutor(threads, thread_name_prefix="headwater-survey") as pool:
                if (name := next(names, None)) is None:
                    return
                pages = api.table_pages(name, _FIRST)
                rest(name, islice(pages, 1))
                pool.submit(copy_context().run, rest, name, pages)
                for name in names:
                    if stopped.is_set():
                        break
                    pool.submit(copy_context().run, rest, name, api.table_pages(name))
        except HeadwaterError as error:
            put([("", error)])
        except Exception as error:  # noqa: BLE001
            put([("", _unforeseen(error))])
        finally:
            put(None)

    worker = threading.Thread(target=copy_context().run, args=(all_of_them,), daemon=True)
    worker.start()
    try:
        while (page := _next_item(queue, worker)) is not None:
            yield from page
    finally:
        stopped.set()
        worker.join()


def _unforeseen(error: Exception) -> SourceError:
    failure = SourceError(f"what Glue answered can't be read: {type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _described(database: str, raw: Raw, api: GlueApi) -> Table:
    entry = GlueTable.of(raw, region=api.place.region)
    return describe(TableName(database, entry.name), entry)


def _next_item(queue: Queue[_Found], worker: threading.Thread) -> _Found:
    while True:
        try:
            return queue.get(timeout=_POLL_SECONDS)
        except Empty:
            if not worker.is_alive() and queue.empty():
                return None
