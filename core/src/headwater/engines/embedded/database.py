"""A private DuckDB for each read: hardened, in memory, spilling to a folder of its own.

What local files say of themselves is asked of one that is kept: it reads no rows, knows no
credentials, and runs no query of a user's.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from headwater.engines.scratch_folders import scratch_folder
from headwater.errors import EngineError
from headwater.sql.portable import macros
from headwater.sql.portable.spelling import text, texts
from headwater.sql.private_names import PRIVATE_DATABASE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SETTINGS: Final[dict[str, Any]] = {
    # Nothing is downloaded, and nothing that lies in the user's home is picked up.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_persistent_secrets": False,
    "allow_community_extensions": False,
    # Objects of this process must not become tables by their Python names.
    "python_enable_replacements": False,
}

_CUTS: Final = ("LIMIT ", "OFFSET ")
"""One is in every compiled query that takes a number of rows, or fences others off."""


@dataclass(frozen=True, slots=True)
class _Extension:
    """A file of an extension, and whether it is still the one that it was."""

    path: str
    device: int
    inode: int
    size: int
    changed: int

    @classmethod
    def of(cls, path: Path) -> _Extension:
        status = path.stat()
        return cls(str(path), status.st_dev, status.st_ino, status.st_size, status.st_ctime_ns)


_proven: set[_Extension] = set()
"""Those whose signature DuckDB has seen: it hashes all 20 MB, which takes longer than a small read.

An unchanged file is loaded again without; none but it is ever loaded: the settings above keep
DuckDB from doing so by itself, and `LOAD` is no part of any query.
"""


@contextmanager
def database(
    *, memory_limit: str | None, threads: int | None, remote: bool
) -> Iterator[DuckDBPyConnection]:
    """Open a database that lives as long as the context.

    Args:
        memory_limit: DuckDB's limit, e.g. `2GB`; None leaves its default (80 % of the machine).
        threads: Worker threads; None leaves its default (one for each core).
        remote: Whether object storage will be read.
    """
    config: dict[str, Any] = {}
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    if threads is not None:
        config["threads"] = threads
    extension = _Extension.of(_httpfs()) if remote else None
    if extension in _proven:
        config["allow_unsigned_extensions"] = True
    with _spill_folder() as spill:
        connection = _connected(config, str(spill))
        try:
            # Order that no ORDER BY asked for costs memory; Spark does not give it either.
            connection.execute("SET GLOBAL preserve_insertion_order = false")
            # Footers are looked at before, and not fetched or decoded again; those of a file that
            # was written since are.
            connection.execute("SET GLOBAL parquet_metadata_cache = true")
            if extension is not None:
                connection.execute(f"LOAD {text(extension.path)}")
                _proven.add(extension)
                # A file's length and version are asked once, not at each of its openings; what is
                # then read of it must be of that version (DuckDB compares ETags).
                connection.execute("SET GLOBAL enable_http_metadata_cache = true")
                # A database reads for one query, which would fill the cache and not come back.
                connection.execute("SET GLOBAL enable_external_file_cache = false")
            connection.execute(f"CREATE SCHEMA {PRIVATE_DATABASE}")
            yield connection
        finally:
            connection.close()


@contextmanager
def local_footers() -> Iterator[DuckDBPyConnection]:
    """Give a connection that reads footers of local files, and nothing else.

    Opening a database takes longer than reading some footers, so all questions of a process share
    one. An error ends it: DuckDB takes no more questions where an assertion of its own failed.
    """
    import duckdb

    database = _kept_database()
    try:
        with database.cursor() as cursor:
            yield cursor
    except duckdb.Error:
        if _kept.get(os.getpid()) is database:
            _kept.pop(os.getpid(), None)
        raise


_kept: Final[dict[int, DuckDBPyConnection]] = {}
"""Databases for footers, by process: a forked one does not touch its parent's, nor ends it."""


def _kept_database() -> DuckDBPyConnection:
    database = _kept.get(os.getpid())
    if database is not None:
        return database
    # It spills nothing, and keeps nothing of a file that was read.
    new_database = _connected({"threads": 1}, "")
    new_database.execute("SET GLOBAL enable_external_file_cache = false")
    # No lock: one could be held by another thread while the process forks.
    database = _kept.setdefault(os.getpid(), new_database)
    if database is not new_database:
        new_database.close()
    return database


