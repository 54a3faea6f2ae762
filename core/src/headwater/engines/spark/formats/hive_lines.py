"""Hive's text formats on Spark: lines cut as LazySimpleSerDe, OpenCSVSerde and the JSON serdes do.

Spark's own CSV reader passes over blank lines, takes empty texts for NULL and knows other escapes.
Here files are read as lines, and SQL cuts them: by the grammar, and into values by the shapes, by
which the embedded engine goes too (`text_shapes`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from headwater.engines import text_shapes as shapes
from headwater.engines.file_groups import FileGroup
from headwater.engines.misfits import NOT_TEXT
from headwater.engines.spark.formats import hive_json, text_lines
from headwater.engines.spark.types import ddl, literal, raised, whole
from headwater.engines.text_files import (
    ESCAPED,
    HIVE_OPTIONS,
    check_suffix,
    checked_options,
    encoding_of,
    unhonoured,
)
from headwater.errors import UnsupportedError
from headwater.sql.rewriting import quoted
from headwater.tables import encodings
from headwater.tables.table import Column
from headwater.types import BIGINT, STRING, DataType

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

FORMATS: Final = frozenset(HIVE_OPTIONS)


def as_lines(group: FileGroup, line: str) -> FileGroup:
    """Return a group as Spark reads it: text formats by lines, others as they are.

    Args:
        group: The files.
        line: Name of the column of lines.
    """
    if group.format not in FORMATS and not text_lines.is_lines(group):
        return group
    for file in group.files:
        check_suffix(group.relation, file)
    whole_files = group.format in text_lines.FORMATS and text_lines.is_whole(group)
    options = {"wholetext": "true"} if whole_files else {}
    return replace(group, format="text", options=options, columns=(Column(line, STRING),))


def cut(
    frame: DataFrame, group: FileGroup, line: str, keys: Sequence[tuple[str, Column]]
) -> DataFrame:
    """Return the fields of lines, without headers, and of Spark's own formats without blank lines.

    Args:
        frame: Lines that were read from files.
        group: The files.
        line: Name of the column of lines, and then of fields.
        keys: Further columns: their values as SQL, their names and types.
    """
    from pyspark.sql.functions import expr

    path = _path(line)
    columns = [
        (quoted(line), Column(line, STRING)),
        *keys,
        ("_metadata.file_path", Column(path, STRING)),
    ]
    encoding = _encoding(group)
    odd = raised(
        "not text", table=group.relation.name, value="''", file="_metadata.file_path",
        kind=literal(f"{encoding} {NOT_TEXT}"),
    )  # fmt: skip
    if encoding:
        frame = frame.withColumn(line, expr(_decoded(quoted(line), encoding, odd)))
    else:
        frame = frame.where(f"CASE WHEN is_valid_utf8({quoted(line)}) THEN true ELSE {odd} END")
    own = group.format in text_lines.FORMATS
    if own:
        frame = frame.where(hive_json.is_row(quoted(line)))
    if text_lines.has_header(group) if own else _has_header(group):
        start = ("_metadata.file_block_start", Column(f"{line}_start", BIGINT))
        named = [f"{value} AS {quoted(c.name)}" for value, c in (*columns, start)]
        types = ddl(c for _, c in (*columns, start))
        frame = _without_firsts(frame.selectExpr(*named), types)
        columns = [(quoted(c.name), c) for _, c in columns]
    rest = [f"{value} AS {quoted(c.name)}" for value, c in columns[1:]]
    file = columns[-1][0]
    if own:
        # Parsed once, for the check and for the fields.
        parsed_column = f"{line}_made"
        frame = frame.selectExpr(quoted(line), f"{text_lines.parsed(quoted(line), group)} AS "
                                 f"{quoted(parsed_column)}", *rest)  # fmt: skip
        frame = frame.where(
            text_lines.check(quoted(line), quoted(parsed_column), quoted(path), group)
        )
        others = [quoted(c.name) for _, c in columns[1:]]
        field = (
            f"explode({quoted(parsed_column)})"
            if text_lines.is_whole(group)
            else quoted(parsed_column)
        )
        return frame.selectExpr(f"{field} AS {quoted(line)}", *others)
    if group.format == hive_json.FORMAT:
        others = [quoted(c.name) for _, c in columns[1:]]
        whole_line = f"{hive_json.with_floats(quoted(line), group)} AS {quoted(line)}"
        frame, rest, file = frame.selectExpr(whole_line, *rest), others, others[-1]
        frame = frame.where(hive_json.check(quoted(line), file, group))
        object_ = f"{hive_json.objects(quoted(line))} AS {quoted(line)}"
        return frame.selectExpr(object_, *rest)
    if group.format == "hive-csv":
        frame = frame.where(_closed(quoted(line), file, group))
    return frame.selectExpr(f"{_fields(quoted(line), group)} AS {quoted(line)}", *rest)


def _path(line: str) -> str:
    """Return the name of the column of the file's path, beside one of lines."""
    return f"{line}_path"


