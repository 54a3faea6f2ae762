"""What Parquet footers say: the columns of each file, asked for once and for all files together."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar

from headwater.engines.embedded.formats.calendars import MODERN, SPARK_KEYS, Calendar, calendar_of
from headwater.sql.portable.spelling import texts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Answer = TypeVar("_Answer")

FOOTER_THREADS = 16
"""Footers asked for at once: the wait for object storage dominates, not the work."""

NANOSECONDS = "TIMESTAMP_NS"
"""The type of a leaf: a time without a zone, in nanoseconds, as DuckDB has it too."""
NANOSECONDS_UTC = "TIMESTAMP_NS WITH TIME ZONE"
"""The type of a leaf: an instant in nanoseconds. DuckDB 1.5.5 has no such type: it cuts them off,
towards 1970, and does not say so."""
FIXED = "FIXED_LEN_BYTE_ARRAY"
"""The type of a leaf: bytes of one length, which Spark reads as binary alone. DuckDB has blobs."""

_NUMBERED: Final = re.compile(r"(.*)_\d+", re.DOTALL)

_Row: TypeAlias = "tuple[str, str, str | None, int | None, str | None, str | None, str | None]"


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column, or a part of one, as a file's footer declares it.

    Args:
        name: As the file spells it.
        kind: `leaf`, `struct`, `list`, `map`, or `odd` for a nesting of another shape.
        type: A leaf's type in DuckDB's words; nanoseconds, half floats, nulls and INT96 are told
            apart from what DuckDB reads them as.
        children: Fields of a struct, the element of a list, key and value of a map.
        local: Whether a leaf is a time without a zone.
        leaves: How many leaves it has, itself one of them: each has bytes of its own.
    """

    name: str
    kind: str
    type: str = ""
    children: tuple[FileColumn, ...] = ()
    local: bool = False
    leaves: int = 1

    def holds(self, type_: str) -> bool:
        """Return whether a leaf of it is of a type."""
        return self.type == type_ or any(c.holds(type_) for c in self.children)

    @property
    def in_nanoseconds(self) -> bool:
        """Whether it has timestamps in nanoseconds somewhere."""
        return self.holds(NANOSECONDS) or self.holds(NANOSECONDS_UTC)

    def __str__(self) -> str:
        match self.kind:
            case "leaf":
                return self.type
            case "struct":
                return f"struct<{','.join(f'{c.name}:{c}' for c in self.children)}>"
            case "odd":
                return "an unusual nesting"
            case _:
                return f"{self.kind}<{','.join(str(c) for c in self.children)}>"


@dataclass(frozen=True, slots=True)
class Footer:
    """What one file's footer says.

    Args:
        columns: Its top-level columns, in order.
        size: Its length in bytes.
        rows: Its number of rows.
        writer: The program that wrote it, as it calls itself.
        calendar: In which calendar its old dates are written.
    """

    columns: tuple[FileColumn, ...]
    size: int
    rows: int
    writer: str
    calendar: Calendar = MODERN


def footers(connection: DuckDBPyConnection, paths: Sequence[str]) -> dict[str, Footer]:
    """Return the footers of files, by path.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """
    parts = side_by_side(connection, paths, _ask)
    return {path: footer for part in parts for path, footer in part.items()}


def side_by_side(
    connection: DuckDBPyConnection,
    paths: Sequence[str],
    ask: Callable[[DuckDBPyConnection, list[str]], _Answer],
) -> list[_Answer]:
    """Return what is asked of files, several at once where they lie in object storage.

    Args:
        connection: Who is asked; further cursors of it, where several are.
        paths: The files.
        ask: Asks for some of them.
    """
    from concurrent.futures import ThreadPoolExecutor

    # Local footers are read faster than threads are started.
    remote = any("://" in p for p in paths)
    count = min(FOOTER_THREADS, len(paths)) if remote else 1
    parts = [list(paths[i::count]) for i in range(count)] if paths else []
    if len(parts) < 2:
        return [ask(connection, part) for part in parts]
    with ThreadPoolExecutor(max_workers=len(parts)) as pool:
        return list(pool.map(lambda part: ask(connection.cursor(), part), parts))


def untold() -> tuple[type[Exception], ...]:
    """Return what is raised where DuckDB has no text for a statistic that a footer holds (1.5.5).

    Some writers have the least of all times in the place of none. Each statistic is written out,
    whether it is asked for or not.
    """
    import duckdb

    return (duckdb.ConversionException, duckdb.InvalidInputException)


def told(
    connection: DuckDBPyConnection,
    paths: Sequence[str],
    ask: Callable[[DuckDBPyConnection, list[str]], _Answer],
) -> list[_Answer]:
    """Return what is asked of `parquet_metadata`, of the files of which DuckDB can tell it.

    Args:
        connection: Who is asked.
        paths: The files.
        ask: Asks for some of them.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """

    def apart(cursor: DuckDBPyConnection, some: list[str]) -> list[_Answer]:
        try:
            return [ask(cursor, some)]
        except untold():
            if len(some) == 1:
                cursor.execute("FROM parquet_file_metadata(?)", some)
                return []
            half = len(some) // 2
            return [*apart(cursor, some[:half]), *apart(cursor, some[half:])]

    return [one for part in side_by_side(connection, paths, apart) for one in part]


def _ask(connection: DuckDBPyConnection, paths: list[str]) -> dict[str, Footer]:
    columns: dict[str, list[_Row]] = {}
    listed = texts(paths)
    rows = connection.execute(
        "SELECT file_name, name, duckdb_type, num_children, converted_type, logical_type, "
        f"type FROM parquet_schema({listed})"
    ).fetchall()
    for row in rows:
        columns.setdefault(row[0], []).append(row)
    facts = connection.execute(
        "SELECT file_name, file_size_bytes, num_rows, created_by "
        f"FROM parquet_file_metadata({listed})"
    ).fetchall()
    old = calendars(connection, paths)
    return {
        path: Footer(
            _columns(columns[path]),
            size,
            count,
            writer or "",
            old.get(path, MODERN),
        )
        for path, size, count, writer in facts
    }


