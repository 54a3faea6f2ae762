"""JSON, one object a line: Spark's `json`, and Hive's `hive-json`.

Spark tells keys apart by case, Hive's serdes do not. What is not of its column's type is NULL in
one reader, an error in another, and a conversion in a third; here it raises, unless it is JSON's
null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.formats.scans import Group, Scan
from headwater.engines.embedded.formats.text_lines import (
    check_sizes,
    is_true,
    source,
    whole_source,
)
from headwater.engines.embedded.misfits import Misfits
from headwater.engines.text_files import (
    HIVE_OPTIONS,
    checked_options,
    encoding_of,
    renamed_keys,
    way_out,
)
from headwater.errors import UnsupportedError
from headwater.sql.portable.raising import NOT_PORTABLE, RUNTIME
from headwater.sql.portable.spelling import cast, null, text
from headwater.tables import encodings
from headwater.tables.relation import FileRelation
from headwater.tables.table import Column
from headwater.types import INTEGER_BITS, DataType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Field: TypeAlias = "Callable[[str, str], str]"
_Odd: TypeAlias = "Callable[[str, DataType], str]"
"""`(value, type) -> expression` that raises for a value that is none of a type."""
_Builders: TypeAlias = "Mapping[str, Callable[[str, DataType, _Odd], str]]"
"""How values of each type are read."""
_SPARK: Final = {
    "mode": "PERMISSIVE",
    "multiLine": "false",
    "encoding": "UTF-8",
    "charset": None,
    "primitivesAsString": "false",
}
_SPARK_FIXED: Final = {
    "mode": ("permissive", "failfast"),
    "multiline": ("false", "true"),
    "primitivesasstring": ("false",),
}


def json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of Spark's JSON files. A line that is no JSON raises.

    With `multiLine`, a file is one object, or one list of them.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options("embedded", group, _SPARK, _SPARK_FIXED)

    def field(object_: str, key: str) -> str:
        return f"json_extract({object_}, {text(_path(relation, key))})"

    whole = is_true(options, "multiline")
    kind = " json-file" if whole else " json"
    declared = encodings.declared_in(group.options)
    encoding = encoding_of("embedded", group, declared, whole=whole, several=True)
    yield _scan(
        connection, relation, group, paths, {}, field, kind, NOT_PORTABLE, _AS_SPARK,
        whole=whole, encoding=encoding,
    )  # fmt: skip


def hive_json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of a JSON serde's files.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options("embedded", group, HIVE_OPTIONS[group.format])

    def field(object_: str, key: str) -> str:
        path = _path(relation, key)
        if options["keys"] == "exact":
            return f"json_extract({object_}, {text(path)})"
        same = f"list_filter(json_keys({object_}), lambda k: lower(k) = {text(key.lower())})"
        what = f"several keys that are {key!r} without case"
        twice = misfits.raised(NOT_PORTABLE, what, object_, "JSON", kind="' keys'")
        value = f"""json_extract({object_}, '$."' || {same}[1] || '"')"""
        return f"CASE WHEN len({same}) > 1 THEN {twice} ELSE {value} END"

    misfits = Misfits.of(relation, group)
    code = RUNTIME if options["malformed"] == "fail" else None
    yield _scan(
        connection,
        relation,
        group,
        paths,
        renamed_keys(options),
        field,
        " hive-json",
        code,
        _AS_OPENX if options["quoted"] == "convert" else _AS_HIVE,
    )


def _path(relation: FileRelation, key: str) -> str:
    if '"' in key or "\\" in key:
        raise UnsupportedError(f"table {relation.name}: the JSON key {key!r}")
    return f'$."{key}"'


def _once(object_: str) -> str:
    return f"len(json_keys({object_})) = len(list_distinct(json_keys({object_})))"


def _scan(
    connection: DuckDBPyConnection,
    relation: FileRelation,
    group: Group,
    paths: Mapping[str, str],
    named: Mapping[str, str],
    field: _Field,
    kind: str,
    malformed: str | None,
    builders: _Builders,
    *,
    whole: bool = False,
    encoding: str = "",
) -> Scan:
    """Return the scan of lines.

    Args:
        connection: Where files are looked at.
        relation: The table.
        group: Its files.
        paths: DuckDB's name of each file.
        named: Keys that are not called as their columns are, by the column's folded name.
        field: `(object, key) -> value`, how a key's value is found.
        kind: What lines are, for hints.
        malformed: Code of the error for a line that is no JSON; None where it is a row of NULLs.
        builders: How values of each type are read.
        whole: Whether a file is one object or one list of them, over several lines.
        encoding: Python's name of what files are in; empty for UTF-8.
    """
    misfits = Misfits.of(relation, group)
    own = {c.name.casefold(): c for c in group.columns}
    columns = {}
    for column in relation.data_columns:
        folded = column.name.casefold()
        if folded not in own:
            columns[column.name] = null(column.type)
            continue
        if own[folded].type != column.type:
            raise UnsupportedError(
                f"table {relation.name}: a partition has {column.name} as {own[folded].type}, the "
                f"table as {column.type}"
            )
        value = field("j", named.get(folded, own[folded].name))
        columns[column.name] = _value(
            relation, group.format, column, value, field, named, misfits, builders
        )
    listed = check_sizes(connection, relation, group, paths)
    if whole:
        lines = whole_source(relation, group, listed, encoding)
    else:
        lines = source(relation, group, listed, skip=False, encoding=encoding)
    if builders is not _AS_HIVE:
        lines = f"(SELECT {_with_floats('line', builders)} AS line, file_index FROM {lines})"
    if whole:
        lines = _items(lines)
    blank = f"line IS NULL OR regexp_full_match(line, {text(shapes.JSON_BLANK)})"

    def raised(code: str, what: str, kind: str) -> str:
        return misfits.raised(code, what, _unmarked("line"), "BOOLEAN", kind=text(kind))

    no_json, no_object = "a line is not plainly JSON", "a line that is no JSON object"
    if whole:
        no_json = no_object = "a file that is not one JSON object, or one list of them"
    broken = raised(malformed or NOT_PORTABLE, no_json, kind)
    if malformed is None:
        none = shapes.no_object("line", _replaced, _matches)
        broken = f"CASE WHEN {none} THEN true ELSE {broken} END"
    # A line that is no object has no fields, or several rows; of a key that comes twice one reader
    # takes the first and another the last. In the filter, so that rows are not counted before.
    object_ = "CAST(line AS JSON)"
    # A blank line is none to Spark, a row of NULLs to OpenX's serde; Hive's own fails on it, or
    # gives the row before it again.
    on_blank = broken
    if builders is not _AS_HIVE:
        on_blank = "false" if builders is _AS_SPARK else "true"
    keep = (
        f"CASE WHEN {blank} THEN {on_blank} WHEN NOT sp_is_json(line) THEN {broken} "
        f"WHEN json_type({object_}) <> 'OBJECT' "
        f"THEN {raised(NOT_PORTABLE, no_object, kind)} "
        f"WHEN {_once(object_)} THEN true "
        f"ELSE {raised(NOT_PORTABLE, 'a line that has a key twice', ' keys')} END"
    )
    is_object = f"NOT ({blank})" if malformed else "sp_is_json(line)"
    line = object_ if builders is _AS_SPARK else f"CASE WHEN {is_object} THEN {object_} END"
    rows = f"(SELECT {line} AS j, file_index FROM {lines} WHERE {keep}) AS r"
    return Scan(rows, columns, group.files)


def _replaced(value: str, pattern: str, by: str) -> str:
    return f"regexp_replace({value}, {text(pattern)}, {text(by)}, 'g')"


def _matches(value: str, shape: str) -> str:
    return f"regexp_full_match({value}, {text(shape)})"


def _with_floats(line: str, builders: _Builders) -> str:
    """Return a line in which bare NaN and Infinity are texts, where that makes it JSON."""
    mark = f"\\{_MARK}" if builders is _AS_SPARK else ""
    quoted = _replaced("t", shapes.BARE_FLOATS, rf'\1"{mark}\2"')
    pieces = f"regexp_extract_all({line}, {text(f'(?s){shapes.json_pieces()}')})"
    parts = f"list_transform({pieces}, lambda t: CASE WHEN t[1] = '\"' THEN t ELSE {quoted} END)"
    return shapes.with_floats(line, f"array_to_string({parts}, '')", lambda t: f"sp_is_json({t})")


def _items(files: str) -> str:
    """Return a FROM item with a row for each item of a file that is a list, else for the file."""
    is_list = "sp_is_json(line) AND json_type(CAST(line AS JSON)) = 'ARRAY'"
    items = (
        f"CASE WHEN {is_list} THEN CAST(CAST(line AS JSON) AS JSON[])::VARCHAR[] ELSE [line] END"
    )
    each = f"SELECT unnest({items}) AS line, file_index FROM {files}"
    return f"(SELECT coalesce(line, 'null') AS line, file_index FROM ({each}))"


def _value(
    relation: FileRelation,
    format: str,
    column: Column,
    value: str,
    field: _Field,
    named: Mapping[str, str],
    misfits: Misfits,
    builders: _Builders,
) -> str:
    def odd(value: str, type_: DataType) -> str:
        # Inside of a list or an object there is nothing to be declared otherwise.
        kind = (
            text(f"{type_} ") + f" || json_type({value})" if type_ is column.type else "' nested'"
        )
        what = f"a JSON value that is not plainly {type_}"
        shown = _unmarked(value)
        return misfits.raised(NOT_PORTABLE, what, shown, type_, column=column.name, kind=kind)

    converted = _converted(value, column.type, field, odd, builders)
    renamed = named.keys() & column.type.nested_names
    if converted is None or renamed:
        why = f": its field {min(renamed)!r} is a renamed key too" if renamed else " from JSON"
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not read column {column.name} "
            f"({column.type}){why}",
            hint=f"leave the column out of the query; or {way_out(format)}",
        )
    return converted


def _converted(
    value: str, type_: DataType, field: _Field, odd: _Odd, builders: _Builders
) -> str | None:
    """Return a JSON value as a value of a type; NULL and JSON's null are NULL; misfits raise."""
    if type_.name == "array":
        inner = _converted("e", type_.element, field, odd, builders)
        items = f"CAST({value} AS JSON[])"
        return inner and _typed(
            value, type_, odd, "ARRAY", f"list_transform({items}, lambda e: {inner})"
        )
    if type_.name == "map" and type_.key.name == "string":
        inner = _converted("e.value", type_.value, field, odd, builders)
        entries = f"map_entries(CAST({value} AS MAP(VARCHAR, JSON)))"
        pairs = f"list_transform({entries}, lambda e: {{'key': e.key, 'value': {inner}}})"
        map_sql = f"map_from_entries({pairs})"
        return inner and _typed(value, type_, odd, "OBJECT", map_sql, _once(value))
    if type_.name == "struct":
        parts = [
            (n, _converted(field(value, n), child, field, odd, builders))
            for n, child in type_.fields
        ]
        if any(part is None for _, part in parts):
            return None
        fields = ", ".join(f"{text(n)}: {part}" for n, part in parts)
        return _typed(value, type_, odd, "OBJECT", f"{{{fields}}}", _once(value))
    build = builders.get(type_.name)
    return build(value, type_, odd) if build else None


