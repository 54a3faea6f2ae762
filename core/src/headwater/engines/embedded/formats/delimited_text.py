r"""Delimited text: Spark's `csv`, and Hive's `hive-text` and `hive-csv`.

Lines are cut into fields by a grammar, which for Hive's is what its parser, Spark's and this agree
on:

    line    field (sep field)*
    field   plain text without quotes, or a quoted text in which a quote is escaped

Spark's own is wider (`text_shapes.spark_field`). A line outside of it (more text after a closing
quote, a quote that stays open) raises: the parsers recover from it each in their own way.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Final

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.formats.quoted_records import MARK, ODD, Grammar
from headwater.engines.embedded.formats.scans import Group, Scan
from headwater.engines.embedded.formats.text_lines import (
    blank_firsts,
    check_sizes,
    is_true,
    record_source,
    source,
)
from headwater.engines.embedded.formats.text_values import converted
from headwater.engines.embedded.misfits import Misfits
from headwater.engines.text_files import (
    ESCAPED,
    HIVE_OPTIONS,
    checked_options,
    csv_separator,
    encoding_of,
    unhonoured,
    way_out,
)
from headwater.errors import UnsupportedError
from headwater.sql.portable.casts import cast as cast_piece
from headwater.sql.portable.pieces import Piece, Refusal
from headwater.sql.portable.raising import NOT_PORTABLE
from headwater.sql.portable.spelling import null, text
from headwater.tables import encodings
from headwater.tables.relation import FileRelation
from headwater.tables.table import Column
from headwater.types import STRING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_CSV: Final[Mapping[str, str | None]] = {
    "sep": None,
    "delimiter": None,
    "quote": '"',
    "escape": "\\",
    "header": "false",
    "nullValue": "",
    "emptyValue": "",
    "mode": "PERMISSIVE",
    "multiLine": "false",
    "encoding": "UTF-8",
    "charset": None,
    "enforceSchema": "true",
    "inferSchema": "false",
    "ignoreLeadingWhiteSpace": "false",
    "ignoreTrailingWhiteSpace": "false",
}
_UNQUOTED: Final = "\0"
"""The quote of files without any, to Spark's parser: a character that no text should hold."""
_CSV_FIXED: Final = {
    "mode": ("permissive",),
    "multiline": ("false", "true"),
    "enforceschema": ("true",),
    "inferschema": ("false",),
    "ignoreleadingwhitespace": ("false",),
    "ignoretrailingwhitespace": ("false",),
}