def _encoding(group: FileGroup) -> str:
    """Return Python's name of what lines are in; empty for UTF-8."""
    if group.format in text_lines.FORMATS:
        return text_lines.encoding(group) or ""
    if group.format != "hive-text":
        return ""
    return encoding_of("spark", group, _options(group)["encoding"])


def _decoded(line: str, encoding: str, odd: str) -> str:
    """Return lines of bytes as text.

    Args:
        line: The line, as SQL: bytes that Spark takes for UTF-8.
        encoding: What `_encoding` gave.
        odd: What raises for a byte that stands for no character.
    """
    if encodings.wide_codec(encoding) is not None:
        spelled = encoding.upper().replace("-LE", "LE").replace("-BE", "BE")
        return f"decode(CAST({line} AS binary), {literal(spelled)})"
    made = encodings.characters(encoding)
    latin = f"decode(CAST({line} AS binary), 'ISO-8859-1')"
    none = "".join(f"\\x{code:02x}" for code, c in enumerate(made) if c == encodings.UNDEFINED)
    others = [
        (chr(code), c) for code, c in enumerate(made) if c not in (chr(code), encodings.UNDEFINED)
    ]
    text = latin
    if others:
        held, meant = ("".join(part) for part in zip(*others, strict=True))
        text = f"translate({latin}, {literal(held)}, {literal(meant)})"
    return (
        f"CASE WHEN {latin} RLIKE {literal(f'[{none}]')} THEN {odd} ELSE {text} END"
        if none
        else text
    )


def _has_header(group: FileGroup) -> bool:
    if group.format == hive_json.FORMAT:
        return False
    return _options(group)["header"].strip().lower() == "true"


def _options(group: FileGroup) -> dict[str, str]:
    """Return a group's options, lower-cased, with defaults.

    Raises:
        UnsupportedError: If one is not honoured.
    """
    options = checked_options("spark", group, HIVE_OPTIONS[group.format])
    for name in ("quote", "escape"):
        if name in options and len(options[name]) != 1 and (group.format, options[name]) != _NONE:
            raise unhonoured("spark", group, name, options[name])
    if options["escape"] in (options["sep"], options.get("quote")):
        raise unhonoured("spark", group, "escape", options["escape"])
    return options


_NONE: Final = ("hive-text", "")
"""A format, and that it has no escape."""


def _fields(line: str, group: FileGroup) -> str:
    """Return an expression for a line's fields, an array of texts.

    Args:
        line: The line, as SQL; never NULL.
        group: Whose lines they are.
    """
    options = _options(group)
    separator = options["sep"]
    split = f"split({line}, {literal(re.escape(separator))}, -1)"
    if group.format == "hive-text" and not options["escape"]:
        return split
    if group.format == "hive-text":
        field = (
            f"(?s){re.escape(separator)}({shapes.escaped_field(separator, options['escape'], '+')})"
        )
        each = f"regexp_extract_all(concat({literal(separator)}, {line}), {literal(field)}, 1)"
        escaped = f"contains({line}, {literal(options['escape'])})"
        return f"CASE WHEN {escaped} THEN {each} ELSE {split} END"
    field, _ = _grammar(options)
    sep = re.escape(separator)
    # The first field has no separator before it, so one is put there for all to look alike.
    with_one = f"concat({literal(separator)}, {line})"
    each = f"regexp_extract_all({with_one}, {literal(f'(?s){sep}({field})')}, 1)"
    return (
        f"CASE WHEN {line} = '' THEN CAST(array() AS ARRAY<STRING>) "
        f"WHEN NOT contains({line}, {literal(options['quote'])}) THEN {split} ELSE {each} END"
    )


def _grammar(options: Mapping[str, str]) -> tuple[str, str]:
    """Return the patterns of a field and of a line of quoted fields."""
    sep = re.escape(options["sep"])
    # Possessive, so that Java's matcher goes on and not deeper: deep lines would end the JVM.
    field = shapes.hive_field(options["sep"], options["quote"], options["escape"], "+")
    return field, f"(?s)\\A{field}(?:{sep}{field})*+\\z"


def _closed(line: str, file: str, group: FileGroup) -> str:
    """Return a condition that is true of a line of quoted fields, or raises."""
    options = _options(group)
    odd = raised(
        "a line whose quotes CSV parsers read each in their own way",
        table=group.relation.name, value=line, file=file, kind=literal(" hive-quotes"),
    )  # fmt: skip
    plainly = f"NOT contains({line}, {literal(options['quote'])})"
    grammar = literal(_grammar(options)[1])
    return f"CASE WHEN {plainly} OR {line} RLIKE {grammar} THEN true ELSE {odd} END"