def row_groups(connection: DuckDBPyConnection, paths: Sequence[str]) -> dict[str, list[int]]:
    """Return how many rows each row group of files has, in order, by path, as far as it is told.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """

    def ask(cursor: DuckDBPyConnection, some: list[str]) -> list[tuple[str, int]]:
        return cursor.execute(
            f"SELECT file_name, max(row_group_num_rows) FROM parquet_metadata({texts(some)}) "
            "GROUP BY file_name, row_group_id ORDER BY file_name, row_group_id"
        ).fetchall()

    groups: dict[str, list[int]] = {}
    # Two partitions may have one file: its row groups are counted once.
    for part in told(connection, list(dict.fromkeys(paths)), ask):
        for path, count in part:
            groups.setdefault(path, []).append(count)
    return groups


def calendars(connection: DuckDBPyConnection, paths: list[str]) -> dict[str, Calendar]:
    """Return in which calendar files were written, by path; those that Spark did not write not.

    Raises:
        duckdb.Error: If a file can't be opened or is not Parquet.
    """
    metadata_of: dict[str, dict[str, str]] = {}
    keys = f"CAST({texts(key.decode() for key in sorted(SPARK_KEYS))} AS BLOB[])"
    rows = connection.execute(
        f"SELECT file_name, key, value FROM parquet_kv_metadata({texts(paths)}) "
        f"WHERE list_contains({keys}, key)"
    ).fetchall()
    for path, key, value in rows:
        metadata_of.setdefault(path, {})[key.decode()] = value.decode(errors="replace")
    return {path: calendar_of(metadata) for path, metadata in metadata_of.items()}


def _columns(rows: Sequence[_Row]) -> tuple[FileColumn, ...]:
    """Return the columns below the root, from the footer's depth-first list."""
    rest = iter(rows)
    root = next(rest)
    return tuple(_column(rest) for _ in range(root[3] or 0))


def _column(rest: Iterator[_Row]) -> FileColumn:
    _, name, leaf, count, converted, logical, physical = next(rest)
    if count is None:
        local = "isAdjustedToUTC=0" in (logical or "")
        return FileColumn(name, "leaf", _leaf(leaf or "", logical or "", physical or ""), (), local)
    children = tuple(_column(rest) for _ in range(count))
    nested = _nested(name, children, converted or "", logical or "")
    return replace(nested, leaves=sum(c.leaves for c in children))


def _nested(
    name: str, children: tuple[FileColumn, ...], converted: str, logical: str
) -> FileColumn:
    if converted == "LIST" or logical.startswith("ListType"):
        return _list(name, children)
    if converted in ("MAP", "MAP_KEY_VALUE") or logical.startswith("MapType"):
        if len(children) == 1 and len(children[0].children) == 2:
            return FileColumn(name, "map", children=children[0].children)
        if converted == "MAP_KEY_VALUE" and len(children) == 2:
            # The pairs of a map, which older writers (Hive, Spark's writeLegacyFormat) mark too.
            # Source: Apache Parquet, LogicalTypes.md, "Maps", backward-compatibility rules.
            return FileColumn(name, "struct", children=children)
        return FileColumn(name, "odd")
    return FileColumn(name, "struct", children=children)


def _list(name: str, children: Sequence[FileColumn]) -> FileColumn:
    """Return a list whose repeated group holds exactly the element.

    Source: Apache Parquet, LogicalTypes.md, "Lists": a repeated group named `array` or
    `<list>_tuple` is itself the element; such files are old, and readers disagree on them.
    """
    if len(children) == 1 and children[0].name not in ("array", f"{name}_tuple"):
        inner = children[0]
        if inner.kind == "struct" and len(inner.children) == 1:
            return FileColumn(name, "list", children=inner.children)
    return FileColumn(name, "odd")


def _leaf(duckdb_type: str, logical: str, physical: str) -> str:
    if "NanoSeconds" in logical:
        return NANOSECONDS_UTC if "isAdjustedToUTC=1" in logical else NANOSECONDS
    if physical == "INT96":
        return "INT96"
    if logical.startswith("Float16"):
        return "FLOAT16"
    if logical.startswith("NullType"):
        return "NULL"
    if physical == FIXED and duckdb_type == "BLOB":
        return FIXED
    return duckdb_type


def named(columns: Iterable[FileColumn], name: str) -> list[FileColumn]:
    """Return the columns of that name, ignoring case as Spark does."""
    folded = name.casefold()
    return [c for c in columns if c.name.casefold() == folded]


def by_name(columns: Iterable[FileColumn]) -> Mapping[str, Sequence[FileColumn]]:
    """Return columns by their casefolded names, as `named` gives them: none of other names."""
    found: dict[str, list[FileColumn]] = defaultdict(list)
    for column in columns:
        found[column.name.casefold()].append(column)
    return found


def is_renamed(columns: Mapping[str, Sequence[FileColumn]], column: FileColumn) -> bool:
    """Return whether DuckDB may give a column's name to another one.

    It counts names that differ by case alone: of `a`, `A` and `A_1` it calls the second `A_1`.

    Args:
        columns: The columns beside it, and itself, as `by_name` gives them.
        column: The column.
    """
    stem = column.name.casefold()
    while match := _NUMBERED.fullmatch(stem):
        stem = match[1]
        if len(columns[stem]) > 1:
            return True
    return False
