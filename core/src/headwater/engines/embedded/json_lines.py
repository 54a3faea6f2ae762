"""JSON, one object a line: Spark's `json`, and Hive's `hive-json`.

Spark tells keys apart by case, Hive's serdes do not. What is not of its column's type is NULL in
one reader, an error in another, and a conversion in a third; here it raises, unless it is JSON's
null.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from headwater.engines import text_shapes as shapes
from headwater.engines.embedded.lines import check_sizes, checked_options, source
from headwater.engines.embedded.scans import Group, Scan
from headwater.errors import UnsupportedError
from headwater.relation import FileRelation
from headwater.sql.portable.raising import NOT_PORTABLE, RUNTIME
from headwater.sql.portable.spelling import cast, null, text
from headwater.table import Column
from headwater.types import INTEGER_BITS, DataType

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Field: TypeAlias = "Callable[[str, str], str]"
_SPARK: Final = {
    "mode": "PERMISSIVE",
    "multiLine": "false",
    "encoding": "UTF-8",
    "primitivesAsString": "false",
}
_SPARK_FIXED: Final = {
    "mode": ("permissive", "failfast"),
    "multiline": ("false",),
    "encoding": ("utf-8", "utf8"),
    "primitivesasstring": ("false",),
}


def json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of Spark's JSON files. A line that is no JSON raises.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    options = checked_options(relation, group.options, _SPARK)
    for name, allowed in _SPARK_FIXED.items():
        if options[name].strip().lower() not in allowed:
            raise UnsupportedError(
                f"table {relation.name}: the embedded engine does not honour the reader option "
                f"{name}={options[name]!r}",
                hint="use the spark engine for this table",
            )

    def field(object_: str, key: str) -> str:
        return f"json_extract({object_}, {text(_path(relation, key))})"

    yield _scan(connection, relation, group, paths, {}, field, _line(NOT_PORTABLE))


def hive_json(
    connection: DuckDBPyConnection, relation: FileRelation, group: Group, paths: Mapping[str, str]
) -> Iterator[Scan]:
    """Yield the scan of a JSON serde's files.

    Raises:
        UnsupportedError: For an option or a column type whose meaning is not known here.
    """
    named = {
        k.lower().removeprefix("key."): v
        for k, v in group.options.items()
        if k.lower().startswith("key.")
    }
    rest = {k: v for k, v in group.options.items() if not k.lower().startswith("key.")}
    options = checked_options(relation, rest, {"malformed": "fail", "keys": "ignore-case"})

    def field(object_: str, key: str) -> str:
        path = _path(relation, key)
        if options["keys"] == "exact":
            return f"json_extract({object_}, {text(path)})"
        same = f"list_filter(json_keys({object_}), lambda k: lower(k) = {text(key.lower())})"
        twice = _raise(NOT_PORTABLE, f"several keys that are {key!r} without case")
        found = f"""json_extract({object_}, '$."' || {same}[1] || '"')"""
        return f"CASE WHEN len({same}) > 1 THEN {twice} ELSE {found} END"

    line = "CASE WHEN sp_is_json(line) THEN CAST(line AS JSON) END"
    if options["malformed"] == "fail":
        line = _line(RUNTIME)
    yield _scan(connection, relation, group, paths, named, field, line)


def _line(code: str) -> str:
    failure = _raise(code, "a line is not plainly JSON")
    return f"CASE WHEN sp_is_json(line) THEN CAST(line AS JSON) ELSE {failure} END"


def _raise(code: str, message: str) -> str:
    return f"CAST(error({text(f'headwater({code}): {message}')}) AS JSON)"


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
    line: str,
) -> Scan:
    """Return the scan of lines.

    Args:
        connection: Where files are looked at.
        relation: The table.
        group: Its files.
        paths: DuckDB's name of each file.
        named: Keys that are not called as their columns are, by the column's folded name.
        field: `(object, key) -> value`, how a key's value is found.
        line: A line as JSON, or NULL.
    """
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
        columns[column.name] = _value(relation, column, value, field, named)
    lines = source(relation, group, check_sizes(connection, relation, group, paths), skip=False)
    keep = f"line IS NOT NULL AND NOT regexp_full_match(line, {text(shapes.BLANK)})"
    # A line that is no object has no fields, or several rows; of a key that comes twice one reader
    # takes the first and another the last.
    odd = _raise(NOT_PORTABLE, "a line that is no JSON object, or has a key twice")
    plain = (
        f"CASE WHEN o IS NULL OR (json_type(o) = 'OBJECT' AND {_once('o')}) THEN o ELSE {odd} END"
    )
    read = f"SELECT {line} AS o, file_index FROM {lines} WHERE {keep}"
    rows = f"(SELECT {plain} AS j, file_index FROM ({read}) AS l) AS r"
    return Scan(rows, columns, group.files)


def _value(
    relation: FileRelation, column: Column, value: str, field: _Field, named: Mapping[str, str]
) -> str:
    made = _converted(value, column.type, field)
    renamed = named.keys() & column.type.nested_names
    if made is None or renamed:
        why = f": its field {min(renamed)!r} is a renamed key too" if renamed else " from JSON"
        raise UnsupportedError(
            f"table {relation.name}: the embedded engine does not read column {column.name} "
            f"({column.type}){why}",
            hint="leave the column out of the query, or use the spark engine",
        )
    return made


def _converted(value: str, type_: DataType, field: _Field) -> str | None:
    """Return a JSON value as a value of a type; NULL and JSON's null are NULL; misfits raise."""
    if type_.name == "array":
        inner = _converted("e", type_.element, field)
        items = f"CAST({value} AS JSON[])"
        return inner and _typed(
            value, type_, "ARRAY", f"list_transform({items}, lambda e: {inner})"
        )
    if type_.name == "map" and type_.key.name == "string":
        inner = _converted("e.value", type_.value, field)
        entries = f"map_entries(CAST({value} AS MAP(VARCHAR, JSON)))"
        pairs = f"list_transform({entries}, lambda e: {{'key': e.key, 'value': {inner}}})"
        return inner and _typed(value, type_, "OBJECT", f"map_from_entries({pairs})")
    if type_.name == "struct":
        parts = [(n, _converted(field(value, n), child, field)) for n, child in type_.fields]
        if any(made is None for _, made in parts):
            return None
        made = ", ".join(f"{text(n)}: {part}" for n, part in parts)
        return _typed(value, type_, "OBJECT", f"{{{made}}}", _once(value))
    build = _BUILDERS.get(type_.name)
    return build(value, type_) if build else None


