"""Scans: what each file format gives to the assembly of a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines.embedded.file_opening import Contents
from headwater.engines.file_groups import FileGroup
from headwater.sql.portable.spelling import name, text
from headwater.tables.relation import DataFile, FileRelation
from headwater.types import DataType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


FILE_INDEX: Final = "file_index"
"""DuckDB's name for the 0-based number of a row's file; a column of that name hides it."""
FILE_ROW: Final = "file_row_number"
"""DuckDB's name for the 0-based number of a row in its file, of Parquet; a column of that name
hides it."""


@dataclass(frozen=True, slots=True)
class Group(FileGroup):
    """Files that are read alike, and how.

    Args:
        contents: Opens them, for readers that are not DuckDB's.
        needed: Casefolded names of the columns whose values the query uses. What keeps another one
            from being read raises only where it is used after all.
        tested: Casefolded names of those that may decide which rows there are.
    """

    contents: Contents
    needed: frozenset[str]
    tested: frozenset[str]


Part: TypeAlias = "Callable[[int, int, tuple[int, int] | None, Mapping[str, str]], str]"


@dataclass(frozen=True, slots=True)
class Scan:
    """One call of a DuckDB reader.

    Args:
        source: What stands after FROM.
        columns: Expression of each data column asked for, by name, with the table's type.
        files: The files that it reads, in order.
        file_index: Expression that gives the 0-based number of a row's file in `files`.
        absent: The columns asked for that these files do not have, of formats that name them.
        others: The files' columns that were not asked for.
        nanoseconds: The columns asked for that these files have in nanoseconds.
        part: Gives what stands after FROM for the files from a number on and before another, or
            for such rows of one, read from other paths where these are given by DuckDB's own; None
            where they are read only together. `file_index` stays.
        rows: How many rows it has, where that is known.
        used: Which part of the files' bytes the columns asked for are, about.
        asked: Which of the files' leaves are read, by their numbers; None where parts of the files
            can't be read without the rest.
        plain: What the files call those columns asked for that they hold as the table declares
            them, in Parquet, so that Arrow's decoder gives the same values as DuckDB's.
    """

    source: str
    columns: Mapping[str, str]
    files: tuple[DataFile, ...]
    file_index: str = FILE_INDEX
    absent: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    nanoseconds: tuple[str, ...] = ()
    part: Part | None = None
    rows: int | None = None
    used: float = 1.0
    asked: tuple[int, ...] | None = None
    plain: Mapping[str, str] = field(default_factory=dict)


Scanner: TypeAlias = (
    "Callable[[DuckDBPyConnection, FileRelation, Group, Mapping[str, str]], Iterable[Scan]]"
)
"""`(connection, relation, group, DuckDB's name of each file) -> scans`, one a file format."""


def padded(value: str, type_: DataType) -> str:
    """Return a value as a column gives it: shorter texts of a char are filled with spaces.

    Args:
        value: DuckDB expression of the value.
        type_: The column's type; a char may lie at any depth.

    Source: Spark SQL Reference, "Data Types", CharType.
    """
    return _filled(value, type_, 0) if type_.has_char else value


def _filled(value: str, type_: DataType, depth: int) -> str:
    match type_.name:
        case "char":
            length = type_.precision
            filled = f"rpad({value}, {length}, ' ')"
            return f"CASE WHEN length({value}) < {length} THEN {filled} ELSE {value} END"
        case _ if not type_.has_char:
            return value
        case "struct":
            fields = zip(type_.field_names, type_.children, strict=True)
            packed = ", ".join(
                f"{name(n)} := {_filled(f'struct_extract({value}, {text(n)})', c, depth)}"
                for n, c in fields
            )
            value_sql = f"struct_pack({packed})"
        case "array":
            item = f"e{depth}"
            inner = _filled(item, type_.element, depth + 1)
            return f"list_transform({value}, lambda {item}: {inner})"
        case _:
            entry = f"e{depth}"
            key = _filled(f"{entry}.key", type_.key, depth + 1)
            inner = _filled(f"{entry}.value", type_.value, depth + 1)
            pair = f"struct_pack(key := {key}, value := {inner})"
            value_sql = (
                f"map_from_entries(list_transform(map_entries({value}), lambda {entry}: {pair}))"
            )
    return f"CASE WHEN {value} IS NULL THEN NULL ELSE {value_sql} END"