def _connected(config: Mapping[str, Any], spill: str) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect(":memory:", config={**_SETTINGS, **config})
    try:
        connection.execute(f"SET temp_directory = {text(spill)}")
        # Spark's timestamps are instants, shown and cut in UTC. Globally: cursors start anew.
        connection.execute("SET GLOBAL TimeZone = 'UTC'")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _spill_folder() -> Iterator[Path]:
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(scratch_folder())
        except OSError as error:
            raise EngineError(
                f"embedded engine: no folder to spill to can be made in {tempfile.gettempdir()}: "
                f"{error.strerror}",
                hint="set TMPDIR to a folder of this machine that can be written to",
            ) from error
        yield folder


def confine(
    connection: DuckDBPyConnection, paths: Sequence[str], folders: Sequence[Path] = ()
) -> None:
    """Let a database open these files and no others, for the rest of its life.

    Args:
        connection: The database.
        paths: The files.
        folders: Folders whose files it may open, too: the read's own.
    """
    connection.execute(f"SET allowed_paths = {texts(paths)}")
    connection.execute(f"SET allowed_directories = {texts(map(str, folders))}")
    connection.execute("SET enable_external_access = false")


def read_in_order(connection: DuckDBPyConnection) -> None:
    """Give rows in the order of the files, where a query takes them one by one.

    What a table is joined to is the side that is kept in memory, as the query says it: DuckDB would
    choose by what it guesses of each. The range of that side's keys is not passed down to the
    other: rows that are not evaluated raise nothing, and Spark evaluates them.
    """
    disabled = "join_order,build_side_probe_side,join_filter_pushdown"
    connection.execute("SET GLOBAL preserve_insertion_order = true")
    connection.execute(f"SET GLOBAL disabled_optimizers = {text(disabled)}")


def run_side_by_side(connection: DuckDBPyConnection, memory: int | None) -> None:
    """Let each run of a query be the work of the thread that takes its rows.

    Args:
        connection: The database.
        memory: Bytes that it may take from now on; None leaves its limit.
    """
    if memory is not None:
        connection.execute(f"SET GLOBAL memory_limit = '{memory}B'")
    connection.execute("SET GLOBAL threads = 1")


def keep_cuts(connection: DuckDBPyConnection, sql: str) -> None:
    """Let a query's LIMITs take their rows before a join chooses among them.

    DuckDB 1.5 passes the range of a join's keys down into scans, through ORDER BY ... LIMIT and
    through fences too, which then take other rows. Without LIMIT, 252 queries that join windows,
    groups, sets and outer joins gave the same rows with it as without.
    """
    passes = any(cut in sql for cut in _CUTS)
    disabled = "join_filter_pushdown" if passes else ""
    connection.execute(f"SET disabled_optimizers = {text(disabled)}")


def add_macros(connection: DuckDBPyConnection, sql: str) -> None:
    """Make the macros that a query calls: a new database has none."""
    for statement in macros.asked(sql):
        connection.execute(statement)


def _httpfs() -> Path:
    """Return the extension's file, which a package of this environment brought."""
    import duckdb

    try:
        root = files("duckdb_extension_httpfs")
    except ModuleNotFoundError:
        raise EngineError(
            "the embedded engine reads object storage with DuckDB's httpfs extension, "
            "which is not installed",
            code="extension-missing",
            hint="pip install headwater[embedded]",
        ) from None
    folder = Path(str(root)) / "extensions"
    path = folder / f"v{duckdb.__version__}" / "httpfs.duckdb_extension"
    if not path.exists():
        there = ", ".join(sorted(p.name for p in folder.glob("v*"))) or "none"
        raise EngineError(
            f"the httpfs extension for DuckDB {duckdb.__version__} is not installed "
            f"(installed: {there})",
            code="extension-missing",
            hint=f"pip install duckdb-extension-httpfs=={duckdb.__version__}",
        )
    return path