def csv(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of Spark's CSV files.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options("embedded", group, _CSV, _CSV_FIXED)
    separator = csv_separator("embedded", group, options)
    quote, escape = options["quote"] or _UNQUOTED, options["escape"]
    misfits = Misfits.of(relation, group)
    if quote == _UNQUOTED:
        escape = quote
    elif escape in ("", _UNQUOTED):
        raise unhonoured("embedded", group, "escape", escape)
    _check_characters(group, sep=separator, quote=quote, escape=escape)
    fields, grammatical = _fields(separator, quote, shapes.spark_field(separator, quote, escape))
    listed = check_sizes(connection, relation, group, paths)
    header, over_lines = is_true(options, "header"), is_true(options, "multiline")
    declared = encodings.declared_in(group.options)
    encoding = encoding_of("embedded", group, declared, whole=over_lines, several=not over_lines)
    odd = misfits.raised(NOT_PORTABLE, ODD, "line", "BOOLEAN", kind="' quotes'")
    keep = f"CASE WHEN {grammatical} THEN true ELSE {odd} END"
    if over_lines:
        grammar = Grammar(separator, quote, escape)
        lines = record_source(relation, group, listed, grammar, skip=header, encoding=encoding)
    else:
        if header and (blank := blank_firsts(connection, relation, group, listed, encoding)):
            raise UnsupportedError(f"table {relation.name}: the first line of {blank[0]} is blank")
        # Spark passes over lines of white space.
        empty_line = f"line IS NULL OR regexp_full_match(line, {text(shapes.BLANK)})"
        # DuckDB takes one byte order mark off a file, Spark two.
        marks = misfits.raised(
            NOT_PORTABLE, "a line that begins with a byte order mark", "line", "BOOLEAN",
            kind="' marks'",
        )  # fmt: skip
        marked = f"starts_with(line, {text(MARK)})"
        keep = f"CASE WHEN {empty_line} THEN false WHEN {marked} THEN {marks} ELSE {keep} END"
        lines = source(relation, group, listed, skip=header, encoding=encoding)
    rows = f"(SELECT {fields} AS f, file_index FROM {lines} WHERE {keep}) AS r"
    nulls, empty = options["nullvalue"], options["emptyvalue"]
    columns = {}
    for index, column in _read_columns(relation, group):
        token = f"f[{index + 1}]"
        value = _unquoted(token, quote, escape, empty)
        value = f"nullif(CASE WHEN {token} = '' THEN NULL ELSE {value} END, {text(nulls)})"
        columns[column.name.casefold()] = _value(relation, group.format, column, value, misfits)
    yield Scan(rows, _chosen(relation, group, columns), group.files)


def hive_text(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of LazySimpleSerDe's files: no quotes, escapes where the table has one.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options("embedded", group, HIVE_OPTIONS[group.format])
    encoding = encoding_of("embedded", group, options["encoding"], several=True)
    listed = check_sizes(connection, relation, group, paths)
    header = is_true(options, "header")
    lines = source(relation, group, listed, skip=header, encoding=encoding)
    separator, escape = options["sep"], options["escape"]
    split = f"string_split(coalesce(line, ''), {text(separator)})"
    if escape:
        if len(escape) != 1 or escape == separator:
            raise unhonoured("embedded", group, "escape", escape)
        # The first field has no separator before it, so one is put there for all to look alike.
        field = f"(?s){re.escape(separator)}({shapes.escaped_field(separator, escape)})"
        each = f"regexp_extract_all({text(separator)} || line, {text(field)}, 1)"
        split = f"CASE WHEN contains(line, {text(escape)}) THEN {each} ELSE {split} END"
    columns = {}
    misfits = Misfits.of(relation, group)
    for index, column in _read_columns(relation, group):
        value = f"nullif(f[{index + 1}], {text(options['nullvalue'])})"
        if escape and column.type.is_text:
            value = _unescaped(value, column, escape, misfits)
        columns[column.name.casefold()] = _value(relation, group.format, column, value, misfits)
    rows = f"(SELECT {split} AS f, file_index FROM {lines}) AS r"
    yield Scan(rows, _chosen(relation, group, columns), group.files)


def hive_csv(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of OpenCSVSerde's files: all columns are texts.

    Raises:
        UnsupportedError: For an option, or a column that is no text.
    """
    options = checked_options("embedded", group, HIVE_OPTIONS[group.format])
    separator, quote, escape = options["sep"], options["quote"], options["escape"]
    _check_characters(group, sep=separator, quote=quote, escape=escape)
    if quote == escape:
        raise unhonoured("embedded", group, "escape", escape)
    field = shapes.hive_field(separator, quote, escape)
    fields, grammatical = _fields(separator, quote, field)
    odd = Misfits.of(relation, group).raised(
        NOT_PORTABLE, ODD, "line", "BOOLEAN", kind="' hive-quotes'"
    )
    listed = check_sizes(connection, relation, group, paths)
    lines = source(relation, group, listed, skip=is_true(options, "header"))
    columns = {}
    for index, column in _read_columns(relation, group):
        if column.type != STRING:
            raise UnsupportedError(
                f"table {relation.name}: OpenCSVSerde gives texts; {column.name} is {column.type}"
            )
        token = f"f[{index + 1}]"
        quoted, plain = shapes.hive_unescaped(token, _inner(token), quote, escape, _replaced)
        columns[column.name.casefold()] = (
            f"CASE WHEN NOT contains({token}, {text(quote)}) AND NOT contains({token}, "
            f"{text(escape)}) THEN {token} "
            f"WHEN starts_with({token}, {text(quote)}) THEN {quoted} ELSE {plain} END"
        )
    keep = f"CASE WHEN line IS NULL OR {grammatical} THEN true ELSE {odd} END"
    rows = f"(SELECT {fields} AS f, file_index FROM {lines} WHERE {keep}) AS r"
    yield Scan(rows, _chosen(relation, group, columns), group.files)


def _read_columns(relation: FileRelation, group: Group) -> Iterator[tuple[int, Column]]:
    """Yield the columns that are asked for, each with its position in a line."""
    names = {c.name.casefold() for c in relation.data_columns}
    for index, column in enumerate(group.columns):
        if column.name.casefold() in names:
            yield index, column


def _chosen(relation: FileRelation, group: Group, values: Mapping[str, str]) -> dict[str, str]:
    """Return an expression for each of the table's data columns; NULL where files have none."""
    own = {c.name.casefold(): c for c in group.columns}
    chosen = {}
    for column in relation.data_columns:
        folded = column.name.casefold()
        if folded not in values:
            chosen[column.name] = null(column.type)
            continue
        try:
            chosen[column.name] = cast_piece(
                Piece(values[folded], own[folded].type), column.type
            ).sql
        except Refusal as refusal:
            raise UnsupportedError(
                f"table {relation.name}: a partition has {column.name} as {own[folded].type}, "
                f"the table as {column.type}: {refusal.reason}"
            ) from None
    return chosen


def _value(
    relation: FileRelation, format: str, column: Column, value: str, misfits: Misfits
) -> str:
    value_sql = converted(value, column, misfits, spark=format == "csv")
    if value_sql is None:
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not read column {column.name} "
            f"({column.type}) from text",
            hint=f"leave the column out of the query; or {way_out(format)}",
        )
    return value_sql


def _check_characters(group: Group, **options: str) -> None:
    """Raise an `UnsupportedError` for what is not one character, or is another option's."""
    for name, value in options.items():
        if len(value) != 1 or value in "\r\n" or (name != "sep" and value == options["sep"]):
            raise unhonoured("embedded", group, name, value)


def _fields(separator: str, quote: str, field: str) -> tuple[str, str]:
    """Return an expression for a line's fields, quotes included, and whether it has them.

    Args:
        separator: What parts fields.
        quote: What fields may be put into.
        field: The pattern of a field.
    """
    if quote == _UNQUOTED:
        return f"string_split(line, {text(separator)})", "NOT contains(line, chr(0))"
    sep = re.escape(separator)
    line = f"(?s){field}(?:{sep}{field})*"
    split = f"string_split(line, {text(separator)})"
    # The first field has no separator before it, so one is put there for all to look alike.
    each = f"regexp_extract_all({text(separator)} || line, {text(f'(?s){sep}({field})')}, 1)"
    plainly = f"NOT contains(line, {text(quote)})"
    some = f"CASE WHEN {plainly} THEN {split} ELSE {each} END"
    fields = f"CASE WHEN coalesce(line, '') = '' THEN CAST([] AS VARCHAR[]) ELSE {some} END"
    return fields, f"({plainly} OR regexp_full_match(line, {text(line)}))"


def _unescaped(value: str, column: Column, escape: str, misfits: Misfits) -> str:
    """Return a field's text without its escapes; one that Hive's versions differ in raises."""
    e = re.escape(escape)
    # Escapes are found from the left: one that is escaped is none.
    bare = f"regexp_replace({value}, {text(f'(?s){e}(.)')}, '\\1', 'g')"
    ends = f"(?s)[^{shapes.in_class(escape)}]*(?:{e}[^rn][^{shapes.in_class(escape)}]*)*(?:{e})?"
    odd = misfits.raised(
        NOT_PORTABLE, ESCAPED, value, STRING, column=column.name, kind="' escaped-end'"
    )
    return (
        f"CASE WHEN {value} IS NULL OR NOT contains({value}, {text(escape)}) THEN {value} "
        f"WHEN regexp_full_match({value}, {text(ends)}) THEN {bare} ELSE {odd} END"
    )


def _unquoted(token: str, quote: str, escape: str, empty: str) -> str:
    """Return a field's text without its quotes and escapes, as Spark has it.

    Args:
        token: The field, as SQL.
        quote: What it may be put into.
        escape: What makes a quote, or itself, one of the text.
        empty: What a text of nothing in quotes is.
    """
    pattern = f"{re.escape(escape)}([{shapes.in_class(quote + escape)}])"
    bare = f"regexp_replace({_inner(token)}, {text(pattern)}, '\\1', 'g')"
    emptied = f"CASE WHEN length({token}) = 2 THEN {text(empty)} ELSE {bare} END"
    return f"CASE WHEN starts_with({token}, {text(quote)}) THEN {emptied} ELSE {token} END"


def _inner(token: str) -> str:
    """Return what stands between a field's quotes."""
    return f"substring({token}, 2, length({token}) - 2)"


def _replaced(value: str, pattern: str) -> str:
    return f"regexp_replace({value}, {text(f'(?s){pattern}')}, '\\1\\2', 'g')"