def values_of(line: str, group: FileGroup) -> dict[str, str]:
    """Return an expression for each column of a group, by its name without case.

    Args:
        line: Name of the column of a line's fields (`cut`).
        group: The files.

    Raises:
        UnsupportedError: For a type that is not read from text.
    """
    fields, file = quoted(line), quoted(_path(line))
    if group.format in text_lines.FORMATS:
        return {c.name.casefold(): f"{fields}.{quoted(c.name)}" for c in group.columns}
    if group.format == hive_json.FORMAT:
        return hive_json.values_of(fields, file, group)
    options = _options(group)
    values = {}
    for index, column in enumerate(group.columns):
        token = f"get({fields}, {index})"
        if group.format == "hive-csv":
            if column.type != STRING:
                raise UnsupportedError(
                    f"table {group.relation.name}: OpenCSVSerde gives texts; {column.name} is "
                    f"{column.type}"
                )
            value = _unquoted(token, options["quote"], options["escape"])
        else:
            text = f"nullif({token}, {literal(options['nullvalue'])})"
            if options["escape"] and column.type.is_text:
                text = _unescaped(text, file, column, group)
            odd = raised(
                f"a text that may or may not be a value of type {column.type}",
                table=group.relation.name, value=text, file=file, column=column.name,
                kind=literal(f"{column.type} text"),
            )  # fmt: skip
            converted = _converted(text, column.type, odd)
            if converted is None:
                raise UnsupportedError(
                    f"table {group.relation.name}: column {column.name} ({column.type}) is not "
                    "read from text",
                    hint="leave the column out of the table",
                )
            value = converted
        values[column.name.casefold()] = value
    return values


def _without_firsts(frame: DataFrame, columns: str) -> DataFrame:
    """Return lines without the first one of each file.

    Args:
        frame: Lines; its last two columns are the file's path, and where in it the block starts
            that a row was read from. Rows come in the order of the file.
        columns: The frame's columns as the text of a schema.
    """

    def rest(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        # Runs on executors, which need pyarrow and nothing of headwater's.
        import pyarrow as pa
        import pyarrow.compute as pc

        compute: Any = pc
        before: list[Any] = [None, None]
        for batch in batches:
            if batch.num_rows == 0:
                continue
            blocks = batch.columns[-2:]
            others = [
                compute.fill_null(
                    compute.not_equal(
                        column, pa.concat_arrays([pa.array([last], column.type), column[:-1]])
                    ),
                    True,
                )
                for column, last in zip(blocks, before, strict=True)
            ]
            first = compute.and_(compute.or_(*others), compute.equal(blocks[1], 0))
            yield batch.filter(compute.invert(first))
            before = [column[-1].as_py() for column in blocks]

    return frame.mapInArrow(rest, columns)


def _unescaped(text: str, file: str, column: Column, group: FileGroup) -> str:
    """Return a field's text without its escapes; one that Hive's versions differ in raises."""
    escape = _options(group)["escape"]
    e, other = re.escape(escape), f"[^{shapes.in_class(escape)}]*+"
    plain = f"(?s)\\A{other}(?:{e}[^rn]{other})*+(?:{e})?\\z"
    odd = raised(
        ESCAPED, table=group.relation.name, value=text, file=file, column=column.name,
        kind=literal(" escaped-end"),
    )  # fmt: skip
    return (
        f"CASE WHEN {text} IS NULL OR NOT contains({text}, {literal(escape)}) THEN {text} "
        f"WHEN {text} RLIKE {literal(plain)} "
        f"THEN regexp_replace({text}, {literal(f'(?s){e}(.)')}, '$1') ELSE {odd} END"
    )


def _unquoted(token: str, quote: str, escape: str) -> str:
    inner = f"substring({token}, 2, length({token}) - 2)"
    quoted_text, plain = shapes.hive_unescaped(token, inner, quote, escape, _replaced)
    return f"CASE WHEN startswith({token}, {literal(quote)}) THEN {quoted_text} ELSE {plain} END"


def _replaced(value: str, pattern: str) -> str:
    return f"regexp_replace({value}, {literal(f'(?s){pattern}')}, '$1$2')"


def _converted(text: str, type_: DataType, odd: str) -> str | None:
    """Return an expression for a text as a value of a type, or None where none is known."""
    if type_.is_text:
        cut = type_.name == "varchar" and type_.precision
        return f"left({text}, {type_.precision})" if cut else text
    if type_.name not in shapes.FORMS:
        return None
    return shapes.value_of(text, type_, odd, lambda t, shape: f"{t} RLIKE {whole(shape)}", str)
