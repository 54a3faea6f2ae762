"""Parquet's timestamps in nanoseconds on Spark, which has no type for them.

Spark 4.1 refuses a file's column of such (PARQUET_TYPE_ILLEGAL) unless it is told to read numbers
(`spark.sql.legacy.parquet.nanosAsLong`). Of numbers it does not say what they count. So a read that
met one looks at the files' footers, reads the numbers of those columns that are in nanoseconds, and
makes timestamps of them here, each proven to be a whole microsecond, or cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from headwater.engines.embedded.formats.parquet_schema import FileColumn, named
from headwater.engines.embedded.formats.parquet_statistics import footers_of
from headwater.engines.file_groups import FileGroup
from headwater.engines.nanoseconds import CODE
from headwater.engines.spark.types import literal, raised
from headwater.sql.rewriting import quoted
from headwater.tables.relation import DataFile, FileRelation
from headwater.types import BIGINT, TIMESTAMP, TIMESTAMP_NTZ, DataType, map_of, struct
from headwater.types import array as array_of

if TYPE_CHECKING:
    from headwater.auth.credentials import Access

SETTING: Final = "spark.sql.legacy.parquet.nanosAsLong"
FILE: Final = "_metadata.file_path"

Found = Mapping[str, Mapping[str, FileColumn]]
"""By the path of a file its columns that are in nanoseconds, by their casefolded names."""


def found(relation: FileRelation, access: Access) -> Found:
    """Return which columns of a relation's files are in nanoseconds.

    Raises:
        EngineError: If a file can't be opened or is not Parquet.
        AuthError: If the identity has no credentials.
    """
    return {
        file.path: {c.name.casefold(): c for c in footer.columns if c.in_nanoseconds}
        for file, footer in footers_of(relation, relation.files, access).items()
    }


def split(group: FileGroup, columns: Found) -> Iterator[tuple[FileGroup, dict[str, FileColumn]]]:
    """Yield parts of a group whose files have the same columns in nanoseconds, and these."""
    alike: dict[tuple[FileColumn, ...], list[DataFile]] = defaultdict(list)
    for file in group.files:
        own = columns.get(file.path, {})
        declared = [own[n] for c in group.columns if (n := c.name.casefold()) in own]
        alike[tuple(declared)].append(file)
    for file_columns, files in alike.items():
        yield replace(group, files=tuple(files)), {c.name.casefold(): c for c in file_columns}


def read_type(type_: DataType, column: FileColumn) -> DataType:
    """Return the type in which Spark reads a column: numbers in the place of nanoseconds.

    Args:
        type_: The type that the table declares.
        column: What the file declares.
    """
    if not column.in_nanoseconds:
        return type_
    match type_.name, column.kind:
        case "array", "list":
            return array_of(read_type(type_.element, column.children[0]))
        case "map", "map":
            key, value = column.children
            return map_of(read_type(type_.key, key), read_type(type_.value, value))
        case "struct", "struct":
            return struct(
                *(
                    (n, read_type(c, children[0]) if (children := named(column.children, n)) else c)
                    for n, c in type_.fields
                )
            )
        case _:
            return BIGINT if type_ in (TIMESTAMP, TIMESTAMP_NTZ) else type_


def value_of(
    value: str,
    type_: DataType,
    column: FileColumn,
    relation: FileRelation,
    whole: str,
    depth: int = 0,
) -> str:
    """Return what was read by `read_type` as a value of the type that the table declares.

    Args:
        value: What was read, as SQL.
        type_: The type that the table declares.
        column: What the file declares.
        relation: The table.
        whole: The name of the column that it is a part of.
        depth: How many lambdas there are around it.
    """
    if not column.in_nanoseconds:
        return value
    item = f"e{depth}"

    def inner(part: str, part_type: DataType, file_column: FileColumn) -> str:
        return value_of(part, part_type, file_column, relation, whole, depth + 1)

    match type_.name, column.kind:
        case "array", "list":
            new_value = inner(item, type_.element, column.children[0])
            return f"transform({value}, {item} -> {new_value})"
        case "map", "map":
            key, file_column = column.children
            new_value = (
                f"named_struct('key', {inner(f'{item}.key', type_.key, key)}, "
                f"'value', {inner(f'{item}.value', type_.value, file_column)})"
            )
            return f"map_from_entries(transform(map_entries({value}), {item} -> {new_value}))"
        case "struct", "struct":
            parts = []
            for name, child in type_.fields:
                part, of_file = f"{value}.{quoted(name)}", named(column.children, name)
                new_value = inner(part, child, of_file[0]) if of_file else part
                parts.append(f"{literal(name)}, {new_value}")
            return f"CASE WHEN {value} IS NOT NULL THEN named_struct({', '.join(parts)}) END"
        case _:
            return _moment(value, type_, relation, whole)


def _moment(value: str, type_: DataType, relation: FileRelation, column: str) -> str:
    if type_ not in (TIMESTAMP, TIMESTAMP_NTZ):
        return raised(
            f"a file holds timestamps in nanoseconds, the table declares {type_}",
            table=relation.name, value="''", file=FILE, column=column,
            kind=literal(f"{type_} nested"),
        )  # fmt: skip
    beyond = f"pmod({value}, 1000L)"
    moment = f"timestamp_micros(({value} - {beyond}) div 1000L)"
    if type_ == TIMESTAMP_NTZ:
        moment = f"CAST({moment} AS timestamp_ntz)"
    if relation.truncates:
        return moment
    second = f"timestamp_seconds(({value} - pmod({value}, 1000000000L)) div 1000000000L)"
    shown = (
        f"concat(date_format({second}, 'yyyy-MM-dd HH:mm:ss'), '.', "
        f"lpad(CAST(pmod({value}, 1000000000L) AS string), 9, '0'))"
    )
    refused = raised(
        "no whole microsecond", table=relation.name, value=shown, file=FILE, column=column,
        kind=literal(f" {CODE}"),
    )  # fmt: skip
    return f"CASE WHEN {value} IS NULL OR {beyond} = 0 THEN {moment} ELSE {refused} END"