def _typed(
    value: str, type_: DataType, odd: _Odd, kinds: str, converted: str, more: str = "true"
) -> str:
    listed = ", ".join(f"'{k}'" for k in kinds.split())
    return (
        f"CASE WHEN {value} IS NULL OR json_type({value}) = 'NULL' THEN {null(type_)} "
        f"WHEN json_type({value}) IN ({listed}) AND {more} THEN {converted} "
        f"ELSE {odd(value, type_)} END"
    )


def _text(value: str) -> str:
    return f"({value} ->> '$')"


def _string(value: str, type_: DataType, odd: _Odd, more: str = "true") -> str:
    # To DuckDB -0 is 0 as soon as it is taken out of the line.
    zero = f"(json_type({value}) = 'VARCHAR' OR {_text(value)} <> '0')"
    plain = f"({zero} OR NOT regexp_matches(CAST(j AS VARCHAR), {text(_NEGATIVE_ZERO)}))"
    kinds = "VARCHAR UBIGINT BIGINT BOOLEAN"
    return _typed(value, type_, odd, kinds, _text(value), f"{plain} AND {more}")


_NEGATIVE_ZERO: Final = r"[:,\[]\s*-0\s*[,\]}]"


def _string_of_spark(value: str, type_: DataType, odd: _Odd) -> str:
    # Spark gives a bare NaN as a text with its quotes.
    bare = _matches(_text(value), f"{_BARE}({shapes.BARE_FLOAT})")
    return _string(value, type_, odd, f"NOT {bare}")