def _typed(value: str, type_: DataType, kinds: str, made: str, more: str = "true") -> str:
    listed = ", ".join(f"'{k}'" for k in kinds.split())
    other = cast(
        f"error({text(f'headwater({NOT_PORTABLE}): a JSON value that is not plainly {type_}')})",
        type_,
    )
    return (
        f"CASE WHEN {value} IS NULL OR json_type({value}) = 'NULL' THEN {null(type_)} "
        f"WHEN json_type({value}) IN ({listed}) AND {more} THEN {made} ELSE {other} END"
    )


def _text(value: str) -> str:
    return f"({value} ->> '$')"


def _string(value: str, type_: DataType) -> str:
    return _typed(value, type_, "VARCHAR UBIGINT BIGINT BOOLEAN", _text(value))


def _integer(value: str, type_: DataType) -> str:
    half = 2 ** (INTEGER_BITS[type_.name] - 1)
    number = f"CAST({_text(value)} AS HUGEINT)"
    fits = f"{number} BETWEEN -{half} AND {half - 1}"
    return _typed(value, type_, "UBIGINT BIGINT", cast(number, type_), fits)


def _floating(value: str, type_: DataType) -> str:
    return _typed(value, type_, "DOUBLE UBIGINT BIGINT", cast(_text(value), type_))


def _boolean(value: str, type_: DataType) -> str:
    return _typed(value, type_, "BOOLEAN", f"({_text(value)} = 'true')")


def _date(value: str, type_: DataType) -> str:
    shape = f"regexp_full_match({_text(value)}, {text(shapes.DATE)})"
    return _typed(value, type_, "VARCHAR", cast(_text(value), type_), shape)


def _timestamp(value: str, type_: DataType) -> str:
    shape = f"regexp_full_match({_text(value)}, {text(shapes.ISO_TIMESTAMP)})"
    return _typed(value, type_, "VARCHAR", cast(_text(value), type_), shape)


_BUILDERS: Final[dict[str, Callable[[str, DataType], str]]] = {
    **dict.fromkeys(INTEGER_BITS, _integer),
    "string": _string,
    "float": _floating,
    "double": _floating,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _timestamp,
}
