"""Surveying a catalog: tables told what they are as Glue's pages arrive, databases abreast."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from queue import Empty, Full, Queue
from typing import Final, TypeAlias

from headwater.errors import HeadwaterError
from headwater.table import Table, TableName
from headwater_glue.api import GlueApi
from headwater_glue.describing import describe
from headwater_glue.entry import GlueTable

Surveyed: TypeAlias = "tuple[str, Table | HeadwaterError]"
"""A database's name, and one of its tables; or why the database can't be listed (any further)."""

_AHEAD: Final = 1000
_POLL_SECONDS: Final = 0.1
_END: Final = ("", None)


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
    found: Queue[tuple[str, Table | HeadwaterError | None]] = Queue(_AHEAD)
    stopped = threading.Event()

    def put(item: tuple[str, Table | HeadwaterError | None]) -> None:
        put_in = False
        while not put_in and not stopped.is_set():
            with suppress(Full):
                found.put(item, timeout=_POLL_SECONDS)
                put_in = True

    def one(database: str) -> None:
        try:
            for raw in api.tables(database):
                if stopped.is_set():
                    return
                entry = GlueTable.of(raw, region=api.place.region)
                put((database, describe(TableName(database, entry.name), entry)))
        except HeadwaterError as error:
            put((database, error))

    def all_of_them() -> None:
        try:
            with ThreadPoolExecutor(threads, thread_name_prefix="headwater-survey") as pool:
                for database in databases:
                    if stopped.is_set():
                        break
                    pool.submit(copy_context().run, one, database)
        except HeadwaterError as error:
            put(("", error))
        finally:
            put(_END)

    worker = threading.Thread(target=copy_context().run, args=(all_of_them,), daemon=True)
    worker.start()
    try:
        while (item := _next(found, worker)) is not None and item[1] is not None:
            yield item[0], item[1]
    finally:
        stopped.set()
        worker.join()


def _next(
    found: Queue[tuple[str, Table | HeadwaterError | None]], worker: threading.Thread
) -> tuple[str, Table | HeadwaterError | None] | None:
    while True:
        try:
            return found.get(timeout=_POLL_SECONDS)
        except Empty:
            if not worker.is_alive() and found.empty():
                return None