def _integer(value: str, type_: DataType, odd: _Odd) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"CAST({_text(value)} AS HUGEINT)"
    fits = f"{number} BETWEEN -{half} AND {half - 1}"
    return _typed(value, type_, odd, "UBIGINT BIGINT", cast(number, type_), fits)


def _floating(value: str, type_: DataType, odd: _Odd) -> str:
    number = cast(_text(value), type_)
    return _typed(value, type_, odd, "DOUBLE UBIGINT BIGINT", number, _finite(value))


def _finite(value: str) -> str:
    """Return whether a number is a double: beyond, a serde makes infinity of it, Spark nothing."""
    return f"isfinite(TRY_CAST({_text(value)} AS DOUBLE))"


def _decimal(value: str, type_: DataType, odd: _Odd) -> str:
    number = _text(value)
    # DuckDB keeps a number with a point as a double: what it prints is the number that was written,
    # rounded to the column's scale, where all digits down to there are no more than 15. Else the
    # line tells whether there may be one of more.
    digits = f"length(regexp_extract({number}, '^-?0*([0-9]*)', 1)) + {type_.scale or 0}"
    longest = (
        f"list_max(list_transform(regexp_extract_all(CAST(j AS VARCHAR), {text(_WITH_POINT)}, 1), "
        "lambda n: length(rtrim(ltrim(n, '0.'), '0'))))"
    )
    exact = (
        f"(json_type({value}) <> 'DOUBLE' OR {digits} <= {_EXACT_DIGITS} "
        f"OR coalesce({longest}, 0) <= {_EXACT_DIGITS + 1})"
    )
    fits = f"{_matches(number, shapes.decimal_number(type_))} AND {exact}"
    return _typed(value, type_, odd, "DOUBLE UBIGINT BIGINT VARCHAR", cast(number, type_), fits)


_EXACT_DIGITS: Final = 15
_WITH_POINT: Final = r"[:,\[]\s*-?([0-9]+[.eE][0-9]*)"


def _floating_of_spark(value: str, type_: DataType, odd: _Odd) -> str:
    fits = f"json_type({value}) <> 'VARCHAR' OR " + _matches(
        _text(value), f"{_BARE}?({shapes.BARE_FLOAT})"
    )
    number = cast(f"ltrim({_text(value)}, {text(_BARE)})", type_)
    return _typed(value, type_, odd, "DOUBLE UBIGINT BIGINT VARCHAR", number, f"({fits})")


def _unmarked(value: str) -> str:
    return f"replace(CAST({value} AS VARCHAR), '{_MARK}', '')"


_MARK: Final = "\\u0001"
_BARE: Final = "\x01"
"""Begins the text that a bare NaN is made, where it has to be told from one in quotes."""


def _boolean(value: str, type_: DataType, odd: _Odd) -> str:
    return _typed(value, type_, odd, "BOOLEAN", f"({_text(value)} = 'true')")


def _quoted_integer(value: str, type_: DataType, odd: _Odd) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"TRY_CAST({_text(value)} AS HUGEINT)"
    plain = _matches(_text(value), shapes.QUOTED_INTEGER)
    fits = f"({plain} AND {number} BETWEEN -{half} AND {half - 1})"
    return _typed(value, type_, odd, "UBIGINT BIGINT VARCHAR", cast(number, type_), fits)


def _quoted_floating(value: str, type_: DataType, odd: _Odd) -> str:
    is_number, is_bare = (_matches(_text(value), s) for s in (shapes.NUMBER, shapes.BARE_FLOAT))
    some = f"(({is_number} AND {_finite(value)}) OR (json_type({value}) = 'VARCHAR' AND {is_bare}))"
    number = cast(_text(value), type_)
    return _typed(value, type_, odd, "DOUBLE UBIGINT BIGINT VARCHAR", number, some)


def _quoted_boolean(value: str, type_: DataType, odd: _Odd) -> str:
    plain = _matches(_text(value), shapes.QUOTED_BOOLEAN)
    return _typed(value, type_, odd, "BOOLEAN VARCHAR", f"(lower({_text(value)}) = 'true')", plain)


def _date(value: str, type_: DataType, odd: _Odd) -> str:
    shape = _matches(_text(value), shapes.DATE)
    return _typed(value, type_, odd, "VARCHAR", cast(_text(value), type_), shape)


def _timestamp(value: str, type_: DataType, odd: _Odd) -> str:
    shape = _matches(_text(value), shapes.ISO_TIMESTAMP)
    return _typed(value, type_, odd, "VARCHAR", cast(_text(value), type_), shape)


def _timestamp_ntz(value: str, type_: DataType, odd: _Odd) -> str:
    shape = _matches(_text(value), shapes.ISO_LOCAL)
    return _typed(value, type_, odd, "VARCHAR", cast(_text(value), type_), shape)


def _epoch_or_timestamp(value: str, type_: DataType, odd: _Odd) -> str:
    number = f"TRY_CAST({_text(value)} AS BIGINT)"
    units = {shapes.EPOCH_SECONDS: 1_000_000, shapes.EPOCH_MILLIS: 1000}
    since = {s: cast(f"make_timestamp({number} * {us})", type_) for s, us in units.items()}
    converted, some = shapes.epoch_or_iso(
        since, cast(_text(value), type_), partial(_matches, _text(value))
    )
    return _typed(value, type_, odd, "VARCHAR UBIGINT BIGINT", converted, some)


_PLAIN: Final[_Builders] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "string": _string,
    "decimal": _decimal,
    "float": _floating,
    "double": _floating,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
    "timestamp_ntz": _timestamp_ntz,
}
_AS_SPARK: Final[_Builders] = {
    **_PLAIN,
    **dict.fromkeys(("string", "varchar", "char"), _string_of_spark),
    "float": _floating_of_spark,
    "double": _floating_of_spark,
}
_AS_HIVE: Final[_Builders] = {**_PLAIN, "boolean": _quoted_boolean}
_AS_OPENX: Final[_Builders] = {
    **_AS_HIVE,
    **dict.fromkeys(INTEGER_BITS, _quoted_integer),
    "float": _quoted_floating,
    "double": _quoted_floating,
    "timestamp": _epoch_or_timestamp,
}
"""A serde that takes texts of plain numbers for such, bare NaN too, and numbers for times."""
